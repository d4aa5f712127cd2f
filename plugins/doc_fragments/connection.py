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
      run_id:
        description:
          - The id of the run, which each request carries in its C(User-Agent), so that an audit log tells whose it was.
          - Unless given, that of the playbook; without one, C(-).
        type: str
      kubeconfig:
        description: A kubeconfig's content.
        type: str
      kubeconfig_file:
        description: The path of a kubeconfig. C(~) is expanded; environment variables are not.
        type: str
      kubeconfig_env:
        description: The name of an environment variable that holds a kubeconfig's content.
        type: str
      context:
        description: The kubeconfig's context; its current one when not given.
        type: str
      exec_plugins:
        description:
          - The commands that a kubeconfig may run to get its credential, each with a list of the environment variables
            that it may set for it. None unless given.
          - A command without a slash is looked up on the E(PATH) of the user that runs Ansible.
        type: dict
      credential_directories:
        description:
          - The directories that files named in a kubeconfig may lie in, besides the kubeconfig's own.
        type: list
        elements: str
      server:
        description:
          - The API server's URL (C(https://) only, without user info and query).
          - Required with a token, and only given with one, as are the options after it.
            What a kubeconfig holds is only sent to the kubeconfig's own server.
        type: str
      token:
        description: A bearer token.
        type: str
      token_file:
        description: The path of a file that holds a bearer token; read again as it rotates.
        type: str
      token_env:
        description: The name of an environment variable that holds a bearer token.
        type: str
      ca_file:
        description: The path of the PEM certificates to trust. A token needs this or O(connection.ca_cert).
        type: str
      ca_cert:
        description: The PEM certificates to trust. A token needs this or O(connection.ca_file).
        type: str
      tls_server_name:
        description: The name expected in the server's certificate, when it is not the host of its URL.
        type: str
      proxy_url:
        description: The HTTP proxy to go through with a token.
        type: str
requirements:
  - urllib3
  - PyYAML
"""
