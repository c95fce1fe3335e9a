"""The reference loop: what it leaves as it was, and that it runs by itself."""

import json
import os
import subprocess
import sys
import time

import pytest

from modelprofiler.load.machine import reference_loop
from modelprofiler.load.machine.reference_loop import loop_seconds

needs_affinity = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")


@needs_affinity
def test_the_thread_may_use_the_same_cpus_afterwards() -> None:
    """It is pinned to one CPU after the other; one that does not exist is left out."""
    before = os.sched_getaffinity(0)
    seconds = loop_seconds([min(before), 100_000])
    assert seconds is not None
    assert 0 < seconds < 0.1
    assert before == os.sched_getaffinity(0)


@needs_affinity
def test_without_any_of_the_cpus_it_runs_where_it_may() -> None:
    """A pod whose CPUs are fixed cannot measure others."""
    assert loop_seconds([100_000]) is not None


def test_more_work_takes_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time is that of the work: five times the entries take at least twice as long, whatever the noise."""
    once = loop_seconds()
    monkeypatch.setattr(reference_loop, "ENTRIES", 5 * reference_loop.ENTRIES)
    longer = loop_seconds()
    assert once is not None
    assert longer is not None
    assert longer > 2 * once


def test_it_runs_by_itself() -> None:
    """With nothing installed, as in a pod on the server's node: isolated, without site-packages."""
    command = [sys.executable, "-I", "-S", reference_loop.__file__]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert 0 < json.loads(output)["loopSeconds"] < 0.1


@pytest.mark.parametrize("tick", [4_000_000, 10_000_000])
def test_a_clock_that_ticks_more_slowly_than_the_work_says_nothing(monkeypatch: pytest.MonkeyPatch, tick: int) -> None:
    """Some kernels count CPU time in ticks of several milliseconds; a time of zero would be no time at all."""
    real = time.thread_time_ns
    monkeypatch.setattr(time, "thread_time_ns", lambda: real() // tick * tick)
    assert loop_seconds() is None
    assert loop_seconds(cpus=[9999]) is None
