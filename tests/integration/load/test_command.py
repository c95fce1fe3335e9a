"""The generator as a process of its own, as in its pod."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from modelprofiler.core.evidence import ResultKind
from modelprofiler.load.config import LoadConfig
from modelprofiler.load.result import LoadResult
from modelprofiler.load.rows.examine import describe


def command(config: Path, result: Path) -> list[str]:
    """Return the command line."""
    return [sys.executable, "-m", "modelprofiler.load", "--config", str(config), "--result", str(result)]


def test_on_sigterm_the_load_ends_with_what_it_has(
    server: int, configuration: Callable[..., LoadConfig], tmp_path: Path
) -> None:
    """Exit code 0, a result that can be read, and the window that there was."""
    config = configuration(server, "keep_alive", {"openLoop": {"rate": "100"}, "warmup": "0s", "duration": "30s"})
    file, result_file = tmp_path / "config.json", tmp_path / "result"
    file.write_text(json.dumps(config.to_dict()))
    with subprocess.Popen(command(file, result_file), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while not (line := process.stdout.readline()).startswith("window "):  # the first line of progress
            assert line, "the generator ended before its window"
        process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(10)
    result = LoadResult.decode(result_file.read_text())
    assert result.status is not None, result.message
    assert "Terminated" == result.status.stopped_early
    assert result.status.requests > 10
    assert describe([b"one", b"two", b"three"]).digest == result.dataset_digest


def test_an_empty_dataset_is_a_result_that_says_so(configuration: Callable[..., LoadConfig], tmp_path: Path) -> None:
    """Not a traceback."""
    config = configuration(9, "keep_alive", {"openLoop": {"rate": "1"}}, rows=b"\n\n")
    file, result_file = tmp_path / "config.json", tmp_path / "result"
    file.write_text(json.dumps(config.to_dict()))
    subprocess.run(command(file, result_file), check=True, timeout=30, capture_output=True)
    result = LoadResult.decode(result_file.read_text())
    assert ResultKind.FAILED is result.kind
    assert "the dataset has only empty lines; write one request body per line" == result.message


def test_without_a_place_for_the_result_the_exit_code_is_one(tmp_path: Path) -> None:
    """Nobody could read it."""
    process = subprocess.run(
        command(tmp_path / "none.json", tmp_path / "no" / "result"),
        timeout=30,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 1 == process.returncode
    assert "the result cannot be written" in process.stderr


def test_the_generator_starts_without_what_it_does_not_need() -> None:
    """The start of the pod is a part of every trial."""
    code = "import sys, modelprofiler.load.command; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=30
    ).stdout
    assert not {"kubernetes", "kopf", "aiohttp", "requests"} & set(modules.split())


HEADERS = [
    {
        "name": "Authorization",
        "valueFrom": {"secretKeyRef": {"name": "login", "key": "token"}, "prefix": "Bearer "},
    }
]
SHORT = {"openLoop": {"rate": "50"}, "warmup": "0s", "duration": "5s"}


def with_headers(
    config: LoadConfig, tmp_path: Path, environment: dict[str, str], **more: object
) -> tuple[LoadResult, str]:
    """Return the result of a load whose header is in a Secret, and all that was written."""
    file, result = tmp_path / "config.json", tmp_path / "result"
    file.write_text(json.dumps(config.to_dict() | more))
    env = os.environ | environment
    completed = subprocess.run(
        command(file, result),
        check=True,
        timeout=60,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=env,
    )
    decoded = LoadResult.decode(result.read_text())
    return decoded, f"{completed.stdout}\n{decoded}"


def test_a_header_from_a_secret_is_sent_and_never_shown(
    server: int, configuration: Callable[..., LoadConfig], tmp_path: Path
) -> None:
    """It is in a variable of the pod; the server sends it back with every answer."""
    config = configuration(server, "authorized", SHORT, endpoint={"headers": HEADERS})
    result, written = with_headers(config, tmp_path, {"MODELPROFILER_HEADER_0": "s3cr3t-token\n"})
    assert result.status is not None, result.message
    assert (0, True) == (result.status.failures, result.status.requests > 100)
    assert "s3cr3t" not in written
    assert result.status.answers is not None
    assert "from 'Bearer …'" == result.status.answers[0].sample


def test_a_wrong_secret_is_a_refusal_that_does_not_show_it(
    server: int, configuration: Callable[..., LoadConfig], tmp_path: Path
) -> None:
    """Here the value is in the configuration, as on standard input."""
    config = configuration(server, "authorized", SHORT, endpoint={"headers": HEADERS})
    result, written = with_headers(config, tmp_path, {}, headerValues={"0": "wr0ng-token"})
    assert ResultKind.SMOKE_FAILED is result.kind
    assert "the first request was answered with status 401" in result.message
    assert "wr0ng" not in written


def test_a_secret_that_is_gone_is_named(server: int, configuration: Callable[..., LoadConfig], tmp_path: Path) -> None:
    """Nothing is sent to the server."""
    config = configuration(server, "authorized", SHORT, endpoint={"headers": HEADERS})
    result, _ = with_headers(config, tmp_path, {})
    message = "spec.endpoint.http.headers[0].valueFrom.secretKeyRef: there is no Secret 'login' with the key 'token'"
    assert (ResultKind.FAILED, message) == (result.kind, result.message)
