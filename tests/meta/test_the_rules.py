# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each rule can be broken: a small sound collection breaks it by one change, and the rule says where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.meta.contract_rules import TYPED
from tests.meta.playbook_rules import OPERATIONS, RERUNS
from tests.meta.test_the_tree import RULES
from tests.meta.text_rules import HEADER
from tests.meta.tree import Tree

HEAD = "\n".join(HEADER) + "\nfrom __future__ import annotations\n"
ATTRIBUTES = "\n".join(f"  {name}:\n    support: full" for name in ("check_mode", "diff_mode", "idempotent"))
MODULE = f'''{HEAD}
DOCUMENTATION = r"""
module: thing
options:
  connection:
    type: dict
  size:
    type: int
    default: 1
attributes:
{ATTRIBUTES}
"""
'''
COMPUTED = "      stack_room:\n        type: int\n        description: Unless given, what is free.\n"
TEXTS = "      stack_names:\n        type: list\n        elements: str\n"
SPEC = (
    "argument_specs:\n  main:\n    options:\n      stack_size:\n        type: int\n        default: 1\n"
    + COMPUTED
    + TEXTS
)
DEFAULTS_SAID = 'stack_size: 1\nstack_room: "{{ 2 }}"\n'
PLAY = "- name: Go\n  hosts: all\n  gather_facts: false\n"
OPERATION = "- name: Retire\n  import_playbook: operation.yml\n  vars: {byoc_operation: retire}\n"
SOUND = {
    "galaxy.yml": "version: 0.1.0\n",
    "changelogs/fragments/1.yml": "minor_changes: [it is new]\n",
    "meta/runtime.yml": "action_groups:\n  cluster: [thing]\n",
    "plugins/modules/thing.py": MODULE,
    "plugins/action/thing.py": HEAD,
    "plugins/module_utils/_domain/thought.py": HEAD + "import datetime\nimport uuid\nfrom .secrets import hidden\n",
    "plugins/module_utils/_kube/talk.py": HEAD + "import socket\n",
    TYPED: HEAD
    + "class Model(TypedDict):\n    name: str\n    bake: NotRequired[str]\n"
    + 'Contract = TypedDict("Contract", {"models": NotRequired[list[Model]]})\n',
    "roles/stack/README.md": "# stack\n",
    "roles/stack/tasks/main.yml": "[]\n",
    "roles/stack/defaults/main.yml": DEFAULTS_SAID,
    "roles/stack/meta/argument_specs.yml": SPEC,
    "playbooks/onboard.yml": PLAY,
    "playbooks/retire.yml": OPERATION,
    RERUNS: HEAD + 'ROWS = [Row("onboard"), Row(\n    "retire")]\n',
    OPERATIONS: HEAD + 'class OperationName:\n    RETIRE = "retire"\n',
    "schemas/contract.schema.json": '{"properties": {"bake": {"default": "2m"}}}',
    "tests/integration/test_all.py": HEAD + 'run("fireworks.byoc.thing", "onboard.yml", "retire.yml", "--check")\n',
}
SOUND = {
    name: f"{HEADER[2]}\n{text}"
    if name.endswith(".yml") and name.startswith(("meta/", "playbooks/", "roles/"))
    else text
    for name, text in SOUND.items()
}
DOMAIN = "plugins/module_utils/_domain/thought.py"
KUBE = "plugins/module_utils/_kube/talk.py"
WORDS = "plugins/module_utils/_vocabulary/words.py"
THING = "plugins/modules/thing.py"
DEFAULTS = "roles/stack/defaults/main.yml"
TEST = "tests/integration/test_all.py"
# Rule, the file that breaks it, the file's text then (None: it is gone), and words of the message.
BROKEN = [
    *(
        ("no_optional_key_of_a_contract_is_read_as_if_it_were_there", DOMAIN, HEAD + read, said)
        for read, said in {
            "def bake(model: Model): return model['bake']\n": "model['bake'] may be missing",
            "def all(contract: Contract): return contract['models']\n": "contract['models'] may be missing",
            "def all(it: Contract): return [m['bake'] for m in it.get('models') or ()]\n": "m['bake'] may be missing",
        }.items()
    ),
    (
        "every_module_has_an_action_of_its_name_and_every_action_is_documented",
        "plugins/action/thing.py",
        None,
        "no action",
    ),
    ("every_module_has_an_action_of_its_name_and_every_action_is_documented", "plugins/action/x.py", HEAD, "no module"),
    ("every_module_says_truly_whether_it_checks_diffs_and_repeats", THING, HEAD, "no DOCUMENTATION"),
    (
        "every_module_says_truly_whether_it_checks_diffs_and_repeats",
        THING,
        MODULE.replace("idempotent:\n    support: full", "idempotent:\n    support: none"),
        "not why",
    ),
    (
        "every_module_says_truly_whether_it_checks_diffs_and_repeats",
        THING,
        MODULE.replace("  diff_mode:\n    support: full\n", ""),
        "support of diff_mode",
    ),
    ("every_module_is_tested_on_a_cluster_and_in_check_mode", TEST, HEAD, "names fireworks.byoc.thing"),
    (
        "every_module_is_tested_on_a_cluster_and_in_check_mode",
        TEST,
        HEAD + 'run("fireworks.byoc.thing")\n',
        "no integration test tries it",
    ),
    (
        "the_action_group_lists_every_module_that_takes_a_connection",
        "meta/runtime.yml",
        "action_groups: {}\n",
        "lacks it",
    ),
    ("the_action_group_lists_every_module_that_takes_a_connection", THING, HEAD, "takes no `connection`"),
    (
        "no_task_repeats_a_modules_own_default",
        "roles/stack/tasks/main.yml",
        '[{"block": [{"fireworks.byoc.thing": {"size": "{{ stack_size }}"}}]}]',
        "size of thing is 1",
    ),
    (
        "no_task_repeats_a_modules_own_default",
        "playbooks/onboard.yml",
        PLAY + '  tasks: [{"fireworks.byoc.thing": {"size": "{{ size | default(1) }}"}}]\n',
        "playbooks/onboard.yml: size of thing",
    ),
    ("no_plugin_repeats_a_default_of_the_contract", DOMAIN, HEAD + 'x = {}.get("bake", "2m")\n', "thought.py:5: bake"),
    ("no_plugin_repeats_a_default_of_the_contract", KUBE, HEAD + 'Y = "2m"\nx = {}.get("bake") or Y\n', "bake is"),
    ("every_role_has_a_spec_that_equals_its_defaults", DEFAULTS, "stack_size: 2\n", "is 1 in the spec and 2"),
    ("every_role_has_a_spec_that_equals_its_defaults", DEFAULTS, "stack_size: true\n", "is 1 in the spec and True"),
    ("every_role_has_a_spec_that_equals_its_defaults", DEFAULTS, "{}\n", "none in defaults/main.yml"),
    ("every_role_has_a_spec_that_equals_its_defaults", DEFAULTS, "stack_size: 1\nstack_x: 1\n", "not in the spec"),
    (
        "every_role_has_a_spec_that_equals_its_defaults",
        "roles/stack/meta/argument_specs.yml",
        SPEC.replace("stack_size", "size"),
        "does not begin with stack_",
    ),
    ("every_role_has_a_spec_that_equals_its_defaults", DEFAULTS, 'stack_size: "{{ 1 }}"\n', "is 1 in the spec and '{{"),
    (
        "every_role_has_a_spec_that_equals_its_defaults",
        "roles/stack/meta/argument_specs.yml",
        SPEC.replace("        default: 1\n", ""),
        "none in the spec",
    ),
    (
        "every_role_has_a_spec_that_equals_its_defaults",
        "roles/stack/meta/argument_specs.yml",
        SPEC + "      stack__size:\n        type: int\n",
        "stack__size is internal",
    ),
    (
        "every_role_has_a_spec_that_equals_its_defaults",
        "roles/stack/meta/argument_specs.yml",
        SPEC + "      stack_more:\n        type: int\n        default: 1\n",
        "stack_more has a default in the spec and none",
    ),
    (
        "every_role_has_a_spec_that_equals_its_defaults",
        "roles/stack/meta/argument_specs.yml",
        SPEC.replace("Unless given, what", "What"),
        "stack_room is computed",
    ),
    (
        "no_option_of_a_role_is_where_it_beats_the_inventory",
        "roles/stack/vars/main.yml",
        "stack_size: 2\n",
        "stack_size is in vars/main.yml",
    ),
    *(
        (
            "no_list_that_is_given_as_text_is_read_as_its_letters",
            "roles/stack/vars/main.yml",
            "stack__names: " + json.dumps("{{ " + template + " }}"),
            "roles/stack/vars/main.yml: stack_names may be text",
        )
        for template in ("stack_names | map('upper')", "['a'] | difference(stack_names)", "x if y else stack_names[0]")
    ),
    ("every_role_has_a_spec_that_equals_its_defaults", "roles/bare/tasks/main.yml", "[]\n", "no entry point"),
    ("every_role_has_a_readme_and_tasks_for_each_entry_point", "roles/stack/README.md", None, "no README.md"),
    (
        "every_role_has_a_readme_and_tasks_for_each_entry_point",
        "roles/stack/tasks/main.yml",
        None,
        "has no tasks/main.yml",
    ),
    ("every_moment_is_formatted_in_one_place", KUBE, HEAD + 'x = now.strftime("%H")\n', "talk.py:5: formats a moment"),
    ("every_moment_is_formatted_in_one_place", DOMAIN, HEAD + 'x = f"at {now:%H:%M}"\n', "thought.py:5: formats"),
    ("every_moment_is_formatted_in_one_place", THING, MODULE + 'x = f"{now.isoformat()}"\n', "formats a moment"),
    (
        "every_filter_is_shown_to_users_or_says_that_it_is_private",
        "plugins/filter/x.yml",
        "DOCUMENTATION:\n  name: x\n",
        "x.yml: does not say: Private to",
    ),
    (
        "no_message_of_ours_is_changed_by_the_redaction",
        "playbooks/x.yml",
        "- x:\n    next_step: run it with -e admin_kubeconfig=a.kubeconfig\n",
        "admin_kubeconfig=[redacted]",
    ),
    (
        "no_message_of_ours_is_changed_by_the_redaction",
        KUBE,
        HEAD + 'what = f"run it with -e admin_kubeconfig={path}"\n',
        "admin_kubeconfig=[redacted]",
    ),
    ("nothing_is_shown_as_it_came", KUBE, HEAD + 'sys.stderr.write("x")\n', "talk.py: shows what it does not"),
    ("every_playbook_can_be_run_by_its_full_name", "playbooks/on-board.yml", PLAY, "cannot be run"),
    ("every_playbook_is_run_three_times", RERUNS, HEAD + 'Row("onboard")\n', "no row for the playbook retire"),
    ("every_playbook_is_run_three_times", "playbooks/offboard.yml", PLAY, "no row for the playbook offboard"),
    ("every_playbook_is_tested_in_check_mode", "playbooks/offboard.yml", PLAY, "runs offboard.yml"),
    ("no_play_gathers_facts_of_the_controller", "playbooks/onboard.yml", "- hosts: all\n", "gather_facts"),
    (
        "only_the_scaffold_locks_records_and_tells_outcomes",
        "playbooks/tasks/steps.yml",
        "- name: Record it\n  fireworks.byoc.operation_record: {}\n",
        "steps.yml: uses operation_record",
    ),
    (
        "only_the_scaffold_locks_records_and_tells_outcomes",
        "playbooks/onboard.yml",
        PLAY + '  vars: {x: "{{ contract | fireworks.byoc.success_outcome }}"}\n',
        "onboard.yml: uses success_outcome",
    ),
    (
        "every_result_is_told_after_the_verdict",
        "playbooks/onboard.yml",
        PLAY
        + "  tasks:\n    - fireworks.byoc.run_result: {}\n    - name: Judge\n      fireworks.byoc.requirement: {}\n",
        "onboard.yml: 'Judge' comes after the result is told",
    ),
    (
        "no_report_takes_the_result_of_a_failed_task",
        "playbooks/tasks/read.yml",
        "- name: Read\n  register: byoc_read\n- debug: {msg: \"{{ all | selectattr('byoc_read', 'defined') }}\"}\n",
        "byoc_read may be of a task that failed",
    ),
    ("every_operation_is_called_as_its_playbook", "playbooks/bring.yml", OPERATION, "is called retire"),
    ("every_operation_is_called_as_its_playbook", OPERATIONS, HEAD, "playbook retire: its operation is not in"),
    (
        "every_name_of_a_task_says_what_is_done",
        "roles/stack/tasks/main.yml",
        "[{name: Do it, block: [{name: Know whether it is done}]}]",
        "'Know whether it is done'",
    ),
    ("every_name_of_a_task_says_what_is_done", "playbooks/onboard.yml", PLAY.replace("Go", "''"), "has no name"),
    ("every_name_of_a_task_says_what_is_done", "extensions/eda/rule.yml", "[{name: Let it}]", "'Let it'"),
    (
        "every_path_that_an_operator_gives_is_their_own",
        "roles/stack/tasks/main.yml",
        "[{name: Write it, block: [{name: Copy it, ansible.builtin.copy: {content: x, dest: '{{ place }}'}}]}]",
        "{{ place }} is relative to the playbook",
    ),
    (
        "every_refusal_says_what_to_do_next_and_who_has_to",
        "roles/stack/tasks/main.yml",
        "[{name: Refuse it, block: [{name: Assert it, ansible.builtin.assert: {that: false}}]}]",
        "refuses by ansible.builtin.assert",
    ),
    ("the_thinking_does_no_io_and_reads_no_clock", DOMAIN, "from os import environ\n", "imports os.environ"),
    ("the_thinking_does_no_io_and_reads_no_clock", DOMAIN, "import urllib3\n", "imports urllib3"),
    ("the_thinking_does_no_io_and_reads_no_clock", DOMAIN, "open('x')\n", "calls open()"),
    ("the_thinking_does_no_io_and_reads_no_clock", DOMAIN, "datetime.datetime.now()\n", "takes a clock"),
    ("no_floor_knows_the_floors_above_it", KUBE, "from .._domain import thought\n", "_kube imports _domain"),
    ("no_floor_knows_the_floors_above_it", DOMAIN, "from .._operations.x import y\n", "_domain imports _operations"),
    ("no_floor_knows_the_floors_above_it", WORDS, "from .._domain import thought\n", "_vocabulary imports _domain"),
    ("the_talking_names_neither_gpus_nor_models", KUBE, "RESOURCE = 'nvidia.com/gpu'\n", "nvidia.com/gpu"),
    *(
        ("what_was_discovered_may_be_gone_when_it_is_listed", KUBE, listing, "not by items_of")
        for listing in (
            "found = session.list_items(resource.path(namespace), query)\n",
            "path = resource.path(namespace)\nfound = session.list_items(path)\n",
            "found = look(session.list_metadata, kinds[0].path())\n",
        )
    ),
    (
        "an_owner_and_a_next_step_are_worded_in_one_place",
        DOMAIN,
        'x = y.partition(" Next:")\n',
        "thought.py:1: 'Next:'",
    ),
    ("an_owner_and_a_next_step_are_worded_in_one_place", KUBE, 'x = f"{y} Whose move: {z}"\n', "is worded in"),
    (
        "an_owner_and_a_next_step_are_worded_in_one_place",
        "roles/stack/tasks/main.yml",
        "- assert:\n    fail_msg: 'Action required by: customer.'\n",
        "main.yml:2: 'Action required by'",
    ),
    (
        "an_owner_and_a_next_step_are_worded_in_one_place",
        "playbooks/onboard.yml",
        PLAY + "  when: (tried.msg | regex_search('Next: .*')) is none\n",
        "onboard.yml:4",
    ),
    (
        "an_owner_and_a_next_step_are_worded_in_one_place",
        "playbooks/onboard.yml",
        PLAY + "  when: \"'Whose move: the customer' in tried.msg\"\n",
        "onboard.yml:4",
    ),
    *(
        (
            "no_text_has_an_address_or_what_was_printed_in_it_as_it_is",
            KUBE,
            HEAD + f"x = f'at {{{name}}}'\n",
            "is put into a text as it is",
        )
        for name in ("server", "access.server", "it.proxy_url", "done.stderr")
    ),
    (
        "nothing_is_decided_by_a_message",
        "playbooks/onboard.yml",
        PLAY + "  until: tried.msg | default('') is search('denied')\n",
        "onboard.yml:4",
    ),
    (
        "nothing_is_decided_by_a_message",
        "roles/stack/tasks/main.yml",
        "- when: \"'denied' in tried.msg\"\n",
        "main.yml:1",
    ),
    ("no_plugin_file_is_too_long", KUBE, "pass\n" * 401, "401 lines"),
    ("no_plugin_tells_a_number_by_isdigit", KUBE, HEAD + "x = int(y) if y.isdigit() else 0\n", "asks isdigit"),
    ("every_python_file_carries_the_licence", KUBE, "import os\n", "three lines"),
    ("every_python_file_carries_the_licence", KUBE, "\n".join(HEADER) + "\nimport os\n", "annotations"),
    ("every_yaml_file_that_is_shipped_says_its_licence", "playbooks/x.yml", "---\n# A comment\n", "playbooks/x.yml"),
    ("no_file_holds_what_looks_like_a_secret", "docs/x.md", "AKIA" + "A" * 16, "a cloud access key"),
    (
        "no_file_holds_what_looks_like_a_secret",
        "docs/x.md",
        "-----BEGIN " + "PRIVATE KEY-----\n" + "A" * 48,
        "private key",
    ),
    ("no_file_names_a_place_on_somebodys_machine", "docs/x.md", "see " + "/root/" + "secret.txt", "docs/x.md:1"),
    ("no_file_names_a_place_on_somebodys_machine", "docs/x.md", "see " + "/home/" + "jo/x", "docs/x.md:1"),
    ("galaxy_and_the_changelog_agree_on_the_version", "changelogs/changelog.yaml", "releases: {0.2.0: {}}\n", "0.2.0"),
    ("galaxy_and_the_changelog_agree_on_the_version", "changelogs/fragments/1.yml", None, "fragments: 0"),
    (
        "no_command_shows_a_value_that_is_cut_at_a_space",
        "docs/x.md",
        'ansible-playbook x -e reason="a ' + 'new router"\n',
        'reason="a new router" is cut',
    ),
    ("every_link_of_a_page_leads_somewhere", "docs/x.md", "[x](y.md)\n", "y.md: there is no such file"),
    (
        "every_link_of_a_page_leads_somewhere",
        "docs/x.md",
        "# A b\n[x](#a-b)\n[y](x.md#c)\n",
        "x.md#c: there is no such h",
    ),
    (
        "every_command_of_a_page_can_be_run",
        "docs/x.md",
        "`ansible-playbook fireworks.byoc.unheard -i x`\n",
        "no playbook unheard",
    ),
    (
        "every_command_of_a_page_can_be_run",
        "docs/x.md",
        "```sh\nansible-playbook fireworks.byoc.onboard -i x \\\n  -e clusters=x -e revision=3\n```\n",
        "onboard takes no variable revision",
    ),
    (
        "every_command_of_a_page_can_be_run",
        "docs/x.md",
        """`upgrade -e '{"emergency": {"reason": "x"}, "unheard": 1}'`\n""",
        "upgrade takes no variable unheard",
    ),
    (
        "no_new_line_stays_a_backslash_and_an_n",
        "playbooks/x.yml",
        "- vars:\n    text: >-\n      {{ many\n         | join('\\n') }}\n",
        "begins no line",
    ),
    ("no_text_uses_a_word_that_the_glossary_replaces", "docs/x.md", "a\nwe Reckon so\n", "docs/x.md:2: 'Reckon'"),
    ("no_text_uses_a_word_that_the_glossary_replaces", KUBE, "# it is given\n# back\n", "rolled back"),
    ("no_text_uses_a_word_that_the_glossary_replaces", "playbooks/x.yml", "- name: Know the sets\n", "an imperative"),
    ("no_text_uses_a_word_that_the_glossary_replaces", DOMAIN, "whose_move = 1\n", "Action required by"),
]


def write(folder: Path, files: dict[str, str | None]) -> Tree:
    for name, text in files.items():
        if text is not None:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return Tree(folder)


@pytest.mark.parametrize("rule", RULES)
def test_a_sound_collection_keeps(rule, tmp_path):
    assert RULES[rule](write(tmp_path, SOUND)) == []


@pytest.mark.parametrize(("rule", "name", "text", "words"), BROKEN, ids=[f"{case[0]}-{case[3]}" for case in BROKEN])
def test_a_broken_collection_is_told_where(rule, name, text, words, tmp_path):
    problems = RULES[rule](write(tmp_path, {**SOUND, name: text}))
    assert any(words in problem for problem in problems), problems


def test_every_rule_was_seen_broken():
    assert {case[0] for case in BROKEN} == set(RULES)
