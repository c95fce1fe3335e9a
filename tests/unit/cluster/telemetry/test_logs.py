"""Logs that say what a line is about."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator

import pytest

from modelprofiler.cluster.telemetry import logs


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    """Leave the root logger as it was."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before


async def test_a_json_line_names_profile_run_and_trial_of_the_task_that_wrote_it() -> None:
    """Two looks at the same time do not mix; a line about no profile names none."""
    stream = io.StringIO()
    logs.configure("INFO", "JSON", stream)
    log = logging.getLogger("test")

    async def look(name: str, index: int) -> None:
        logs.set_about(logs.about(("team", name), {"runHash": "0123456789abcdef", "activeTrial": {"index": index}}))
        await asyncio.sleep(0)
        log.info("looked at %s", name)

    await asyncio.gather(look("a", 1), look("b", 2))
    log.warning("no profile")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    times = [line.pop("time") for line in lines]
    expected = {"level": "INFO", "logger": "test", "run": "01234567"}
    assert expected | {"message": "looked at a", "profile": "team/a", "trial": 1} == lines[0]
    assert expected | {"message": "looked at b", "profile": "team/b", "trial": 2} == lines[1]
    assert {"level": "WARNING", "logger": "test", "message": "no profile"} == lines[2]
    assert all(times)


def test_a_line_of_text_ends_with_what_it_is_about() -> None:
    """In logfmt's form."""
    stream = io.StringIO()
    logs.configure("INFO", "Text", stream)
    logs.set_about(logs.about(("team", "digits"), {}))
    logging.getLogger("test").info("hello")
    logs.set_about(logs.About())
    assert stream.getvalue().endswith("INFO test hello profile=team/digits\n")


def test_a_text_has_no_control_sequence_and_no_line_that_somebody_else_has_made_up() -> None:
    """Messages quote what servers and tenants wrote: none may look like a record, nor act on a terminal."""
    stream = io.StringIO()
    logs.configure("INFO", "Text", stream)
    message = "bad \x1b[2Janswer\r\n2026-01-01 ERROR modelprofiler all is lost\x1b]0;title\x07"
    logging.getLogger("test").warning("server said %s", message)
    assert stream.getvalue().endswith("server said bad answer\n    2026-01-01 ERROR modelprofiler all is lost\n")
