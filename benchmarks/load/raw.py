"""The project's generator, which also writes every latency of the window down: ``--config FILE --result FILE``.

The raw latencies, in seconds, go into ``FILE.raw`` next to the result, as an array of doubles.
"""

from __future__ import annotations

import sys
from array import array
from pathlib import Path
from typing import Any

from modelprofiler.load import phases
from modelprofiler.load.command import main
from modelprofiler.load.recorder import Recorder

ended: list[tuple[float, float]] = []
recorders: list[Recorder] = []


class RawRecorder(Recorder):
    """Counts as ever, and keeps what it counted."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        recorders.append(self)

    def settle(self) -> None:
        ended.extend((i, now - i) for i, now in zip(self.answered[::3], self.answered[1::3], strict=True))
        super().settle()

    def record_failure(self, intended: float, now: float, failure: str, request: int) -> None:
        super().record_failure(intended, now, failure, request)
        if failure == "timeout":
            ended.append((intended, now - intended))


if __name__ == "__main__":
    setattr(phases, "Recorder", RawRecorder)  # noqa: B010 - the one that a load makes
    code = main()
    (recorder,) = recorders
    latencies = array("d", [latency for intended, latency in ended if intended >= recorder.window_start])
    Path(sys.argv[sys.argv.index("--result") + 1] + ".raw").write_bytes(latencies.tobytes())
    sys.exit(code)
