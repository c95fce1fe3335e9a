"""Thread pools that fit the CPU limit: which variables size them, and whether a server's pools are sized for the node.

OpenBLAS, OpenMP, MKL and the Go runtime before 1.25 start as many threads as the node has CPUs, whatever the limit of
the container is, and so does a JVM before 8u191 or one that does not see its cgroup. Together these threads use up the
quota of a CFS period in a fraction of it, and the server is throttled for the rest. Pools are sized when the server
starts, so a server keeps its pools when it is resized.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import Variable
from modelprofiler.api.trial import Trial
from modelprofiler.core.axis import Limits
from modelprofiler.core.support import profiled_container

BLAS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Read by NumPy, SciPy and scikit-learn; PyTorch reads the first."""
TENSORFLOW = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
GO = ("GOMAXPROCS",)
JVM = ("JAVA_TOOL_OPTIONS",)
JVM_OPTION = "-XX:ActiveProcessorCount="

OWN_THREADS = 8
"""Threads that a server may have in addition to its pools: a master, listeners, monitoring. A rule of thumb."""

JVM_THREADS = 16
"""Threads that a JVM has in addition to those: compilers, collectors, reference handling. With a small HTTP server, a
JVM that sees one CPU has 17 threads, and one that sees sixteen CPUs has 33 or more (`make bench PART=threads`)."""

THROTTLED_PERCENT = 5.0
"""Percent of CFS periods throttled from which an oversized pool is reported. A rule of thumb: below it, there is little
to win."""

_PYTHON = ("python", "gunicorn", "uvicorn", "hypercorn", "azmlinfsrv", "mlflow", "torchserve")
_JAVA_IMAGES = ("java", "jdk", "jre", "temurin", "corretto", "zulu", "tomcat")


@dataclass(frozen=True, slots=True)
class Pools:
    """What determines the size of a server's thread pools.

    Attributes
    ----------
    names
        Variables that its runtimes read where these can be recognised; otherwise the most likely ones.
    in_code
        The setting in the server's own code, for a pool that no variable sizes; empty where there is none.
    own
        The most threads that such a server has in addition to its pools.
    """

    names: tuple[str, ...]
    in_code: str = ""
    own: int = OWN_THREADS


@dataclass(frozen=True, slots=True)
class _Recognised:
    """The runtimes that a profile's server appears to use."""

    java: bool
    python: bool
    tensorflow: bool
    onnx: bool

    @classmethod
    def of(cls, spec: ModelProfileSpec, words: Sequence[str]) -> Self:
        """Recognise runtimes by the words of the command, the image and the requirements."""
        script = spec.server.entry_script
        programs = [word.rpartition("/")[2].lower() for word in words]
        image = str((profiled_container(spec) or {}).get("image") or "").lower()
        requirements: Sequence[str] = []
        if script is not None:
            image, requirements = (script.environment.image or "").lower(), script.environment.requirements
        packages = " ".join([image, *requirements, *programs]).lower()
        return cls(
            java=any(p == "java" or p.endswith(".jar") for p in programs) or any(n in image for n in _JAVA_IMAGES),
            python=script is not None or any(p.startswith(_PYTHON) for p in programs) or "python" in image,
            tensorflow="tensorflow" in packages,
            onnx="onnxruntime" in packages,
        )


def pools_of(spec: ModelProfileSpec) -> Pools:
    """Return what determines the size of the server's thread pools, as far as the profile shows it."""
    words = _command_words(spec)
    runtime = _Recognised.of(spec, words)
    names: list[str] = []
    if runtime.python or runtime.tensorflow or not runtime.java:
        names += BLAS
    if runtime.tensorflow:
        names += TENSORFLOW
    # A profile that sets the option itself has chosen the size on purpose.
    if runtime.java and not any(JVM_OPTION in text for text in [*words, *_profile_variables(spec).values()]):
        names += JVM
    if not (runtime.python or runtime.java or runtime.tensorflow):
        names += GO
    in_code = "ONNX Runtime's SessionOptions.intra_op_num_threads" if runtime.onnx else ""
    return Pools(tuple(names), in_code, OWN_THREADS + (JVM_THREADS if runtime.java else 0))


def _command_words(spec: ModelProfileSpec) -> list[str]:
    """Return the words of the profiled container's command and arguments, a shell script split into words."""
    container = profiled_container(spec) or {}
    return [word for key in ("command", "args") for text in _list(container.get(key)) for word in str(text).split()]


def pool_size(spec: ModelProfileSpec, cpu: int) -> int:
    """Return the threads of a pool for a CPU limit in millicores: the cores, rounded up, divided among the workers."""
    workers = spec.server.entry_script.workers if spec.server.entry_script is not None else 1
    return max(1, math.ceil(cpu / 1000 / workers))


def variables(spec: ModelProfileSpec, cpu: int) -> list[Variable]:
    """Return the variables that size the pools for a CPU limit in millicores, except those that the profile sets."""
    profile, size = _profile_variables(spec), pool_size(spec, cpu)
    return [
        Variable(name=name, value=f"{JVM_OPTION}{size}" if name in JVM else str(size))
        for name in pools_of(spec).names
        if name not in profile
    ]


def variables_to_set(spec: ModelProfileSpec, cpu: int) -> list[Variable]:
    """Return the variables to set for a trial at a CPU limit in millicores: none unless search.threads is Auto."""
    return variables(spec, cpu) if spec.search.threads == "Auto" else []


def needs_new_pools(spec: ModelProfileSpec, limits: Limits, trials: Sequence[Trial]) -> bool:
    """Whether the running server, the last one started, has pools of a different size than these limits require."""
    if not variables_to_set(spec, limits.cpu):
        return False
    started = next((t for t in reversed(trials) if t.fresh), None)
    return started is not None and pool_size(spec, Limits.from_size(started.limits).cpu) != pool_size(spec, limits.cpu)


def variables_sentence(spec: ModelProfileSpec, cpu: int) -> str | None:
    """Return which variables the trials set for a CPU limit in millicores; None where they set none."""
    size_variables = variables_to_set(spec, cpu)
    if not size_variables:
        return None
    sentence = f"The trials set {_listed(size_variables)}, derived from the CPU limit: set the same in production"
    in_code = pools_of(spec).in_code
    return f"{sentence}; no variable sets {in_code}." if in_code else f"{sentence}."


def oversized_sentence(spec: ModelProfileSpec, limits: Limits, trials: Sequence[Trial]) -> str | None:
    """Return a sentence where the server's pools seem to be sized for the node, with the variables that size them.

    None where they do not, or where that is not known. The signs are more threads than the limit and the server's own
    threads explain, at least as many threads as the node has CPUs, and throttling.
    """
    usages = [t.usage for t in trials if Limits.from_size(t.limits) == limits and t.usage is not None]
    threads = max((usage.threads for usage in usages if usage.threads is not None), default=0)
    throttled = max((float(u.throttled_percent) for u in usages if u.throttled_percent is not None), default=None)
    node_cpus = max((t.node.cpus for t in trials if t.node is not None and t.node.cpus is not None), default=None)
    cores = math.ceil(limits.cpu / 1000)
    if threads < max(pools_of(spec).own + cores, node_cpus or 0) or (node_cpus is not None and node_cpus <= cores):
        return None
    if throttled is not None and throttled < THROTTLED_PERCENT:
        return None
    sentence = f"The server had {threads} threads on {Quantity.cpu(limits.cpu)} CPU"
    if throttled is not None:
        sentence += f" and was throttled in {throttled:.0f}% of the scheduler's periods"
    if settings := variables_to_set(spec, limits.cpu):
        return f"{sentence}, although the trials set {_listed(settings)}: something else sizes its thread pools."
    if not (advice := _advice(spec, limits.cpu)):
        return None
    node = f"the node's {node_cpus} CPUs" if node_cpus is not None else "the node's CPUs"
    return f"{sentence}: if its thread pools are sized for {node}, {advice}."


def _advice(spec: ModelProfileSpec, cpu: int) -> str:
    """Return how to size the server's pools for a CPU limit in millicores; empty where the profile does so already."""
    pools, profile = pools_of(spec), _profile_variables(spec)
    settings = variables(spec, cpu)
    steps = [f"set {_listed(settings)}"] if settings else []
    # The value of the variable is not repeated, as it may be a secret.
    steps += [
        f"add {JVM_OPTION}{pool_size(spec, cpu)} to its {name}"
        for name in JVM
        if name in pools.names and profile.get(name)
    ]
    if not steps:
        return ""
    if pools.in_code:
        steps.append(f"{pools.in_code} in its code")
    auto = "; with search.threads: Auto the trials set these variables" if settings else ""
    return f"{', and '.join(steps)}{auto}"


def _profile_variables(spec: ModelProfileSpec) -> dict[str, str]:
    """Return the variables that the profile sets in the profiled container; the value of a reference is empty."""
    if spec.server.entry_script is not None:
        return {v.name: v.value or "" for v in spec.server.entry_script.environment.env}
    container = profiled_container(spec) or {}
    env = [v for v in _list(container.get("env")) if isinstance(v, dict)]
    return {str(v.get("name")): str(v.get("value") or "") for v in env}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _listed(settings: Sequence[Variable]) -> str:
    """Return ``A=1, B=1 and C=1``."""
    parts = [f"{setting.name}={setting.value}" for setting in settings]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
