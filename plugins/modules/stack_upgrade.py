#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring the stack of one cluster to another release, gated, and rolled back whole when it does not pass."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_upgrade
short_description: Bring the stack of a cluster to another release
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Brings the set C(stack) to another release, in one call. First the API server dry-runs every object, and what it
    refuses has written nothing. A stack that is not ready is not upgraded.
  - Then the whole set as it was applied is kept in the cluster, in an immutable ConfigMap. A set with a Secret is
    refused, since whoever may read ConfigMaps would read it.
  - Components are applied one after the other, in the release's order, each waited for before the next. Only when all
    are ready is removed what the release no longer has.
  - Then the release has to hold for O(bake) - everything is ready, no pod restarts, and no model has fewer replicas
    ready than before. Only then does the set's parent name the new release.
  - A release that does not pass, or not before O(deadline), is rolled back. The old one is restored object for object
    and waited for, and the cluster remembers what failed, when and why. The same release is not tried again there
    unless O(retry) says so or its digest is another.
  - A run that was killed anywhere is finished by the next one. A run that wants another release takes the place of
    one that is stuck.
extends_documentation_fragment:
  - fireworks.byoc.attributes
  - fireworks.byoc.connection
attributes:
  check_mode:
    support: full
    details: The server dry-runs every object of the release; what would be restored is dry-run likewise.
  diff_mode:
    support: full
    details: The diff is between the live objects and the server's dry-run of the release.
  idempotent:
    support: full
options:
  state:
    description: V(present) brings a release. V(restored) puts back one that was there, from its backup, or aborts
      the unfinished upgrade that leads away from it.
    type: str
    choices: [present, restored]
    default: present
  release:
    description: The release's version, like C(2026.12.0). With O(state=restored) and without it, the task fails and
      names the release that was there before.
    type: str
  release_digest:
    description: A digest of everything that the release consists of. By it a release that was corrected is told from
      one that failed.
    type: str
  components:
    description: The release's components, in the order in which they are applied.
    type: list
    elements: dict
    suboptions:
      name:
        description: The component's name.
        type: str
        required: true
      definition:
        description: Its manifests.
        type: raw
      template:
        description: A template of its manifests, rendered on the controller with the task's variables.
        type: path
  definition:
    description: Manifests that belong to every release, like the entry point. They are applied first.
    type: raw
  requested_by:
    description: Who asked for this change. Unless given, the name under which the API server knows this identity.
    type: str
  reason:
    description: Why, in a few words.
    type: str
    default: ""
  retry:
    description: Try a release again that failed here.
    type: bool
    default: false
  bake:
    description: How long the release has to hold, in seconds.
    type: int
    default: 300
  component_timeout:
    description: How long a component, and the old release when it is restored, may take to become ready, in seconds.
    type: int
    default: 600
  deadline:
    description: When a release that has not passed has failed, in seconds after the beginning of this run.
    type: int
    default: 3600
  http_request:
    description:
      - Whether requests are sent through the router, before the upgrade and until it has held. The router is asked for
        its models, and each of them for one token.
      - What was answered before has to be answered afterwards. What was not is not judged, and the evidence says so.
    type: bool
    default: true
  history:
    description: How many upgrades are kept with their backups. The last good one always is.
    type: int
    default: 10
seealso:
  - module: fireworks.byoc.apply_set
  - module: fireworks.byoc.cluster_info
"""

EXAMPLES = r"""
- name: Bring a release
  fireworks.byoc.stack_upgrade:
    connection: "{{ byoc_connection }}"
    release: "{{ release.version }}"
    release_digest: "{{ release.digest }}"
    components:
      - name: router
        template: router.yml.j2

- name: Go back to the release before
  fireworks.byoc.stack_upgrade:
    connection: "{{ byoc_connection }}"
    state: restored
    release: 2026.11.0
    reason: slower answers
"""

RETURN = r"""
action:
  description: What was done, by what earlier runs had left - V(nothing), V(begin), V(resume), V(supersede), V(rollback)
    or V(abort).
  type: str
  returned: success
  sample: begin
release:
  description: The release that is there now.
  type: str
  returned: success
  sample: 2026.12.0
from:
  description: The release that was there before.
  type: str
  returned: success
  sample: 2026.11.0
reason:
  description: Why that was done.
  type: str
  returned: success
evidence:
  description: By what the release is known to be good.
  type: str
  returned: success
  sample: 9 objects ready, nothing restarted, and models serve as before for 300 s
objects:
  description: The objects of the set, each with its C(kind), C(namespace), C(name) and C(action), and the hashes of
    what it was and becomes.
  type: list
  elements: dict
  returned: success
pruned:
  description: The objects that the release no longer has.
  type: list
  elements: str
  returned: success
owner:
  description: Who has to act; V(operator), V(fireworks) or V(customer).
  type: str
  returned: failure
  sample: operator
code:
  description: What went wrong, as a stable word. C(what), C(where) and C(next_step) describe it.
  type: str
  returned: failure
  sample: unreachable
error:
  description: The kind of the failure. V(UpgradeError) has put the old release back, V(UnfinishedError) has not come
    to an end yet, V(FailedBeforeError), V(NotReadyError), V(NoRoomError) and V(NoTargetError) have begun nothing.
  type: str
  returned: failure
  sample: UpgradeError
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.stack_upgrade import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
