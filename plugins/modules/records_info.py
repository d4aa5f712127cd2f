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
seealso:
  - module: fireworks.byoc.operation_record
"""

EXAMPLES = r"""
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
  description: Where the chains end, as the cluster knows it; empty when it knows of none.
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
