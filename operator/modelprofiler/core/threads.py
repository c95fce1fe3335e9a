"""Thread pools that fit the CPU limit: which variables size them, and whether a server's pools are sized for the node.

OpenBLAS, OpenMP, MKL and the Go runtime before 1.25 make as many threads as the node has CPUs, whatever the container
may use of them, and so does a JVM before 8u191 or one that does not see its control group. All of them together then
use up a period's quota in a fraction of it, and the server stands still for the rest. They are sized at start, so a
server keeps its pools when it is resized.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import Variable
from modelprofiler.api.trial import Trial
from modelprofiler.core.axis import Limits
from modelprofiler.core.support import profiled_container

BLAS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""NumPy, SciPy, scikit-learn; PyTorch takes the first."""
TENSORFLOW = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
GO = ("GOMAXPROCS",)
JVM = ("JAVA_TOOL_OPTIONS",)
JVM_OPTION = "-XX:ActiveProcessorCount="

OWN_THREADS = 8
"""Threads that a server has beside its pools: a master, listeners, monitoring."""

JVM_THREADS = 16
"""Threads that a JVM has beside those: compilers, collectors, reference handling. One that is told of one CPU has 17
with a small HTTP server in it, and one of sixteen 33 or more (`make bench PART=threads`)."""

THROTTLED_PERCENT = 5.0
"""Share of the scheduler's periods from which on a pool that is too large shows."""

_PYTHON = ("python", "gunicorn", "uvicorn", "hypercorn", "azmlinfsrv", "mlflow", "torchserve")
_JAVA_IMAGES = ("java", "jdk", "jre", "temurin", "corretto", "zulu", "tomcat")


@dataclass(frozen=True, slots=True)
class Pools:
    """What sizes a server's thread pools.

    Attributes
    ----------
    names
        Variables that its runtimes read, as far as these can be recognised; else the likely ones.
    in_code
        What takes its size from no variable, and where it does; empty for nothing.
    own
        Threads that such a server has beside its pools, at most.
    """

    names: tuple[str, ...]
    in_code: str = ""
    own: int = OWN_THREADS


def pools_of(spec: ModelProfileSpec) -> Pools:
    """Return what sizes the pools of a profile's server, by its command, image and packages."""
    container = profiled_container(spec) or {}
    script = spec.server.entry_script
    # A shell's command is one word of many.
    words = [word for key in ("command", "args") for one in _list(container.get(key)) for word in str(one).split()]
    programs = [word.rpartition("/")[2].lower() for word in words]
    image = str(container.get("image") or (script.environment.image if script else "") or "").lower()
    packages = " ".join([image, *(script.environment.requirements if script else []), *programs]).lower()
    java = "java" in programs or any(p.endswith(".jar") for p in programs) or any(n in image for n in _JAVA_IMAGES)
    python = script is not None or any(p.startswith(_PYTHON) for p in programs) or "python" in image
    tensorflow = "tensorflow" in packages
    names: list[str] = []
    if python or tensorflow or not java:
        names += BLAS
    if tensorflow:
        names += TENSORFLOW
    # What the profile tells the JVM is what its author wants.
    if java and not any(JVM_OPTION in text for text in [*words, *_given(spec).values()]):
        names += JVM
    if not (python or java or tensorflow):
        names += GO
    onnx = "onnxruntime" in packages or "onnxruntime" in image
    in_code = "ONNX Runtime's SessionOptions.intra_op_num_threads" if onnx else ""
    return Pools(tuple(names), in_code, OWN_THREADS + (JVM_THREADS if java else 0))


def pool_size(spec: ModelProfileSpec, cpu: int) -> int:
    """Return the threads that a pool gets at a CPU limit in millicores: its cores rounded up, shared by the workers."""
    workers = spec.server.entry_script.workers if spec.server.entry_script is not None else 1
    return max(1, math.ceil(cpu / 1000 / workers))


def variables(spec: ModelProfileSpec, cpu: int) -> list[Variable]:
    """Return the variables that size the server's pools for a CPU limit in millicores; none that the profile sets."""
    given, size = _given(spec), pool_size(spec, cpu)
    return [
        Variable(name=name, value=f"{JVM_OPTION}{size}" if name in JVM else str(size))
        for name in pools_of(spec).names
        if name not in given
    ]


def variables_to_set(spec: ModelProfileSpec, cpu: int) -> list[Variable]:
    """Return the variables that a trial's server gets at a CPU limit in millicores: none without threads Auto."""
    return variables(spec, cpu) if spec.search.threads == "Auto" else []


def needs_new_pools(spec: ModelProfileSpec, limits: Limits, trials: Sequence[Trial]) -> bool:
    """Whether the running server, the last that was started, has pools of another size than these limits ask for."""
    if not variables_to_set(spec, limits.cpu):
        return False
    started = next((t for t in reversed(trials) if t.fresh), None)
    return started is not None and pool_size(spec, Limits.from_size(started.limits).cpu) != pool_size(spec, limits.cpu)


def set_sentence(spec: ModelProfileSpec, cpu: int) -> str | None:
    """Return which variables were set for a CPU limit in millicores; None where none were."""
    found = variables_to_set(spec, cpu)
    if not found:
        return None
    sentence = f"The trials ran with {_listed(found)}, from the CPU limit: set the same in production"
    in_code = pools_of(spec).in_code
    return f"{sentence}; {in_code} takes no variable." if in_code else f"{sentence}."


def oversized_sentence(spec: ModelProfileSpec, limits: Limits, trials: Sequence[Trial]) -> str | None:
    """Return that the server's pools look sized for the node rather than for these limits, and what to set.

    None where they do not, or it is not known. What is seen is the number of threads in the container, against its
    limit and the CPUs of the node, and that it is throttled.
    """
    here = [t for t in trials if Limits.from_size(t.limits) == limits and t.usage is not None]
    threads = max((t.usage.threads for t in here if t.usage and t.usage.threads is not None), default=0)
    shares = [float(t.usage.throttled_percent) for t in here if t.usage and t.usage.throttled_percent is not None]
    cpus = max((t.node.cpus for t in trials if t.node is not None and t.node.cpus is not None), default=None)
    cores = math.ceil(limits.cpu / 1000)
    pools = pools_of(spec)
    if threads < max(pools.own + cores, cpus or 0) or (cpus is not None and cpus <= cores):
        return None
    if shares and max(shares) < THROTTLED_PERCENT:
        return None
    throttled = f" and was throttled in {max(shares):.0f}% of the scheduler's periods" if shares else ""
    node = f"the node's {cpus} CPUs" if cpus is not None else "the node's CPUs"
    sentence = f"The server had {threads} threads on {Quantity.cpu(limits.cpu)} CPU{throttled}"
    if set_here := variables_to_set(spec, limits.cpu):
        return f"{sentence}, although {_listed(set_here)} was set: something else sizes its pools."
    names, given, size = variables(spec, limits.cpu), _given(spec), pool_size(spec, limits.cpu)
    advice = [f"set {_listed(names)}"] if names else []
    # What the variable holds is not repeated: it may be a secret.
    advice += [f"add {JVM_OPTION}{size} to its {name}" for name in JVM if name in pools.names and given.get(name)]
    if not advice:
        return None
    if pools.in_code:
        advice.append(f"{pools.in_code} in its code")
    auto = "; search.threads Auto measures it so" if names else ""
    return f"{sentence}: if its pools are sized from {node}, {', and '.join(advice)}{auto}."


def _given(spec: ModelProfileSpec) -> dict[str, str]:
    """Return the variables that the profile sets for the profiled container, a value that it refers to as empty."""
    if spec.server.entry_script is not None:
        return {v.name: v.value or "" for v in spec.server.entry_script.environment.env}
    container = profiled_container(spec) or {}
    env = [v for v in _list(container.get("env")) if isinstance(v, dict)]
    return {str(v.get("name")): str(v.get("value") or "") for v in env}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _listed(found: Sequence[Variable]) -> str:
    """Return ``A=1, B=1 and C=1``."""
    words = [f"{v.name}={v.value}" for v in found]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
