"""The operator as a process of this machine, with the account, the settings and the Lease of the one in the cluster.

As a process it can be killed, paused and started within a second, and its death can be put between two requests.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e import support, support_tenant
from tests.e2e.support import Run

from modelprofiler.cluster.settings import PREFIX

SYSTEM = ("--namespace", support.SYSTEM_NAMESPACE)
DEPLOYMENT = "deployment/modelprofiler"
STOP_SECONDS = 30.0
REPOSITORY = Path(__file__).resolve().parents[2]


def _environment(kubectl: Run) -> dict[str, str]:
    """Return the variables that the chart gives the operator, but for its own ports and name."""
    deployment = json.loads(kubectl("get", DEPLOYMENT, *SYSTEM, "-o", "json").stdout)
    variables = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    return {v["name"]: v["value"] for v in variables if "value" in v} | {
        "MODELPROFILER_LIVENESS_PORT": "0",
        "MODELPROFILER_METRICS_PORT": "0",
    }


@dataclass
class OperatorProcess:
    """An operator that can be killed and started again.

    Parameters
    ----------
    name
        What it is called in the Lease: the same after each start, as that of a container that is started again.
    fate
        File of the points at which it dies; None: it does not die by itself.
    """

    name: str
    environment: dict[str, str]
    log: Path
    fate: Path | None = None
    starts: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start it; it serves some seconds later."""
        command = [sys.executable, "-m", "tests.faults.mortal", *([str(self.fate)] if self.fate else [])]
        environment = os.environ | self.environment | {"MODELPROFILER_POD_NAME": f"faults/{self.name}"}
        environment["PYTHONPATH"] = f"{REPOSITORY / 'operator'}:{REPOSITORY}"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=log, stderr=log)
        self.starts += 1

    @property
    def pid(self) -> int:
        """Number of its process."""
        assert self.process is not None
        return self.process.pid

    @property
    def is_dead(self) -> bool:
        """Whether it has ended."""
        return self.process is not None and self.process.poll() is not None

    def kill(self) -> None:
        """Kill it (SIGKILL)."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def stop(self) -> None:
        """Let it end, and give its Lease back."""
        if self.process is None or self.is_dead:
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def read_log(self) -> str:
        """Return its log."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""


class Operators:
    """Makes operators that take the place of the one in the cluster, with the rights of its account."""

    def __init__(self, kubectl: Run, folder: Path) -> None:
        self._folder = folder
        config = support_tenant.kubeconfig(kubectl, support.SYSTEM_NAMESPACE, "modelprofiler", folder)
        self._environment = _environment(kubectl) | {"KUBECONFIG": str(config)}
        self.made: list[OperatorProcess] = []

    def make(
        self, name: str, *, fate: Path | None = None, api_server: str | None = None, **settings: str
    ) -> OperatorProcess:
        """Start an operator.

        Parameters
        ----------
        api_server
            Where it finds the API server, if not where everybody does.
        settings
            Settings other than those that the chart gives the operator in the cluster.
        """
        environment = self._environment | {f"{PREFIX}{key.upper()}": value for key, value in settings.items()}
        if api_server is not None:
            environment["KUBECONFIG"] = str(self._kubeconfig_for(name, api_server))
            # Without TLS the client has no CA, which is that of the kubelets, too.
            environment[f"{PREFIX}KUBELET_CA_FILE"] = str(self._authority())
        made = OperatorProcess(name, environment, self._folder / f"{name}.log", fate)
        self.made.append(made)
        made.start()
        return made

    def _authority(self) -> Path:
        config = json.loads(Path(self._environment["KUBECONFIG"]).read_text(encoding="utf-8"))
        file = self._folder / "ca.crt"
        file.write_bytes(base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"]))
        return file

    def _kubeconfig_for(self, name: str, api_server: str) -> Path:
        config = json.loads(Path(self._environment["KUBECONFIG"]).read_text(encoding="utf-8"))
        for cluster in config["clusters"]:
            cluster["cluster"]["server"] = api_server
        file = self._folder / f"{name}.kubeconfig"
        file.touch(mode=0o600)
        file.write_text(json.dumps(config), encoding="utf-8")
        return file


@contextlib.contextmanager
def instead_of_the_clusters(kubectl: Run, folder: Path) -> Iterator[Operators]:
    """Stop the operator in the cluster while the block runs, and whatever was started in its place afterwards."""
    kubectl("scale", DEPLOYMENT, *SYSTEM, "--replicas=0")
    _wait_for_pods(kubectl, 0)
    operators = Operators(kubectl, folder)
    try:
        yield operators
    finally:
        for made in operators.made:
            made.stop()
        kubectl("scale", DEPLOYMENT, *SYSTEM, "--replicas=1")
        _wait_for_pods(kubectl, 1)
        kubectl("wait", "--for=condition=Available", DEPLOYMENT, *SYSTEM, "--timeout=120s", timeout=130)


def _wait_for_pods(kubectl: Run, count: int) -> None:
    deadline = time.monotonic() + support.PATIENCE
    while len(kubectl("get", "pods", *support.OPERATOR_PODS, "-o", "name").stdout.split()) != count:
        assert time.monotonic() < deadline, f"the operator's pods are not {count}"
        time.sleep(support.POLL_SECONDS)
