# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docs/start.md and docs/guides tell to run is run as it stands there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from byoc_testbed import ClusterSpec, NodePool, Testbed
from tests.integration.ansible_runs import ROOT, run_script

START, BESIDE = ROOT / "docs" / "start.md", ROOT / "docs" / "guides" / "kubernetes-core.md"
FOLDER = "build/fleet"
#: What the fixture does instead: it starts the same cluster.
ELSEWHERE = ("git clone ", "make setup", ". .venv/bin/activate", "PYTHONPATH=tests/testbed python -m byoc_testbed run ")


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def run(script: str, folder: Path, bed: Testbed) -> subprocess.CompletedProcess[str]:
    places = {"BYOC_TESTBED_DIR": str(bed.folder), "BYOC_RECORDS_DIR": str(folder / "records")}
    return run_script(script.replace(FOLDER, str(folder)), **places)


@pytest.mark.soak
def test_the_first_quarter_of_an_hour_is_as_it_is_described(tmp_path: Path) -> None:
    """The commands of the page alone, on the cluster that it describes; then the guide beside kubernetes.core."""
    told = []
    with Testbed.start([ClusterSpec("acme", pools=[NodePool("h100", count=2, provider="aws")])]) as bed:
        for block in blocks(START, "sh"):
            script = "\n".join(line for line in block.splitlines() if not line.startswith(ELSEWHERE))
            done = run(script, tmp_path, bed)
            assert done.returncode == 0, f"{script}\n{done.stdout}"
            told.append(done.stdout)
        preview, onboarded, deployed, scoped = told[-4:]
        assert re.search(r"\d+ objects would be created", preview), preview
        assert re.search(r"ONBOARD acme-eu-1\s+done", onboarded), onboarded
        assert re.search(r"DEPLOY MODELS acme-eu-1\s+done", deployed), deployed
        assert re.search(r"ROTATE CREDENTIALS acme-eu-1\s+done", scoped), scoped
        assert re.search(r"DEPLOY MODELS acme-eu-1\s+unchanged", scoped), scoped
        for each in (deployed, scoped):
            assert re.search(r"acme-eu-1 +acme +ready +\S+ +1/1 ", each), each
        beside_kubernetes_core(tmp_path, bed)


def beside_kubernetes_core(folder: Path, bed: Testbed) -> None:
    [playbook], [command] = blocks(BESIDE, "yaml"), blocks(BESIDE, "sh")
    (folder / "beside.yml").write_text(f"---\n{playbook}")
    observer = 'export ACME_KUBECONFIG="$(cat credentials/acme-eu-1-observer.kubeconfig)"'
    as_the_team = command.replace("~/.kube/config", "$BYOC_TESTBED_DIR/acme.kubeconfig")
    for changed in ("changed=1", "changed=0"):
        done = run(f"cd {FOLDER}\n{observer}\n{as_the_team}", folder, bed)
        assert done.returncode == 0 and changed in done.stdout, done.stdout
    assert bed["acme"].request("GET", "/api/v1/namespaces/team-notebooks")["kind"] == "Namespace"
