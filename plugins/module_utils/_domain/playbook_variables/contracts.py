# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of ``new_contract`` that no other playbook takes so."""

from __future__ import annotations

from .variable import Kind, Variable

OF_CONTRACTS = ("new_contract",)

CONTRACT_VARIABLES = (
    Variable("cluster", Kind.TEXT, "the name that the cluster gets", OF_CONTRACTS, required=OF_CONTRACTS),
    Variable("kubeconfig", Kind.PATH, "the credential to ask it with", OF_CONTRACTS, required=OF_CONTRACTS),
    Variable("kubeconfig_context", Kind.TEXT, "the kubeconfig's context", OF_CONTRACTS, default="its current one"),
    Variable("contract_file", Kind.PATH, "where the contract is written", OF_CONTRACTS, required=OF_CONTRACTS),
    Variable("customer", Kind.TEXT, "whose cluster it is", OF_CONTRACTS, default="the first word of its name"),
    Variable("contact_email", Kind.TEXT, "who answers for it", OF_CONTRACTS, default="to be edited"),
    Variable("release", Kind.TEXT, "the release of the stack", OF_CONTRACTS, default="the stable one"),
)
