#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the records of a cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: records_info
short_description: Check the records of a cluster
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Reads the files of records of a cluster and compares them, link by link, with each other and with the end of the
    chain that the cluster knows of. Changes nothing.
  - Or, with O(audit_log), compares them with the audit log of the cluster's API server, and asks no cluster.
  - Finds lines that were changed, removed, moved, cut off at the end, or put in, and names the first.
extends_documentation_fragment:
  - fireworks.byoc.attributes.info
  - fireworks.byoc.connection
options:
  directories:
    description: The folders of records, one for each controller. Lines of a controller whose folder is not here are not
      proved, and that is said. Set E(BYOC_RECORDS_DIR) to use another one by default.
    type: list
    elements: str
    default: ~/.byoc/records
  audit_log:
    description:
      - The files of the audit logs of all API servers, as they write them (one C(audit.k8s.io/v1) event in a line, or
        a batch of them, of any level), or compressed by gzip. A relative path is relative to the folder in which the
        task is run.
      - Each write of one of our accounts has to belong to a recorded run, by the C(User-Agent), the time, the identity
        and the object, and to a clause of the contract, and each read and dry run to a clause; and each recorded object
        has to be in the log.
    type: list
    elements: path
  contract:
    description: The contract of the cluster. Required with O(audit_log).
    type: dict
  contract_digest:
    description: The contract's digest, as records have it; that runs were recorded under another contract is then said.
    type: str
    default: ""
seealso:
  - module: fireworks.byoc.operation_record
"""

EXAMPLES = r"""
- name: Compare the records with the audit log
  fireworks.byoc.records_info:
    connection: "{{ byoc_connection }}"
    directories: [records]
    audit_log: [audit.log, audit-2026-11-29.log.gz]
    contract: "{{ contract }}"
  register: records

- name: Check the records of two controllers
  fireworks.byoc.records_info:
    connection: "{{ byoc_connection }}"
    directories: [records/ctl-1, records/ctl-2]
  register: records
"""

RETURN = r"""
report:
  description: C(ok), whether nothing is broken; C(broken), the first broken link; C(unproven), what these files and the
    cluster cannot prove; C(lines), how many there are.
  type: dict
  returned: success
files:
  description: The files that were read.
  type: list
  elements: str
  returned: success
head:
  description: Where the chains end, as the cluster knows it; empty when it knows of none, or was not asked.
  type: dict
  returned: success
audit:
  description: What came of O(audit_log), and empty without one or where the records do not hold. C(ok), whether no
    call is outside the contract and nothing recorded is missing. C(outside), the calls that are, each with C(line),
    C(time), C(user), C(verb), C(object) and C(why). C(missing), the recorded objects that are not in the log.
    C(attempts), the calls that would have been outside, and were refused. C(allowed), how many writes by C(identity),
    C(operation) and C(clause). C(unused_rights), the rights that an identity has and never used in this log, each with
    C(needed_by), the playbooks that use it on other days, and C(drop), an entry for the contract's
    C(access.dropped_rights) with what no playbook needs.
    C(unproven), what the log cannot tell. C(lines), C(from), C(to), C(writes), C(dry_runs) and C(failed), what was
    read.
  type: dict
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
  description: The kind of failure.
  type: str
  returned: failure
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.records_info import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
