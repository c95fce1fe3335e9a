"""The operator, which ends as if killed (SIGKILL) just before or just after a write to the API server.

Started as ``python -m tests.faults.mortal STATE`` with the operator's own environment. STATE is a file with the points
at which it has died, one a line: it dies at each point that it comes to for the first time. The operator's code knows
nothing of it.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from modelprofiler.api.objects import Object
from modelprofiler.cluster.adapter import Cluster
from modelprofiler.cluster.traffic import name_of

HARMLESS = ("leases", "serviceaccounts/token")
"""What is written without anything of a run: renewing the Lease, tokens for kubelets."""


def point_of(method: str, path: str, body: Object | None, query: dict[str, str]) -> str:
    """Return the name of a write; writes of the status are named after the stage that they begin."""
    name = name_of(method, path, query)
    status = (body or {}).get("status") if name == "update modelprofiles/status" else None
    if not isinstance(status, dict):
        return name
    active = status.get("activeTrial") or {}
    finished: Object = next((c for c in status.get("conditions") or [] if c.get("type") == "Finished"), {})
    stage = f"trial {active['index']} {active['stage']}" if active else str(finished.get("reason"))
    return f"{name} ({stage}, {len(status.get('trials') or [])} finished)"


class Fate:
    """The points at which the process has died, and dies."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known = set(read(file))

    def meet(self, point: str) -> None:
        """Die here, unless it was died here before."""
        if point in self._known:
            return
        with self._file.open("a", encoding="utf-8") as file:
            file.write(f"{point}\n")
            file.flush()
            os.fsync(file.fileno())
        os.kill(os.getpid(), signal.SIGKILL)


def read(file: Path) -> list[str]:
    """Return the points at which a process has died, in their order."""
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def make_mortal(file: Path) -> None:
    """Let the operator of this process die at every point that is not in a file yet."""
    fate = Fate(file)
    call = Cluster._call

    async def mortal_call(self: Cluster, method: str, path: str, **options: Any) -> Object:
        query = options.get("query") or {}
        point = point_of(method, path, options.get("body"), query)
        if method == "GET" or "dryRun" in query or point.endswith(HARMLESS):
            return await call(self, method, path, **options)
        fate.meet(f"before {point}")
        answer = await call(self, method, path, **options)
        fate.meet(f"after {point}")
        return answer

    Cluster._call = mortal_call  # type: ignore[method-assign]


def main() -> None:
    """Run the operator."""
    from modelprofiler.cluster import handlers
    from modelprofiler.cluster.settings import Settings
    from modelprofiler.cluster.telemetry import logs

    if len(sys.argv) > 1:
        make_mortal(Path(sys.argv[1]))
    settings = Settings.from_environment(os.environ)
    logs.configure(settings.log_level, settings.log_format)
    handlers.run(settings)


if __name__ == "__main__":
    main()
