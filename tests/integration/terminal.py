"""A program in a terminal of its own: what a person types into it and sees on its screen."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import pexpect
import pyte

PATIENCE_SECONDS = 30
"""A bound against hanging, however busy the machine."""


class Terminal:
    """A program and its screen.

    Parameters
    ----------
    command
        The program and its arguments.
    cwd, env
        Where and with which variables it runs.
    width, height
        Of the screen, in characters.
    """

    def __init__(
        self, command: list[str], *, cwd: Path, env: Mapping[str, str], width: int = 100, height: int = 30
    ) -> None:
        self._screen = pyte.Screen(width, height)
        self._stream = pyte.Stream(self._screen)
        self._process: pexpect.spawn[str] = pexpect.spawn(
            command[0], command[1:], cwd=str(cwd), env=dict(env), dimensions=(height, width), encoding="utf-8"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.close(force=True)

    def type(self, text: str) -> None:
        """Type."""
        self._process.send(text)

    def shown(self) -> str:
        """Return what is on the screen now."""
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    def until(self, text: str, patience: float = PATIENCE_SECONDS) -> str:
        """Return the screen once it shows a text; a program that has ended shows nothing more."""
        end = time.monotonic() + patience
        goes_on = True
        while text not in self.shown():
            missing = f"{text!r} is not on the screen:\n{self.shown()}"
            assert goes_on, missing
            assert time.monotonic() < end, missing
            goes_on = self._read()
        return self.shown()

    def ended(self, patience: float = PATIENCE_SECONDS) -> str:
        """Return the screen once the program has ended."""
        end = time.monotonic() + patience
        while self._read():
            assert time.monotonic() < end, f"it goes on:\n{self.shown()}"
        return self.shown()

    def _read(self) -> bool:
        try:
            self._stream.feed(self._process.read_nonblocking(4096, timeout=0.1))
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        return True
