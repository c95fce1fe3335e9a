"""The rules by which a look at a profile is decided, in their order: the first one that applies decides.

Each is a pure function of the world, with a sentence that says what it decides and the reasons it may give. The table
in docs/how-it-works.md is made of them: ``make generate``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from modelprofiler.api.conditions import Reason
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.status import ClaimsStatus, ModelProfileStatus
from modelprofiler.api.trial import Trial
from modelprofiler.cluster.decide import status
from modelprofiler.cluster.decide.actions import (
    Action,
    DeleteFiles,
    DeleteJob,
    DeleteServer,
    StartPreparing,
    WriteReport,
)
from modelprofiler.cluster.decide.case import Case, RunCase
from modelprofiler.cluster.decide.decision import Decision, Event, Turn
from modelprofiler.cluster.decide.fit import fitted
from modelprofiler.cluster.decide.run import POLL_SECONDS
from modelprofiler.cluster.decide.throttle import throttled
from modelprofiler.cluster.gather import glance
from modelprofiler.cluster.gather.claims import Claims
from modelprofiler.cluster.gather.prepare import INSTALLING, READING, Waiting
from modelprofiler.cluster.gather.world import ActionRefused, Gone, NotStarted, Unreadable, World
from modelprofiler.core.conditions import Finding
from modelprofiler.core.steps import RunTrial

NOT_ACCEPTED_SECONDS = 30.0
"""What a profile names (a ConfigMap, a quota) is not watched, so a profile that is not accepted is checked again."""

NOT_ACCEPTED_EACH_SECONDS = 0.5
"""Where many profiles are not accepted, the checks of any two of them are this far apart."""

CLAIMS_AGAIN_SECONDS = 300.0
"""Only a pod can see what is on a claim. To start one every 30 s for a profile that nobody fixes would be a waste."""

TOGETHER_SECONDS = 5.0
"""A profile and the ConfigMaps it names are applied together, in any order: a source that is missing within this time
is not an error yet."""

ROOM_SECONDS = 20.0
"""A run that has just ended holds its room until its pods are gone, and those of a run that was deleted are no more
known to be of a run: a new profile that finds no room, but would on empty nodes, is looked at again for this long."""

Rule: TypeAlias = Callable[[Case], Decision | None]

REASONS: dict[Rule, tuple[Reason, ...]] = {}
"""The reasons that a rule may give, in the order of the conditions that they are of."""


def gives(*reasons: Reason) -> Callable[[Rule], Rule]:
    """Declare the reasons that a rule may give."""

    def declare(rule: Rule) -> Rule:
        REASONS[rule] = reasons
        return rule

    return declare


def decide(world: World) -> Decision:
    """Return what follows from a world: the only decision of a look.

    A rule that records a trial says nothing about what comes next. The rules for a run are therefore applied again, to
    the run with that trial, until none of them records one: a single write of the status then records the trial and
    begins the next.
    """
    case = Case(world)
    decision = _first(CHAIN, case)
    while decision.records is not None:
        case = case.with_trial(decision.records)
        decision = decision.followed_by(_first(RUN_CHAIN, case))
    if isinstance(decision.status, ModelProfileStatus):
        decision = replace(decision, status=fitted(decision.status))
    return throttled(world, decision)


@gives()
def gone(case: Case) -> Decision | None:
    """A profile that is gone or being deleted is forgotten; its children are deleted by their owner references."""
    return Decision(turn=Turn.FORGET) if isinstance(case.world.profile, Gone) else None


@gives(Reason.INVALID_SPEC)
def unreadable(case: Case) -> Decision | None:
    """A profile that does not parse is refused until it is edited; its finished trials stay."""
    world = case.world
    if not isinstance(world.profile, Unreadable):
        return None
    written = status.unreadable(world.raw, world.profile.message, world.now)
    return Decision(status=written, after_write=_removal(world), turn=Turn.RELEASE)


@gives()
def over(case: Case) -> Decision | None:
    """A run that has ended is not touched, until the profile is edited or annotated to run again."""
    return Decision(turn=Turn.RELEASE) if glance.is_over(case.world.raw) else None


@gives(Reason.ADMISSION_REFUSED)
def action_refused(case: Case) -> Decision | None:
    """An action that the API server refused is reported, and tried again half a minute later."""
    refused = case.world.acceptance
    if not isinstance(refused, ActionRefused):
        return None
    wait = max((refused.until - case.world.now).total_seconds(), POLL_SECONDS)
    return replace(_refused(case.world, case.profile, refused.finding), next_look=wait)


@gives(Reason.QUEUED)
def still_queued(case: Case) -> Decision | None:
    """An accepted profile that waits for its turn is left alone, except for its place in the queue."""
    world = case.world
    if not (glance.is_queued(world.raw) and world.ahead):
        return None
    return Decision(status=status.still_waiting(case.profile, world.ahead, world.now), turn=Turn.WAIT)


@gives()
def not_there_yet(case: Case) -> Decision | None:
    """In its first seconds a profile waits for a source that is missing, and for room that other pods still hold."""
    finding, world = case.world.acceptance, case.world
    if not isinstance(finding, Finding):
        return None
    patience = TOGETHER_SECONDS if finding.reason is Reason.SOURCE_NOT_FOUND else ROOM_SECONDS * finding.may_pass
    age = world.now - datetime.fromisoformat(case.profile.metadata.creation_timestamp)
    return Decision(next_look=POLL_SECONDS) if age.total_seconds() < patience else None


@gives(
    Reason.INVALID_SPEC,
    Reason.NOT_SUPPORTED,
    Reason.SOURCE_NOT_FOUND,
    Reason.SOURCE_UNREADABLE,
    Reason.INVALID_DATASET,
    Reason.RANGE_TOO_LARGE,
    Reason.NO_NODE,
    Reason.ADMISSION_REFUSED,
    Reason.TEMPLATE_REFUSED,
    Reason.NAMESPACE_NOT_SELECTED,
)
def not_accepted(case: Case) -> Decision | None:
    """A profile that cannot be run as it is written is refused with every problem, and checked again later."""
    finding = case.world.acceptance
    return _refused(case.world, case.profile, finding) if isinstance(finding, Finding) else None


@gives(Reason.SOURCE_NOT_FOUND, Reason.SOURCE_UNREADABLE, Reason.INVALID_DATASET, Reason.PACKAGES_NOT_INSTALLED)
def claims_failed_recently(case: Case) -> Decision | None:
    """A profile whose files or packages could not be used is refused; they are tried again after five minutes."""
    claims, world = case.world.acceptance, case.world
    if not isinstance(claims, Claims):
        return None
    last = _known(case.profile, claims)
    if last is None or (world.now - last.time).total_seconds() >= CLAIMS_AGAIN_SECONDS:
        return None
    return _refused_for_claims(world, case.profile, last)


@gives(Reason.PREPARING, Reason.QUEUED, Reason.SUSPENDED)
def claims_queued(case: Case) -> Decision | None:
    """Files are read by a Job when it is the profile's turn, since reading a large model would disturb another run."""
    claims, world = case.world.acceptance, case.world
    if not isinstance(claims, Claims):
        return None
    suspended = case.profile.spec.suspend
    if not suspended and not world.ahead:
        return None
    ahead = 0 if suspended else world.ahead
    message = "The files have not been read yet." if claims.reads else "The packages have not been installed yet."
    return Decision(status=_preparing(case, claims, message, ahead), turn=Turn.KEEP if suspended else Turn.WAIT)


@gives(
    Reason.PREPARING,
    Reason.SOURCE_NOT_FOUND,
    Reason.SOURCE_UNREADABLE,
    Reason.INVALID_DATASET,
    Reason.PACKAGES_NOT_INSTALLED,
)
def claims_result(case: Case) -> Decision | None:
    """The result of the prepare Job is recorded, and the profile is accepted or refused by it."""
    claims, read = case.world.acceptance, case.world.preparation
    if not isinstance(claims, Claims) or not isinstance(read, ClaimsStatus):
        return None
    profile = case.profile.model_copy(update={"status": case.profile.status.model_copy(update={"claims": read})})
    if (refused := _refused_for_claims(case.world, profile, read)) is not None:
        return refused
    message = "The files have been read." if claims.reads else "The packages have been installed."
    written = status.preparing(profile, message, 0, case.world.now)
    return Decision(status=written, turn=Turn.TAKE, next_look=0.0)


@gives(Reason.PREPARING)
def claims_job_running(case: Case) -> Decision | None:
    """A Job reads the profile's files, and installs packages, before anything else of the run starts."""
    claims, preparation = case.world.acceptance, case.world.preparation
    if not isinstance(claims, Claims):
        return None
    actions = _children_removed(case.world, keep=claims.identity)
    message = READING if claims.reads else INSTALLING
    if isinstance(preparation, Waiting):
        message = preparation.message
    elif isinstance(preparation, NotStarted):
        actions = (*actions, StartPreparing(claims))
    written = _preparing(case, claims, f"{message}.", 0)
    return Decision(status=written, after_write=actions, turn=Turn.TAKE, next_look=POLL_SECONDS)


@gives(Reason.VALID, Reason.QUEUED)
def queued(case: Case) -> Decision | None:
    """A run that needs trials waits for its turn: one run per node, oldest first, fair between namespaces."""
    run, ahead = case.run, case.world.ahead
    if not run.wants_trials or run.started or not ahead or run.children.servers or run.children.jobs:
        return None
    written = status.waiting(run.profile, run.accepted, ahead, case.world.now)
    return Decision(status=written, after_write=_stale(run), turn=Turn.WAIT)


@gives(Reason.RUNNING)
def late_usage(case: Case) -> Decision | None:
    """Usage that arrives after its trial was recorded is added to the trial, which is judged again."""
    row = case.run.next_move.amend
    return None if row is None else _recording(case.run, row)


@gives(Reason.RUNNING)
def trial_finished(case: Case) -> Decision | None:
    """A finished trial is recorded in the report and in the status before the objects that produced it are deleted."""
    row = case.run.next_move.record
    if row is None:
        return None
    message = f"Trial {row.index} ({row.purpose}) at {_size(row)}: {row.outcome}. {row.message}"
    return replace(_recording(case.run, row), events=(Event("TrialFinished", message),))


@gives(
    Reason.VERIFIED,
    Reason.NOT_VERIFIED,
    Reason.MEMORY_GROWS,
    Reason.NO_FEASIBLE_SIZE,
    Reason.REFERENCE_FAILED,
    Reason.UNRELIABLE,
    Reason.TRIALS_EXHAUSTED,
    Reason.DEADLINE_EXCEEDED,
)
def ended(case: Case) -> Decision | None:
    """A run that has its result ends when none of its objects is left in the cluster."""
    run = case.run
    if not run.next_move.idle or isinstance(run.step, RunTrial):
        return None
    written = status.ended(run.profile, run.accepted, run.step, run.children, case.world.now)
    succeeded = next(c for c in written.conditions if c.type == "Succeeded")
    event = Event(succeeded.reason, succeeded.message, warning=succeeded.status != "True")
    # The operator does not look at a finished run again, so none of its objects may be left by then.
    return Decision(status=written, before_write=(*_stale(run), DeleteFiles()), turn=Turn.RELEASE, events=(event,))


@gives(Reason.SUSPENDED)
def suspended(case: Case) -> Decision | None:
    """A suspended run gives up its turn when none of its objects is left in the cluster."""
    run = case.run
    if not run.next_move.idle or not run.profile.spec.suspend:
        return None
    written = status.held(run.profile, run.accepted, run.children, case.world.now)
    return Decision(status=written, before_write=(*_stale(run), DeleteFiles()), turn=Turn.RELEASE)


@gives(Reason.RUNNING, Reason.SUSPENDED)
def goes_on(case: Case) -> Decision | None:
    """The next step of the trial in progress is written, then carried out; without a trial, objects are deleted."""
    run = case.run
    return Decision(
        status=status.running(run.profile, run.accepted, run.next_move.active, run.children, case.world.now),
        after_write=(*_stale(run), *run.next_move.actions),
        turn=Turn.TAKE if run.wants_trials else Turn.KEEP,
        next_look=run.next_move.wake,
    )


RUN_CHAIN: tuple[Rule, ...] = (late_usage, trial_finished, ended, suspended, goes_on)
"""The rules for a run that has its turn, or needs none."""

CHAIN: tuple[Rule, ...] = (
    gone,
    unreadable,
    over,
    action_refused,
    still_queued,
    not_there_yet,
    not_accepted,
    claims_failed_recently,
    claims_queued,
    claims_result,
    claims_job_running,
    queued,
    *RUN_CHAIN,
)
"""All rules: first those that need nothing but the profile, then whether it can be run, then its run."""


def _first(chain: Sequence[Rule], case: Case) -> Decision:
    for rule in chain:
        decision = rule(case)
        if decision is not None:
            return replace(decision, rule=rule.__name__)
    raise AssertionError("the last rule decides every world that the others leave")


def _recording(run: RunCase, row: Trial) -> Decision:
    """Return the decision that records a finished trial: in the report first, then in the status."""
    job = run.children.job(row.index)
    report = WriteReport(row, run.next_move.record_result, job.measured if job is not None else None)
    return Decision(before_write=(report,), records=row)


def _refused(world: World, profile: ModelProfile, finding: Finding) -> Decision:
    """Return the decision that says why a profile is not run, and removes what an earlier version may have started."""
    return Decision(
        status=status.refused(profile, finding, world.now),
        after_write=_removal(world),
        turn=Turn.RELEASE,
        next_look=max(NOT_ACCEPTED_SECONDS, NOT_ACCEPTED_EACH_SECONDS * world.not_accepted),
        events=(Event(finding.reason.value, finding.message, warning=True),),
    )


def _refused_for_claims(world: World, profile: ModelProfile, read: ClaimsStatus) -> Decision | None:
    if read.reason is None or not read.message:
        return None
    return _refused(world, profile, Finding(Reason(read.reason), read.message))


def _known(profile: ModelProfile, claims: Claims) -> ClaimsStatus | None:
    """Return what is recorded of these claims, if anything is."""
    recorded = profile.status.claims
    return recorded if recorded is not None and recorded.identity == claims.identity else None


def _preparing(case: Case, claims: Claims, message: str, ahead: int) -> ModelProfileStatus | None:
    """Return the status while claims are read.

    It is None, so unchanged, for a profile that was refused for its claims: it stays refused while they are read again.
    """
    if _known(case.profile, claims) is not None:
        return None
    return status.preparing(case.profile, message, ahead, case.world.now)


def _removal(world: World) -> tuple[Action, ...]:
    """Return what removes everything of a profile but its report; nothing where nothing was started."""
    begun = bool((world.raw.get("status") or {}).get("activeTrial"))
    # The files go first: if their deletion fails, `world.owned` is not empty, so the next look tries again.
    return (DeleteFiles(), *_children_removed(world)) if world.owned or begun else ()


def _children_removed(world: World, keep: str = "") -> tuple[Action, ...]:
    return tuple(_delete(c.plural, c.name) for c in world.owned if not c.deleting and c.run != keep)


def _stale(run: RunCase) -> tuple[Action, ...]:
    """Return what removes the children of an earlier run."""
    deleting = {(c.plural, c.name) for c in run.world.owned if c.deleting}
    return tuple(_delete(*child) for child in run.children.stale if child not in deleting)


def _delete(plural: str, name: str) -> Action:
    return DeleteServer(name) if plural == "deployments" else DeleteJob(name)


def _size(row: Trial) -> str:
    return f"{row.limits.cpu} CPU and {row.limits.memory}"
