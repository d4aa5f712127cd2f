# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501  # a row of a table is one line
"""Write the reference pages, and what bash completes, from what the collection works by: python docs/generate.py"""

from __future__ import annotations

import ast
import csv
import importlib
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from types import ModuleType
from typing import Any

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
UTILS = ROOT / "plugins" / "module_utils"
RELEASE = ROOT / "roles" / "stack" / "files" / "releases" / "2026.12.0"
METRICS_LIST = ROOT / "roles" / "stack" / "files" / "releases" / "2026.11.0" / "dcgm-metrics.csv"
RUNBOOKS = DOCS / "runbooks"


def written() -> dict[Path, Callable[[], str]]:
    """Each file that is written from here, and what gives its content."""
    return {
        DOCS / "variables.md": variables_text,
        DOCS / "contract.md": contract_text,
        DOCS / "metrics.md": metrics_text,
        DOCS / "names.md": names_text,
        DOCS / "troubleshooting.md": troubleshooting_text,
        RUNBOOKS / "README.md": runbooks_text,
        ROOT / "extensions" / "completion" / "ansible-playbook.bash": completion_text,
    }


def completion_text() -> str:
    """The script that bash completes by."""
    text: str = _imported("_domain.playbook_variables.completion").completion_script()
    return text


# -- playbooks and their variables ---------------------------------------------------------------------------------

_VARIABLES = """# Playbooks and their variables

Variables are given by `-e clusters=acme-eu-1`, `-e '{"clusters": …}'`, `-e @file.yml` or a survey. Bold ones are required.

| | |
|---|---|
| refused, before any cluster is asked | a name that is not here (with the nearest known one), one of another playbook, a wrong type (of an option of a role too), what begins with `byoc_`, what would replace the inventory's (`contract`) |
| let pass | `ansible_…`, `awx_…`, `tower_…`, and options of roles (`ansible-doc -t role fireworks.byoc.model`) but those that a playbook sets itself |
| of a playbook of your own | those that it names in `byoc_variables`: [how to write one](playbooks.md) |

Every run ends with a [result](results.md); its [codes](troubleshooting.md) say what to do. The identity is the one that a run [needs](access.md#how-a-run-gets-its-identity).

## Playbooks
"""


def variables_text() -> str:
    """The reference of playbooks, and of what they take."""
    declared = _imported("_domain.playbook_variables.declared")
    identities: Mapping[str, str] = _imported("_domain.identities.playbooks").PLAYBOOKS
    most = len(declared.EVERY) - 1  # health has a fail_on of its own
    common = [each for each in declared.VARIABLES if len(each.playbooks) >= most]
    reached = _codes()
    asking = [name for name in declared.EVERY if name in identities]
    every, scaffold = set.intersection(*(reached[name] for name in asking)), reached["operation"]
    parts = [_VARIABLES, _codes_text("Each that asks clusters may end with", every), ""]
    parts += [_codes_text("Those that work cluster by cluster also with", scaffold - every), ""]
    for name in sorted(declared.EVERY):
        does, command = _header(ROOT / "playbooks" / f"{name}.yml")
        own = [
            f"**`{each.name}`**" if name in each.required else f"`{each.name}`"
            for each in declared.VARIABLES
            if name in each.playbooks and (each not in common or name in each.required)
        ]
        words = {"administrator": "the customer's administrator", "auditor": "whoever may ask what others may do"}
        identity = identities.get(name, "")
        who = f"Run as {words.get(identity, f'`{identity}`')}" if identity else "Asks no cluster of the fleet"
        changes = "changes the cluster" if name not in declared.READING and identity else "changes nothing"
        parts += [
            f"### {name}",
            "",
            does,
            "",
            "```sh",
            command,
            "```",
            "",
            f"{who}; {changes}. Takes {', '.join(own)}.",
            "",
            *_written_text(name if name not in declared.READING else ""),
            *_own_codes_text(reached[name] - every - (scaffold if scaffold <= reached[name] else set())),
        ]
    parts += [
        "## Variables",
        "",
        "Every playbook takes " + ", ".join(f"`{each.name}`" for each in common) + " too.",
        "",
    ]
    parts += ["| variable | is | value | unless given |", "|---|---|---|---|"]
    for each in sorted(declared.VARIABLES, key=lambda one: one.name):
        of = "" if sum(one.name == each.name for one in declared.VARIABLES) == 1 else f" ({_some(each.playbooks)})"
        default = each.default or ("" if set(each.required) == set(each.playbooks) else "none")
        parts.append(f"| `{each.name}`{of} | {each.what} | {each.allowed()} | {default} |")
    return "\n".join(parts) + "\n"


def _codes() -> dict[str, set[str]]:
    """By playbook, the codes that it may end with."""
    vocabulary = _imported("_vocabulary.runbooks")
    known = {*vocabulary.WITHOUT_PAGE, *(code for codes in vocabulary.PAGES.values() for code in codes)}
    sys.path.insert(0, str(DOCS))
    codes = importlib.import_module("playbook_codes").Codes(ROOT, known)
    return {path.stem: codes.of(path.stem) for path in sorted((ROOT / "playbooks").glob("*.yml"))}


def _codes_text(before: str, codes: Iterable[str]) -> str:
    return f"{before} {', '.join(f'`{code}`' for code in sorted(codes))}."


def _own_codes_text(codes: set[str]) -> list[str]:
    return [_codes_text("May end with", codes), ""] if codes else []


def _written_text(playbook: str) -> list[str]:
    """Which objects it writes, by the rights that it uses; of an administrator's playbook no table says it."""
    uses = _imported("_domain.identities.uses")
    places = [
        f"{', '.join(f'`{each}`' for each in resources)} in {f'`{scope}`' if scope else 'the cluster'}"
        for scope, resources in uses.written_by(playbook).items()
    ]
    return (
        [f"May write {'; '.join(places)}; and, as all that change something, its lock and its record.", ""]
        if places
        else []
    )


def _some(playbooks: tuple[str, ...]) -> str:
    return ", ".join(playbooks) if len(playbooks) < 4 else "the others"


def _header(path: Path) -> tuple[str, str]:
    """What a playbook says of itself, and its first command."""
    comment = re.match(r"(?:#.*\n)+", path.read_text(encoding="utf-8").partition("---\n")[2])
    lines = re.sub(r"^# ?", "", comment[0] if comment else "", flags=re.MULTILINE)
    does, _empty, rest = lines.partition("  ansible-playbook ")
    command = re.match(r"(?:.*\\\n)*.*", rest)
    return " ".join(does.split()), "ansible-playbook " + (command[0] if command else "")


# -- the contract --------------------------------------------------------------------------------------------------

_FIELD = re.compile(r"^\| `([^`]+)` \| (.+?) \| (?:`[^`]*`|\.\.\.|-)? ?\|$", re.MULTILINE)
_MOST = 200


def contract_text() -> str:
    """The page of the contract: what people wrote, with the example of each field as the schema has it."""
    schema = _imported("_domain.contract.schema").SCHEMA

    def row(found: re.Match[str]) -> str:
        return f"| `{found[1]}` | {found[2]} | {_example(_node(schema, found[1]))} |"

    return _FIELD.sub(row, (DOCS / "contract.md").read_text(encoding="utf-8"))


def _node(schema: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    node = schema
    for word in place.split("."):
        node = node["properties"][word.removesuffix("[]")]
        if word.endswith("[]"):
            node = node["items"]
    return node


def _example(node: Mapping[str, Any]) -> str:
    """Its first example as YAML in one line; of a large one nothing, since its own fields have theirs."""
    text = _flow(node["examples"][0])
    return f"`{text}`" if len(text) <= _MOST and "`" not in text else "-"


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if (
        isinstance(value, str)
        and re.fullmatch(r"[\w./~@+*-][\w./~@+*-]*( [\w./-]+)*", value)
        and not value[0].isdigit()
    ):
        return value
    if isinstance(value, str) and re.fullmatch(
        r"\d+[dhms]|\d+\.\d+\.\d+|[0-9a-f-]{36}|[0-9a-f]{40}|[\w-]+://[^\s,{}\[\]]+", value
    ):
        return value
    return json.dumps(value, ensure_ascii=False)


# -- metrics -------------------------------------------------------------------------------------------------------

_METRICS = """# Metrics

Scalers, [alerts](runbooks/README.md#alerts) and budgets ask our telemetry, the Prometheus of the stack release, for names of ours; another router or engine
changes the rules and nothing that asks them.

| rule | is |
|---|---|
"""
_OBJECTIVES = """
| recorded for each [objective](alerts.md#objectives), by `model` and `objective` | is |
|---|---|
| `byoc:objective:bad:rate<window>`, `byoc:objective:total:rate<window>` | events that missed it, and all of them, a second |
| `byoc:objective:ratio:rate<window>` | the first divided by the second |
| `byoc:objective:budget` | the share of events that may miss it |

The router's own metrics are [on its page](router.md#for-operators). Wanted of the DCGM exporter, whose default list lacks most of them
([the list that it takes](../roles/stack/files/releases/2026.11.0/dcgm-metrics.csv)):

| metric | type | is |
|---|---|---|
"""


def metrics_text() -> str:
    """What is recorded and read, from the release's own files."""
    said: list[str] = []
    rules, before = [], ""
    for line in (RELEASE / "recording-rules.yml").read_text(encoding="utf-8").splitlines():
        if found := re.match(r" +- record: (\S+)", line):
            before = " ".join(said).rstrip(".") or f"the same: {before}"
            rules.append(f"| `{found[1]}` | {before} |\n")
            said = []
        elif line.startswith("      # "):
            said.append(line.strip("# "))
    with METRICS_LIST.open(encoding="utf-8") as file:
        wanted = [
            row for row in csv.reader(file, skipinitialspace=True) if len(row) >= 3 and not row[0].startswith("#")
        ]
    fields = "".join(f"| `{name}` | {kind} | {', '.join(rest).rstrip('.')} |\n" for name, kind, *rest in wanted)
    return _METRICS + "".join(rules) + _OBJECTIVES + fields


# -- names in a cluster --------------------------------------------------------------------------------------------

_NAMES = """# Names in a cluster

All labels, annotations and taints of ours begin with `byoc.fireworks.ai/`, left out in the last two tables.

| thing | name |
|---|---|
| namespaces | `fireworks-system` (the stack), `fireworks-models` (the models), `fireworks-setup` (only while there is a setup grant) |
| labels on all our objects | `app.kubernetes.io/managed-by: fireworks-byoc`, `app.kubernetes.io/part-of: <set>` |
| field manager | `fireworks-byoc` |
| sets (ApplySet parents, ConfigMaps in `fireworks-system`) | `presetup`, `stack`, `model-<name>`; in `fireworks-setup` `setup-access` and `setup-access-<grant>` |
| the operation lock | the Lease `operation-lock` in `fireworks-system` ([why](decisions/0011-operation-lock.md)) |
| quotas of GPUs | `approved-gpus`, and where several products are approved `approved-gpus-<product>` |
| priority classes | `fireworks-<priority>`, and of each product `fireworks-<priority>-<product>` |
| in `fireworks-system` | ConfigMaps `router-models` (what the [router](router.md) knows), `stack-upgrade-<number>` (an [upgrade](upgrades.md) and its backup), `incident-<number>`, `operation-records` (the end of the [record](records.md) chain) |
| in `fireworks-models` | ControllerRevisions `<model>-<number>`; the Job `<model>-weights-<digest>`; pods `canary-<digest>`; the RoleBinding `fireworks-node-medic-eviction` while evictions are [granted](guides/credentials.md#grants-of-evictions) |

| key | kind | is |
|---|---|---|
"""
_ELSEWHERE = """
| key | in |
|---|---|
"""


def names_text() -> str:
    """Every label, annotation and taint, with what the code says of it."""
    names = UTILS / "_domain" / "names.py"
    told = list(_told(names))
    found: dict[str, list[str]] = {}
    for path in sorted(UTILS.rglob("*.py")):
        if path != names:
            for key in _keys(path):
                if not any(fnmatch(key, known) for known, _kind, _what in told):
                    found.setdefault(_summary(path), []).append(f"`{key}`")
    rows = "".join(f"| `{key}` | {kind} | {what} |\n" for key, kind, what in told)
    others = "".join(f"| {', '.join(sorted(set(keys)))} | {summary} |\n" for summary, keys in sorted(found.items()))
    return _NAMES + rows + _ELSEWHERE + others


def _told(path: Path) -> Iterator[tuple[str, str, str]]:
    """The keys that a module assigns, with their kind and the text below each."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.Assign) and (key := _key(node.value)):
            text = after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else ""
            [name] = [each.id for each in node.targets if isinstance(each, ast.Name)]
            kind = {"PREFIX": "annotation"}.get(kind := name.rpartition("_")[2], kind.lower())
            yield key, kind, re.sub(r"``([^`]*)``", r"`\1`", " ".join(str(text).split())).rstrip(".")


def _key(node: ast.AST) -> str:
    """``PREFIX + "x"``: x. What several annotations of a node begin with is said as one."""
    if isinstance(node, ast.BinOp) and isinstance(node.left, ast.Name) and isinstance(node.right, ast.Constant):
        before = {"PREFIX": "", "JOURNEY_PREFIX": "remediation-"}.get(node.left.id)
        if before is not None:
            return before + str(node.right.value) + ("*" if str(node.right.value).endswith("-") else "")
    return ""


def _keys(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if key := _key(node):
            yield key
        elif isinstance(node, ast.GeneratorExp) and isinstance(node.elt, ast.BinOp) and _is_prefix(node.elt.left):
            yield from (str(each.value) for each in ast.walk(node.generators[0].iter) if isinstance(each, ast.Constant))


def _is_prefix(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "PREFIX"


def _summary(path: Path) -> str:
    said = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n\n")[0]
    return re.sub(r"``([^`]*)``", r"`\1`", " ".join(said.split()))


# -- codes and runbooks --------------------------------------------------------------------------------------------

_CODES = """# Troubleshooting

What a code means, what to do and who acts. The code is in the [result](results.md#the-result); the last line of a cluster's block names the page.

| before a run has a code | means |
|---|---|
| `the playbook: fireworks.byoc.… could not be found` | The collection is not installed, or this is not the checkout's folder: `export ANSIBLE_CONFIG=<checkout>/ansible.cfg` |
| `…: is not among the credentials of '…'` | The contract names a credential that the fleet's operator [has not allowed](access.md#credentials). The message has the line to add |
| `identity.…: …`, `models[0].…: …` | The [contract](contract.md) is invalid: each message names the field and its remedy |
| `User interrupted execution` | Ctrl-C. Run the same again; the lock is free after two minutes |
"""
_RUNBOOKS = """# Runbooks

What to do when a run ends badly. [Troubleshooting](../troubleshooting.md) leads from each code here, as do the last line of a cluster's block and `runbook` in the [result](../results.md).

"""
_ALERTS = """
## Alerts

What to do when [an alert](../alerts.md) arrives. Its annotation `runbook_url` names the page. *Looks* says whether it has the node [looked at](../events.md) at once, and after how long.

| page | alert | severity | looks | who acts |
|---|---|---|---|---|
"""


def troubleshooting_text() -> str:
    """Each code with its meaning and remedy, those together that one page is about."""
    vocabulary = _imported("_vocabulary.runbooks")
    parts = [_CODES]
    for name, codes in vocabulary.PAGES.items():
        text = (RUNBOOKS / f"{name}.md").read_text(encoding="utf-8")
        said = {code: _said_of(text, code) for code in codes}
        others = ", ".join(f"`{code}`" for code in codes if not said[code])
        parts += [f"## {_title(text)}", "", f"[What to do](runbooks/{name}.md). Who acts: {_who(text)}.", ""]
        parts += ["| code | do |", "|---|---|"] + [f"| `{code}` | {what} |" for code, what in said.items() if what]
        parts += ([f"| {others} | as on the page |"] if others else []) + [""]
    parts += ["## What needs no page", "", "| code | means, and what to do |", "|---|---|"]
    parts += [f"| `{code}` | {what} |" for code, what in vocabulary.WITHOUT_PAGE.items()]
    return "\n".join(parts) + "\n"


def _said_of(page: str, code: str) -> str:
    """What a page says of one code, in its table or as a paragraph of its own."""
    for found in (
        re.search(rf"^\| `{code}`(?:, `\w+`)* \| (.+) \|$", page, re.MULTILINE),
        re.search(rf"^(?:\d\. )?`{code}`: (.+?\.)(?:\s|$)", page, re.MULTILINE),
    ):
        if found:
            said = re.sub(r"\]\((?!https?:)(?:\.\./)?([^)]+)\)", _moved, found[1])
            return said.rstrip(".")
    return ""


def _moved(found: re.Match[str]) -> str:
    """A link of a runbook, as seen from the folder above."""
    up = found[0].startswith("](../")
    return f"]({found[1]})" if up else f"](runbooks/{found[1]})"


def _title(page: str) -> str:
    return page.partition("\n")[0].removeprefix("# ")


def _who(page: str) -> str:
    found = re.search(r"Who acts: (.+?)\.?\n\n", page, re.DOTALL)
    return " ".join(found[1].split()) if found else ""


def runbooks_text() -> str:
    """The content of the list of runbooks."""
    pages = _imported("_vocabulary.runbooks").PAGES
    titles = {name: _title((RUNBOOKS / f"{name}.md").read_text(encoding="utf-8")) for name in pages}
    looks = _looks()
    rows = "".join(f"- [{title}]({name}.md)\n" for name, title in titles.items())
    return _RUNBOOKS + rows + _ALERTS + "".join(_alert_row(path, looks.get(path.stem, "no")) for path in _alert_pages())


def _alert_pages() -> Iterable[Path]:
    """The pages of alerts, which are named after them: with a capital."""
    return sorted(path for path in RUNBOOKS.glob("[A-Z]*.md") if path.stem != "README")


def _looks() -> dict[str, str]:
    """Of each alert of the release: whether it has the node looked at, and after how long."""
    text = (RELEASE / "alert-rules.yml").read_text(encoding="utf-8")
    found = {}
    for rule in re.split(r"^ +- alert: ", text, flags=re.MULTILINE)[1:]:
        waits = re.search(r"^ +for: (\w+)", rule, re.MULTILINE)
        after = f", after {waits[1]}" if waits else ""
        found[rule.split()[0]] = f"yes{after}" if 'remediate: "true"' in rule else "no"
    return found


def _alert_row(page: Path, looks: str) -> str:
    text = page.read_text(encoding="utf-8")
    severity = re.search(r"severity `(\w+)`", text)
    return f"| [{_title(text)}]({page.name}) | `{page.stem}` | {severity[1] if severity else ''} | {looks} | {_who(text)} |\n"


def _imported(name: str) -> ModuleType:
    """A module of ours that stands on its own, so that no Ansible is needed to write the pages."""
    sys.path.insert(0, str(UTILS.parent))
    try:
        return importlib.import_module(f"module_utils.{name}")
    finally:
        sys.path.pop(0)


if __name__ == "__main__":
    for file, text in written().items():
        file.parent.mkdir(exist_ok=True)
        file.write_text(text(), encoding="utf-8")
