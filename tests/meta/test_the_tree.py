# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""This tree keeps the rules. That each rule can be broken is shown in test_the_rules.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.meta import (
    command_rules,
    contract_rules,
    default_rules,
    documentation_rules,
    layer_rules,
    playbook_rules,
    plugin_rules,
    role_rules,
    text_rules,
    word_rules,
    wording_rules,
)
from tests.meta.tree import Tree

RULES: dict[str, Callable[[Tree], list[str]]] = {
    "every_module_has_an_action_of_its_name_and_every_action_is_documented": plugin_rules.actions_missing,
    "every_module_says_truly_whether_it_checks_diffs_and_repeats": plugin_rules.attributes_untrue,
    "every_module_is_tested_on_a_cluster_and_in_check_mode": plugin_rules.untested,
    "the_action_group_lists_every_module_that_takes_a_connection": plugin_rules.action_group_wrong,
    "every_filter_is_shown_to_users_or_says_that_it_is_private": plugin_rules.filters_neither_public_nor_private,
    "every_role_has_a_spec_that_equals_its_defaults": role_rules.specs_unlike_defaults,
    "no_list_that_is_given_as_text_is_read_as_its_letters": role_rules.lists_read_as_letters,
    "no_option_of_a_role_is_where_it_beats_the_inventory": role_rules.options_that_beat_the_inventory,
    "no_task_repeats_a_modules_own_default": default_rules.modules_defaults_repeated,
    "no_plugin_repeats_a_default_of_the_contract": default_rules.contracts_defaults_repeated,
    "no_optional_key_of_a_contract_is_read_as_if_it_were_there": contract_rules.optional_keys_read_as_if_there,
    "every_role_has_a_readme_and_tasks_for_each_entry_point": role_rules.roles_undescribed,
    "every_playbook_can_be_run_by_its_full_name": role_rules.playbooks_misnamed,
    "every_playbook_is_tested_in_check_mode": role_rules.playbooks_unchecked,
    "no_play_gathers_facts_of_the_controller": role_rules.playbooks_gathering_facts,
    "only_the_scaffold_locks_records_and_tells_outcomes": playbook_rules.operations_beside_the_scaffold,
    "every_operation_is_called_as_its_playbook": playbook_rules.operations_misnamed,
    "every_playbook_is_run_three_times": playbook_rules.playbooks_not_run_again,
    "every_result_is_told_after_the_verdict": playbook_rules.results_before_their_verdict,
    "no_report_takes_the_result_of_a_failed_task": playbook_rules.results_shown_though_they_failed,
    "every_name_of_a_task_says_what_is_done": playbook_rules.names_without_deeds,
    "every_refusal_says_what_to_do_next_and_who_has_to": playbook_rules.refusals_without_an_owner,
    "every_path_that_an_operator_gives_is_their_own": playbook_rules.paths_left_relative,
    "the_thinking_does_no_io_and_reads_no_clock": layer_rules.thinking_that_acts,
    "no_floor_knows_the_floors_above_it": layer_rules.floors_crossed,
    "what_was_discovered_may_be_gone_when_it_is_listed": layer_rules.listings_of_what_may_be_gone,
    "the_talking_names_neither_gpus_nor_models": layer_rules.talking_of_serving,
    "an_owner_and_a_next_step_are_worded_in_one_place": wording_rules.wording_elsewhere,
    "no_text_has_an_address_or_what_was_printed_in_it_as_it_is": wording_rules.secrets_worded,
    "nothing_is_decided_by_a_message": wording_rules.decided_by_wording,
    "no_message_of_ours_is_changed_by_the_redaction": wording_rules.messages_redacted,
    "no_plugin_file_is_too_long": text_rules.too_long,
    "no_plugin_tells_a_number_by_isdigit": text_rules.digits_told_by_isdigit,
    "nothing_is_shown_as_it_came": text_rules.shown_as_it_came,
    "every_moment_is_formatted_in_one_place": text_rules.moments_formatted_elsewhere,
    "every_python_file_carries_the_licence": text_rules.without_licence,
    "every_yaml_file_that_is_shipped_says_its_licence": text_rules.yaml_without_licence,
    "no_file_holds_what_looks_like_a_secret": text_rules.secrets_inside,
    "no_file_names_a_place_on_somebodys_machine": text_rules.machine_places,
    "galaxy_and_the_changelog_agree_on_the_version": text_rules.versions_apart,
    "no_command_shows_a_value_that_is_cut_at_a_space": command_rules.values_cut_at_a_space,
    "every_link_of_a_page_leads_somewhere": documentation_rules.links_to_nowhere,
    "every_command_of_a_page_can_be_run": documentation_rules.commands_that_cannot_be_run,
    "no_new_line_stays_a_backslash_and_an_n": command_rules.newlines_that_stay_letters,
    "no_text_uses_a_word_that_the_glossary_replaces": word_rules.replaced_words,
}
TREE = Tree(Path(__file__).resolve().parents[2])


@pytest.mark.parametrize("rule", RULES)
def test_rule(rule):
    problems = RULES[rule](TREE)
    assert not problems, "\n".join(["", *problems])
