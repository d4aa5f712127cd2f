# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a field manager has applied of a live object."""

from __future__ import annotations

from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._kube.applied import (
    applied_annotations,
    applied_part,
    applied_version,
)

FIELDS: dict[str, Any] = {
    "f:metadata": {
        "f:labels": {"f:ours": {}},
        "f:annotations": {"f:release": {}},
        "f:finalizers": {'v:"ours"': {}},
    },
    "f:spec": {
        "f:replicas": {},
        "f:gone": {},
        "f:selector": {},
        "f:template": {
            "f:spec": {
                "f:containers": {
                    'k:{"name":"router"}': {
                        ".": {},
                        "f:name": {},
                        "f:args": {},
                        "f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}},
                    }
                },
                "f:volumes": {'k:{"name":"tmp"}': {".": {}, "f:emptyDir": {}, "f:name": {}}},
            }
        },
    },
    "f:status": {"f:phase": {}},
}


def live(**more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "router",
            "namespace": "here",
            "uid": "1",
            "labels": {"ours": "1", "theirs": "2"},
            "annotations": {"release": "a", "deployment.kubernetes.io/revision": "3"},
            "finalizers": ["theirs", "ours"],
            "managedFields": [
                {"manager": "us", "operation": "Update", "fieldsV1": {"f:spec": {"f:paused": {}}}},
                {"manager": "us", "operation": "Apply", "subresource": "status", "fieldsV1": {}},
                {"manager": "us", "operation": "Apply", "apiVersion": "apps/v1", "fieldsV1": FIELDS},
            ],
        },
        "spec": {
            "replicas": 2,
            "paused": False,
            "selector": {"matchLabels": {"a": "b"}},
            "template": {
                "spec": {
                    "containers": [
                        {"name": "injected", "image": "theirs"},
                        {
                            "name": "router",
                            "args": ["--port=1"],
                            "terminationMessagePath": "/dev/null",
                            "ports": [{"containerPort": 80, "protocol": "TCP"}],
                        },
                    ],
                    "volumes": [{"name": "tmp", "emptyDir": {}}],
                }
            },
        },
        "status": {"phase": "x"},
        **more,
    }


def test_only_what_it_applied_is_in_it() -> None:
    assert applied_part(live(), "us") == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "router",
            "namespace": "here",
            "labels": {"ours": "1"},
            "annotations": {"release": "a"},
            "finalizers": ["ours"],
        },
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"a": "b"}},
            "template": {
                "spec": {
                    "containers": [{"name": "router", "args": ["--port=1"], "ports": [{"containerPort": 80}]}],
                    "volumes": [{"name": "tmp", "emptyDir": {}}],
                }
            },
        },
    }
    assert applied_annotations(live(), "us") == {"release"}
    assert applied_version(live(), "us") == "apps/v1"


def test_an_item_of_which_only_its_being_there_is_owned_is_that() -> None:
    fields = {"f:spec": {"f:ports": {'k:{"port":80}': {".": {}}}, "f:empty": {".": {}}}}
    one = live(spec={"ports": [{"port": 80, "name": "x"}], "empty": {"theirs": 1}})
    one["metadata"]["managedFields"] = [{"manager": "us", "operation": "Apply", "fieldsV1": fields}]
    assert applied_part(one, "us")["spec"] == {"ports": [{"port": 80}], "empty": {}}


def test_of_an_object_that_it_never_applied_all_is_kept_but_what_the_server_writes() -> None:
    found = applied_part(live(), "nobody")
    assert found["spec"] == live()["spec"]
    assert "status" not in found
    assert "uid" not in found["metadata"]
    assert applied_annotations(live(), "nobody") == set()
    assert applied_version(live(), "nobody") == "apps/v1"
