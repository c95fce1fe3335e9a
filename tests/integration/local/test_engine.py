"""Trials on this machine, of a real server of known cost in real control groups."""

import asyncio
import contextlib
import os
from dataclasses import replace
from pathlib import Path

import pytest
from tests.integration.local.support import prepare

from modelprofiler.api.trial import Outcome, Purpose, Trial
from modelprofiler.core.axis import Limits
from modelprofiler.core.drift import drift_of
from modelprofiler.core.memory.leak import leak_of
from modelprofiler.core.steps import RunTrial
from modelprofiler.host.owner import owner_prefix
from modelprofiler.local.placement import Placement
from modelprofiler.local.prepared import Prepared
from modelprofiler.local.progress import SilentListener
from modelprofiler.local.trials import TrialRunner
from modelprofiler.report.record import TrialRecord

pytestmark = pytest.mark.usefixtures("control_groups")


def one_trial(prepared: Prepared, directory: Path, cpu: int = 500, memory: int = 128) -> TrialRecord:
    """Run only the reference trial."""
    step = RunTrial(Purpose.REFERENCE, Limits(cpu, memory * 2**20), fresh=True, window="Measure", reason="")

    async def run() -> TrialRecord:
        trials = TrialRunner(prepared, Placement.of(prepared.resources), directory, SilentListener())
        try:
            return await trials.run(step, 1, [])
        finally:
            await trials.close()

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("knobs", "outcome", "message"),
    [
        ("--exit-message no-model", Outcome.CRASHED, "the server ended with exit code 3: no-model"),
        ("--startup-memory-mib 300", Outcome.OOM_KILLED, "the server was killed for exceeding its memory limit"),
        ("--status 500", Outcome.ERRORS, "the first request was answered with status 500"),
        ("--status 500", Outcome.ERRORS, "; the server runs: listening on"),
        ("--crash-after 20", Outcome.CRASHED, "costserver: crash on request 21, as told"),
    ],
)
def test_a_server_that_fails_says_how(
    tmp_path: Path, repository: Path, knobs: str, outcome: Outcome, message: str
) -> None:
    """The message has its last words, and the rest of the load is not waited for."""
    trial = one_trial(prepare(tmp_path, repository, knobs), tmp_path).trial
    assert (outcome, True) == (trial.outcome, message in trial.message), trial.message


def test_a_trial_tells_a_leak_and_sizes_thread_pools_where_that_is_asked_for(tmp_path: Path, repository: Path) -> None:
    """64 KiB for each request, in addition to 20 MiB that it holds anyway; the allocator adds a few percent.

    The variables are in the server's environment, also over those of the shell that it was started from.
    """
    prepared = prepare(tmp_path, repository, "--memory-mib 20 --leak-kib 64", search={"threads": "Auto"})
    command, environment_file = prepared.server, tmp_path / "environment.txt"
    argv = ("/bin/sh", "-c", f'env > {environment_file}; exec "$@"', "sh", *command.argv)
    command = replace(command, argv=argv, env=command.env | {"OMP_NUM_THREADS": "64"})
    trial = one_trial(replace(prepared, server=command), tmp_path).trial
    assert {"OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1"} <= set(environment_file.read_text().splitlines())
    assert trial.node is not None
    assert trial.node.cpus == os.cpu_count()
    assert trial.usage is not None
    memory = trial.usage.memory
    assert memory is not None
    assert memory.before_load is not None
    assert memory.steady is not None
    assert 20 * 2**20 < memory.before_load.bytes < memory.steady.bytes < memory.peak.bytes
    leak = leak_of([trial.model_copy(update={"outcome": Outcome.PASSED})])  # on a busy machine it may have been slow
    assert leak is not None
    assert 64 * 1024 == pytest.approx(leak.per_request, rel=0.1)


def test_requests_that_become_dearer_while_a_run_goes_on_are_noticed(tmp_path: Path, repository: Path) -> None:
    """As on a machine whose CPU slows down: each start of the server burns twice as much for a request.

    Its memory stays, and is not called a leak.
    """
    prepared = prepare(tmp_path, repository)
    step = RunTrial(Purpose.REPEAT, Limits(500, 128 * 2**20), fresh=True, window="Decide", reason="")

    async def run() -> list[Trial]:
        rows: list[Trial] = []
        for milliseconds in (2.0, 4.0, 8.0):
            arguments = f"{prepared.server.env['COSTSERVER_ARGS']} --cpu-ms {milliseconds}"
            server = replace(prepared.server, env=prepared.server.env | {"COSTSERVER_ARGS": arguments})
            trials = TrialRunner(
                replace(prepared, server=server), Placement.of(prepared.resources), tmp_path, SilentListener()
            )
            try:
                record = await trials.run(step, len(rows) + 1, rows)
            finally:
                await trials.close()
            # On a busy machine it may have been disturbed; its cost is measured all the same.
            rows.append(record.trial.model_copy(update={"outcome": Outcome.PASSED}))
        return rows

    rows = asyncio.run(run())
    drift = drift_of(rows)
    assert drift is not None
    assert drift.noticed
    assert 4.0 == pytest.approx(float(drift.ratio), rel=0.1)
    assert leak_of(rows) is None


def test_a_server_that_was_being_stopped_when_the_run_was_interrupted_is_gone(
    prepared: Prepared, tmp_path: Path
) -> None:
    """With its control group: an interruption between two trials leaves nothing behind, like one within a trial."""
    step = RunTrial(Purpose.REFERENCE, Limits(500, 128 * 2**20), fresh=True, window="Measure", reason="")
    groups = []

    async def run() -> None:
        trials = TrialRunner(prepared, Placement.of(prepared.resources), tmp_path, SilentListener())
        await trials.run(step, 1, [])
        groups.extend(groups_of_this_process())
        closing = asyncio.ensure_future(trials.close())
        await asyncio.sleep(0)  # it has begun
        await asyncio.sleep(0)
        closing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await closing

    asyncio.run(run())
    assert groups
    assert [] == groups_of_this_process()


def groups_of_this_process() -> list[Path]:
    """Return the control groups that are there in its name."""
    mine = owner_prefix().rsplit("-", 2)[0]
    return [path for depth in ("*", "*/*") for path in Path("/sys/fs/cgroup").glob(f"{depth}/{mine}-*")]
