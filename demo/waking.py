# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of the demo: a model that sleeps is asked a question, wakes by it, and answers."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from typing import Any

from ansible_collections.fireworks.byoc.plugins.module_utils._domain.scaling.timing import POLLING_SECONDS
from byoc_testbed import Cluster, TestbedError
from demo.contracts import QWEN
from demo.front_door import FrontDoor
from tests.tools import environments

MODEL, SERVED = str(QWEN["name"]), str(QWEN["served_name"])
IDLE = "30m"
QUESTION = "Say a few words."
_MODELS = "/namespaces/fireworks-models"
_DEPLOYMENT = f"/apis/apps/v1{_MODELS}/deployments/{MODEL}"
_ROUTERS = "/api/v1/namespaces/fireworks-system/pods"
_ASLEEP = f'envoy_cluster_membership_total{{envoy_cluster_name="{MODEL}"}} 0\n'
_SCALED = f"/apis/keda.sh/v1alpha1{_MODELS}/scaledobjects/{MODEL}"
_EVENTS = f"/api/v1{_MODELS}/events?fieldSelector=reason%3DKEDAScaleTargetActivated"
_MERGE = "application/merge-patch+json"
_POLLING = 1
"""Seconds between two looks of KEDA's, in the demo."""
_SECONDS = 60.0


class Waking:
    """The steps of it. Each waits for one thing, with a deadline, and says for what."""

    def __init__(self, cluster: Cluster, no_scaler: str) -> None:
        self._cluster, self._no_scaler = cluster, no_scaler
        self._door = FrontDoor(cluster)
        self._asked_at = 0.0

    def ask(self) -> None:
        """Put it to sleep, and ask it: that wakes it. :raises TestbedError: a step did not come about."""
        self._sleep()
        self._ask_asleep()

    def answer(self, no_client: str) -> None:
        """Wait until it is awake, and ask again.

        :param no_client: why there is no OpenAI client. :raises TestbedError: a step did not come about.
        """
        self._wake()
        self._ask_awake()
        self._ask_with_openai(no_client)
        if not self._no_scaler:  # as the contract has it, so that onboarding again finds it unchanged
            self._look_every(POLLING_SECONDS)

    def again(self) -> str:
        """How a reader asks once more."""
        return self._door.again(SERVED, QUESTION)

    def _look_every(self, seconds: int) -> None:
        self._cluster.request("PATCH", _SCALED, {"spec": {"pollingInterval": seconds}}, _MERGE)

    def _sleep(self) -> None:
        if not self._no_scaler:  # not before: what is being onboarded is nobody else's to change
            self._look_every(_POLLING)
        self._scale(0)
        _say(f"as KEDA does after {IDLE} without a request: nobody waits for that here")
        # What its last replica has begun it finishes, in a while of its own: nobody has to wait for that.
        self._until("the routers know no replica of it", self._is_asleep)
        if not self._no_scaler:
            _say(f"KEDA looks every {POLLING_SECONDS} s whether it is asked for; here every {_POLLING} s")

    def _ask_asleep(self) -> None:
        self._asked_at = time.monotonic()
        answer = self._curl()
        if answer.status != 503 or not answer.retry_after:
            raise TestbedError(f"a model at zero answered {answer.status}, not 503 with Retry-After")

    def _wake(self) -> None:
        if self._no_scaler:
            _say(f"nobody scales it here ({self._no_scaler}), so the demo does what KEDA would:")
            self._scale(1)
        else:
            self._until("KEDA scales it", lambda: self._cluster.request("GET", _DEPLOYMENT)["spec"]["replicas"])
            _say(f"{self._after()} KEDA: {self._event()}")
        self._until("its replica is ready", self._is_ready)
        _say(f"{self._after()} its replica is ready")

    def _ask_awake(self) -> None:
        # The router looks its replicas up every second.
        self._until("the router has found it", lambda: self._door.curl(SERVED, QUESTION)[1].status == 200)
        answer = self._curl()
        if answer.status != 200:
            raise TestbedError(f"the model answered {answer.status} to curl")
        _say(f"{self._after()} it answers")

    def _ask_with_openai(self, no_client: str) -> None:
        if no_client:
            _say(f"OpenAI's client is not there: {no_client}")
            return
        print(
            f'\n$ python: OpenAI(base_url="{self._door.url}", api_key="none").chat.completions.create('
            f'model="{SERVED}", messages=[…], max_tokens=8)',
            flush=True,
        )
        answer = self._door.openai(environments.openai(), SERVED, QUESTION)
        _say(answer.text)
        if answer.status != 200:
            raise TestbedError("OpenAI's client got no answer")

    def _curl(self) -> Any:
        command, answer = self._door.curl(SERVED, QUESTION)
        print(f"\n$ {shlex.join(command)}", flush=True)
        again = f", Retry-After: {answer.retry_after}" if answer.retry_after else ""
        _say(f"{answer.status}{again}\n    {answer.text}")
        return answer

    def _scale(self, replicas: int) -> None:
        print(f"\n$ kubectl -n fireworks-models scale deployment {MODEL} --replicas={replicas}", flush=True)
        self._cluster.request("PATCH", f"{_DEPLOYMENT}/scale", {"spec": {"replicas": replicas}}, _MERGE)

    def _event(self) -> str:
        found = self._cluster.request("GET", _EVENTS)["items"]
        return str(found[-1]["message"]) if found else "it was scaled from 0 to 1"

    def _is_asleep(self) -> bool:
        routers = self._cluster.request("GET", f"{_ROUTERS}?labelSelector=byoc.fireworks.ai%2Fcomponent%3Drouter")
        named = [one["metadata"]["name"] for one in routers["items"]]
        return all(_ASLEEP in self._cluster.request("GET", f"{_ROUTERS}/{one}:8002/proxy/metrics") for one in named)

    def _is_ready(self) -> bool:
        return bool(self._cluster.request("GET", _DEPLOYMENT)["status"].get("readyReplicas"))

    def _after(self) -> str:
        return f"within {time.monotonic() - self._asked_at:.0f} s of the question:"

    def _until(self, what: str, check: Callable[[], Any]) -> None:
        deadline = time.monotonic() + _SECONDS
        while not check():
            if time.monotonic() > deadline:
                raise TestbedError(f"{MODEL}: waited {_SECONDS:.0f} s until {what}")
            time.sleep(0.2)


def _say(text: str) -> None:
    print(f"  {text}", flush=True)
