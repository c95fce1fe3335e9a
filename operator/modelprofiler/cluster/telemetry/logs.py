"""Logs that say which profile, run and trial a line is about: as JSON for machines, or as text for people."""

from __future__ import annotations

import logging
import sys
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import Literal, TextIO

from pythonjsonlogger.json import JsonFormatter

from modelprofiler.api.objects import Object
from modelprofiler.core.text import printable

RUN_CHARACTERS = 8
"""Of a runHash: enough to tell the runs of a profile apart."""
TEXT = "%(asctime)s %(levelname)s %(name)s %(message)s%(about)s"


@dataclass(frozen=True)
class About:
    """What a line is about; empty: nothing of it is known."""

    profile: str = ""
    """namespace/name"""
    run: str = ""
    """The first characters of the runHash."""
    trial: int | None = None
    """Index of the trial that goes on."""


_about: ContextVar[About] = ContextVar("about", default=About())  # noqa: B039 - it is immutable


def about(key: tuple[str, str], status: Object) -> About:
    """Return what lines about a profile (namespace, name) with a status are about."""
    active = status.get("activeTrial") or {}
    return About("/".join(key), str(status.get("runHash") or "")[:RUN_CHARACTERS], active.get("index"))


def set_about(about: About) -> None:
    """Say what the lines of this task are about from now on."""
    _about.set(about)


class _AddAbout(logging.Filter):
    """Adds what a line is about to its record: as fields, and as the end of a text."""

    def filter(self, record: logging.LogRecord) -> bool:
        fields = {name: value for name, value in asdict(_about.get()).items() if value not in ("", None)}
        for name, value in fields.items():
            setattr(record, name, value)
        record.about = "".join(f" {name}={value}" for name, value in fields.items())
        return True


class _PrintableFormatter(logging.Formatter):
    """Formats records without control sequences: messages quote servers, tenants and the API server."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text that a terminal only shows; each of its lines after the first is indented."""
        return printable(super().format(record)).replace("\n", "\n    ")


def configure(level: str, form: Literal["Text", "JSON"], stream: TextIO = sys.stdout) -> None:
    """Set up the logs of this process."""
    handler = logging.StreamHandler(stream)
    handler.addFilter(_AddAbout())
    if form == "JSON":
        names = {"asctime": "time", "levelname": "level", "name": "logger"}
        fields = "%(asctime)s %(levelname)s %(name)s %(message)s"
        handler.setFormatter(JsonFormatter(fields, rename_fields=names, reserved_attrs=[*_reserved(), "about"]))
    else:
        handler.setFormatter(_PrintableFormatter(TEXT))
    logging.basicConfig(level=level, handlers=[handler], force=True)


def _reserved() -> list[str]:
    """Return the fields that every record has; they are in the line already or of no interest."""
    return list(logging.makeLogRecord({}).__dict__)
