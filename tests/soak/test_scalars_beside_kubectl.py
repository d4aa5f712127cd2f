# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single values without quotes, made at random: what we take each for is what kubectl takes it for."""

from __future__ import annotations

import json
import os
import random
import subprocess
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.manifest_yaml import UnreadableError, documents
from byoc_testbed.kubectl import find_kubectl

HEAD = "apiVersion: byoc.example/v1\nkind: Form\nmetadata: {name: a}\nspec:\n"
PIECES = (
    *(
        "0",
        "1",
        "7",
        "9",
        "x",
        "o",
        "b",
        "e",
        "E",
        "+",
        "-",
        ".",
        ":",
        "_",
        "T",
        "Z",
        "n",
        "y",
        "Y",
        "N",
        "=",
        "~",
        "<",
    ),
    *("inf", "nan", "null", "true", "on", "off", "0x", "0o", "0b", "1e", "2026-01-0", "12:3", "0.1", "1_0", ".5", "i"),
)
MANY = 2000


def read(values: list[str]) -> list[Any]:
    [manifest] = documents(HEAD + "".join(f"- {value}\n" for value in values))
    return list(manifest["spec"])


def test_values_at_random_are_what_kubectl_takes_them_for() -> None:
    rng = random.Random(os.environ["BYOC_SOAK_SEED"])  # noqa: S311 (repeatable, not a secret)
    known: dict[str, Any] = {}
    while len(known) < MANY:
        value = "".join(rng.choice(PIECES) for _ in range(rng.choice((1, 1, 2, 2, 3, 3, 4, 5, 6))))
        try:
            [known[value]] = read([value])
        except UnreadableError:
            continue  # stricter than kubectl, or refused by both: tests/manifest_forms.py
    # It reads a file and sets a label, without asking any cluster.
    kubectl = find_kubectl()
    assert kubectl
    command = [kubectl, "label", "--local", "-f", "-", "-o", "json", "byoc=test"]
    text = HEAD + "".join(f"- {value}\n" for value in known)
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    theirs = json.loads(done.stdout)["spec"]
    differ = {value: (ours, its) for (value, ours), its in zip(known.items(), theirs, strict=True)
              if json.dumps(ours) != json.dumps(its)}  # fmt: skip
    assert differ == {}
    assert read(list(known)) == list(known.values())
