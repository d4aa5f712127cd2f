# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Completes the playbooks of fireworks.byoc, the variables of each after -e, and the values of those that have few.
# For bash 4.2 and newer: source it in ~/.bashrc.
# Made from the same table as docs/variables.md, by `python docs/generate.py`.

declare -gA _fireworks_byoc_variables=(
    [approve]="clusters operation digest approved_by admin_kubeconfig requested_by fail_on wanted result_file query approval_until release releases model admin_context lock_wait lock_duration break_lock break_reason records_dir records_dirs records_writer"
    [audit_access]="clusters requested_by fail_on result_file query releases admin_kubeconfig admin_context customers_own lock_wait lock_duration records_dir records_dirs records_writer"
    [capacity]="clusters requested_by fail_on wanted result_file query releases lock_wait lock_duration records_dir records_dirs records_writer"
    [consolidate]="clusters requested_by fail_on wanted result_file query approvals emergency releases lock_wait lock_duration break_lock break_reason records_dir records_dirs records_writer"
    [contract_calendar]="clusters requested_by fail_on moment result_file query releases lock_wait lock_duration records_dir records_dirs records_writer"
    [deploy_models]="clusters requested_by reason fail_on result_file query policy approvals emergency releases lock_wait lock_duration break_lock break_reason records_dir records_dirs records_writer"
    [explain]="clusters requested_by fail_on moment result_file query releases lock_wait lock_duration records_dir records_dirs records_writer"
    [fleet_report]="clusters requested_by fail_on report_file result_file query releases credentials_dir lock_wait lock_duration records_dir records_dirs records_writer"
    [grant_eviction]="clusters requested_by reason admin_kubeconfig fail_on result_file query releases admin_context grant_until nodes lock_wait lock_duration break_lock break_reason records_dir records_dirs records_writer"
    [grant_setup_access]="clusters reason admin_kubeconfig grantee requested_by fail_on result_file query releases admin_context grant_until setup_kubeconfig setup_access_tasks lock_wait lock_duration break_lock break_reason records_dir records_dirs records_writer"
    [hand_over_nodes]="clusters requested_by fail_on result_file query approvals emergency releases lock_wait lock_duration break_lock break_reason records_dir records_dirs records_writer"
    [health]="clusters requested_by fail_on show health_file result_file query releases lock_wait lock_duration records_dir records_dirs records_writer"
    [incident]="clusters requested_by fail_on result_file query releases model lock_wait lock_duration records_dir records_dirs records_writer do incident note owner contact ask alert component bundle_file send_incident incident_dir nodes"
    [issue_operator_credential]="clusters admin_kubeconfig operator_kubeconfig requested_by fail_on result_file query releases admin_context credentials_lifetime lock_wait lock_duration break_lock break_reason records_dir records_dirs records_writer"
    [logs]="clusters requested_by fail_on of since grep lines logs_file result_file query releases lock_wait lock_duration records_dir records_dirs records_writer"
    [mirror]="clusters requested_by fail_on result_file query release mirror_tool releases lock_wait lock_duration records_dir records_dirs records_writer"
    [models]="clusters requested_by fail_on result_file query releases model compare lock_wait lock_duration records_dir records_dirs records_writer"
    [new_contract]="cluster kubeconfig contract_file requested_by fail_on result_file query releases lock_wait lock_duration records_dir records_dirs records_writer kubeconfig_context customer contact_email release"
    [offboard]="clusters confirm requested_by fail_on result_file query releases admin_kubeconfig admin_context lock_wait lock_duration break_lock break_reason records_dir records_dirs records_writer"
    [onboard]="clusters requested_by fail_on result_file query releases admin_kubeconfig admin_context revoke_setup lock_wait lock_duration break_lock break_reason records_dir records_dirs records_writer"
    [plan_cluster_upgrade]="kubernetes clusters requested_by fail_on result_file query releases lock_wait lock_duration records_dir records_dirs records_writer"
    [plan_consolidation]="clusters requested_by fail_on wanted result_file query releases lock_wait lock_duration records_dir records_dirs records_writer"
    [plan_models]="clusters requested_by reason fail_on moment result_file query policy approvals emergency releases lock_wait lock_duration records_dir records_dirs records_writer"
    [plan_presetup]="clusters requested_by fail_on result_file query releases admin_kubeconfig admin_context lock_wait lock_duration records_dir records_dirs records_writer"
    [plan_upgrade]="requested_by release clusters reason fail_on plan_json plan_svg moment result_file query policy approvals emergency deadline durations retry soak_wait releases lock_wait lock_duration records_dir records_dirs records_writer"
    [presetup]="clusters admin_kubeconfig requested_by fail_on result_file query releases admin_context render_to lock_wait lock_duration break_lock break_reason records_dir records_dirs records_writer"
    [remediate]="clusters requested_by fail_on result_file query approvals emergency releases lock_wait lock_duration break_lock break_reason records_dir records_dirs records_writer"
    [remediate_node]="cluster node requested_by fail_on result_file query approvals emergency releases lock_wait lock_duration break_lock break_reason records_dir records_dirs records_writer"
    [retire_model]="clusters model requested_by confirm fail_on result_file query approvals emergency releases retire_drain_timeout lock_wait lock_duration break_lock break_reason records_dir records_dirs records_writer"
    [revocation_drill]="clusters confirm admin_kubeconfig credentials_dir requested_by fail_on result_file query releases admin_context credentials_lifetime drill_refusal_timeout lock_wait lock_duration break_lock break_reason records_dir records_dirs records_writer"
    [revoke_approval]="clusters digest admin_kubeconfig requested_by fail_on result_file query approved_by releases admin_context lock_wait lock_duration break_lock break_reason records_dir records_dirs records_writer"
    [revoke_eviction]="clusters admin_kubeconfig requested_by fail_on result_file query releases admin_context lock_wait lock_duration break_lock break_reason records_dir records_dirs records_writer"
    [revoke_setup_access]="clusters admin_kubeconfig setup_grant requested_by confirm fail_on result_file query releases admin_context setup_kubeconfig end_all_tokens customers_own credentials_dir credentials_lifetime lock_wait lock_duration break_lock break_reason records_dir records_dirs records_writer"
    [rollback_model]="clusters model revision requested_by reason fail_on result_file query releases lock_wait lock_duration break_lock break_reason records_dir records_dirs records_writer"
    [rollback_stack]="clusters to requested_by reason fail_on result_file query releases lock_wait lock_duration break_lock break_reason records_dir records_dirs records_writer"
    [rotate_credentials]="clusters credentials_dir requested_by fail_on result_file query releases admin_kubeconfig admin_context credentials_lifetime credentials_renew_below lock_wait lock_duration break_lock break_reason records_dir records_dirs records_writer"
    [status]="clusters requested_by fail_on result_file query releases lock_wait lock_duration records_dir records_dirs records_writer"
    [support_bundle]="clusters node requested_by fail_on around before after bundle_dir result_file query releases model lock_wait lock_duration records_dir records_dirs records_writer"
    [upgrade]="clusters requested_by release reason fail_on plan_json plan_svg result_file query policy approvals emergency deadline durations retry soak_wait releases lock_wait lock_duration break_lock break_reason records_dir records_dirs records_writer"
    [validate]="clusters requested_by fail_on result_file query releases lock_wait lock_duration records_dir records_dirs records_writer"
    [verify_records]="clusters requested_by fail_on result_file query releases admin_kubeconfig admin_context lock_wait lock_duration records_dir records_dirs audit_log unused_rights records_writer"
    [verify_release]="requested_by fail_on result_file query release releases lock_wait lock_duration records_dir records_dirs records_writer"
)

declare -gA _fireworks_byoc_values=(
    ["approve fail_on"]="waiting"
    ["approve operation"]="deploy_models retire_model upgrade consolidate remediate hand_over_nodes"
    ["audit_access fail_on"]="waiting"
    ["capacity fail_on"]="waiting"
    ["consolidate fail_on"]="waiting"
    ["contract_calendar fail_on"]="waiting"
    ["deploy_models fail_on"]="waiting"
    ["explain fail_on"]="waiting"
    ["fleet_report fail_on"]="waiting"
    ["grant_eviction fail_on"]="waiting"
    ["grant_setup_access fail_on"]="waiting"
    ["hand_over_nodes fail_on"]="waiting"
    ["health fail_on"]="critical error warning info never"
    ["health show"]="critical error warning info"
    ["incident fail_on"]="waiting"
    ["incident do"]="open show note close"
    ["incident owner"]="customer fireworks"
    ["incident contact"]="networking account capacity security support"
    ["issue_operator_credential fail_on"]="waiting"
    ["logs fail_on"]="waiting"
    ["mirror fail_on"]="waiting"
    ["mirror mirror_tool"]="skopeo crane"
    ["models fail_on"]="waiting"
    ["new_contract fail_on"]="waiting"
    ["offboard fail_on"]="waiting"
    ["onboard fail_on"]="waiting"
    ["onboard revoke_setup"]="true false"
    ["plan_cluster_upgrade fail_on"]="waiting"
    ["plan_consolidation fail_on"]="waiting"
    ["plan_models fail_on"]="waiting"
    ["plan_presetup fail_on"]="waiting"
    ["plan_upgrade fail_on"]="waiting"
    ["plan_upgrade retry"]="true false"
    ["presetup fail_on"]="waiting"
    ["remediate fail_on"]="waiting"
    ["remediate_node fail_on"]="waiting"
    ["retire_model fail_on"]="waiting"
    ["revocation_drill fail_on"]="waiting"
    ["revoke_approval fail_on"]="waiting"
    ["revoke_eviction fail_on"]="waiting"
    ["revoke_setup_access fail_on"]="waiting"
    ["revoke_setup_access end_all_tokens"]="true false"
    ["rollback_model fail_on"]="waiting"
    ["rollback_stack fail_on"]="waiting"
    ["rotate_credentials fail_on"]="waiting"
    ["status fail_on"]="waiting"
    ["support_bundle fail_on"]="waiting"
    ["upgrade fail_on"]="waiting"
    ["upgrade retry"]="true false"
    ["validate fail_on"]="waiting"
    ["verify_records fail_on"]="waiting"
    ["verify_records unused_rights"]="true false"
    ["verify_release fail_on"]="waiting"
)

_fireworks_byoc() {
    local line=${COMP_LINE:0:COMP_POINT} playbook="" word
    COMPREPLY=()
    # Not COMP_WORDS: bash cuts those at =.
    local -a words
    read -ra words <<< "$line"
    [[ $line == *" " ]] && words+=("")
    local current=${words[-1]} before=${words[-2]-}
    for word in "${words[@]:1}"; do
        [[ $word == fireworks.byoc.* && -n ${_fireworks_byoc_variables[${word##*.}]+x} ]] && playbook=${word##*.}
    done
    if [[ ($before == -e || $before == --extra-vars) && -n $playbook ]]; then
        if [[ $current == *=* ]]; then
            local values=${_fireworks_byoc_values[$playbook ${current%%=*}]-}
            [[ -n $values ]] && mapfile -t COMPREPLY < <(compgen -W "$values" -- "${current#*=}")
        else
            mapfile -t COMPREPLY < <(compgen -S = -W "${_fireworks_byoc_variables[$playbook]}" -- "$current")
            compopt -o nospace 2> /dev/null
        fi
    elif [[ $current == f* && -z $playbook ]]; then
        local begun=${current#fireworks.byoc.}
        [[ fireworks.byoc. == "$current"* ]] && begun=""
        mapfile -t COMPREPLY < <(compgen -P fireworks.byoc. -W "${!_fireworks_byoc_variables[*]}" -- "$begun")
    fi
}

complete -o default -F _fireworks_byoc ansible-playbook
