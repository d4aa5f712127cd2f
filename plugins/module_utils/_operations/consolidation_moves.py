# Copyright (c) Fireworks AI and contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out the moves of a plan, each proven anew before it is made; and finishes or undoes what a run left."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._domain.contract.typed import Contract
from .._domain.moments import shown_moment
from .._domain.names import CONSOLIDATING_ANNOTATION, CONSOLIDATING_TAINT, MODELS_NAMESPACE, MOVED_ANNOTATION
from .._domain.placement.carrying import Begun, Sight, loaded, marked, marks, placed, rivals, too_many
from .._domain.placement.economy import price_of
from .._domain.placement.limits import REST, Limits
from .._domain.placement.plan import Move, Package, Plan, surprise
from .._domain.placement.reading import why_closed
from .._domain.placement.twin import Twin
from .._kube.closing import NODES, NodeCloser
from .._kube.errors import KubeError
from .._kube.moving import ReplicaMover, SurpriseError
from .._kube.pods import Pod
from .._kube.session import Session
from .._vocabulary.listing import amount
from .capacity_reading import Read, read_cluster
from .learned_models import learned

Raw = Mapping[str, Any]
_PLACE_SECONDS = 20.0
"""In which a replacement is made and placed: of nodes that are open one takes it at once."""
_SETTLE_SECONDS = 30.0
"""In which budgets and workloads have counted the replica that was moved before."""
_REST_SECONDS = 1.0
_LOOK_SECONDS = 2.0
HANDOVER = "handover"
"""The plan of moves that its owner's label asked for."""
GOES_ON = "what an earlier run began"
_AGAIN = "run this again: it plans anew by what is there now"


@dataclass(frozen=True)
class Left:
    """What is left of a plan that an earlier run began."""

    plan: Plan
    digest: str


class Carrier:
    """Carries out plans on one cluster. taken: what became of each move so far, as a result tells it.

    :param check: nothing is written. :param rest: see :class:`Limits`.
    """

    def __init__(
        self, session: Session, contract: Contract, wanted: Mapping[str, float], *, check: bool, rest: float = REST
    ) -> None:
        self._session = session
        self._contract = contract
        self._wanted = wanted
        self._check = check
        self._rest = rest
        self._closer = NodeCloser(session, CONSOLIDATING_TAINT, CONSOLIDATING_ANNOTATION)
        self._mover = ReplicaMover(session, MODELS_NAMESPACE, lambda: {MOVED_ANNOTATION: shown_moment(time.time())})
        self._limits: dict[str, float] = {}
        self.taken: list[dict[str, Any]] = []

    # What a run left behind --------------------------------------------------------------------------------------

    def settle(self) -> list[str]:
        """Finish or undo the move in which an earlier run ended, and open the nodes that it had closed.

        :returns: in words, what was done, or in check mode would be.
        """
        nodes = list(self._session.list_items(NODES))
        closed, begun = self._closer.closed(nodes), self._begun(nodes)
        if not closed and not begun:
            return []
        done = [f"{amount(len(closed), 'node')} closed, and opened again"] if closed else []
        self._mover.start()
        try:
            if self._check:
                return [*done, *(f"the move of {pod.key} had begun" for pod in map(self._orphan, begun) if pod)]
            done += [said for one in begun if (said := self._settled(one))]
            self._closer.open(closed)
            left = [one for one in begun if (pod := self._mover.pod(one.uid)) and pod.node == one.source]
            self._closer.keep({**dict.fromkeys({one.source for one in begun}, ""), **marks(left)})
        finally:
            self._mover.stop()
        return done

    def _begun(self, nodes: Sequence[Raw]) -> list[Begun]:
        found = [one for node, text in self._closer.kept(nodes).items() for one in marked(node, text)]
        return sorted(found, key=lambda one: one.number)

    def _settled(self, begun: Begun) -> str:
        """A pod that was orphaned leaves, if its replacement is Ready where it was to be; else it goes back."""
        pod = self._orphan(begun)
        if pod is None:
            return ""
        new = self._mover.ready_beside(pod, begun.destination)
        if pod.leaving or new is not None:
            self._mover.end(pod, new)
            return f"{pod.key} was replaced on {begun.destination}, and has left"
        self._mover.take_back(pod)
        return f"{pod.key} was to be replaced on {begun.destination}, and stays"

    def _orphan(self, begun: Begun) -> Pod | None:
        """The pod of a move in which a run ended; None where that had not begun, or was over."""
        pod = self._mover.pod(begun.uid)
        return pod if pod and pod.replaced else None

    def left(self, read: Read) -> Left | None:
        """The moves that are left of a plan that an earlier run began; None where none was."""
        keys = {uid: key for key, uid in read.uids.items()}
        begun = [one for one in self._begun(read.nodes) if one.uid in keys and one.plan != HANDOVER]
        if not begun:
            return None
        pods, models = {pod.key: pod for pod in read.scene.pods}, {one.name: one for one in read.scene.models}
        moves = []
        for one in begun:
            pod = pods[keys[one.uid]]
            if pod.node == one.source and pod.model in models:
                price = price_of(models[pod.model])
                how = (price.gpu_seconds, price.load, price.measured)
                moves.append(Move(pod.key, pod.model, one.source, one.destination, pod.gpus, *how))
        packages = (Package(GOES_ON, begun[0].plan[:12], tuple(moves), 0.0),) if moves else ()
        return Left(Plan(packages), begun[0].plan)

    # The plan ----------------------------------------------------------------------------------------------------

    def carry_out(self, plan: Plan, digest: str) -> None:
        """Make the moves, and stop at the first surprise.

        :param digest: of the plan, by which it was approved.
        :raises KubeError: a move was not made. It was undone; those before it stay made, and none comes after it.
        """
        read = read_cluster(self._session, self._contract, {})
        left = [
            Begun(digest, number, read.uids.get(move.pod, ""), move.source, move.destination)
            for number, move in enumerate(plan.moves)
        ]
        self._closer.keep({**self._nothing(read.nodes), **marks(left)})
        self._limits = {one.name: one.load_limit for one in read.scene.models}
        self._mover.start()
        try:
            for number, move in enumerate(plan.moves):
                self._make(move, read.uids.get(move.pod, ""))
                rest = left[number + 1 :]
                self._closer.keep({move.source: marks(rest).get(move.source, "")})
        except KubeError as error:
            self._over(plan, move, error)
            raise
        finally:
            self._mover.stop()

    def _nothing(self, nodes: Sequence[Raw]) -> dict[str, str]:
        return dict.fromkeys(self._closer.kept(nodes), "")

    def _over(self, plan: Plan, failed: Move, error: KubeError) -> None:
        """A plan that surprised is not gone on with: what is noted of it is removed."""
        self.taken.append(_row(failed, result=error.what, failed=True))
        error.next_step = error.next_step or _AGAIN
        self._closer.keep(dict.fromkeys({move.source for move in plan.moves}, ""))

    def _make(self, move: Move, uid: str) -> None:
        others = self._proven(move)
        pod = self._mover.pod(uid)
        if pod is None:
            raise SurpriseError(f"{move.pod} is gone")
        closed = sorted({*others, move.source})
        known: frozenset[str] = frozenset()
        try:
            self._closer.close(closed)
            known = self._mover.begin(pod)
            self._mover.until(
                pod, known, lambda seen, waited: _placed(seen, move, waited), "a node for its replacement"
            )
            self._closer.open(closed)
            began = time.monotonic()
            seen = self._mover.until(pod, known, self._loaded(move), "its replacement to be Ready")
            load = time.monotonic() - began
            new = next(one for one in seen if one.ready and one.node == move.destination)
            self._mover.end(pod, new)
        except KubeError as error:
            self._undo(pod, known, closed, error)
            raise
        self.taken.append(_row(move, result="moved", loaded=load, new=new.key))

    def _undo(self, pod: Pod, known: frozenset[str], closed: Sequence[str], error: KubeError) -> None:
        """Take a move back after an error, which then says as well what of that failed."""
        try:
            if known:
                self._mover.undo(pod, known)
            self._closer.open(closed)
        except KubeError as trouble:
            error.what = f"{error.what}; and it was not undone: {trouble.what}"
            error.next_step = "run this again: it finishes or undoes the move first"

    def _proven(self, move: Move) -> list[str]:
        """The nodes to close for a move that holds on a fresh scene.

        :raises SurpriseError: it does not hold, and did not begin to in the time in which the move before it settles.
        """
        known = learned(self._session, self._contract, self._wanted)
        deadline = time.monotonic() + _SETTLE_SECONDS
        while True:
            scene = read_cluster(self._session, self._contract, known).scene
            twin = Twin(scene)
            why = surprise(twin, Limits(scene, self._rest), move)
            if not why:
                others = rivals(twin, move)
                if doubt := too_many(others):
                    raise SurpriseError(f"{move.pod}: {doubt}")
                return others
            if time.monotonic() > deadline:
                raise SurpriseError(why)
            self._session.waits.on(why)
            time.sleep(_REST_SECONDS)

    def _loaded(self, move: Move) -> Any:
        """Looks at the replacement, and now and then whether its node is still one to load on."""
        asked = [time.monotonic()]

        def judge(seen: Sequence[Pod], waited: float) -> tuple[str, str]:
            found = loaded(_sights(seen), move, waited, self._limits[move.model])
            if found[0] == "waits" and time.monotonic() - asked[0] > _LOOK_SECONDS:
                asked[0] = time.monotonic()
                if why := why_closed(self._session.get(f"{NODES}/{move.destination}")):
                    return "surprise", f"{move.destination} falls out: {why}"
            return found

        return judge


def _placed(seen: Sequence[Pod], move: Move, waited: float) -> tuple[str, str]:
    return placed(_sights(seen), move, waited, _PLACE_SECONDS)


def _sights(pods: Sequence[Pod]) -> list[Sight]:
    return [Sight(one.node, one.ready, one.leaving or one.finished, one.unschedulable) for one in pods]


def _row(
    move: Move, *, result: str, failed: bool = False, loaded: float | None = None, new: str = ""
) -> dict[str, Any]:
    return {
        "pod": move.pod,
        "model": move.model,
        "from": move.source,
        "to": move.destination,
        "replacement": new,
        "load_seconds": round(move.load),
        "loaded_seconds": None if loaded is None else round(loaded, 1),
        "result": result,
        "failed": failed,
    }
