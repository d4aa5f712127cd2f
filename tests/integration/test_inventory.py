# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory of a fleet, by the real ``ansible-inventory`` and ``ansible-playbook``. No cluster is needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.integration.ansible_runs import ROOT, ansible_environment, run_inventory, run_playbook

EXAMPLE = (ROOT / "inventories" / "example" / "clusters" / "acme-eu-1.yml").read_text(encoding="utf-8")
UID = "0f5c1f0e-6c5b-4a7e-9a3b-0d3f6f0a9b11"
ROOT_OF_ACME = {"contracts": ["*.yml", "*.yaml"], "directories": ["~/.byoc", "clusters"]}
CREDENTIAL = "    kubeconfig_file: ~/.byoc/acme-eu-1.kubeconfig\n"


def inventory(source: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run_inventory("-i", str(source), *arguments, environment=ansible_environment(COLUMNS="10000", **environment))


class Fleet:
    """An inventory source with contracts, made for one test."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.source = folder / "fleet.byoc.yml"
        (folder / "clusters").mkdir()
        self.set_options(**options)

    def set_options(self, **options: Any) -> None:
        """Whatever is said of the credentials: this customer's contracts and files are allowed by default."""
        chosen = {"credential_roots": {"acme": ROOT_OF_ACME}, **options}
        self.source.write_text(json.dumps({"plugin": "fireworks.byoc.fleet", **chosen}))

    def contract(self, name: str, *edits: tuple[str, str], uid: str | None = None) -> Path:
        """Write the contract of a cluster: the example's, with its own name and UID and these edits."""
        text = EXAMPLE.replace("name: acme-eu-1 ", f"name: {name} ")
        text = text.replace(UID, uid or str(uuid.uuid5(uuid.NAMESPACE_DNS, name)))
        for old, new in edits:
            assert old in text, old
            text = text.replace(old, new)
        return self.file(f"{name}.yml", text.encode())

    def file(self, name: str, content: bytes) -> Path:
        path = self.folder / "clusters" / name
        path.write_bytes(content)
        return path

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """``ansible-inventory`` with these arguments."""
        return inventory(self.source, *arguments, **environment)

    def hosts(self, **environment: str) -> dict[str, Any]:
        """The variables of every host, without Ansible's marks on untrusted text."""
        done = self.run("--list", **environment)
        assert done.returncode == 0, done.stderr
        hosts: dict[str, Any] = plain(json.loads(done.stdout)["_meta"]["hostvars"])
        return hosts

    def evaluated(self, expression: str, **environment: str) -> Any:
        """What an expression is in a task of a play over the only host."""
        answer = self.folder / "answer.json"
        task = {"ansible.builtin.copy": {"content": "{{ [" + expression + "] | to_json }}", "dest": str(answer)}}
        playbook = self.folder / "play.yml"
        playbook.write_text(json.dumps([{"hosts": "byoc", "gather_facts": False, "tasks": [task]}]))
        done = run_playbook("-i", str(self.source), str(playbook), environment=ansible_environment(**environment))
        assert done.returncode == 0, done.stdout
        return json.loads(answer.read_text())[0]


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return value["__ansible_unsafe"] if "__ansible_unsafe" in value else {k: plain(v) for k, v in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def complains(done: subprocess.CompletedProcess[str]) -> str:
    """What a run said besides its result: never a traceback."""
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done.stderr


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path)


@pytest.mark.floor
def test_the_example_fleet_is_grouped_by_customer_provider_region_ring_and_access() -> None:
    done = inventory(ROOT / "inventories" / "example" / "fleet.byoc.yml", "--list")
    assert (done.returncode, done.stderr) == (0, "")
    listed = json.loads(done.stdout)
    assert listed["byoc"]["hosts"] == ["acme-eu-1", "globex-fra-1", "initech-ocp-1"]
    for group, hosts in {
        "customer_acme": ["acme-eu-1"],
        "provider_bare_metal": ["globex-fra-1"],
        "provider_openshift": ["initech-ocp-1"],
        "region_eu_west_1": ["acme-eu-1"],
        "ring_canary": ["initech-ocp-1"],
        "ring_general": ["acme-eu-1", "globex-fra-1"],
        "access_hardened": ["globex-fra-1"],
        "access_standard": ["acme-eu-1", "initech-ocp-1"],
        "tier_platinum": ["globex-fra-1"],
    }.items():
        assert sorted(listed[group]["hosts"]) == hosts, group


@pytest.mark.floor
def test_a_host_has_its_contract_its_connection_and_runs_where_ansible_runs(fleet: Fleet) -> None:
    path = fleet.contract("one", (CREDENTIAL, "    kubeconfig_file: one.kubeconfig\n"))
    host = fleet.hosts()["one"]
    assert host["contract"]["identity"]["name"] == "one"
    assert host["contract"]["models"][0]["priority"] == "standard"
    assert host["byoc_connection"] == {
        "cluster_name": "one",
        "cluster_uid": str(uuid.uuid5(uuid.NAMESPACE_DNS, "one")),
        "kubeconfig_file": str(fleet.folder / "clusters" / "one.kubeconfig"),
        "context": "acme-eu-1",
        "credential_directories": [str(Path("~/.byoc").expanduser()), str(fleet.folder / "clusters")],
    }
    assert host["byoc_contract_file"] == str(path)
    assert len(host["byoc_contract_digest"]) == 64
    assert host["ansible_connection"] == "local"
    assert fleet.evaluated("ansible_python_interpreter") == sys.executable


@pytest.mark.floor
def test_a_template_in_a_contract_stays_text(fleet: Fleet) -> None:
    fleet.contract("one", ("hours: 24x7", "hours: \"{{ 6 * 7 }} {{ lookup('pipe', 'id') }}\""))
    cache = {"ANSIBLE_INVENTORY_CACHE": "1", "ANSIBLE_INVENTORY_CACHE_PLUGIN": "ansible.builtin.jsonfile"}
    cache["ANSIBLE_INVENTORY_CACHE_CONNECTION"] = str(fleet.folder / "cache")
    for environment in ({}, cache, cache):
        assert fleet.evaluated("contract.contacts.support.hours", **environment) == (
            "{{ 6 * 7 }} {{ lookup('pipe', 'id') }}"
        )


def test_a_bad_contract_is_fatal_and_all_of_its_problems_are_reported(fleet: Fleet) -> None:
    fleet.contract("good")
    bad = fleet.contract("bad", ("Europe/Berlin}", "Europe/Berln}"), ("count: 32", "count: 0"), ("ring:", "rings:"))
    done = fleet.run("--list")
    said = complains(done)
    assert done.returncode != 0
    assert f"{bad}: 4 problems. The contract's owner corrects this file" in said
    assert "capacity.gpus[0].count: 0 is too small: at least 1" in said
    assert "change.windows[0].time_zone: 'Europe/Berln' is not a time zone: did you mean 'Europe/Berlin'?" in said
    assert "identity.rings: unknown key 'rings': did you mean 'ring'?" in said
    assert "set BYOC_ON_INVALID=exclude" in said


def test_a_bad_contract_can_be_left_out_by_an_option(fleet: Fleet) -> None:
    fleet.set_options(on_invalid="exclude")
    fleet.contract("good")
    for name in ("bad", "worse"):
        fleet.contract(name, ("ring:", "rings:"))
    done = fleet.run("--graph")
    assert done.returncode == 0
    assert "good" in done.stdout and "bad" not in done.stdout and "worse" not in done.stdout
    warnings = complains(done)
    assert warnings.count("[WARNING]: A cluster is left out of the inventory.") == 2
    assert warnings.count("identity.rings: unknown key 'rings'") == 2


def test_a_bad_contract_can_be_left_out_of_one_run_by_the_environment(fleet: Fleet) -> None:
    fleet.contract("good")
    fleet.file("bad.yml", b"version: [")
    assert list(fleet.hosts(BYOC_ON_INVALID="exclude")) == ["good"]


def test_files_that_are_no_contracts_are_all_reported_without_a_traceback(fleet: Fleet) -> None:
    contents = [
        (b"", "the file is empty"),
        (b"- 1", "the file holds a list"),
        (b"a: b: c", "line 1: is not YAML that can be read"),
        (b"a:\n\tb", "indent with spaces"),
        (b"a: \xff", "is not UTF-8 text"),
        (b"a: &a [*a]", "aliases"),
        (b"[" * 100_000, "nests values far deeper"),
        (b"{1: 2, ~: 3}", "the key 1 is not text"),
        (b"access: {credential: {token: s3cr3t-s3cr3t}}", "'token' would hold a secret"),
    ]
    files = [fleet.file(f"bad-{number}.yml", content) for number, (content, _message) in enumerate(contents)]
    done = fleet.run("--list", "-vvv")
    said = complains(done)
    assert done.returncode != 0
    for file, (_content, message) in zip(files, contents, strict=True):
        assert message in said.partition(f"{file}: ")[2].partition(".yml: ")[0], file
    assert "s3cr3t" not in done.stdout + said


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_a_file_that_may_not_be_read_is_reported(fleet: Fleet) -> None:
    fleet.contract("one").chmod(0)
    assert "cannot be read: Permission denied" in complains(fleet.run("--list"))


def test_only_files_that_can_be_contracts_are_read(fleet: Fleet) -> None:
    fleet.contract("one")
    fleet.file("README.md", b"hello")
    fleet.file(".hidden.yml", b"hello")
    fleet.file("other.byoc.yml", b"hello")
    (fleet.folder / "clusters" / "folder.yml").mkdir()
    os.mkfifo(fleet.folder / "clusters" / "pipe.yml")
    assert list(fleet.hosts()) == ["one"]
    (fleet.folder / "clusters" / "link.yml").symlink_to("nowhere.yml")
    said = complains(fleet.run("--list"))
    assert "link.yml: 1 problem. The operator sees to it that this file can be read here; nothing" in said


def test_clusters_with_the_same_name_are_reported_with_both_files(fleet: Fleet) -> None:
    one = fleet.contract("one")
    other = fleet.file(
        "other.yaml", one.read_bytes().replace(str(uuid.uuid5(uuid.NAMESPACE_DNS, "one")).encode(), UID.encode())
    )
    said = complains(fleet.run("--list"))
    assert f"{one}: 1 problem" in said and f"identity.name: 'one' is also in {other}: a host is one cluster" in said
    assert f"{other}: 1 problem" in said and f"identity.name: 'one' is also in {one}" in said
    fleet.contract("good")
    assert list(fleet.hosts(BYOC_ON_INVALID="exclude")) == ["good"]


def test_clusters_with_the_same_uid_are_reported_with_both_files(fleet: Fleet) -> None:
    one, two = fleet.contract("one", uid=UID), fleet.contract("two", uid=UID)
    said = complains(fleet.run("--list"))
    assert f"identity.uid: '{UID}' is also in {two}: one cluster has one contract" in said
    assert f"identity.uid: '{UID}' is also in {one}" in said


def test_a_directory_that_does_not_exist_is_reported(fleet: Fleet) -> None:
    fleet.set_options(contracts="customers")
    done = fleet.run("--list")
    assert done.returncode != 0
    assert f"The contracts in {fleet.folder}/customers cannot be listed: No such file or directory" in complains(done)


def test_an_empty_directory_is_an_empty_fleet_with_a_warning(fleet: Fleet) -> None:
    done = fleet.run("--graph")
    assert done.returncode == 0
    assert "There is no contract in" in complains(done)
    assert "@byoc:" in done.stdout


@pytest.mark.floor
def test_groups_and_variables_can_be_constructed_as_elsewhere(fleet: Fleet) -> None:
    fleet.set_options(
        compose={"approved_gpus": "contract.capacity.gpus | sum(attribute='count')", "ansible_host": "'10.0.0.1'"},
        groups={"large": "approved_gpus > 31", "never": "false"},
        keyed_groups=[
            {"prefix": "tier", "key": "contract.identity.labels.tier"},
            {"prefix": "pss", "key": "contract.compliance.pod_security", "parent_group": "by_pss"},
        ],
    )
    fleet.contract("one")
    fleet.contract("small", ("count: 32", "count: 16"))
    done = fleet.run("--list")
    listed = json.loads(done.stdout)
    assert complains(done) == ""
    assert listed["large"]["hosts"] == ["one"]
    assert listed["tier_gold"]["hosts"] == ["one", "small"]
    assert listed["by_pss"]["children"] == ["pss_restricted"]
    assert "never" not in listed
    assert fleet.hosts()["small"]["approved_gpus"] == 16


@pytest.mark.parametrize(
    "construction",
    [
        {"compose": {"x": "contract.nothing.here"}},
        {"groups": {"x": "contract.nothing.here"}},
        {"keyed_groups": [{"key": "contract.nothing.here", "prefix": "x"}]},
    ],
    ids=["compose", "groups", "keyed_groups"],
)
def test_what_cannot_be_constructed_is_skipped_or_with_strict_an_error(fleet: Fleet, construction: Any) -> None:
    fleet.contract("one")
    fleet.set_options(**construction)
    assert list(fleet.hosts()) == ["one"]
    fleet.set_options(strict=True, **construction)
    done = fleet.run("--list")
    assert done.returncode != 0
    assert "one" in complains(done)


class TestCache:
    """What was read is kept, and is never older than the files."""

    @pytest.fixture
    def fleet(self, tmp_path: Path) -> Fleet:
        """One that says so in its source; test_a_template_in_a_contract_stays_text has it said by the environment."""
        kept = {"cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(tmp_path / "cache")}
        return Fleet(tmp_path, cache=True, **kept)

    @staticmethod
    def edit(fleet: Fleet, old: str, new: str) -> None:
        [kept] = (fleet.folder / "cache").iterdir()
        text = kept.read_text()
        # Ansible keeps JSON inside of JSON.
        old, new = json.dumps(old)[1:-1], json.dumps(new)[1:-1]
        assert old in text
        kept.write_text(text.replace(old, new))

    def test_a_contract_is_not_read_again_while_it_is_the_same(self, fleet: Fleet) -> None:
        fleet.contract("one")
        first = fleet.hosts()
        assert fleet.hosts() == first
        self.edit(fleet, "Acme NetOps", "from the cache")
        assert fleet.hosts()["one"]["contract"]["contacts"]["networking"]["name"] == "from the cache"

    def test_a_contract_that_changed_is_never_served_stale(self, fleet: Fleet) -> None:
        path = fleet.contract("one")
        fleet.hosts()
        before = path.stat()
        path.write_text(path.read_text().replace("count: 32", "count: 31"))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert fleet.hosts()["one"]["contract"]["capacity"]["gpus"][0]["count"] == 31

    def test_contracts_come_and_go(self, fleet: Fleet) -> None:
        one = fleet.contract("one")
        assert list(fleet.hosts()) == ["one"]
        fleet.contract("two")
        assert list(fleet.hosts()) == ["one", "two"]
        one.unlink()
        assert list(fleet.hosts()) == ["two"]

    def test_a_contract_that_became_bad_is_reported(self, fleet: Fleet) -> None:
        fleet.contract("one")
        fleet.hosts()
        fleet.contract("one", ("ring:", "rings:"))
        assert "identity.rings" in complains(fleet.run("--list"))

    def test_what_other_rules_judged_is_judged_again(self, fleet: Fleet) -> None:
        fleet.contract("one")
        fleet.hosts()
        self.edit(fleet, "Acme NetOps", "from the cache")
        self.edit(fleet, '"reader": "', '"reader": "0')
        assert fleet.hosts()["one"]["contract"]["contacts"]["networking"]["name"] == "Acme NetOps"


class TestLookup:
    """A credential that is fetched by a lookup whenever a task needs it."""

    @staticmethod
    def allow(
        fleet: Fleet, plugin: str, terms: list[str], *, options: Any = None, servers: Any = (), **more: Any
    ) -> None:
        allowed = {"plugin": plugin, "terms": terms, "options": options or {}}
        root = {**ROOT_OF_ACME, "lookups": [allowed], "servers": list(servers)}
        fleet.set_options(credential_roots={"acme": root}, **more)

    @staticmethod
    def lookup(plugin: str, terms: str, gives: str, more: str = "") -> tuple[str, str]:
        return CREDENTIAL, f"    lookup: {{plugin: {plugin}, terms: [{terms}], gives: {gives}{more}}}\n"

    @pytest.mark.floor
    def test_a_kubeconfig_is_fetched_when_a_task_asks_for_it(self, fleet: Fleet) -> None:
        self.allow(fleet, "ansible.builtin.env", ["BYOC_*"])
        fleet.contract("one", self.lookup("ansible.builtin.env", "BYOC_TEST_CREDENTIAL", "kubeconfig"))
        assert fleet.hosts()["one"]["byoc_connection"]["kubeconfig"].startswith(
            "{{ lookup('fireworks.byoc.contract_credential', {"
        )
        for content in ("the content", "another content"):
            assert fleet.evaluated("byoc_connection.kubeconfig", BYOC_TEST_CREDENTIAL=content) == content

    def test_a_token_can_be_a_field_of_what_a_lookup_gives(self, fleet: Fleet) -> None:
        self.allow(
            fleet,
            "ansible.builtin.vars",
            ["vault"],
            options={"default": ["none"]},
            servers=["https://api.acme.example"],
            compose={"vault": "{'data': {'to-ken': 'abc'}}"},
        )
        fleet.contract(
            "one",
            self.lookup("ansible.builtin.vars", "vault", "token", ", options: {default: none}, field: data.to-ken"),
            ("  # server: https://…             # with a token", "  server: https://api.acme.example"),
            ("  # ca_file: …  or  ca_cert: |    # PEM", "  ca_file: acme-ca.pem"),
        )
        assert fleet.evaluated("byoc_connection.token") == "abc"
        assert fleet.evaluated("byoc_connection.server") == "https://api.acme.example"

    @pytest.mark.parametrize(
        ("plugin", "more", "said"),
        [
            ("ansible.builtin.file", "", "failed with AnsibleError"),
            ("ansible.builtin.url", ", options: {username: s3cr3t}", "failed with ValueError"),
            ("ansible.builtin.items", ", field: a.b", "returned has no field 'a.b'"),
            ("acme.none.such", "", "is not installed where Ansible runs"),
        ],
    )
    def test_of_a_lookup_that_fails_nothing_is_shown(self, fleet: Fleet, plugin: str, more: str, said: str) -> None:
        self.allow(fleet, plugin, ["s3cr3t"], options={"username": ["s3cr3t"]})
        fleet.contract("one", self.lookup(plugin, "s3cr3t", "kubeconfig", more))
        tasks = [{"fireworks.byoc.cluster_info": {"connection": "{{ byoc_connection }}"}}]
        (fleet.folder / "play.yml").write_text(json.dumps([{"hosts": "byoc", "gather_facts": False, "tasks": tasks}]))
        done = run_playbook("-i", str(fleet.source), str(fleet.folder / "play.yml"), "-vvvv")
        assert f"the lookup {plugin}" in done.stdout and said in done.stdout, done.stdout
        assert "s3cr3t" not in done.stdout

    def test_nothing_in_a_term_becomes_code(self, fleet: Fleet) -> None:
        term = "') }} it's 😀 é %} # [lookup('pipe', 'id')]"
        self.allow(fleet, "ansible.builtin.items", [term])
        fleet.contract("one", self.lookup("ansible.builtin.items", json.dumps(term, ensure_ascii=False), "kubeconfig"))
        assert fleet.evaluated("byoc_connection.kubeconfig") == term

    def test_a_lookup_that_the_fleet_does_not_allow_is_refused(self, fleet: Fleet) -> None:
        fleet.contract("one", self.lookup("ansible.builtin.pipe", "touch /tmp/never", "kubeconfig"))
        said = complains(fleet.run("--list"))
        assert (
            "access.credential.lookup: is not among the credentials of 'acme'. If intended, add to fleet.byoc.yml:"
            in said
        )
        assert '{"plugin": "ansible.builtin.pipe", "terms": ["<a pattern of its terms>"]}' in said


def test_a_missing_library_is_named_with_what_to_install(fleet: Fleet) -> None:
    fleet.contract("one")
    hiding = fleet.folder / "hiding"
    hiding.mkdir()
    (hiding / "jsonschema.py").write_text("raise ImportError('No module named jsonschema')")
    done = fleet.run("--list", PYTHONPATH=str(hiding))
    assert done.returncode != 0
    assert "pip install jsonschema" in complains(done)


@pytest.mark.soak
def test_a_run_ends_though_nobody_reads_what_it_shows(fleet: Fleet) -> None:
    fleet.contract("acme-eu-1")
    command = [
        sys.executable,
        "-u",
        "-m",
        "ansible",
        "playbook",
        "fireworks.byoc.verify_release",
        "-i",
        str(fleet.source),
    ]
    with subprocess.Popen(command, cwd=ROOT, env=ansible_environment(), stdout=subprocess.PIPE) as run:
        assert run.stdout
        run.stdout.close()
        try:
            assert run.wait(timeout=300) == 0
        finally:
            run.kill()


def test_other_files_are_left_to_other_inventory_plugins(fleet: Fleet) -> None:
    other = fleet.source.rename(fleet.folder / "fleet.yml")
    fleet.source = other
    done = fleet.run("--list", ANSIBLE_INVENTORY_ENABLED="fireworks.byoc.fleet")
    assert done.returncode != 0
    assert "Completely failed to parse inventory source" in complains(done)
