# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pools of connections to one API server, straight or through a proxy."""

from __future__ import annotations

import traceback
from typing import Any

from .kubeconfig import Access
from .proxies import proxy_of
from .tls import proxy_context, tls_context

try:
    import urllib3
except ImportError:  # reported by Operation before anything runs
    URLLIB3_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    URLLIB3_IMPORT_ERROR = None


def pool_of(access: Access, *, cert_pem: str | None, key_pem: str | None, connections: int) -> urllib3.PoolManager:
    """A pool of so many connections, with this client certificate, or with none.

    :raises CredentialError: a certificate, key or proxy that cannot be used.
    """
    options: dict[str, Any] = {
        "maxsize": connections,
        "ssl_context": tls_context(ca_pem=access.ca_pem, cert_pem=cert_pem, key_pem=key_pem, source=access.source),
    }
    if access.tls_server_name:
        options["server_hostname"] = access.tls_server_name
        options["assert_hostname"] = access.tls_server_name
    if not access.proxy_url:
        return urllib3.PoolManager(**options)
    proxy = proxy_of(access.proxy_url, access.source)
    if proxy.url.startswith("https:"):
        options["proxy_ssl_context"] = proxy_context(access.ca_pem, access.source)
    return urllib3.ProxyManager(proxy.url, proxy_headers=dict(proxy.headers), **options)
