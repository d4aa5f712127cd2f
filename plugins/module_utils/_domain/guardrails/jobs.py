# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Job of ours may be: the one that fetches the weights of a model that the contract stages."""

from __future__ import annotations

from ..contract.typed import Contract
from ..guardrail_names import JOBS_GUARDRAIL
from ..loading import load_deadline
from ..model.staged import staged_claim, staged_models
from ..model.staging import TRIES
from ..names import MANAGED_BY_LABEL, NAME_LABEL, PART_OF_LABEL, STAGES_LABEL, model_set
from .ours import OF_A_MODEL, only, policy_of_specs
from .policy import Policy, Rule, literal
from .workloads import gpus_of

_WHY = (
    "Fireworks makes Jobs only to fetch the weights of a model of the contract onto its own claim (models:"
    " weights_cache.stage): one pod at a time, without GPUs, which ends by itself and gets no requests."
)
# What the API server itself fills in is among them.
_FIELDS = (
    "parallelism",
    "completions",
    "completionMode",
    "backoffLimit",
    "activeDeadlineSeconds",
    "selector",
    "manualSelector",
    "suspend",
    "podReplacementPolicy",
    "template",
)
_JOBS_OWN = ("controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name")
_LABELS = (MANAGED_BY_LABEL, PART_OF_LABEL, NAME_LABEL, STAGES_LABEL, *_JOBS_OWN)


def jobs_policy(contract: Contract) -> Policy:
    """The guardrail ``fireworks-jobs``."""
    staged = {
        str(model["name"]): {"claim": staged_claim(model), "seconds": str(load_deadline(model))}
        for model in staged_models(contract)
    }
    return policy_of_specs(
        JOBS_GUARDRAIL,
        _WHY,
        [("batch", "*", "jobs")],
        (_OF_ITS_MODEL, _ENDS, _PLAIN),
        {
            "staged": literal(staged),
            "labels": "variables.spec.?template.?metadata.?labels.orValue({})",
            "model": f"variables.labels[?{literal(STAGES_LABEL)}].orValue('')",
            "its": "variables.staged[?variables.model].orValue({'claim': '', 'seconds': '0'})",
            "pod": "variables.spec.?template.?spec.orValue({})",
        },
    )


_OF_ITS_MODEL = Rule(
    f"{OF_A_MODEL} && variables.model in variables.staged"
    " && variables.name.startsWith(variables.model + '-weights-')"
    f" && dyn(object).metadata.?labels[?{literal(PART_OF_LABEL)}].orValue('')"
    f" == {literal(model_set(''))} + variables.model"
    f" && {only('variables.labels', _LABELS)}",
    "A Job fetches the weights of a model that the contract stages (models: weights_cache.stage), is named after it,"
    " and its pod has no label by which requests reach it.",
)
_ENDS = Rule(
    f"{only('variables.spec', _FIELDS)}"
    " && variables.spec.?parallelism.orValue(1) == 1 && variables.spec.?completions.orValue(1) == 1"
    " && variables.spec.?completionMode.orValue('NonIndexed') == 'NonIndexed'"
    " && !variables.spec.?manualSelector.orValue(false)"
    # One that is taken up again has all its time again.
    " && !variables.spec.?suspend.orValue(false)"
    f" && variables.spec.?backoffLimit.orValue(6) <= {TRIES - 1}"
    " && variables.spec.?activeDeadlineSeconds.hasValue()"
    " && variables.spec.activeDeadlineSeconds <= int(variables.its.seconds)"
    " && variables.pod.?restartPolicy.orValue('') == 'Never'",
    f"A Job runs one pod at a time, at most {TRIES}, and ends within the model's load_timeout.",
)
_PLAIN = Rule(
    "variables.pod.?containers.orValue([]).size() == 1 && variables.pod.?initContainers.orValue([]).size() == 0"
    f" && ({gpus_of('variables.pod')}) == 0 && variables.pod.?priorityClassName.orValue('') == ''"
    " && variables.pod.?volumes.orValue([]).all(v, !has(v.persistentVolumeClaim)"
    " || v.persistentVolumeClaim.claimName == variables.its.claim)",
    "The pod of a Job is one container without GPUs and priority, and mounts no claim but its model's"
    " (weights_cache.claim).",
)
