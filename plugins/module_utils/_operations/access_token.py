# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind ``access_token``: a ServiceAccount's short-lived token in a kubeconfig, and its end."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .._connection import CONNECTION_SPEC, open_session
from .._kube.errors import CUSTOMER, CredentialError, KubeError, NotFoundError
from .._kube.kubeconfig import Access, read_kubeconfig
from .._kube.kubeconfig_file import kubeconfig_text
from .._kube.private_file import write_private
from .._kube.session import Session
from .._kube.tokens import Life, delete_account, life_of, prove_refused, request_token, require_user, user_of
from .._operation import Context, Operation

ARGUMENT_SPEC: dict[str, Any] = {
    "connection": CONNECTION_SPEC,
    "service_account": {"type": "str", "required": True},
    "namespace": {"type": "str", "default": "fireworks-system"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "kubeconfig": {"type": "path"},
    "lifetime": {"type": "int", "default": 3600},
    "renew_below": {"type": "float", "default": 0.5},
    "notes": {"type": "list", "elements": "str", "default": []},
    "refusal_timeout": {"type": "int", "default": 60},
}
#: https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
SHORTEST_SECONDS = 600


def run(parameters: dict[str, Any], context: Context) -> dict[str, Any]:
    """Issue, keep or renew the token; or end it."""
    session = open_session(parameters["connection"])
    session.require_expected_cluster()
    path = Path(parameters["kubeconfig"]).expanduser() if parameters["kubeconfig"] else None
    if parameters["state"] == "absent":
        return _end(session, parameters, path, context)
    if parameters["lifetime"] < SHORTEST_SECONDS:
        raise KubeError(
            f"a token of {parameters['lifetime']} s is asked for, and the API server issues none shorter than "
            f"{SHORTEST_SECONDS} s",
            next_step=f"set lifetime to {SHORTEST_SECONDS} or more",
        )
    return _keep_or_issue(session, parameters, path, context)


def _keep_or_issue(session: Session, parameters: dict[str, Any], path: Path | None, context: Context) -> dict[str, Any]:
    namespace, account = parameters["namespace"], parameters["service_account"]
    user = f"system:serviceaccount:{namespace}:{account}"
    kept = _usable(session, path, user, parameters["renew_below"])
    if kept:
        return {"changed": False, **_described(user, kept)}
    if context.check_mode:
        return {"changed": True, "user": user}
    try:
        token = request_token(session, namespace, account, parameters["lifetime"])
    except NotFoundError:
        raise KubeError(
            f"there is no ServiceAccount {namespace}/{account}",
            where=session.where,
            next_step="make it first: the presetup makes the runtime identities, a setup grant its own",
            owner=CUSTOMER,
        ) from None
    require_user(session, token, user)
    text = kubeconfig_text(
        session.access,
        name=session.cluster_name or "cluster",
        user=account,
        namespace=namespace,
        token=token,
        notes=parameters["notes"],
    )
    if path:
        write_private(path, text)
    given = {} if path else {"kubeconfig": text}
    return {"changed": True, **_described(user, life_of(token)), **given}


def _usable(session: Session, path: Path | None, user: str, renew_below: float) -> Life | None:
    """The life of the file's token, if that is worth keeping: of this user and server, alive, and with enough left."""
    found = _read(path)
    if found is None or found.server != session.access.server or not found.token:
        return None
    life = life_of(found.token)
    if life is None or life.share_left(time.time()) < renew_below:
        return None
    return life if user_of(session, found.token) == user else None


def _end(session: Session, parameters: dict[str, Any], path: Path | None, context: Context) -> dict[str, Any]:
    """Delete the account, and prove that the very token in the file is refused before the file goes."""
    namespace, account = parameters["namespace"], parameters["service_account"]
    found = _read(path)
    if context.check_mode:
        return {"changed": _exists(session, namespace, account) or found is not None}
    deleted = delete_account(session, namespace, account)
    proof: dict[str, Any] = {}
    if found is not None and found.token:
        seconds = prove_refused(session, found.token, seconds=parameters["refusal_timeout"])
        proof = {"proof": {"status": 401, "seconds": round(seconds, 1)}}
    if path and found is not None:
        path.unlink(missing_ok=True)
    return {"changed": deleted or found is not None, **proof}


def _exists(session: Session, namespace: str, account: str) -> bool:
    try:
        session.get(f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}")
    except NotFoundError:
        return False
    return True


def _read(path: Path | None) -> Access | None:
    """What the file says, or ``None`` when there is none or it is no kubeconfig."""
    if path is None or not path.exists():
        return None
    try:
        text = path.read_text(encoding="utf-8")
        return read_kubeconfig(text, context=None, base_dir=str(path.parent), source=str(path))
    except (OSError, UnicodeDecodeError, CredentialError):
        return None


def _described(user: str, life: Life | None) -> dict[str, Any]:
    if life is None:
        return {"user": user}
    ends = datetime.fromtimestamp(life.ends, tz=UTC)
    return {"user": user, "valid_until": ends.strftime("%Y-%m-%dT%H:%M:%SZ"), "lifetime": int(life.ends - life.issued)}


OPERATION = Operation(argument_spec=ARGUMENT_SPEC, run=run, rules={})
