# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract's ``access`` section: how the cluster is reached, without a single secret."""

from __future__ import annotations

from .fields import Schema, choice, duration, field, listing, section, text

_PATH_MEANT = "write the path of a file on the machine that runs Ansible"


def _file(title: str, description: str, example: str) -> Schema:
    return text(
        title, description, pattern=r"^[^\u0000-\u001f]+$", meant=_PATH_MEANT, maxLength=1000, examples=[example]
    )


def _environment(title: str, description: str, example: str) -> Schema:
    return text(
        title,
        description,
        pattern="^[A-Za-z_][A-Za-z0-9_]{0,127}$",
        meant="write the name of an environment variable, not its content",
        examples=[example],
    )


# These become literals of an expression. Ansible changes what a backslash means in one, so there is none.
_LITERAL = r'^[^"\\\u0000-\u001f\u007f]*$'
_LITERAL_MEANT = "write it on one line, without double quotes and backslashes"

_LOOKUP = section(
    "Lookup",
    "An Ansible lookup that fetches the credential whenever a task needs it.",
    {
        "plugin": text(
            "Plugin",
            "The lookup plugin's full name. Those who run the fleet decide which ones are allowed, and for what.",
            pattern=r"^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*){2,5}$",
            meant="write its full name, namespace.collection.plugin",
            examples=["community.hashi_vault.vault_kv2_get"],
        ),
        "terms": listing(
            "Terms",
            "What to look up.",
            text("Term", "One term.", pattern=_LITERAL, meant=_LITERAL_MEANT, maxLength=1000, examples=["byoc/acme"]),
            default=[],
            maxItems=20,
            examples=[["byoc/acme"]],
        ),
        "options": field(
            "object",
            "Options",
            "The lookup's options; never a secret.",
            default={},
            examples=[{"engine_mount_point": "kv"}],
            maxProperties=50,
            propertyNames={
                "type": "string",
                "pattern": "^[a-z_][a-z0-9_]*$",
                "patternErrorMessage": "write the option's name in lower-case letters, digits and underscores",
            },
            additionalProperties={
                "type": ["string", "integer", "boolean"],
                "pattern": _LITERAL,
                "patternErrorMessage": _LITERAL_MEANT,
                "maxLength": 1000,
            },
        ),
        "field": text(
            "Field",
            "Where the credential is in what the lookup returns, when it returns a mapping.",
            pattern=r"^[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)*$",
            meant="write keys joined by dots, like secret.kubeconfig",
            examples=["secret.kubeconfig"],
        ),
        "gives": choice("Gives", "What is fetched.", ["kubeconfig", "token"]),
    },
    required=["plugin", "gives"],
    examples=[
        {
            "plugin": "community.hashi_vault.vault_kv2_get",
            "terms": ["byoc/acme"],
            "field": "secret.kubeconfig",
            "gives": "kubeconfig",
        }
    ],
)

CREDENTIAL = section(
    "Credential",
    "Where the credential is: exactly one reference, never the credential itself.",
    {
        "kubeconfig_file": _file(
            "Kubeconfig file", "A kubeconfig, by its path; relative to this file.", "~/.byoc/acme-eu-1.kubeconfig"
        ),
        "kubeconfig_env": _environment(
            "Kubeconfig variable", "An environment variable that holds a kubeconfig's content.", "ACME_KUBECONFIG"
        ),
        "token_file": _file(
            "Token file",
            "A bearer token, by its file's path; relative to this file. Needs `server` and a CA.",
            "/run/secrets/acme-eu-1.token",
        ),
        "token_env": _environment(
            "Token variable",
            "An environment variable that holds a bearer token. Needs `server` and a CA.",
            "ACME_TOKEN",
        ),
        "lookup": _LOOKUP,
    },
    examples=[{"kubeconfig_file": "~/.byoc/acme-eu-1.kubeconfig"}],
    minProperties=1,
    maxProperties=1,
)

_DROPPED = section(
    "Dropped right",
    "Verbs on one resource that one of our identities does without.",
    {
        "identity": text("Identity", "Whose right it is.", examples=["deployer"]),
        "resource": text(
            "Resource",
            "The resource, with its API group, as kubectl writes it.",
            pattern=r"^[a-z]+(/[a-z-]+)?(\.[a-z0-9.-]+)?$",
            meant="write it like pods, pods/proxy or deployments.apps",
            maxLength=200,
            examples=["endpointslices.discovery.k8s.io"],
        ),
        "verbs": listing(
            "Verbs",
            "What it may not do with it any more.",
            choice("Verb", "One verb.", ["get", "list", "watch", "create", "update", "patch", "delete"]),
            minItems=1,
            maxItems=7,
            examples=[["watch"]],
        ),
        "namespace": text(
            "Namespace", "Where; without it in the whole cluster.", maxLength=63, examples=["fireworks-models"]
        ),
    },
    required=["identity", "resource", "verbs"],
    examples=[
        {
            "identity": "deployer",
            "resource": "endpointslices.discovery.k8s.io",
            "verbs": ["watch"],
            "namespace": "fireworks-models",
        }
    ],
)

ACCESS = section(
    "Access",
    "How the cluster is reached.",
    {
        "mode": choice(
            "Mode",
            "standard: an administrative credential during setup. "
            "hardened: the customer's team creates the cluster-wide objects beforehand.",
            ["standard", "hardened"],
            default="standard",
        ),
        "credential": CREDENTIAL,
        "token_lifetime": duration(
            "Token lifetime",
            "How long a token of our accounts may live: from 10m to 24h. The API server refuses a longer one.",
            default="8h",
            examples=["8h"],
        ),
        "dropped_rights": listing(
            "Dropped rights",
            "Rights that our identities do without, as `verify_records -e unused_rights=true` lists them.",
            _DROPPED,
            examples=[_DROPPED["examples"]],
        ),
        "context": text("Context", "The kubeconfig's context. None: its current one.", examples=["acme-eu-1"]),
        "server": text(
            "Server",
            "The API server's address; required with a token, and only given with one.",
            format="byoc-https",
            maxLength=1000,
            examples=["https://api.acme.example:6443"],
        ),
        "ca_file": _file(
            "CA file",
            "Certificates to trust with a token, by their file's path; relative to this file.",
            "acme-eu-1-ca.pem",
        ),
        "ca_cert": text(
            "CA certificate",
            "Certificates to trust with a token, in PEM.",
            format="byoc-certificates",
            maxLength=200_000,
            examples=["-----BEGIN CERTIFICATE-----\n…"],
        ),
        "tls_server_name": text(
            "TLS server name",
            "With a token: the name in the server's certificate, when it is not the address's.",
            examples=["api.acme.example"],
        ),
        "proxy_url": text(
            "Proxy",
            "With a token: a proxy on the way to the API server.",
            format="byoc-proxy",
            maxLength=1000,
            examples=["http://proxy.acme.example:3128"],
        ),
    },
    required=["credential"],
    examples=[{"mode": "standard", "credential": {"kubeconfig_file": "~/.byoc/acme-eu-1.kubeconfig"}}],
)
