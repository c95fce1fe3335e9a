"""The node reader of a run: when one is started, waited for, used and deleted. Pure.

A load that runs on another node than the server cannot see what that node does. The reader of a run stays on the
server's node from the first trial on. Nothing depends on it: where it does not start or is lost, trials go on, and say
what is not known.
"""

from __future__ import annotations

from dataclasses import dataclass

from modelprofiler.cluster.decide.actions import Action, CreateReader, DeleteJob
from modelprofiler.cluster.decide.run import RunInCluster, TrialInProgress
from modelprofiler.cluster.gather.observation import Observation, Pod, Reader

PATIENCE_SECONDS = 60.0
"""How long a ready server waits for a reader that is about to start: its image may have to be pulled."""

STUCK_PATIENCE_SECONDS = 10.0
"""How long it waits for one that something keeps from starting, such as a quota: seldom does that pass."""


@dataclass(frozen=True)
class ReaderChoice:
    """The reader that a load asks."""

    address: str = ""
    """Empty where there is none."""
    problem: str = ""
    """Why there is none although one is wanted; empty otherwise."""
    wait: bool = False
    """Whether it is about to start, so that the load is not sent yet."""


def steps(run: RunInCluster, seen: Observation, trial: TrialInProgress, pod: Pod | None) -> tuple[Action, ...]:
    """Return what is to be done about readers before a load is sent.

    One that has ended, or is on another node than the server, is replaced, once for each trial.
    """
    deletions = tuple(
        DeleteJob(reader.name)
        for reader in seen.readers
        if reader.trial < trial.index and not reader.deleting and not _serves(reader, pod)
    )
    if not run.wants_reader or pod is None or not pod.node or pod.gone:
        return deletions
    there = any(_serves(reader, pod) or reader.trial == trial.index for reader in seen.readers)
    if there:
        return deletions
    return (*deletions, CreateReader(trial.index, seen.hosts.get(pod.node, pod.node)))


def choice(run: RunInCluster, seen: Observation, trial: TrialInProgress, pod: Pod) -> ReaderChoice:
    """Return which reader the load of a trial asks, or why none."""
    if not run.wants_reader:
        return ReaderChoice()
    waited = (run.now - max(trial.started, pod.ready_at or trial.started)).total_seconds()
    reader = next((r for r in reversed(seen.readers) if _serves(r, pod)), None)
    if reader is None:
        ended = next((r.ended for r in reversed(seen.readers) if r.trial == trial.index), "")
        problem = ended or "it could not be created, or was deleted"
        return ReaderChoice(problem=problem, wait=not ended and waited <= STUCK_PATIENCE_SECONDS)
    if reader.address:
        return ReaderChoice(reader.address)
    patience = STUCK_PATIENCE_SECONDS if reader.stuck else PATIENCE_SECONDS
    problem = reader.stuck or f"it did not start within {PATIENCE_SECONDS:g} s"
    return ReaderChoice(problem=problem, wait=waited <= patience)


def leftover(seen: Observation) -> tuple[Action, ...]:
    """Return the deletion of every reader, where a run begins no more trials."""
    return tuple(DeleteJob(reader.name) for reader in seen.readers if not reader.deleting)


def seems_to_run(seen: Observation, pod: Pod) -> bool:
    """Return whether there is a reader on the server's node that runs, as far as Kubernetes knows."""
    return any(_serves(reader, pod) and reader.address for reader in seen.readers)


def _serves(reader: Reader, pod: Pod | None) -> bool:
    """Return whether a reader is, or is about to be, on the node of a server's pod."""
    if reader.deleting or reader.ended:
        return False
    return pod is None or not pod.node or reader.node in ("", pod.node)
