"""How the generator gets on with servers that are unlike nginx at its best: each case is a load of its own."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.load import generator
from benchmarks.load.programs import BODY, ROOT, cores, find, get, nginx, running, scoring, wait_for

from modelprofiler.core.evidence import ResultKind
from modelprofiler.errors import EnvironmentFailed
from modelprofiler.load.result import LoadResult

SERVER = ROOT / "tests" / "integration" / "load" / "misbehaving.py"
SECONDS = 5
TOGETHER = 4
"""Cases side by side: more would wait for each other."""
COUNTED = ("closing", "brief")
"""Servers whose connections say something."""
MIB = 2**20
_PACED: dict[str, Any] = {"openLoop": {"rate": "200"}}
_SLOWLY: dict[str, Any] = {"openLoop": {"rate": "50"}}
_ONE: dict[str, Any] = {"closedLoop": {"concurrency": 1}}
_FOUR: dict[str, Any] = {"closedLoop": {"concurrency": 4}}


@dataclass(frozen=True)
class Case:
    """One case: what it is called, its kind of server (``plain``: one of its own that misbehaves), what is asked of it.

    Attributes
    ----------
    works
        Whether every request is to be answered; otherwise the load must be refused with ``because`` in its message.
    """

    name: str
    server: str
    path: str
    load: dict[str, Any]
    rows: bytes = BODY + b"\n"
    more: dict[str, Any] = field(default_factory=dict)
    works: bool = True
    because: str = ""


@dataclass(frozen=True)
class Outcome:
    """What came of a case; the connections that its server had, where it counts them."""

    case: Case
    result: LoadResult
    connections: int | None = None

    @property
    def as_it_should_be(self) -> bool:
        """Whether what happened is what is to happen."""
        if self.case.works:
            status = self.result.status
            return status is not None and status.requests > 0 and status.failures == 0
        return self.result.kind is ResultKind.SMOKE_FAILED and self.case.because in self.result.message

    @property
    def sentence(self) -> str:
        """What happened."""
        status = self.result.status
        if status is None:
            return self.result.message
        kinds = status.failures_by_kind.to_dict() if status.failures_by_kind else {}
        failed = ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count)
        description = f"failed: {failed}" if failed else "every request was answered"
        if self.connections:
            description += f", over {self.connections:,} connections"
        return description + f"; p95 {status.latency.p95 or status.latency.max}"


def cases(certificates: Certificates | None) -> list[Case]:
    """Return every case; those with TLS only where there are certificates."""
    result = [
        Case("a row of 10 MiB, and a small one", "plain", "/keep_alive", _ONE, rows=b"x" * 10 * MIB + b"\nsmall\n"),
        Case("responses in chunks, with a trailer", "plain", "/chunked", _PACED),
        Case("`Connection: close` on every response (nginx)", "closing", "/", _PACED),
        Case("`Connection: close` on every response (azureml-inference-server-http)", "scoring", "/score", _SLOWLY),
        Case("HTTP/1.0: the end of the connection ends the body", "plain", "/until_close", _PACED),
        Case("a server that reads 1 MiB slowly", "plain", "/sip", _FOUR, rows=b"x" * MIB + b"\n"),
        Case("a server that answers a few bytes at a time", "plain", "/split", _PACED),
        Case("keep-alive of 5 ms, a request each 5 ms: the server closes as one is sent (nginx)", "brief", "/", _PACED),
        Case("every second request is read, and the connection closed instead of an answer", "plain", "/race", _FOUR),
        Case("informational responses (100, 102) first", "plain", "/informational", _PACED),
    ]
    if certificates:
        trusted, other = _verified(certificates.authority), _verified(certificates.other)
        by_name = _verified(certificates.authority, serverName="digits.example")
        result += [
            Case("TLS, verified against a private CA (nginx)", "tls", "/", _PACED, more=trusted),
            Case("TLS, verified by name, not address", "tls", "/", _PACED, more=by_name),
            Case("TLS, not verified", "tls", "/", _PACED, more={"endpoint": {"scheme": "HTTPS"}}),
            Case(
                *("TLS, the server is of another CA", "tls", "/", _PACED),
                more=other,
                works=False,
                because="certificate verify failed",
            ),
        ]
    return result


def _verified(authority: Path, **more: str) -> dict[str, Any]:
    return {"endpoint": {"scheme": "HTTPS", "tls": {"caBundle": authority.read_text(), **more}}}


@dataclass(frozen=True)
class Certificates:
    """Files: a CA, a server's key and certificate of that CA for 127.0.0.1, and another CA."""

    authority: Path
    server: Path
    other: Path

    @classmethod
    def make(cls, folder: Path) -> Certificates | None:
        """Make them with openssl; None where there is none."""
        if find("openssl") is None:
            return None
        folder.mkdir()
        key = "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
        for name in ("authority", "other"):
            _openssl(f"{key} -x509 -days 2 -subj /CN={name} -keyout {name}.key -out {name}.pem", folder)
        (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:digits.example")
        _openssl(f"{key} -subj /CN=server -keyout server.key -out server.csr", folder)
        _openssl(
            "x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 2 -extfile names"
            " -out server.crt",
            folder,
        )
        (folder / "server.pem").write_bytes((folder / "server.key").read_bytes() + (folder / "server.crt").read_bytes())
        return cls(folder / "authority.pem", folder / "server.pem", folder / "other.pem")


def _openssl(arguments: str, folder: Path) -> None:
    subprocess.run(["openssl", *arguments.split()], cwd=folder, check=True, capture_output=True)


def run(folder: Path, say: Callable[[str], None]) -> list[Outcome]:
    """Make the load of every case, a few side by side; what came of each."""
    folder.mkdir()
    certificates = Certificates.make(folder / "certificates")
    with contextlib.ExitStack() as stack:
        ports = {}
        if find("nginx"):
            ports["closing"] = stack.enter_context(nginx(folder / "closing", keep_alive="0"))
            ports["brief"] = stack.enter_context(nginx(folder / "brief", keep_alive="5ms"))
            if certificates:
                ports["tls"] = stack.enter_context(nginx(folder / "tls", certificate=certificates.server))
        try:
            ports["scoring"] = stack.enter_context(scoring(folder / "scoring"))
        except (EnvironmentFailed, RuntimeError) as error:
            say(f"without azureml-inference-server-http: {error}")
        possible = [case for case in cases(certificates) if case.server in {"plain", *ports}]
        for first in range(0, len(possible), TOGETHER):
            say(f"behaviour: {first} of {len(possible)} cases done")
            with contextlib.ExitStack() as loads:
                processes = []
                for i, case in list(enumerate(possible))[first : first + TOGETHER]:
                    at = folder / f"case-{i}"
                    port = ports.get(case.server) or loads.enter_context(_misbehaving(folder / f"server-{i}"))
                    processes.append(loads.enter_context(running(_command(case, port, at), cores()[0], at)))
                for process in processes:
                    process.wait(timeout=90)
        counts = {name: _accepted(port) for name, port in ports.items() if name in COUNTED}
    return [
        Outcome(case, generator.result_of(folder / f"case-{i}"), counts.get(case.server))
        for i, case in enumerate(possible)
    ]


def _command(case: Case, port: int, folder: Path) -> list[str]:
    changes = dict(case.more)
    endpoint = {"path": case.path, "timeout": "30s"} | changes.pop("endpoint", {})
    config = generator.configuration(port, {"duration": f"{SECONDS}s"} | case.load, endpoint=endpoint, **changes)
    return generator.command(config, folder, rows=case.rows)


@contextlib.contextmanager
def _misbehaving(folder: Path) -> Any:
    folder.mkdir()
    with running([sys.executable, "-u", str(SERVER)], cores()[1], folder) as process:
        output = folder / "output"
        for _ in range(500):
            if match := re.match(r"(\d+)\n", output.read_text()):
                break
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.02)
        else:
            raise RuntimeError("the misbehaving server does not start")
        port = int(match[1])
        wait_for(port, process, folder)
        yield port


def _accepted(port: int) -> int:
    return int(get(port, "/status").split()[7])


def table(outcomes: Sequence[Outcome]) -> list[str]:
    """Return a row for each case."""
    lines = ["| server or request | requests | failures | what happened | as it should be |", "|---|---|---|---|---|"]
    for outcome in outcomes:
        status = outcome.result.status
        numbers = f"{status.requests:,} | {status.failures:,}" if status else "none | "
        fine = "yes" if outcome.as_it_should_be else "no"
        lines.append(f"| {outcome.case.name} | {numbers} | {outcome.sentence} | {fine} |")
    needs = (
        ("tls", "TLS", "openssl and nginx"),
        ("closing", "nginx's own behaviour", "nginx"),
        (
            "scoring",
            "azureml-inference-server-http",
            "uv, a way to its packages, and a server that starts within ten seconds",
        ),
    )
    for server, need, needed in needs:
        if not any(outcome.case.server == server for outcome in outcomes):
            lines.append(f"| {need} | missing: needs {needed} | | | |")
    return lines
