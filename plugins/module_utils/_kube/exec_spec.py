# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kubeconfig's ``exec`` section gives its plugin: arguments and environment variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .errors import CredentialError

VERSIONS = tuple(f"client.authentication.k8s.io/{version}" for version in ("v1", "v1beta1", "v1alpha1"))
_MODES = (None, "", "Never", "IfAvailable", "Always")


def arguments_of(spec: Mapping[str, Any], source: str) -> list[str]:
    """The arguments, as kubectl reads them: one that is null is empty.

    :raises CredentialError: they are no list of texts.
    """
    given = spec.get("args")
    found = [] if given is None else _without_nulls(given)
    if not isinstance(found, list) or not all(can_be_given(each) for each in found):
        raise CredentialError(
            "the kubeconfig's `exec.args` is no list of texts", where=source, next_step="quote each of them"
        )
    return found


def variables_of(spec: Mapping[str, Any], source: str) -> Iterator[tuple[str, str]]:
    """Names and values, as kubectl reads them: a variable without a value is empty.

    :raises CredentialError: they are no list of such.
    """
    given = spec.get("env")
    given = [] if given is None else given
    for each in given if isinstance(given, (list, tuple)) else [given]:
        name, value = (each.get("name"), each.get("value")) if isinstance(each, Mapping) else (None, None)
        value = "" if value is None else value
        if not (can_be_given(name) and can_be_given(value)) or not name or "=" in name:
            raise CredentialError(
                "the kubeconfig's `exec.env` is no list of names and values, which are texts",
                where=source,
                next_step="give each as {name: …, value: …}, and quote the values",
            )
        yield name, value


def check_mode(spec: Mapping[str, Any], source: str) -> None:
    """:raises CredentialError: the plugin wants to ask a person something."""
    mode = spec.get("interactiveMode")
    if mode not in _MODES:
        raise CredentialError(
            "the kubeconfig's `exec.interactiveMode` is none of Never, IfAvailable, Always",
            where=source,
            next_step="correct the kubeconfig",
        )
    if mode == "Always":
        raise CredentialError(
            "the kubeconfig's exec plugin asks somebody at a terminal (interactiveMode: Always): there is none here",
            where=source,
            next_step="give a plugin that needs nobody (interactiveMode: Never), or a token",
        )


def can_be_given(value: Any) -> bool:
    """Whether a program can be given this, as an argument or a variable."""
    return isinstance(value, str) and "\0" not in value and not any("\ud800" <= one <= "\udfff" for one in value)


def _without_nulls(given: Any) -> Any:
    return ["" if each is None else each for each in given] if isinstance(given, (list, tuple)) else given
