# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet
short_description: A fleet of customers' clusters, from their contracts
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Reads a directory of contracts, one YAML file for each customer's cluster, and makes one host of each.
  - The source is a file whose name ends with C(.byoc.yml) or C(.byoc.yaml).
  - A host gets the variables C(contract) (the validated contract with its defaults), C(byoc_connection) (how to reach
    the cluster, as the modules of this collection take it), C(byoc_contract_file), C(byoc_contract_digest),
    C(ansible_connection) (V(local)) and C(ansible_python_interpreter).
  - A host is in the groups C(byoc), C(customer_...), C(provider_...), C(region_...), C(ring_...) and C(access_...).
  - Nothing that is written in a contract is ever evaluated as a template.
requirements:
  - jsonschema
  - python-dateutil
extends_documentation_fragment:
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices: [fireworks.byoc.fleet]
  contracts:
    description:
      - The directory of the contracts, relative to the source's own.
      - Files in it that end with C(.yml) or C(.yaml) are contracts, except hidden ones and inventory sources.
      - Directories in it are not read.
    type: str
    default: clusters
  on_invalid:
    description:
      - What happens when contracts cannot be used.
        Either way each one is reported by its file, with everything that is wrong with it.
      - With V(fatal) there is no inventory at all. This is the default because it is safer.
        Whether names and cluster UIDs are unique is only known when every contract can be read,
        and a play never silently covers less of the fleet than intended.
      - With V(exclude) the inventory has all other clusters.
        Use it for sweeps such as health checks, which one invalid contract must not stop.
      - Of clusters whose names or UIDs are the same, all are invalid, since either may be the wrong one.
    type: str
    default: fatal
    choices: [exclude, fatal]
    env:
      - name: BYOC_ON_INVALID
  credential_roots:
    description:
      - What the contracts of each customer may refer to on the machine that runs Ansible, and where a token may be
        sent. A contract is a customer's file, so the owner of the fleet says this and no contract does.
      - The keys are customers, as C(identity.customer) of the contracts names them.
        A contract that refers to anything else is refused, with the lines to add.
      - In a pattern, C(*) stands for letters, digits, dots, dashes and underscores, so never for a C(/), a space
        or a C(:). A pattern must have a letter or digit.
      - C(contracts) are patterns of the names of the files that may be this customer's contracts. Without it, a
        contract could say that it is another customer's.
      - C(directories) are where the files lie that C(kubeconfig_file), C(token_file) and C(ca_file) name, and those
        that a kubeconfig names, after C(~) and links are resolved.
        A relative one is relative to the source's own directory.
      - C(environment) are patterns of the environment variables that C(kubeconfig_env) and C(token_env) may name.
      - C(servers) are the addresses that a token may be sent to, exactly as contracts write them.
      - C(contexts) are patterns of the contexts that a contract may name. Where given, each contract with a
        kubeconfig names one. Required where contracts of several customers refer to the same credential, as to one
        kubeconfig with many contexts. A token that contracts of several customers refer to is always refused.
      - C(lookups) are the lookups that may fetch the credential. Each has C(plugin), its full name; C(terms),
        patterns of what may be looked up; and C(options), patterns of the values of each option that may be given.
        Lookups run with the rights of the user that runs Ansible, so allow only those that fetch secrets.
    type: dict
    default: {}
  exec_plugins:
    description:
      - The commands that kubeconfigs may run to get a credential, as C(aws) or an absolute path, each with a list of
        the environment variables that a kubeconfig may set for it. No others are run, not even for an
        administrator's kubeconfig.
      - A command without a slash is looked up on the E(PATH) of the user that runs Ansible.
      - A kubeconfig also gives the command's arguments. Where you do not write the kubeconfigs yourself, list a
        script of yours that accepts only the arguments it needs.
    type: dict
    default: {}
notes:
  - The cache is keyed by each file's content.
    A changed contract is read again at once, regardless of O(cache_timeout).
    Contracts whose credential is fetched by a lookup are not cached.
  - With O(on_invalid=fatal), Ansible itself continues with an empty inventory after a warning.
    Set C(any_unparsed_is_failed = true) in section C([inventory]) of C(ansible.cfg) to make it stop.
    The playbooks of this collection refuse to run then in any case.
"""

EXAMPLES = r"""
# fleet.byoc.yml: every contract in the directory "clusters" beside this file
plugin: fireworks.byoc.fleet
credential_roots:
  acme:
    contracts: [acme-*.yml]
    directories: [~/.byoc/acme]
  globex:
    contracts: [globex-*.yml]
    environment: [GLOBEX_*]
    servers: ["https://k8s-api.fra-dc2.globex.example:6443"]
    directories: [/etc/fireworks/globex]
  initech:
    contracts: [initech-*.yml]
    lookups:
      - plugin: community.hashi_vault.vault_kv2_get
        terms: [byoc/initech/*]
        options: {engine_mount_point: [kv]}
exec_plugins:
  aws: [AWS_PROFILE, AWS_REGION]

---
# As in AWX: one credential for many customers' clusters, by its contexts
plugin: fireworks.byoc.fleet
credential_roots:
  acme: {contracts: [acme-*.yml], environment: [FLEET_KUBECONFIG], contexts: [acme-*]}
  globex: {contracts: [globex-*.yml], environment: [FLEET_KUBECONFIG], contexts: [globex-*]}

---
# health.byoc.yml: a sweep that leaves out the clusters with invalid contracts
plugin: fireworks.byoc.fleet
contracts: clusters
on_invalid: exclude
credential_roots:
  acme: {contracts: [acme-*.yml], directories: [~/.byoc/acme]}

---
# Custom groups and variables
plugin: fireworks.byoc.fleet
credential_roots:
  acme: {contracts: [acme-*.yml], directories: [~/.byoc/acme]}
strict: true
keyed_groups:
  - prefix: tier
    key: contract.identity.labels.tier | default('none')
groups:
  scales_to_zero: contract.scaling.scale_to_zero
compose:
  approved_gpus: contract.capacity.gpus | sum(attribute='count')
"""

import gc
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.template import trust_as_template

from ansible_collections.fireworks.byoc.plugins.module_utils._domain import contract as contract_package
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.calendar_doubts import calendar_doubts
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract import (
    Asked,
    LibraryMissing,
    Problem,
    connection_of,
    contract_digest,
    duplicates,
    lookup_expression,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.defaults import said
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.errors import report
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.schema import IDENTITY, SCHEMA
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.contract.typed import Contract
from ansible_collections.fireworks.byoc.plugins.module_utils._domain.credentials import (
    Root,
    exec_plugins_of,
    outside,
    roots_of,
)
from ansible_collections.fireworks.byoc.plugins.module_utils._kube.credential_files import expanded
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.harmless import harmless
from ansible_collections.fireworks.byoc.plugins.module_utils._vocabulary.listing import amount
from ansible_collections.fireworks.byoc.plugins.plugin_utils.contract_files import read_contracts
from ansible_collections.fireworks.byoc.plugins.plugin_utils.readers import outlive_readers
from ansible_collections.fireworks.byoc.plugins.plugin_utils.this_run import noting_whether_read
from ansible_collections.fireworks.byoc.plugins.plugin_utils.warmup import load_filters

SOURCE_ENDINGS = (".byoc.yml", ".byoc.yaml")
ALL_CLUSTERS = "byoc"

# What a file became: a contract, or what is wrong with it.
Contracts = dict[str, Contract]
Problems = dict[str, list[Problem]]


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):  # type: ignore[misc]
    """One host for each contract of a directory."""

    NAME = "fireworks.byoc.fleet"

    def verify_file(self, path: str) -> bool:
        """Whether the source ``path`` is one of ours: by its name."""
        return path.endswith(SOURCE_ENDINGS) and super().verify_file(path)

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Fill the inventory. Raises AnsibleParserError, before anything is in it, when the fleet cannot be used."""
        super().parse(inventory, loader, path, cache=cache)
        with noting_whether_read(path, inventory.processed_sources):
            self._read_config_data(path)
            source = Path(path)
            self._read_credential_options(source)
            directory = source.parent / Path(self.get_option("contracts")).expanduser()
            with _no_garbage_collection():
                self._fill(directory, source.name, self.get_cache_key(path), cache)
        load_filters()
        outlive_readers()

    def _read_credential_options(self, source: Path) -> None:
        try:
            self._roots = roots_of(self.get_option("credential_roots"), lambda path: _real(path, source.parent))
            self._exec_plugins = exec_plugins_of(self.get_option("exec_plugins"))
        except ValueError as error:
            raise AnsibleParserError(f"{source}: {error}. Correct the option of the inventory source.") from None

    def _fill(self, directory: Path, source: str, cache_key: str, cache: bool) -> None:
        try:
            contracts, problems = self._read(directory, cache_key, cache)
        except LibraryMissing as error:
            raise AnsibleParserError(str(error)) from error
        problems |= outside(contracts, self._roots, real=_real, source=source)
        for problem in duplicates(contracts):
            problems.setdefault(problem.path, []).append(problem)
        self._report(problems)
        self.inventory.add_group(ALL_CLUSTERS)
        for file in sorted(contracts.keys() - problems.keys()):
            self._add_cluster(file, contracts[file])
            for doubt in calendar_doubts(contracts[file]):
                self.display.warning(harmless(f"{file}: {doubt}."))

    def _read(self, directory: Path, cache_key: str, cache: bool) -> tuple[Contracts, Problems]:
        """The directory's contracts; what was read before is not read again while a file's content is the same."""
        caching = self.get_option("cache")
        known = self._cached(cache_key) if caching and cache else {}
        contents: dict[str, bytes] = {}
        problems: Problems = {}
        for file in _contract_files(directory):
            try:
                contents[str(file)] = file.read_bytes()
            except OSError as error:
                problems[str(file)] = [Problem(str(file), "", None, f"cannot be read: {error.strerror}", Asked.READING)]
        digests = {path: hashlib.sha256(content).hexdigest() for path, content in contents.items()}
        before = {path: found for path, digest in digests.items() if (found := known.get(path, {}).get(digest))}
        read, wrong = read_contracts({path: content for path, content in contents.items() if path not in before})
        contracts, problems = {**before, **read}, {**problems, **wrong}
        fresh = {
            path: {digests[path]: contract}
            for path, contract in contracts.items()
            if "lookup" not in contract["access"]["credential"]  # what it looks up is in no cache
        }
        if not contracts and not problems:
            self.display.warning(f"There is no contract in {directory}. See docs/contract.md for how to write one.")
        if caching and fresh != known:
            self._cache[cache_key] = {"reader": _reader_digest(), "contracts": fresh}
        return contracts, problems

    def _cached(self, cache_key: str) -> dict[str, Any]:
        try:
            cached = self._cache[cache_key]
        except KeyError:
            return {}
        # Rules that have changed since may judge the same file differently.
        return cached["contracts"] if cached.get("reader") == _reader_digest() else {}

    def _report(self, problems: Problems) -> None:
        fatal = self.get_option("on_invalid") == "fatal"
        for path in sorted(problems):
            text = harmless(report(problems[path]))
            # Reported here and not in the exception: Ansible shows an exception again for each plugin that it tries,
            # and each of these only once.
            if fatal:
                self.display.error(text)
            else:
                self.display.warning(f"A cluster is left out of the inventory. {text}")
        if problems and fatal:
            count = amount(len(problems), "contract")
            raise AnsibleParserError(
                f"{count} cannot be used, as reported above. The inventory is empty, since on_invalid is fatal. "
                "To work on the others until then, set BYOC_ON_INVALID=exclude, or on_invalid: exclude in the source."
            )

    def _add_cluster(self, file: str, contract: Contract) -> None:
        host = contract["identity"]["name"]
        self.inventory.add_host(host, group=ALL_CLUSTERS)
        for group in _groups_of(contract):
            self.inventory.add_host(host, group=self.inventory.add_group(self._sanitize_group_name(group)))
        variables = {
            "contract": contract,
            "byoc_connection": self._connection(contract, base_dir=str(Path(file).parent)),
            "byoc_contract_file": file,
            "byoc_contract_digest": contract_digest(contract),
            "ansible_connection": "local",
            "ansible_python_interpreter": trust_as_template("{{ ansible_playbook_python }}"),
        }
        for name, value in variables.items():
            self.inventory.set_variable(host, name, value)
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, host, strict=strict)
        # Fetched once, composed ones included, and not for each group of each host: that costs a second in 1,000 hosts.
        known = self.inventory.get_host(host).get_vars()
        for add, option in (
            (self._add_host_to_composed_groups, "groups"),
            (self._add_host_to_keyed_groups, "keyed_groups"),
        ):
            add(self.get_option(option), known, host, strict=strict, fetch_hostvars=False)

    def _connection(self, contract: Contract, *, base_dir: str) -> dict[str, Any]:
        root: Root = self._roots[contract["identity"]["customer"]]
        allowed = {"exec_plugins": self._exec_plugins, "credential_directories": list(root.directories)}
        connection = {**connection_of(contract, base_dir=base_dir), **{key: its for key, its in allowed.items() if its}}
        lookup = connection.pop("lookup", None)
        if lookup:
            # The one template of a host: it is ours, with the contract's values as quoted literals.
            connection[lookup["gives"]] = trust_as_template(lookup_expression(lookup))
        return connection


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Keep Python from searching a fleet's data, all of which stays, for garbage: a fifth of the time in 1,000."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _contract_files(directory: Path) -> Iterable[Path]:
    try:
        entries = sorted(directory.iterdir())
    except OSError as error:
        raise AnsibleParserError(
            f"The contracts in {directory} cannot be listed: {error.strerror}. "
            "Correct the option `contracts` of the inventory source, or the directory."
        ) from error
    for entry in entries:
        hidden_or_source = entry.name.startswith(".") or entry.name.endswith(SOURCE_ENDINGS)
        # A link to nothing is read, and so reported; a pipe is not, since reading it would wait forever.
        if entry.suffix in (".yml", ".yaml") and not hidden_or_source and (entry.is_file() or not entry.exists()):
            yield entry


def _groups_of(contract: Contract) -> Iterable[str]:
    identity = contract["identity"]
    yield f"customer_{identity['customer']}"
    yield f"provider_{identity['provider']}"
    yield f"region_{identity['region']}"
    yield f"ring_{said(identity, IDENTITY, 'ring')}"
    yield f"access_{said(contract, SCHEMA, 'access', 'mode')}"


def _real(path: str, base_dir: str | Path = "/") -> str:
    """The absolute path without links; of a user who does not exist, as it is written."""
    return os.path.realpath(Path(base_dir, expanded(path)))


def _reader_digest() -> str:
    """A name for the rules by which contracts are read: the code itself."""
    domain = Path(contract_package.__file__).parents[1]
    sources = sorted([*domain.glob("contract/*.py"), *domain.glob("model/*.py"), domain / "readable.py"])
    return hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()
