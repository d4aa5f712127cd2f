# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rulebook of extensions/awx, by ansible-rulebook: a report of a node starts the job template, with two names."""

from __future__ import annotations

from pathlib import Path

import pytest

from byoc_testbed.ports import quiet_ports
from tests.integration.awx_jobs import PROJECT, api
from tests.integration.event_chain import Chain, answers, rulebook_environment, until_ready
from tests.tools.environments import SetupError, events

CONTROLLER = "the-controllers-own-token"
TEMPLATE = {
    "id": 4,
    "type": "job_template",
    "name": "byoc remediate_node",
    "summary_fields": {"organization": {"name": "Customers"}},
    "related": {"launch": "/api/v2/job_templates/4/launch/"},
    **{f"ask_{what}_on_launch": False for what in ("limit", "labels", "inventory", "variables")},
}
JOB = {"id": 77, "url": "/api/v2/jobs/77/", "status": "successful", "created": "2026-11-28T09:00:00Z"}
API = {
    "/api/v2/config/": {"version": "24.6.1"},
    "/api/v2/unified_job_templates/": {"results": [TEMPLATE], "next": None},
    "/api/v2/job_templates/4/launch/": JOB,
    "/api/v2/jobs/": {"results": [JOB]},
}


def alert(**labels: str) -> dict[str, object]:
    return {"alerts": [{"status": "firing", "labels": {"remediate": "true", "alertname": "GpuXid", **labels}}]}


@pytest.mark.soak
def test_a_report_of_a_node_starts_one_job_with_its_name_and_nothing_else_of_the_post(tmp_path: Path) -> None:
    venv = events()
    try:
        venv.ensure()
    except SetupError as error:
        pytest.skip(f"ansible-rulebook cannot be installed here: {error}")
    ports = dict(zip(("alertmanager-hook", "signed-hook"), quiet_ports(2), strict=True))
    made = Chain(tmp_path, ports)
    with api(API, CONTROLLER) as controller:
        environment = rulebook_environment(made, venv) | {
            "BYOC_ORGANIZATION": "Customers",
            "EDA_CONTROLLER_URL": controller.url,
            "EDA_CONTROLLER_TOKEN": CONTROLLER,
            "EDA_JOB_TEMPLATE_REFRESH_DELAY": "0.2",
        }
        names = "BYOC_EVENTS_PORT,BYOC_EVENTS_TOKEN,BYOC_ORGANIZATION"
        rulebook = PROJECT / "rulebooks" / "remediate_node.yml"
        try:
            made.start("rulebook", [str(venv.bin / "ansible-rulebook"), "-r", str(rulebook), "-E", names], environment)
            until_ready(made, "rulebook", lambda: answers(ports["alertmanager-hook"], "/") != 0)
            assert made.post(alert(cluster="acme-eu-1", node="gpu-7"), token="another") == 401
            for node, more in (("{{ evil }}", {}), ("gpu-7", {"extra": "evil"}), ("gpu-7", {})):
                assert made.post(alert(cluster="acme-eu-1", node=node, **more)) == 200
            assert made.post(alert(cluster="all", node="gpu-7")) == 200
            until_ready(made, "rulebook", lambda: bool(controller.posted))
        finally:
            made.stop()
    [(path, launched)] = controller.posted
    assert path == "/api/v2/job_templates/4/launch/"
    assert launched["extra_vars"] == {"cluster": "acme-eu-1", "node": "gpu-7"}
    assert "evil" not in str(launched) and CONTROLLER not in made.log("rulebook")
