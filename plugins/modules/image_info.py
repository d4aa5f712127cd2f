#!/usr/bin/python
# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask registries which images they have."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_info
short_description: Ask registries which images they have
version_added: 0.1.0
author:
  - Fireworks AI (@fw-ai)
description:
  - Asks the registry of each image for its manifest by digest, by the registry's HTTP API (version 2), from the machine
    that the task runs on. Pulls nothing, and asks no cluster.
  - Only a registry for which O(docker_config) has a name and a password is asked. They are sent only once the registry
    wants them, by HTTPS, and only to it and to servers of the domain that it is in. Programs that a docker config names
    for credentials are not run.
  - Follows no redirect, uses no proxy of the environment, and verifies the registry by the trust store of the machine.
  - Whatever a registry answers, and that it does not, is a result, not a failure of the task. A O(docker_config) that
    cannot be read is a failure.
extends_documentation_fragment:
  - fireworks.byoc.attributes.info
options:
  images:
    description: The images, each with its registry and its digest.
    type: list
    elements: str
    required: true
  docker_config:
    description: The file that C(docker login) writes. Without it no registry is asked.
    type: path
    default: ""
  timeout:
    description: The deadline of all of it, in seconds.
    type: int
    default: 15
"""

EXAMPLES = r"""
- name: Ask the customer's registry for our images
  fireworks.byoc.image_info:
    images: "{{ contract | fireworks.byoc.image_question(lookup('fireworks.byoc.stack_release', contract.stack)) }}"
    docker_config: ~/.docker/config.json
  register: asked
"""

RETURN = r"""
images:
  description: Each image.
  type: list
  elements: dict
  returned: success
  contains:
    image:
      description: The image.
      type: str
      returned: success
    asked:
      description: Whether its registry was asked.
      type: bool
      returned: success
    state:
      description: V(present), V(missing), or V(unknown) where the registry was not asked, or did not tell.
      type: str
      returned: success
    why:
      description: Why it is not known; else empty.
      type: str
      returned: success
"""

from ansible_collections.fireworks.byoc.plugins.module_utils._operation import run_as_module
from ansible_collections.fireworks.byoc.plugins.module_utils._operations.image_info import OPERATION


def main() -> None:
    run_as_module(OPERATION)


if __name__ == "__main__":
    main()
