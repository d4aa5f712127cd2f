# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``access_token``: a ServiceAccount's short-lived credential, and its end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._connection import CONNECTION_SPEC, open_session
from .._domain.access.kubeconfig import kubeconfig_for
from .._domain.access.tokens import Claims, is_due, read_claims
from .._domain.contract.rules import SHORTEST_TOKEN
from .._kube.credential_files import read_file
from .._kube.errors import CredentialError, KubeError, NotFoundError
from .._kube.kubeconfig import Access, read_kubeconfig
from .._kube.permissions import who_am_i
from .._kube.private_file import MODE, mode_of, require_writable, write_private
from .._kube.session import Session
from .._kube.tokens import (
    Account,
    delete_account,
    prove_refused,
    request_token,
    status_of_token,
    uid_of,
    with_token,
)
from .._operation import Context, Operation

#: A server behind a balancer may not have heard of a token's account yet.
_NEW_TOKEN_SECONDS = 10.0

ARGUMENT_SPEC: dict[str, Any] = {
    "connection": CONNECTION_SPEC,
    "service_account": {"type": "str", "required": True},
    "namespace": {"type": "str", "default": "fireworks-system"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "kubeconfig": {"type": "path"},
    "context": {"type": "str"},
    "lifetime": {"type": "int", "default": 28800},
    "renew_below": {"type": "float", "default": 0.5},
    "annotations": {"type": "dict", "default": {}},
    "delete_timeout": {"type": "int", "default": 30},
}

Parameters = Mapping[str, Any]


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Give the account a working credential, or end the account and prove that its token is refused."""
    _check(parameters)
    session = open_session(parameters["connection"], context)
    session.require_expected_cluster()
    account = Account(parameters["namespace"], parameters["service_account"])
    uid = uid_of(session, account)
    if parameters["state"] == "absent":
        return _absent(parameters, context, session, account, uid)
    if not uid:
        raise NotFoundError(
            f"there is no ServiceAccount {account.namespace}/{account.name} to get a token for",
            status=404,
            where=session.where,
            next_step="create the prerequisites first, or correct the name",
        )
    return _present(parameters, context, session, account, uid)


def _check(parameters: Parameters) -> None:
    shortest = SHORTEST_TOKEN.total_seconds()
    if parameters["lifetime"] < shortest:
        raise CredentialError(
            f"`lifetime` is {parameters['lifetime']} s, and the API server gives no token for less than "
            f"{shortest:.0f} s",
            next_step="ask for more",
        )
    if not 0 <= parameters["renew_below"] <= 1:
        raise CredentialError(
            f"`renew_below` is {parameters['renew_below']}, and a share is between 0 and 1", next_step="correct it"
        )


# --- present -------------------------------------------------------------------------------------


def _present(parameters: Parameters, context: Context, session: Session, account: Account, uid: str) -> dict[str, Any]:
    held, why = _held(parameters, session, account, uid)
    if held and not why:
        return {"changed": False, **_about(held, why)}
    if parameters["kubeconfig"]:
        # A token that nobody holds cannot be revoked alone.
        require_writable(parameters["kubeconfig"])
    if context.check_mode:
        return {"changed": True, "user": account.user, "valid_until": "", "lifetime": 0, "why": why}
    asked = parameters["lifetime"]
    token = request_token(session, account, seconds=asked)
    claims = read_claims(token)
    granted = claims.expires - claims.issued
    if granted < asked:
        context.warn(f"{session.where}: the API server granted {account.user} {granted} s instead of {asked} s.")
    text = _kubeconfig(parameters, session.access, account, token, claims)
    _prove_accepted(text, parameters, session, account)
    if parameters["kubeconfig"]:
        write_private(parameters["kubeconfig"], text)
        return {"changed": True, **_about(claims, why)}
    return {"changed": True, **_about(claims, why), "kubeconfig": text}


def _about(claims: Claims, why: str) -> dict[str, Any]:
    lifetime = claims.expires - claims.issued
    return {"user": claims.user, "valid_until": claims.until, "lifetime": lifetime, "why": why}


def _held(parameters: Parameters, session: Session, account: Account, uid: str) -> tuple[Claims | None, str]:
    """What the token in the file says of itself, and why it has to be renewed; empty when it need not."""
    if not parameters["kubeconfig"]:
        return None, "no file keeps it"
    token, why = _token_in(parameters["kubeconfig"], session.access)
    if not token:
        return None, why
    try:
        held = read_claims(token)
    except ValueError as error:
        return None, f"of what is in the file: {error}"
    return held, _why_renew(held, token, parameters, session, account, uid)


def _token_in(path: str, access: Access) -> tuple[str, str]:
    """The token in the file, or why there is none for this server."""
    if not Path(path).exists():
        return "", "there is no file"
    try:
        text = read_file(path, "the kubeconfig", path)
        held = read_kubeconfig(text, context=None, base_dir=str(Path(path).parent), source=path)
    except CredentialError as error:
        return "", error.what
    if _way(held) != _way(access):
        return "", f"the file is for another server, {held.place}, or reaches it in another way"
    return held.token or "", "the file holds no token"


def _way(access: Access) -> tuple[str | None, ...]:
    return access.server, access.ca_pem, access.tls_server_name, access.proxy_url


def _why_renew(held: Claims, token: str, parameters: Parameters, session: Session, account: Account, uid: str) -> str:
    mode = mode_of(parameters["kubeconfig"])
    if held.user != account.user:
        return f"the file is of another account, {held.user}"
    if held.account_uid != uid:
        return "the account was made anew since"
    if is_due(held, time.time(), parameters["renew_below"]):
        return "too little of its life is left"
    if mode != MODE:
        return f"others could read the file, its mode is {mode:04o}"
    if status_of_token(_session(with_token(session.access, token), parameters)) == 401:
        return "the API server does not accept it"
    return ""


def _kubeconfig(parameters: Parameters, access: Access, account: Account, token: str, claims: Claims) -> str:
    cluster = parameters["connection"].get("cluster_name") or "cluster"
    revoke = f"kubectl --namespace {account.namespace} delete serviceaccount {account.name}"
    return kubeconfig_for(
        server=access.server,
        ca_pem=access.ca_pem,
        token=token,
        cluster_name=cluster,
        context=parameters["context"] or cluster,
        user=account.name,
        namespace=account.namespace,
        annotations={
            "account": account.user,
            "contract": cluster,
            "valid until": claims.until,
            **{key: str(text) for key, text in parameters["annotations"].items()},
            "to revoke, with all its other tokens": revoke,
        },
        tls_server_name=access.tls_server_name,
        proxy_url=access.proxy_url,
    )


def _prove_accepted(text: str, parameters: Parameters, session: Session, account: Account) -> None:
    """The kubeconfig as it will be written works, and as this account."""
    access = read_kubeconfig(text, context=None, base_dir="/", source=f"the new credential of {account.user}")
    fresh = _session(access, parameters)
    deadline = time.monotonic() + _NEW_TOKEN_SECONDS
    while status_of_token(fresh) == 401 and time.monotonic() < deadline:
        time.sleep(0.2)
    user = who_am_i(fresh)
    if user != account.user:
        raise KubeError(
            f"the new token of {account.user} authenticates as {user!r}; no file was changed",
            where=session.where,
            next_step="look at how the API server authenticates tokens",
        )


def _session(access: Access, parameters: Parameters) -> Session:
    connection = parameters["connection"]
    return Session(access, cluster_name=connection.get("cluster_name") or "", run=connection.get("run_id") or "")


# --- absent --------------------------------------------------------------------------------------


def _absent(parameters: Parameters, context: Context, session: Session, account: Account, uid: str) -> dict[str, Any]:
    path = parameters["kubeconfig"]
    is_there = bool(path) and Path(path).exists()
    token = _token_to_refuse(path, session, account) if is_there else ""
    result: dict[str, Any] = {"changed": bool(uid) or is_there, "user": account.user, "evidence": {}}
    if context.check_mode:
        return result
    if uid:
        delete_account(session, account, uid=uid)
    if token:
        refusing = _session(with_token(session.access, token), parameters)
        seconds = prove_refused(refusing, seconds=parameters["delete_timeout"])
        result["evidence"] = {"status": 401, "seconds": round(seconds, 1)}
    if is_there:
        Path(path).unlink()
    return result


def _token_to_refuse(path: str, session: Session, account: Account) -> str:
    """The token in the file, if it is this account's: of another one nothing here is the business."""
    token, why = _token_in(path, session.access)
    try:
        user = read_claims(token).user if token else ""
    except ValueError as error:
        user, why = "", str(error)
    if user != account.user:
        raise CredentialError(
            f"{path} holds no token of {account.user} for this cluster ({user or why}); nothing was deleted",
            where=session.where,
            next_step="give the file of this account, or none, if no token is to be proved refused",
        )
    return token


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules={})
