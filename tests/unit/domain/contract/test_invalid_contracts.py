# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said about a contract that cannot be used: one table for each reason."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract import ContractErrors, load_contract
from tests.unit.domain.contract.contracts import GONE, H100, PATH, complaints, complaints_about, example, model

WEEKLY = {"weekly": ["mon"], "start": "02:00", "duration": "1h", "time_zone": "UTC"}
RULE = {"rrule": "FREQ=DAILY;BYHOUR=2", "duration": "1h", "time_zone": "UTC"}

ENDPOINT = {
    "server": "https://evil.example",
    "ca_file": "ca.pem",
    "ca_cert": "-----BEGIN CERTIFICATE-----\nTUlJ\n-----END CERTIFICATE-----",
    "tls_server_name": "evil.example",
    "proxy_url": "http://evil.example:3128",
}


@pytest.mark.parametrize(
    ("changes", "where", "message"),
    [
        ({"identity.zones": "x"}, "identity.zones", "unknown key 'zones': did you mean 'region'?"),
        ({"identity.Region-": "x"}, "identity.Region-", "did you mean 'region'?"),
        ({"acces": {}}, "acces", "unknown key 'acces': did you mean 'access'?"),
        ({"models.0.gpus": 1}, "models[0].gpus", "did you mean 'gpu'?"),
        ({"stack.qqqq": 1}, "stack.qqqq", "unknown key 'qqqq': known here: release, channel"),
        ({"access.credential.kubeconfig_flie": "x"}, "access.credential.kubeconfig_flie", "'kubeconfig_file'?"),
        ({"odd key": 1}, "['odd key']", "unknown key 'odd key'"),
        ({"health.expect.0.product": None}, "health.expect[0].product", "is empty: write text or remove the line"),
    ],
)
def test_an_unknown_key_is_an_error_with_the_nearest_known_one(changes: Any, where: str, message: str) -> None:
    assert message in complaints_about(changes)[where]


@pytest.mark.parametrize("key", [1, None, True, 2.5])
def test_a_key_that_is_not_text_is_an_error(key: Any) -> None:
    [(where, message)] = complaints({**example(), key: "x"}).items()
    assert "is not text: keys are words; known here: version" in message
    assert where


def test_a_label_that_is_not_text_is_an_error() -> None:
    found = complaints_about({"identity.labels": {1: "one", "tier": 2, "a b": "x", "ok": "no spaces please"}})
    assert found["identity.labels['1']"] == "the key 1 is not text: put it in quotes"
    assert found["identity.labels.tier"] == "2 is not text: put it in quotes"
    assert found["identity.labels['a b']"].startswith("'a b' cannot be a name here: use letters")
    assert found["identity.labels.ok"].startswith("'no spaces please' cannot be used here: use letters")


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("version", "is missing"),
        ("identity.uid", "is missing: The UID of the namespace kube-system."),
        ("access", "is missing: How the cluster is reached."),
        ("contacts.capacity", "is missing: GPU nodes and quota."),
        ("models.0.source.revision", "is missing: Exactly which weights"),
    ],
)
def test_a_missing_key_is_named_with_what_it_is_for(place: str, message: str) -> None:
    found = complaints_about({place: GONE})
    assert message in found[place.replace(".0", "[0]")]


@pytest.mark.parametrize("name", ["main", "master", "latest", "HEAD", "stable", "refs/heads/release-1", "nightly"])
def test_a_moving_name_says_not_exactly_which_weights(name: str) -> None:
    found = complaints_about({"models.0.source.revision": name})
    assert "a branch or another moving name is not exact" in found["models[0].source.revision"]


@pytest.mark.parametrize("name", ["0e9e39f249a16976918f6564b8830bc894c89659", "v1.0", "1", "sha256:0f", "2026-11-01"])
def test_a_commit_a_version_and_a_digest_do(name: str) -> None:
    assert not complaints_about({"models.0.source.revision": name})


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("identity.region", False, "false is not text: YAML reads a bare yes, no, on or off as true or false"),
        ("identity.region", 12, "12 is not text: put it in quotes"),
        ("identity.region", 1.5, "1.5 is not text: put it in quotes"),
        ("identity.region", None, "is empty: write text or remove the line"),
        ("identity.region", ["x"], "a list is not text"),
        ("identity.region", {"x": 1}, "a mapping is not text"),
        ("identity.region", b"x", "a bytes is not text"),
        ("identity.region", "", "is empty: write something or remove the line"),
        ("identity.region", "x" * 300, "is longer than 253 characters"),
        ("change.windows.0.start", 750, 'YAML read a time as a number of minutes, put it in quotes, "12:30"'),
        ("change.windows.0.start", 99999, "99999 is not text: put it in quotes"),
        ("change.windows.0.duration", 3, "3 is not text: say the unit too, like 30m or 3h"),
        ("change.freezes.0.from", datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), "without an offset"),
        ("stack.release", datetime.date(2026, 11, 1), "a date is not text: put it in quotes"),
        ("compliance.regions", "eu-west-1", "'eu-west-1' is not a list: write it as a list, [one, two]"),
        ("compliance.overflow", "yes", "'yes' is not true or false"),
        ("capacity.gpus.0.count", "8", "'8' is not a whole number: write it without quotes"),
        ("capacity.gpus.0.count", 8.0, "8.0 is not a whole number"),
        ("capacity.gpus.0.count", True, "true is not a whole number"),
        ("capacity.gpus.0.count", 0, "0 is too small: at least 1"),
        ("capacity.gpus.0.count", 10**70, "a number of more than 60 digits is too large: at most 100000"),
        ("capacity.gpus", [], "is an empty list: give one entry or more"),
        ("capacity", None, "is empty: write a mapping (key: value) or remove the line"),
        ("version", 2, "2 must be 1"),
        ("identity.labels", {f"l{i}": "x" for i in range(65)}, "has more than 64 keys"),
        ("compliance.egress", ["10.0.0.0/8", "10.0.0.0/8"], "says something twice: keep one"),
        ("identity.provider", "bare-metall", "is not one of aws, azure"),
        ("identity.provider", "bare-metall", "did you mean 'bare_metal'?"),
        ("actions.drain", 1, "1 is not text: put it in quotes"),
        (
            "access.credential.lookup",
            {"plugin": "a.b.c", "gives": "kubeconfig", "options": {"x": []}},
            "keep exactly one",
        ),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(place: str, value: Any, message: str) -> None:
    assert message in " ".join(complaints_about({place: value}).values())


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("identity.uid", "acme", "'acme' is not a cluster UID: it is what `kubectl get namespace kube-system"),
        ("identity.uid", "0f5c1f0e6c5b4a7e9a3b0d3f6f0a9b11", "is not a cluster UID"),
        ("identity.name", "Acme_EU", "'Acme_EU' cannot be used here: use lower-case letters, digits and dashes"),
        ("identity.name", "all", "'all' means something else to Ansible: give the cluster another name"),
        ("identity.name", "localhost", "'localhost' means something else to Ansible"),
        ("identity.name", "acme\n", "cannot be used here"),
        ("access.context", "one\ntwo", "'one\\ntwo' cannot be used here: write it on one line"),
        ("access.server", "https://me@api.acme.example", "is not the address of an API server"),
        ("access.server", "https://api.acme.example?token=x", "is not the address of an API server"),
        ("access.proxy_url", "http://me@proxy:3128", "is not the address of a proxy"),
        ("access.proxy_url", "socks5://proxy:3128", "is not the address of a proxy"),
        ("models.0.source.uri", "https://models.example/x?signature=y", "has user info, a query or a fragment"),
        ("access.token_lifetime", "9m59s", "'9m59s' is not between 10m and 24h: write it like 8h"),
        ("access.token_lifetime", "24h1s", "'24h1s' is not between 10m and 24h"),
        ("access.token_lifetime", "a day", "the value (not shown) is not a duration"),
        ("access.server", "https://api.acme.example\n", "is not the address of an API server"),
        ("contacts.networking.email", "netops@acme.example\n", "is not an e-mail address"),
        ("change.windows.0.start", "02:00\n", "'02:00\\n'"),
        ("change.windows.0.duration", "3h\n", "is not a duration"),
        (
            "change.windows.0.time_zone",
            "Europe/Berln",
            "'Europe/Berln' is not a time zone: did you mean 'Europe/Berlin'?",
        ),
        ("change.windows.0.time_zone", "berlin", "did you mean 'Europe/Berlin'?"),
        ("change.windows.0.time_zone", "Europe", "is not a time zone"),
        ("change.windows.0.time_zone", "../../etc/passwd", "is not a time zone"),
        ("change.windows.0.time_zone", "qqqqqqqqq", "is not a time zone: write a name of the IANA database"),
        ("change.windows.0.time_zone", "right/Europe/Berlin", "known by every machine: did you mean 'Europe/Berlin'?"),
        ("change.windows.0.time_zone", "posix/UTC", "did you mean 'UTC'?"),
        ("change.windows.0.time_zone", "UTC+2", "is not a time zone"),
        ("change.windows.0.time_zone", "+02:00", "is not a time zone"),
        ("change.windows.0.duration", "367d", "'367d' is longer than a year: write 366d at most"),
        ("change.windows.0.duration", "999999d", "'999999d' is a duration of 999999 days: write 36500d at most"),
        ("change.windows.0.duration", "999999h", "is a duration of 41666 days"),
        ("change.windows.0.time_zone", "localtime", "means another time zone on another machine"),
        ("change.windows.0.start", "24:00", "'24:00' is not a time of day"),
        ("change.windows.0.start", "2:00", "is not a time of day: write it with two digits each and in quotes"),
        ("change.windows.0.duration", "3", "'3' is not a duration: write it like 30m, 3h, 1h30m or 2d"),
        ("change.windows.0.duration", "0h", "'0h' is a duration of zero"),
        ("change.freezes.0.from", "2026-13-01", "'2026-13-01' is not in the calendar"),
        ("change.freezes.0.from", "2026-12-18T00:00Z", "is not a local date and time"),
        ("compliance.egress.0", "10.0.0.1/8", "is an address inside a network: did you mean '10.0.0.0/8'?"),
        ("compliance.egress.0", "10.0.0.1", "is an address, not a network: did you mean '10.0.0.1/32'?"),
        ("compliance.egress.0", "ten", "'ten' is not a network: write it like 10.0.0.0/8"),
        ("compliance.registries.0", "https://r.example/x", "is not an image registry"),
        ("compliance.registries.0", "r.example/x:latest", "is not an image registry"),
        ("contacts.networking.email", "netops", "'netops' is not an e-mail address"),
        ("contacts.networking.phone", "call me", "'call me' cannot be used here: write it like \"+49 30 1234567\""),
        ("networking.domain", "https://llm.acme.example", "is not a domain name"),
        ("access.server", "http://api.acme.example", "is not the address of an API server"),
        ("access.server", "https://api.acme.example:port", "is not the address of an API server"),
        ("access.server", "api.acme.example", "is not the address of an API server"),
        ("access.proxy_url", "proxy:3128", "is not the address of a proxy"),
        ("access.ca_cert", "hello", "the value (not shown) has no PEM certificate"),
        (
            "access.ca_cert",
            "-----BEGIN CERTIFICATE-----\n#\n-----END CERTIFICATE-----",
            "a PEM certificate that is damaged",
        ),
        ("access.mode", "hardend", "'hardend' is not one of standard, hardened: did you mean 'hardened'?"),
        ("stack.release", "2026.11", "'2026.11' cannot be used here: write the whole version, like 2026.11.0"),
        ("models.0.source.uri", "meta-llama/Llama", "is not where a model comes from"),
        ("models.0.source.uri", "https://[bad/x", "is not where a model comes from"),
        ("models.0.engine.version", "latest", "write the whole version, like 0.11.0"),
        ("models.0.priority", "urgent", "'urgent' is not one of critical, standard, batch"),
    ],
)
def test_a_text_that_does_not_mean_what_it_should_is_named(place: str, value: str, message: str) -> None:
    [found] = complaints_about({place: value}).values()
    assert message in found


@pytest.mark.parametrize(
    ("window", "where", "message"),
    [
        ({**WEEKLY, "rrule": "FREQ=DAILY;BYHOUR=2"}, "", "gives rrule and weekly and start: a window opens either by"),
        ({"duration": "1h", "time_zone": "UTC"}, "", "does not say when it opens: give weekly with start, or rrule"),
        ({**RULE, "weekly": ["mon"]}, "", "gives rrule and weekly"),
        ({"weekly": ["mon"], "duration": "1h", "time_zone": "UTC"}, ".start", "is missing: The local time"),
        ({"start": "02:00", "duration": "1h", "time_zone": "UTC"}, ".weekly", "is missing: The days"),
        ({**WEEKLY, "from": "2026-01-05"}, ".from", "belongs to an rrule"),
        ({**WEEKLY, "weekly": ["tuesday"]}, ".weekly[0]", "did you mean 'tue'?"),
        ("nightly", "", "'nightly' is not a mapping"),
        ({**RULE, "rrule": "every day"}, ".rrule", "'every day' is not a rule that can be read"),
        ({**RULE, "rrule": "FREQ=DAILY"}, ".rrule", "does not say at which hour the window opens: add BYHOUR"),
        ({**RULE, "rrule": "FREQ=DAILLY;BYHOUR=2"}, ".rrule", "must have a FREQ of DAILY, WEEKLY, MONTHLY, YEARLY"),
        ({**RULE, "rrule": "BYHOUR=2"}, ".rrule", "must have a FREQ"),
        ({**RULE, "rrule": "FREQ=SECONDLY;BYHOUR=2"}, ".rrule", "must have a FREQ"),
        ({**RULE, "rrule": "FREQ=DAILY;BYHOUR=2;COUNT=3"}, ".rrule", "uses COUNT, which a window cannot"),
        ({**RULE, "rrule": "FREQ=DAILY;BYHOUR=2;BYHOUR=3"}, ".rrule", "says BYHOUR twice"),
        ({**RULE, "rrule": "FREQ=DAILY;BYHOUR=25"}, ".rrule", "has BYHOUR=25: write numbers from 0 to 23"),
        ({**RULE, "rrule": "FREQ=DAILY;BYHOUR=x"}, ".rrule", "has BYHOUR=X: write numbers from 0 to 23"),
        ({**RULE, "rrule": "FREQ=DAILY;BYHOUR=-1"}, ".rrule", "has BYHOUR=-1: write numbers from 0 to 23"),
        ({**RULE, "rrule": "FREQ=DAILY;BYHOUR=2;BYMINUTE=60"}, ".rrule", "has BYMINUTE=60: write numbers"),
        ({**RULE, "rrule": "FREQ=YEARLY;BYMONTH=13;BYDAY=MO;BYHOUR=2"}, ".rrule", "has BYMONTH=13"),
        (
            {**RULE, "rrule": "FREQ=MONTHLY;BYMONTHDAY=0;BYHOUR=2"},
            ".rrule",
            "has BYMONTHDAY=0: write numbers",
        ),
        (
            {**RULE, "rrule": "FREQ=MONTHLY;BYMONTHDAY=15,0;BYHOUR=2"},
            ".rrule",
            "or from -31 to -1 to count",
        ),
        ({**RULE, "rrule": "FREQ=MONTHLY;BYDAY=SA;BYSETPOS=0;BYHOUR=2"}, ".rrule", "has BYSETPOS=0"),
        ({**RULE, "rrule": "FREQ=WEEKLY;BYHOUR=2;BYDAY=ZZ"}, ".rrule", "has BYDAY=ZZ: write weekdays like MO,TH"),
        ({**RULE, "rrule": "FREQ=WEEKLY;BYHOUR=2;BYDAY=MO;WKST=1"}, ".rrule", "has WKST=1: write a weekday like MO"),
        ({**RULE, "rrule": "FREQ=WEEKLY;BYHOUR=2;BYDAY=1SA"}, ".rrule", "which counts no weekdays"),
        ({**RULE, "rrule": "FREQ=DAILY;BYHOUR=2;BYDAY=-1SU"}, ".rrule", "with FREQ=DAILY, which counts no weekdays"),
        (
            {**RULE, "rrule": "FREQ=MONTHLY;BYHOUR=2;BYDAY=6SA"},
            ".rrule",
            "there is no such day in any month",
        ),
        ({**RULE, "rrule": "FREQ=WEEKLY;BYHOUR=2;BYMONTHDAY=1"}, ".rrule", "has BYMONTHDAY with FREQ=WEEKLY"),
        (
            {**RULE, "rrule": "FREQ=WEEKLY;BYHOUR=2"},
            ".rrule",
            "does not say on which day the window",
        ),
        ({**RULE, "rrule": "FREQ=MONTHLY;BYHOUR=2"}, ".rrule", "does not say on which day the window opens"),
        ({**RULE, "rrule": "FREQ=YEARLY;BYMONTH=3;BYHOUR=2"}, ".rrule", "does not say on which day the window opens"),
        (
            {**RULE, "rrule": "FREQ=WEEKLY;BYHOUR=2;BYDAY=SA;INTERVAL=0"},
            ".rrule",
            "has INTERVAL=0: write",
        ),
        ({**RULE, "rrule": "FREQ=DAILY;BYHOUR=2;INTERVAL=-1"}, ".rrule", "has INTERVAL=-1: write a whole number"),
        (
            {**RULE, "from": "2026-02-01", "rrule": "FREQ=YEARLY;INTERVAL=4;BYMONTH=2;BYMONTHDAY=29;BYHOUR=2"},
            ".rrule",
            "never opens",
        ),
        ({**RULE, "rrule": "FREQ=WEEKLY;BYDAY=MO;BYHOUR=2;INTERVAL=2"}, ".rrule", "has an INTERVAL but no first day"),
        ({**RULE, "rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;BYHOUR=2"}, ".rrule", "never opens"),
        ({**RULE, "rrule": "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;BYHOUR=2"}, ".rrule", "never opens"),
        ({**RULE, "from": "soon"}, ".from", "'soon' is not a local date and time"),
        ({**RULE, "rrule": 5}, ".rrule", "5 is not text"),
    ],
)
def test_a_window_that_cannot_open_is_an_error(window: Any, where: str, message: str) -> None:
    found = complaints_about({"change.windows": [window]})
    assert list(found) == [f"change.windows[0]{where}"]
    assert message in found[f"change.windows[0]{where}"]


def test_a_freeze_that_ends_before_it_begins_is_an_error() -> None:
    freeze = {"from": "2027-01-04", "until": "2026-12-18T00:00", "time_zone": "UTC"}
    assert complaints_about({"change.freezes": [freeze]}) == {
        "change.freezes[0].until": "'2026-12-18T00:00' is not after its beginning, '2027-01-04': "
        "swap them or correct the year"
    }


@pytest.mark.parametrize(
    ("changes", "where", "message"),
    [
        ({"access.credential": {}}, "access.credential", "is empty: give exactly one of kubeconfig_file"),
        (
            {"access.credential.token_env": "T", "access.server": "https://a"},
            "access.credential",
            "gives kubeconfig_file and token_env: keep exactly one of them",
        ),
        (
            {"access.credential": {"token_file": "/t"}},
            "access.server",
            "is missing: token_file gives a token, which needs an API server, like https://api.example.com:6443",
        ),
        (
            {"access.credential": {"lookup": {"plugin": "a.b.c", "gives": "token"}}},
            "access.server",
            "is missing: lookup gives a token",
        ),
        (
            {"access.credential": {"token_env": "T"}, "access.server": "https://a"},
            "access.ca_file",
            "is missing: token_env gives a token, which is only sent to a server that ca_file or ca_cert vouches for",
        ),
        *(
            (
                {"access.credential": credential, f"access.{key}": value},
                f"access.{key}",
                "gives a kubeconfig, which is sent to its own server only: remove the line, or correct the kubeconfig",
            )
            for key, value in ENDPOINT.items()
            for credential in (
                {"kubeconfig_file": "k"},
                {"kubeconfig_env": "K"},
                {"lookup": {"plugin": "a.b.c", "gives": "kubeconfig"}},
            )
        ),
        *(
            (
                {"access.credential": {"lookup": {"plugin": "a.b.c", "gives": "kubeconfig", **arguments}}},
                f"access.credential.lookup.{where}",
                "has a URL with user info or a query (not shown)",
            )
            for url in ("https://me@v.example", "https://v.example/x?token=a")
            for arguments, where in (({"terms": [url]}, "terms[0]"), ({"options": {"url": url}}, "options.url"))
        ),
        (
            {"access.credential": {"kubeconfig_env": "not a name"}},
            "access.credential.kubeconfig_env",
            "the value (not shown) cannot be used here: write the name of an environment variable, not its content",
        ),
        (
            {"access.credential": {"lookup": {"plugin": "vault", "gives": "kubeconfig"}}},
            "access.credential.lookup.plugin",
            "write its full name, namespace.collection.plugin",
        ),
        (
            {"access.credential": {"lookup": {"plugin": "a.b.c", "gives": "tokn"}}},
            "access.credential.lookup.gives",
            "the value (not shown) is not one of kubeconfig, token",
        ),
        (
            {"access.credential": {"lookup": {"plugin": "a.b.c", "gives": "kubeconfig", "terms": ["{{ x }}"]}}},
            "access.credential.lookup.terms[0]",
            "holds a template: a contract is data, write the value itself",
        ),
        (
            {"access.credential": {"lookup": {"plugin": "a.b.c", "gives": "kubeconfig", "options": {"x": "{%"}}}},
            "access.credential.lookup.options.x",
            "holds a template",
        ),
        (
            {"access.credential": {"lookup": {"plugin": "a.b.c", "gives": "kubeconfig", "terms": ['") ~ x ~ ("']}}},
            "access.credential.lookup.terms[0]",
            "the value (not shown) cannot be used here: write it on one line, without double quotes and backslashes",
        ),
        (
            {"access.credential": {"lookup": {"plugin": "a.b.c", "gives": "kubeconfig", "options": {"x": "\\x22"}}}},
            "access.credential.lookup.options.x",
            "without double quotes and backslashes",
        ),
        (
            {"access.credential": {"lookup": {"plugin": "a.b.c", "gives": "kubeconfig", "options": {"X-y": "a"}}}},
            "access.credential.lookup.options.X-y",
            "write the option's name in lower-case letters",
        ),
        (
            {"access.ca_file": "a", "access.ca_cert": "-----BEGIN CERTIFICATE-----\nTUlJ\n-----END CERTIFICATE-----"},
            "access.ca_cert",
            "ca_file is given too: keep one of them",
        ),
        ({"stack.channel": "stable"}, "stack", "gives release and channel: keep exactly one of them"),
        ({"stack": {}}, "stack", "is empty: give exactly one of release, channel"),
        (
            {"identity.region": "us-east-1"},
            "identity.region",
            "'us-east-1' is not among compliance.regions ('eu-west-1'): correct whichever is wrong",
        ),
    ],
)
def test_parts_that_do_not_belong_together_are_an_error(changes: Any, where: str, message: str) -> None:
    assert message in complaints_about(changes)[where]


@pytest.mark.parametrize(
    ("changes", "where", "message"),
    [
        (
            {"capacity.gpus.1": {"product": H100, "count": 8}},
            "capacity.gpus[1].product",
            f"'{H100}' is in gpus[0] already: add the counts up in one entry",
        ),
        ({"models.1": model("llama-3-1-8b")}, "models[1].name", "'llama-3-1-8b' is in models[0] already"),
        (
            {"models.1": model("llama-candidate-70b-v2")},
            "models[1].name",
            "'llama-candidate-70b-v2' is what a rollout would call a model's candidate, which nothing scales",
        ),
        (
            {"models.1": model("other", served_name="meta-llama/Llama-3.1-8B-Instruct")},
            "models[1].served_name",
            "is served by models[0] too",
        ),
        (
            {"models.0.gpu.product": "NVIDIA-H100-80GB-HBM"},
            "models[0].gpu.product",
            f"is not approved in capacity.gpus: did you mean '{H100}'?",
        ),
        ({"models.0.gpu.per_replica": 33}, "models[0].gpu.per_replica", f"one replica needs 33 GPUs of {H100}, but 32"),
        ({"models.0.replicas": {"min": 4, "max": 2}}, "models[0].replicas.min", "4 is more than replicas.max, 2"),
        ({"models.0.replicas.max": 9}, "models[0].replicas.max", "9 is more than scaling.max_replicas_per_model, 8"),
        (
            {"models.0.gpu.per_replica": 8},
            "models[0].replicas.max",
            "4 x 8 = 32 GPUs is more than scaling.max_gpus_per_model, 16: at most 2 replicas",
        ),
        (
            {"capacity.gpus.0.count": 3, "capacity.gpus.1": {"product": "other", "count": 29}},
            "models[0].replicas.max",
            f"4 x 1 = 4 GPUs of {H100}, but 3 are approved: at most 3 replicas",
        ),
        (
            {"scaling.scale_to_zero": False, "models.0.replicas.min": 0},
            "models[0].replicas.min",
            "0 needs scaling.scale_to_zero: true",
        ),
        (
            {"scaling.max_gpus_per_model": 33},
            "scaling.max_gpus_per_model",
            "33 is more than the 32 GPUs approved in capacity.gpus: write at most 32",
        ),
        (
            {
                "models": [
                    model("a", gpu={"product": H100, "per_replica": 4}, replicas={"min": 4, "max": 4}),
                    model("b", gpu={"product": H100, "per_replica": 8}, replicas={"min": 2, "max": 2}),
                    model("c", replicas={"min": 1, "max": 1}),
                ]
            },
            "models",
            f"need 4 x 4 (a) + 2 x 8 (b) + 1 x 1 (c) = 33 GPUs of {H100}, but 32 are approved: lower replicas.min",
        ),
        (
            {
                "scaling.scale_to_zero": True,
                "models": [model(f"m{number}", replicas={"min": 0, "max": 1}) for number in range(33)],
            },
            "models",
            f"1 x 1 (m32) = 33 GPUs of {H100}, but 32 are approved",
        ),
    ],
)
def test_models_stay_inside_the_approved_gpus(changes: Any, where: str, message: str) -> None:
    assert message in complaints_about(changes)[where]


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"training": {}}, "training"),
        ({"fine_tuning": []}, "fine_tuning"),
        ({"Fine-Tuning Jobs": []}, "['Fine-Tuning Jobs']"),
        ({"models.0.kind": "fine-tune"}, "models[0].kind"),
        ({"models.0.task": "train"}, "models[0].task"),
        ({"models.0.type": "SFT"}, "models[0].type"),
        ({"models.0.fine_tune": True}, "models[0].fine_tune"),
    ],
)
def test_training_is_refused_with_the_products_reason(changes: Any, where: str) -> None:
    found = complaints_about(changes)
    assert list(found) == [where]
    assert "fine-tuning and training jobs are not supported in customers' clusters, only inference" in found[where]


def test_a_task_that_is_no_training_is_just_an_unknown_one() -> None:
    assert "'generate' is not one of serve" in complaints_about({"models.0.task": "generate"})["models[0].task"]


SECRET = "eyJhbGciOiJSUzI1NiIsImtpZCI6In.eyJpc3MiOiJrdWJlcm5l.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"access.credential": {"token": SECRET}}, "access.credential.token"),
        ({"access.credential": {"kubeconfig": {"users": [{"token": SECRET}]}}}, "access.credential.kubeconfig"),
        ({"access.token": SECRET}, "access.token"),
        ({"access.password": SECRET}, "access.password"),
        ({"access.client-key-data": SECRET}, "access.client-key-data"),
        ({"access.secret": SECRET}, "access.secret"),
        (
            {"access.credential.kubeconfig_file": f"a: v1\nclient-key-data: {SECRET}"},
            "access.credential.kubeconfig_file",
        ),
        ({"access.credential": {"token_env": SECRET}}, "access.credential.token_env"),
        ({"access.credential": SECRET}, "access.credential"),
        ({"access": SECRET}, "access"),
        ({"access.ca_cert": f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}"}, "access.ca_cert"),
        ({"access.proxy_url": f"http://me:{SECRET}@proxy:3128"}, "access.proxy_url"),
        ({"models.0.source.uri": f"https://me:{SECRET}@models.example/x"}, "models[0].source.uri"),
        (
            {"access.credential": {"lookup": {"plugin": "a.b.c", "gives": "kubeconfig", "options": {"token": SECRET}}}},
            "access.credential.lookup.options.token",
        ),
    ],
)
def test_a_secret_in_a_contract_is_refused_and_never_repeated(changes: Any, where: str) -> None:
    with pytest.raises(ContractErrors) as refused:
        load_contract(example(changes), path=PATH)
    problems = {problem.where: problem for problem in refused.value.problems}
    assert "a contract refers to a credential" in problems[where].message
    assert SECRET not in str(refused.value) + repr(refused.value.problems)


def test_a_credential_of_the_wrong_kind_is_not_repeated_either() -> None:
    with pytest.raises(ContractErrors) as refused:
        load_contract(example({"access.credential": "hunter2", "access.server": 5}), path=PATH)
    assert "hunter2" not in str(refused.value) + repr(refused.value.problems)
    assert "access.server: the value (not shown) is not text" in str(refused.value)


def test_all_problems_are_reported_at_once_in_the_order_of_their_places() -> None:
    data = example({"identity.uid": "x"})
    data["models"] = [{}] * 11
    with pytest.raises(ContractErrors) as refused:
        load_contract(data, path=PATH)
    places = [problem.where for problem in refused.value.problems]
    assert places[0] == "identity.uid"
    assert places[1] == "models[0].engine"
    assert places.index("models[2].engine") < places.index("models[10].engine")
    assert len(places) == 1 + 11 * 5
    assert str(refused.value).startswith(
        f"{PATH}: 56 problems. The contract's owner corrects this file; nothing is done on its cluster until then.\n"
        "  - identity.uid: 'x' is not a cluster UID"
    )


def test_a_problem_has_its_file_its_place_and_its_value() -> None:
    with pytest.raises(ContractErrors) as refused:
        load_contract(example({"models.0.gpu.product": "H1"}), path=PATH)
    [problem] = refused.value.problems
    assert (problem.path, problem.where, problem.value) == (PATH, "models[0].gpu.product", "H1")
    assert str(refused.value).startswith(f"{PATH}: 1 problem. ")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "the file is empty: a contract begins with `version: 1`"),
        ([], "the file holds a list, not a mapping"),
        ("hello", "the file holds 'hello', not a mapping"),
        ("x" * 100, "…', not a mapping"),
    ],
)
def test_data_that_is_no_mapping_is_no_contract(data: Any, message: str) -> None:
    assert message in complaints(data)[""]


@pytest.mark.parametrize("broken", [None, 1, "x", [], {}, [1], [None], {"a": 1}], ids=repr)
@pytest.mark.parametrize(
    "place",
    [
        "identity", "access", "access.credential", "access.credential.kubeconfig_file", "capacity", "capacity.gpus",
        "capacity.gpus.0", "capacity.gpus.0.product", "scaling", "change", "change.windows", "change.windows.0",
        "change.windows.0.weekly", "change.windows.1.rrule", "change.freezes", "change.freezes.0",
        "change.freezes.0.until",
        "contacts", "compliance", "compliance.regions", "models", "models.0", "models.0.gpu", "models.0.replicas",
    ],
)  # fmt: skip
def test_broken_data_anywhere_is_reported_and_never_a_traceback(place: str, broken: Any) -> None:
    complaints_about({place: broken})


@pytest.mark.parametrize(
    "changes",
    [
        {"access.server": f"https://{SECRET}@api.acme.example"},
        {"access.server": f"http://api.acme.example/?token={SECRET}"},
        {"access.proxy_url": f"http://{SECRET}@proxy:3128"},
        {"access.proxy_url": f"socks5://proxy:3128#{SECRET}"},
        {"models.0.source.uri": f"https://{SECRET}@models.example/x"},
        {"models.0.source.uri": f"https://models.example/x?signature={SECRET}"},
        {"access.mode": f"https://a/?{SECRET}"},
        {f"https://{SECRET}@a.example": 1},
    ],
    ids=str,
)
def test_user_info_and_queries_of_urls_are_never_repeated(changes: dict[str, Any]) -> None:
    data = example({} if "access" not in str(changes) and "models" not in str(changes) else changes)
    data.update({key: value for key, value in changes.items() if "://" in key})
    with pytest.raises(ContractErrors) as refused:
        load_contract(data, path=PATH)
    assert SECRET not in str(refused.value) + repr(refused.value.problems)
