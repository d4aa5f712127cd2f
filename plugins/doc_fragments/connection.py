# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``connection`` option, documented once."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  connection:
    description:
      - How to connect to the cluster. Exactly one credential must be given.
      - Nothing is ever taken from C(~/.kube/config), E(KUBECONFIG) or a pod's service account unless it is named here.
      - The P(fireworks.byoc.fleet#inventory) inventory builds it from the contract, as the host variable
        C(byoc_connection); set it once for a play with C(module_defaults) and the action group
        C(fireworks.byoc.cluster).
    type: dict
    required: true
    suboptions:
      cluster_name:
        description: The cluster's name, for messages.
        type: str
      cluster_uid:
        description:
          - The UID of the cluster's C(kube-system) namespace. If another cluster answers, the task fails.
          - Must be given for anything that writes.
        type: str
      kubeconfig:
        description: A kubeconfig's content.
        type: str
      kubeconfig_file:
        description: The path of a kubeconfig.
        type: path
      kubeconfig_env:
        description: The name of an environment variable that holds a kubeconfig's content.
        type: str
      context:
        description: The kubeconfig's context; its current one when not given.
        type: str
      server:
        description: The API server's URL (C(https://) only). Needed with a token; overrides the kubeconfig's.
        type: str
      token:
        description: A bearer token.
        type: str
      token_file:
        description: The path of a file that holds a bearer token; read again as it rotates.
        type: path
      token_env:
        description: The name of an environment variable that holds a bearer token.
        type: str
      ca_file:
        description: The path of the PEM certificates to trust; overrides the kubeconfig's.
        type: path
      ca_cert:
        description: The PEM certificates to trust; overrides the kubeconfig's.
        type: str
      tls_server_name:
        description: The name expected in the server's certificate, when it is not the host of its URL.
        type: str
      proxy_url:
        description: The HTTP proxy to go through.
        type: str
requirements:
  - urllib3
  - PyYAML
"""
