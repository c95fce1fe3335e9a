"""No command ends with a traceback, whatever a file or an option contains.

Profiles, records of runs and options are mutated by Hypothesis. `MUTATED_PROFILES=10000 make unit ARGS='-k mutated'`
tries as many; by default a few are tried, always the same ones.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.report import runs

from modelprofiler.cli import main
from modelprofiler.errors import ModelProfilerError
from modelprofiler.files.document import load_document
from modelprofiler.files.inputs import place_inputs
from modelprofiler.local.check import problems
from modelprofiler.local.command import server_command
from modelprofiler.report.document import document

EXAMPLES = int(os.environ.get("MUTATED_PROFILES", "0")) or 20
"""Few by default: one takes some 30 ms, and each test here is one of the suite's slower ones."""

MUTATED = settings(
    max_examples=EXAMPLES,
    derandomize="MUTATED_PROFILES" not in os.environ,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)

pytestmark = pytest.mark.timeout(3600 if EXAMPLES > 1000 else 120)

API = Path(__file__).resolve().parents[1] / "api"

TEMPLATE = """\
apiVersion: modelprofiler.io/v1alpha1
kind: ModelProfile
metadata: {name: fuzzed, labels: {a: b}}
spec:
  server:
    template:
      metadata: {annotations: {a: b}}
      spec:
        nodeSelector: {a: b}
        initContainers: [{name: i, image: i}]
        containers:
        - name: server
          image: python:3.11
          command: [python3, -m, http.server, "5117"]
          args: [-v, $(A)]
          workingDir: /tmp
          ports: [{containerPort: 5117, name: http}]
          env:
          - {name: A, value: "1"}
          - {name: B, valueFrom: {configMapKeyRef: {name: files, key: a.txt}}}
          - {name: C, valueFrom: {secretKeyRef: {name: keys, key: a}}}
          envFrom: [{configMapRef: {name: files}, prefix: P_}, {secretRef: {name: keys}}]
          readinessProbe: {httpGet: {path: /, port: http, httpHeaders: [{name: X, value: y}]}}
          resources: {requests: {cpu: 1, memory: 1Gi}}
          securityContext: {capabilities: {add: [NET_BIND_SERVICE]}}
          volumeMounts:
          - {name: code, mountPath: /srv, subPath: a}
          - {name: empty, mountPath: /data}
          - {name: keys, mountPath: /keys}
        volumes:
        - {name: code, configMap: {name: files, items: [{key: a.txt, path: a}]}}
        - {name: empty, emptyDir: {}}
        - {name: keys, secret: {secretName: keys, items: [{key: a, path: b}]}}
    containerName: server
  endpoint: {http: {port: 5117, path: /, timeout: 10s, headers: [{name: X, value: y}], expect: {status: [200]}}}
  dataset: {source: {inline: "{}\\n[1]\\n"}, order: Sequential}
  load: {openLoop: {rate: "20"}, warmup: 2s, duration: 8s}
  objectives: {latency: {p95: 300ms, p99: 1s}, maxErrorPercent: "1", maxTimeToReady: 1m}
  resources: {cpu: {values: [100m, "1"]}, memory: {min: 128Mi, max: 256Mi, step: 32Mi}}
  search: {maxTrials: 8, deadline: 10m, threads: Auto}
"""
ADDRESSES = """\
apiVersion: modelprofiler.io/v1alpha1
kind: ModelProfile
metadata: {name: addresses}
spec:
  model: {name: m, source: {uri: {uri: "s3://bucket/model", secretRef: keys}}}
  server:
    entryScript:
      source: {secret: {name: keys}}
      environment: {env: [{name: A, valueFrom: {secretKeyRef: {name: keys, key: score.py}}}]}
  dataset: {source: {uri: {uri: "https://example.com/rows.txt"}}}
  load: {closedLoop: {concurrency: 4}}
  objectives: {maxSlowdownPercent: "20"}
"""
SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "keys"},
    "data": {"a": "eA=="},
    "stringData": {"score.py": "def init(): pass\ndef run(data): return data\n"},
}
CONFIG_MAP = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "files"},
    "data": {"a.txt": "x", "score.py": "def init(): pass\ndef run(data): return data\n", "rows.txt": "1\n2\n"},
    "binaryData": {"model": "AAAA"},
}
PROFILES: list[Any] = [
    yaml.safe_load(TEMPLATE),
    yaml.safe_load(ADDRESSES),
    *yaml.safe_load_all((API / "full.yaml").read_text(encoding="utf-8")),
    *yaml.safe_load_all((API / "minimal.yaml").read_text(encoding="utf-8")),
]
RECORDS: list[Any] = [
    document(run) for run in (runs.verified(), runs.infeasible(), runs.killed(), runs.broken(), runs.grid())
]

TEXTS = (
    *(
        "",
        " ",
        "\n",
        "0",
        "-1",
        "1",
        "0s",
        "0ms",
        "1d",
        "8 s",
        "256m",
        "1E",
        "1e99",
        "1e-9",
        "999999999999",
        "1h",
        "1n",
    ),
    *(
        "0.1Gi",
        "1.1Gi",
        "٣s",
        "²",
        "NaN",
        "inf",
        "\x00",
        "\ud800",
        "\u2028",
        "..",
        "../../x",
        "/",
        "a/b",
        "A b",
        "$(A)",
    ),
    *("$(", "'", '"', "x" * 300, "%", "{}", "{} {}", "[", "\ufeff{}", "true", "Shuffled", "Grid", "server", "files"),
)
ODD = st.one_of(
    st.sampled_from(TEXTS),
    st.sampled_from(
        [None, True, False, 0, -1, 1, 2, 65_536, 10**30, -(10**30), 0.5, 1e308, float("inf"), float("nan")]
    ),
    st.sampled_from([[], [None], [[]], [{}], {}, {"": None}, {"a": None}, {"name": 1}, ["a"] * 300, {"x": {"y": []}}]),
    st.text(max_size=8),
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value inside an object, parents before children."""
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [p for key, child in inner for p in ((*path, key), *_paths(child, (*path, key)))]


@st.composite
def mutated(draw: st.DrawFn, bases: list[Any]) -> Any:
    """Return one of the objects with one to four values replaced, removed, renamed, wrapped or copied elsewhere."""
    data = copy.deepcopy(draw(st.sampled_from(bases)))
    for _ in range(draw(st.integers(1, 4))):
        paths = _paths(data)
        if not paths:
            break
        *parents, last = draw(st.sampled_from(paths))
        target = data
        for key in parents:
            target = target[key]
        kind = draw(st.sampled_from(["replace", "replace", "replace", "remove", "rename", "wrap", "copy"]))
        if kind == "replace":
            target[last] = copy.deepcopy(draw(ODD))
        elif kind == "remove":
            del target[last]
        elif kind == "rename" and isinstance(target, dict):
            target[draw(st.sampled_from(TEXTS))] = target.pop(last)
        elif kind == "wrap":
            inner = target[last]
            target[last] = draw(st.sampled_from([[inner], {"a": inner}, [inner, copy.deepcopy(inner)]]))
        else:
            source = data
            for key in draw(st.sampled_from(paths)):
                source = source[key]
            target[last] = copy.deepcopy(source)
    return data


def _run(*arguments: str) -> None:
    """Run a command and expect an exit code and sentences, and nothing else."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(arguments)
        except SystemExit as usage:  # argparse
            code = usage.code if isinstance(usage.code, int) else 1
    assert code in (0, 1, 2)
    assert "Traceback" not in err.getvalue()


def _prepare(file: Path, directory: Path) -> None:
    """Put the files of a template in place and make its command, as a run does before it starts the server."""
    with contextlib.suppress(ModelProfilerError):
        profile = load_document(file)
        if not problems(profile) and profile.profile.spec.server.template is not None:
            server_command(profile, place_inputs(profile, directory), None, {"PATH": os.environ["PATH"]})


@MUTATED
@given(mutated(PROFILES))
def test_a_mutated_profile_is_answered_with_sentences(profile: Any) -> None:
    """By validate, plan, and everything that a run does before it starts a server."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "profile.json"
        file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [CONFIG_MAP, SECRET, profile]}))
        _run("validate", str(file))
        _run("validate", "--for", "cluster", str(file))
        _run("plan", str(file))
        _run("plan", "-o", "json", str(file))
        _prepare(file, Path(folder) / "run")


@MUTATED
@given(
    mutated([[CONFIG_MAP, SECRET, profile] for profile in PROFILES[:2]]),
    st.sampled_from(["{}", "[", "- ", ": ", "\t", "&a *a"]),
)
def test_a_mutated_file_is_answered_with_sentences(objects: Any, odd: str) -> None:
    """ConfigMaps and Secrets next to the profile, and text that is not quite YAML."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "profile.yaml"
        text = (
            "---\n".join(yaml.safe_dump(o) for o in objects) if isinstance(objects, list) else yaml.safe_dump(objects)
        )
        for content in (text, text.replace(": ", odd, 1), text[: len(text) // 2]):
            file.write_text(content, encoding="utf-8", errors="surrogatepass")
            _run("validate", str(file))
            _run("validate", "--for", "cluster", str(file))


@MUTATED
@given(mutated(RECORDS))
def test_a_mutated_record_is_answered_with_sentences(record: Any) -> None:
    """By report, patch and tag; a record may come from another version, or from somebody's editor."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.json"
        file.write_text(json.dumps(record))
        for output in ("text", "json", "html"):
            _run("report", str(file), "-o", output)
        _run("patch", str(file), "--workload", "Deployment/x", "--unverified")


@MUTATED
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["--name", "--rate", "--concurrency", "--latency", "--port", "--path", "--content-type"]),
            st.one_of(st.sampled_from(TEXTS), st.sampled_from(["p95=1s", "p95=0s", "p95", "x=1s", "=", "20", "80"])),
        ),
        max_size=5,
    ),
    st.sampled_from([b"{}\n", b"", b"\xff\xfe{\x00", b"a,b\n", b"{}\r{}"]),
)
def test_odd_options_of_init_are_answered_with_sentences(options: list[tuple[str, str]], rows: bytes) -> None:
    """What it writes is valid, or it says why it writes nothing."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.txt"
        file.write_bytes(rows)
        _run("init", "--dataset", str(file), "--command", "python3 app.py", *[f"{k}={v}" for k, v in options])


@MUTATED
@given(
    st.one_of(
        st.sampled_from(
            ["http://h", "https://[::1]:5/x?y", "http://u:p@h", "http://[", "http://h:0", "//h", "ftp://h"]
        ),
        st.builds("http://{}".format, st.text(max_size=12)),
        st.sampled_from(TEXTS),
    ),
    st.lists(
        st.tuples(
            st.sampled_from(
                ["--path", "--method", "--content-type", "--timeout", "--rate", "--dataset", "--ca-bundle"]
            ),
            st.sampled_from(TEXTS),
        ),
        max_size=4,
    ),
)
def test_odd_addresses_are_answered_with_sentences(url: str, options: list[tuple[str, str]]) -> None:
    """Without an objective, so that nothing is asked of any server."""
    _run("run", f"--url={url}", *[f"{name}={value}" for name, value in options])
