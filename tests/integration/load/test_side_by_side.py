"""Several generators against one server: a common start, one window, one result."""

import asyncio
import contextlib
import dataclasses
import json
import signal
import socket
import subprocess
import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from benchmarks.load.honesty import exact_quantile

from modelprofiler.core.evidence import ResultKind
from modelprofiler.load.config import LoadConfig
from modelprofiler.load.merge import merge
from modelprofiler.load.plan import Plan
from modelprofiler.load.rendezvous.hub import Hub
from modelprofiler.load.result import LoadResult
from modelprofiler.load.runner import run

ROWS = b"".join(b"row %d\n" % number for number in range(50)) + b"row 0\nrow 1\n"
"""52 rows, of which 50 differ."""
SHORT = {"warmup": 0.2, "max_warmup": 1.0, "duration": 1.0, "max_duration": 2.0, "sub_window": 0.1}

Configs = Callable[..., list[LoadConfig]]


@pytest.fixture
def configs(server: int, configuration: Callable[..., LoadConfig]) -> Configs:
    """Return a function that makes the configurations of generators that meet."""

    def make(
        generators: int, rate: int = 200, patience: float = 10, behaviour: str = "keep_alive", **changes: Any
    ) -> list[LoadConfig]:
        load = {"openLoop": {"rate": str(rate)}, "warmup": "1s", "duration": "5s", "parallelism": generators}
        rendezvous = {"port": free_port(), "key": "abc", "patience": patience}
        first = configuration(server, behaviour, load, rows=ROWS, rendezvous=rendezvous, **changes)
        meeting_point = first.rendezvous.model_copy(update={"host": "127.0.0.1"}) if first.rendezvous else None
        others = [first.model_copy(update={"index": i, "rendezvous": meeting_point}) for i in range(1, generators)]
        return [first, *others]

    return make


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def side_by_side(configs: Sequence[LoadConfig], **bounds: Any) -> list[LoadResult]:
    """Run short loads in this process; generators beyond those given never come."""

    async def all_of_them() -> list[LoadResult]:
        loads = [run(c, plan=dataclasses.replace(Plan.of(c), **SHORT | bounds), say=lambda _: None) for c in configs]
        return list(await asyncio.wait_for(asyncio.gather(*loads), 30))

    return asyncio.run(all_of_them())


@contextlib.contextmanager
def processes(configs: Sequence[LoadConfig], folder: Path) -> Iterator[list["subprocess.Popen[str]"]]:
    """Start a generator of each configuration; it also writes its raw latencies down."""
    started: list[subprocess.Popen[str]] = []
    try:
        for number, config in enumerate(configs):
            file = folder / f"{number}.json"
            file.write_text(json.dumps(config.to_dict()))
            arguments = ["--config", str(file), "--result", str(folder / f"{number}.result")]
            command = [sys.executable, "-m", "benchmarks.load.raw", *arguments]
            started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait(10)
            assert process.stdout is not None
            process.stdout.close()


def test_two_processes_measure_what_one_does(configs: Configs, tmp_path: Path) -> None:
    """Every request of the same load in one window, and the percentiles of the raw latencies."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    single = configs(1, behaviour="stall")[0].model_copy(update={"rendezvous": None})
    with processes([single], tmp_path / "one") as (process,):
        assert 0 == process.wait(40)
    unsplit = LoadResult.decode((tmp_path / "one/0.result").read_text())
    with processes(configs(2, behaviour="stall"), tmp_path / "two") as both:
        assert [0, 0] == [process.wait(40) for process in both]
    parts = [LoadResult.decode((tmp_path / f"two/{i}.result").read_text()) for i in range(2)]
    merged = merge(parts)
    assert unsplit.status is not None
    assert merged.status is not None, merged.message
    assert 1000 == pytest.approx(unsplit.status.requests, abs=4 * 32)
    assert 1000 == pytest.approx(merged.status.requests, abs=4 * 32)
    assert 0 == merged.status.failures
    assert (50, 50) == (merged.status.rows_covered, merged.status.distinct_rows)
    starts, ends = ([getattr(part, name) for part in parts] for name in ("window_started", "window_ended"))
    assert max(starts) - min(starts) < 0.3
    assert max(ends) - min(ends) < 0.3
    raw = array("d")
    for i in range(2):
        raw.frombytes((tmp_path / f"two/{i}.result.raw").read_bytes())
    assert len(raw) == merged.histogram.n == merged.status.requests
    for q in (0.5, 0.9, 0.95, 0.99):
        assert exact_quantile(raw, q) == pytest.approx(
            merged.histogram.quantile(q), rel=merged.histogram.relative_error * 1.001
        )
    # The server stands still for a tenth of the time: p95 is some 50 ms, however many generators there are.
    (low, value, high), (other_low, _, other_high) = (
        [getattr(s, f"latency{end}").p95 for end in ("_low", "", "_high")] for s in (merged.status, unsplit.status)
    )
    assert low <= value <= high
    if unsplit.kind is merged.kind is ResultKind.COMPLETED:  # a busy machine sends late, and measures itself
        assert low <= other_high
        assert other_low <= high


def test_a_generator_that_dies_ends_the_others_which_name_it(configs: Configs, tmp_path: Path) -> None:
    """Its share of the load is missing: what the others would go on to measure is another load."""
    with processes(configs(3), tmp_path) as (first, second, third):
        assert third.stdout is not None
        while not (line := third.stdout.readline()).startswith("w") or "sent" not in line:
            assert line, "the generator ended before its load"
        third.kill()
        assert [0, 0] == [process.wait(10) for process in (first, second)]
    results = [LoadResult.decode((tmp_path / f"{i}.result").read_text()) for i in range(2)]
    assert [(ResultKind.ABANDONED, "load generator 2 ended before the load did")] * 2 == [
        (result.kind, result.message) for result in results
    ]


def test_one_that_is_stopped_stops_all_with_what_they_have(configs: Configs, tmp_path: Path) -> None:
    """As when a node is drained."""
    with processes(configs(2), tmp_path) as (first, second):
        assert second.stdout is not None
        while "window" not in (line := second.stdout.readline()):
            assert line, "the generator ended before its window"
        second.send_signal(signal.SIGTERM)
        assert [0, 0] == [process.wait(10) for process in (first, second)]
    results = [LoadResult.decode((tmp_path / f"{i}.result").read_text()) for i in range(2)]
    merged = merge(results)
    assert merged.status is not None, merged.message
    assert "Terminated" == merged.status.stopped_early


def test_a_server_that_falls_behind_ends_all_at_once(configs: Configs) -> None:
    """Each of them sends a half, and either may see it first."""
    slow = configs(2, rate=400)
    endpoint = slow[0].endpoint.model_copy(update={"path": "/slow"})
    results = side_by_side(
        [config.model_copy(update={"endpoint": endpoint}) for config in slow], duration=5.0, max_duration=20.0
    )
    merged = merge(results)
    assert merged.status is not None, merged.message
    assert "Overload" == merged.status.stopped_early
    ends = [result.window_ended or 0 for result in results]
    assert max(ends) - min(ends) < 0.3


def test_a_generator_that_never_comes_is_named_and_its_wait_is_bounded(configs: Configs) -> None:
    """Nothing was sent."""
    first, second = side_by_side(configs(3, patience=4.0)[:2])
    assert (ResultKind.FAILED, "load generator 2 did not become ready within 4 s after the first") == (
        first.kind,
        first.message,
    )
    assert ResultKind.ABANDONED is second.kind
    assert (ResultKind.FAILED, first.message) == (merge([first, second]).kind, merge([first, second]).message)


def test_without_the_first_the_others_end_and_say_where_they_looked(configs: Configs) -> None:
    """A policy may deny the connection."""
    (result,) = side_by_side(configs(2, patience=0.3)[1:])
    assert ResultKind.ABANDONED is result.kind
    assert "the first load generator does not answer at 127.0.0.1, port " in result.message


def test_what_the_first_finds_out_about_the_server_is_the_result_of_all(configs: Configs) -> None:
    """The others sent nothing, and know nothing of the server."""
    refusing = [
        config.model_copy(update={"endpoint": config.endpoint.model_copy(update={"path": "/fail"})})
        for config in configs(2)
    ]
    merged = merge(side_by_side(refusing))
    assert ResultKind.SMOKE_FAILED is merged.kind, merged.message


def test_more_generators_than_rows_send_them_all_and_count_each_once(configs: Configs) -> None:
    """The last ones send rows of the others."""
    few = configs(3)
    Path(few[0].dataset.path).write_bytes(b"one\ntwo\n")
    merged = merge(side_by_side(few))
    assert merged.status is not None, merged.message
    assert (2, 2) == (merged.status.rows_covered, merged.status.distinct_rows)


@pytest.mark.parametrize(
    "greeting", [b"", b"hello wrong 1\nready\n", b"hello abc 7\nready\n", b"hello abc 0\n", b"\xff\n", b"x" * 100_000]
)
def test_a_stranger_to_the_load_changes_nothing(configs: Configs, greeting: bytes) -> None:
    """The port can be reached by every pod."""
    config = configs(2, patience=0.4)[0]
    assert config.rendezvous is not None
    port = config.rendezvous.port

    async def talk() -> str:
        hub = Hub(config.rendezvous, 2, lambda _: None)  # type: ignore[arg-type]  # it is there
        await hub.join()
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(greeting)
        try:
            return await hub.meet()
        finally:
            writer.close()
            await hub.leave()

    assert "load generator 1 did not become ready" in asyncio.run(talk())
