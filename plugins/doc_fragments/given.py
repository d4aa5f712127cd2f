# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a module that decides by what was given to the run, documented once."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  requested_by:
    description: Who asks for it, as an e-mail address. They cannot approve it themselves.
    type: str
    default: ""
  approvals:
    description:
      - Approvals, each with C(by), C(digest) (the result has it; 12 characters are enough), C(given_at), and perhaps
        C(expires_at) and C(source); of one node also with C(node), C(goal) and C(session).
      - Those in the annotation C(byoc.fireworks.ai/approval) of the namespace C(fireworks-system) count too.
    type: list
    elements: dict
    default: []
  emergency:
    description:
      - An emergency, which lifts windows and freezes as far as the contract's C(change.emergency) says.
      - It counts where C(change.approvals.sources) lists where it was found, or the customer has declared one in the
        cluster.
    type: dict
    suboptions:
      approver:
        description: Who declares it, as an e-mail address.
        type: str
        required: true
      reason:
        description: Why.
        type: str
        required: true
      source:
        description: Where it was found. The action says so itself.
        type: str
        choices: [file, awx]
        default: file
"""
