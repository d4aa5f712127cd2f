# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The login of a docker config, as docker (cli/config/configfile) and kubelets (pkg/credentialprovider) read it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.registry_login import (
    Login,
    UnreadableConfigError,
    login_for,
)


@pytest.mark.parametrize(
    ("entry", "login"),
    [
        ({"auth": "dTpw"}, Login("u", "p")),
        ({"auth": "dTpwOnE="}, Login("u", "p:q")),
        ({"auth": "dTpw\nOnE=\n"}, Login("u", "p:q")),
        ({"auth": "dTpw\r\nOnE="}, Login("u", "p:q")),
        ({"username": "x", "password": "y"}, Login("x", "y")),
        ({"username": "x", "password": "y", "auth": "dTpw"}, Login("u", "p")),
    ],
)
def test_the_encoded_pair_beats_the_plain_one_and_may_have_line_breaks(entry: dict[str, str], login: Login) -> None:
    assert login_for(json.dumps({"auths": {"r:5000": entry}}), "r:5000") == login


@pytest.mark.parametrize("entry", [{}, {"username": "x"}, {"auth": "%"}, {"auth": "dQ=="}, {"auth": "/w=="}])
def test_what_is_no_pair_is_no_login(entry: dict[str, str]) -> None:
    assert "has no name and password for r" in str(login_for(json.dumps({"auths": {"r": entry}}), "r"))


@pytest.mark.parametrize("config", [{}, {"auths": None}, {"auths": {}}])
def test_a_config_without_logins_has_none(config: dict[str, Any]) -> None:
    assert login_for(json.dumps(config), "r") == "the docker config has no login for r"


@pytest.mark.parametrize("auths", [[1], "x", 5])
def test_logins_that_are_no_mapping_are_refused(auths: Any) -> None:
    with pytest.raises(UnreadableConfigError, match="no mapping auths"):
        login_for(json.dumps({"auths": auths}), "r")
