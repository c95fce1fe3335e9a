"""Thread pools that fit the CPU limit: what sizes them, and when a server's are sized for the node."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.core.builders import Trials, load_of, usage_of
from tests.unit.core.search.simulator import resources_of, spec_of

from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.trial import NodeLoad, Purpose
from modelprofiler.core import threads
from modelprofiler.core.axis import Limits
from modelprofiler.core.search.step import next_step
from modelprofiler.core.steps import Recommend, RunTrial
from modelprofiler.core.support import unsupported

GI = 2**30
BLAS = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}


def container(**fields: Any) -> ModelProfileSpec:
    """Return a profile of a container with threads Auto."""
    one = {"name": "server", "image": "registry.example/server", **fields}
    return spec_of(server={"template": {"spec": {"containers": [one]}}}, search={"threads": "Auto"})


def without_auto(spec: ModelProfileSpec) -> ModelProfileSpec:
    """Return a profile with threads None."""
    return spec.model_copy(update={"search": spec.search.model_copy(update={"threads": "None"})})


def script(env: list[dict[str, str]] | None = None, workers: int = 1, mode: str = "Auto") -> ModelProfileSpec:
    """Return a profile of an entry script."""
    entry = {"source": {"inline": "x"}, "workers": workers, "environment": {"env": env or []}}
    return spec_of(server={"entryScript": entry}, search={"threads": mode})


def names(spec: ModelProfileSpec) -> set[str]:
    """Return the names of the variables that are set."""
    return {variable.name for variable in threads.variables_to_set(spec, 1000)}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"command": ["/usr/bin/python3.11", "serve.py"]}, BLAS),
        ({"command": ["java", "-jar", "server.jar"]}, {"JAVA_TOOL_OPTIONS"}),
        ({"command": ["sh", "-c", "exec java -jar server.jar"]}, {"JAVA_TOOL_OPTIONS"}),
        ({"image": "eclipse-temurin:21"}, {"JAVA_TOOL_OPTIONS"}),
        ({"image": "amazoncorretto:21"}, {"JAVA_TOOL_OPTIONS"}),
        ({"command": ["java", "-XX:ActiveProcessorCount=2", "-jar", "server.jar"]}, set()),
        ({"command": ["java"], "env": [{"name": "JDK_JAVA_OPTIONS", "value": "-XX:ActiveProcessorCount=2"}]}, set()),
        ({"image": "tensorflow/serving"}, BLAS | {"TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"}),
        ({}, BLAS | {"GOMAXPROCS"}),
    ],
)
def test_the_variables_are_those_of_what_can_be_recognised(fields: dict[str, Any], expected: set[str]) -> None:
    """By command, arguments and image; the likely ones where nothing can."""
    assert expected == names(container(**fields))


def test_an_entry_script_is_python() -> None:
    """GOMAXPROCS would say nothing to it."""
    assert BLAS == names(script())


@pytest.mark.parametrize(("cpu", "workers", "expected"), [(100, 1, 1), (1000, 1, 1), (1001, 1, 2), (4000, 2, 2)])
def test_a_pool_gets_the_limits_cores_rounded_up(cpu: int, workers: int, expected: int) -> None:
    """At least one, and the workers share them."""
    assert {str(expected)} == {v.value for v in threads.variables_to_set(script(workers=workers), cpu)}


def test_the_jvm_gets_an_option() -> None:
    """It reads JAVA_TOOL_OPTIONS at start."""
    variables = threads.variables_to_set(container(command=["java"]), 1500)
    assert ["-XX:ActiveProcessorCount=2"] == [v.value for v in variables]


def test_what_the_profile_sets_is_left_alone() -> None:
    """In an entry script's environment and in a container's."""
    variables = [{"name": "OMP_NUM_THREADS", "value": "3"}]
    assert BLAS - {"OMP_NUM_THREADS"} == names(script(variables))
    assert "OMP_NUM_THREADS" not in names(container(env=variables))


def test_without_auto_nothing_is_set() -> None:
    """It is the default."""
    assert set() == names(script(mode="None"))


def test_auto_with_env_from_is_refused() -> None:
    """What a ConfigMap sets cannot be seen, and must not be overwritten."""
    spec = container(envFrom=[{"configMapRef": {"name": "settings"}}])
    assert ["spec.search.threads"] == [problem.path for problem in unsupported(spec, "Cluster")]


def run(spec: ModelProfileSpec) -> list[RunTrial]:
    """Return the trials of a run; every one passes far below its objective."""
    trials, steps = Trials(spec), []
    while isinstance(step := next_step(spec, resources_of(spec), "server", "Cluster", trials), RunTrial):
        steps.append(step)
        cpu, memory = f"{step.limits.cpu}m", str(step.limits.memory)
        trials.ran(step.purpose, cpu, memory, load=load_of(5), fresh=step.fresh, usage=usage_of("1ms"))
    assert isinstance(step, Recommend)
    return steps


def test_a_step_that_changes_the_pools_needs_a_fresh_server() -> None:
    """From 4 cores down the pools change; below one core they do not, and the server is resized."""
    resources = {"cpu": {"min": "100m", "max": "4", "step": "100m"}, "memory": {"values": ["1Gi"]}}
    resized = [s for s in run(spec_of(resources=resources)) if not s.fresh]
    assert resized
    auto = run(spec_of(resources=resources, search={"threads": "Auto"}))
    started = 0
    for step in auto:
        size = -(-step.limits.cpu // 1000)
        assert step.fresh or size == started, step
        started = size if step.fresh else started
    below_one_core = run(spec_of(search={"threads": "Auto"}))
    assert any(not step.fresh for step in below_one_core)


def messages_about(
    count: int | None, throttled: str | None = "30", cpus: int | None = 8, spec: ModelProfileSpec | None = None
) -> str | None:
    """Return the advice about a server with this many threads at 500m."""
    spec = spec or script(mode="None")
    trials = Trials(spec).ran(
        Purpose.CONFIRM, "500m", load=load_of(100), usage=usage_of(threads=count, throttled=throttled)
    )
    if cpus is not None:
        trials[0] = trials[0].model_copy(update={"node": NodeLoad(cpus=cpus)})
    return threads.oversized_sentence(spec, Limits(500, GI), trials)


def test_a_pool_of_the_nodes_size_is_noticed_and_the_variable_named() -> None:
    """Threads against the limit, and throttling."""
    assert (
        "The server had 25 threads on 500m CPU and was throttled in 30% of the scheduler's periods: if its thread "
        "pools are sized for the node's 8 CPUs, set OMP_NUM_THREADS=1, OPENBLAS_NUM_THREADS=1 and MKL_NUM_THREADS=1; "
        "with search.threads: Auto the trials set these variables."
    ) == messages_about(25)


@pytest.mark.parametrize(
    ("fields", "advice"),
    [
        ({"command": ["java", "-jar", "server.jar"]}, "set JAVA_TOOL_OPTIONS=-XX:ActiveProcessorCount=1;"),
        ({"command": ["/server"]}, "MKL_NUM_THREADS=1 and GOMAXPROCS=1;"),
        ({"command": ["torchserve"]}, "set OMP_NUM_THREADS=1, OPENBLAS_NUM_THREADS=1 and MKL_NUM_THREADS=1;"),
        ({"image": "tensorflow/serving"}, "TF_NUM_INTRAOP_THREADS=1 and TF_NUM_INTEROP_THREADS=1;"),
    ],
)
def test_the_variable_is_that_of_the_runtime(fields: dict[str, Any], advice: str) -> None:
    """Of a JVM, of Go, of PyTorch, of TensorFlow."""
    spec = container(**fields)
    messages = messages_about(40, spec=without_auto(spec))
    assert messages is not None
    assert advice in messages


@pytest.mark.parametrize(
    ("count", "throttled", "cpus"),
    [
        pytest.param(5, "30", 8, id="a few threads of its own"),
        pytest.param(20, "30", 64, id="fewer threads than the node has CPUs"),
        pytest.param(25, "0.5", 8, id="not throttled"),
        pytest.param(25, "30", 1, id="the node has no more than the limit"),
        pytest.param(None, "30", 8, id="threads not known"),
    ],
)
def test_other_threads_are_not_called_a_pool(count: int | None, throttled: str | None, cpus: int | None) -> None:
    """What is not seen is not said."""
    assert messages_about(count, throttled, cpus) is None


@pytest.mark.parametrize(("count", "reported"), [(17, False), (24, False), (25, True), (47, True)])
def test_a_jvm_has_threads_of_its_own(count: int, reported: bool) -> None:
    """Compilers and collectors: two dozen in all are no pool."""
    messages = messages_about(count, spec=without_auto(container(command=["java"])))
    assert reported == (messages is not None)


@pytest.mark.parametrize("auto", [False, True])
def test_an_option_is_added_to_those_that_the_profile_gives_the_jvm(auto: bool) -> None:
    """The variable is not set over them, Auto leaves it alone, and what may be a secret is not repeated."""
    env = [{"name": "JAVA_TOOL_OPTIONS", "value": "-Xmx1g -Dpassword=hunter2"}]
    spec = container(command=["java"], env=env)
    messages = messages_about(47, spec=spec if auto else without_auto(spec))
    assert messages is not None
    assert messages.endswith("add -XX:ActiveProcessorCount=1 to its JAVA_TOOL_OPTIONS.")
    assert "hunter2" not in messages


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"args": ["-XX:ActiveProcessorCount=4"]}, id="in its command"),
        pytest.param({"env": [{"name": "JAVA_TOOL_OPTIONS", "value": "-XX:ActiveProcessorCount=4"}]}, id="in its env"),
        pytest.param({"env": [{"name": "JAVA_TOOL_OPTIONS", "valueFrom": {}}]}, id="perhaps, where it cannot be seen"),
    ],
)
def test_a_jvm_whose_author_sized_it_gets_no_advice(fields: dict[str, Any]) -> None:
    """It is meant so."""
    assert messages_about(47, spec=without_auto(container(command=["java"], **fields))) is None


def test_a_pool_that_takes_no_variable_is_reported() -> None:
    """ONNX Runtime has it in its code."""
    entry = {"source": {"inline": "x"}, "environment": {"requirements": ["onnxruntime==1.20"]}}
    messages = messages_about(25, spec=spec_of(server={"entryScript": entry}))
    assert messages is not None
    assert "SessionOptions.intra_op_num_threads" in messages


def test_with_the_variables_set_something_else_is_to_blame() -> None:
    """They are not recommended again."""
    messages = messages_about(25, spec=script())
    assert messages is not None
    assert messages.endswith("something else sizes its thread pools.")


def test_what_was_set_is_to_be_set_in_production() -> None:
    """The recommendation carries it, and says so."""
    spec = script()
    trials = Trials(spec)
    while isinstance(step := next_step(spec, resources_of(spec), "server", "Cluster", trials), RunTrial):
        size = (f"{step.limits.cpu}m", str(step.limits.memory))
        trials.ran(step.purpose, *size, load=load_of(5), fresh=step.fresh, usage=usage_of("1ms"))
    assert isinstance(step, Recommend)
    recommendation = step.recommendation
    assert {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"} == {
        v.name: v.value for v in recommendation.env
    }
    assert "set the same in production" in recommendation.explanation
