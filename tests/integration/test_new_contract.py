# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``fireworks.byoc.new_contract`` asks a real cluster, and what it writes is onboarded without an edit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from tests.integration.ansible_runs import run_playbook

H100 = "NVIDIA-H100-80GB-HBM3"


def given(cluster: Any, folder: Path, /, **more: str) -> list[str]:
    words = {
        "cluster": "acme-eu-9",
        "kubeconfig": str(cluster.kubeconfig),
        "contract_file": str(folder / "acme-eu-9.yml"),
    }
    return ["fireworks.byoc.new_contract", "-e", json.dumps({**words, **more})]


def test_it_writes_a_contract_that_is_previewed_as_it_is_and_never_writes_over_one(bed: Any, tmp_path: Path) -> None:
    cluster, clusters = bed["acme"], tmp_path / "clusters"
    clusters.mkdir()
    file = clusters / "acme-eu-9.yml"
    dry = run_playbook(*given(cluster, clusters), "--check")
    assert dry.returncode == 0 and not file.exists(), dry.stdout
    done = run_playbook(*given(cluster, clusters, contact_email="ops@acme.example"))
    assert done.returncode == 0, done.stdout
    made = yaml.safe_load(file.read_text())
    assert made["identity"]["uid"] == cluster.uid
    assert made["capacity"]["gpus"][0]["product"] == H100
    assert "credential_roots" in done.stdout and "how many do you approve?" in done.stdout
    [root] = [line for line in done.stdout.splitlines() if "directories:" in line]
    source = tmp_path / "fleet.byoc.yml"
    source.write_text(f"plugin: fireworks.byoc.fleet\ncredential_roots:\n  {root.strip()}\n")
    seen = run_playbook("fireworks.byoc.onboard", "-i", str(source), "-e", "clusters=acme-eu-9", "--check")
    assert seen.returncode == 0, seen.stdout
    file.write_text("# mine\n")
    again = run_playbook(*given(cluster, clusters))
    assert again.returncode == 2 and "is there, and may be somebody's work" in " ".join(again.stdout.split())
    assert file.read_text() == "# mine\n"


def test_a_cluster_that_does_not_answer_and_a_name_that_cannot_be_one_write_nothing(bed: Any, tmp_path: Path) -> None:
    bad = run_playbook(*given(bed["acme"], tmp_path, cluster="Acme_EU"))
    assert bad.returncode == 2 and "use lower-case letters" in " ".join(bad.stdout.split()), bad.stdout
    gone = run_playbook(*given(bed["acme"], tmp_path, kubeconfig=str(tmp_path / "none")))
    assert gone.returncode == 2 and "cannot read the kubeconfig" in " ".join(gone.stdout.split())
    assert not list(tmp_path.iterdir())
