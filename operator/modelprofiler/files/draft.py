"""A commented profile made from files: a first one to edit, valid as it is."""

from __future__ import annotations

import ast
import base64
import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelprofiler.api.objectives import LATENCY_METRICS
from modelprofiler.api.resource import ModelProfile, name_problems
from modelprofiler.errors import InvalidInput, Problem
from modelprofiler.files.bundle import MAX_APPLIED_BYTES, bundle, quoted
from modelprofiler.files.document import Document
from modelprofiler.files.inputs import resolve
from modelprofiler.files.yaml_objects import read_objects


@dataclass(frozen=True)
class Draft:
    """The choices for a new profile; relative paths start from the current folder."""

    name: str
    dataset: str
    model: str | None = None
    entry_script: str | None = None
    requirements: tuple[str, ...] = ()
    python_version: str | None = None
    command: str | None = None
    image: str | None = None
    port: int | None = None
    path: str | None = None
    content_type: str | None = None
    rate: str | None = None
    concurrency: int | None = None
    latency: tuple[str, ...] = ()
    bundle: bool = False


def write(draft: Draft, directory: Path) -> str:
    """Return the text of the profile, validated like any other.

    Parameters
    ----------
    directory
        The folder that the file will be in, which its relative paths start from.

    Raises
    ------
    InvalidInput
        With everything that is wrong: missing files, flags that contradict each other, files too large for a
        ConfigMap.
    """
    problems = _flag_problems(draft)
    script = _script_source(draft, problems)
    if problems:
        raise InvalidInput(problems)
    sources = {"dataset": draft.dataset, "model": draft.model, "code": script}
    paths = {part: Path(path) for part, path in sources.items() if path is not None}
    maps: dict[str, str] = {}
    references: dict[str, str] = {}
    if draft.bundle:
        for part, path in paths.items():
            maps[part], references[part] = bundle(draft.name, part, path, problems)
    else:
        references = {part: f"{{path: {quoted(_relative(path, directory))}}}" for part, path in paths.items()}
    if problems:
        raise InvalidInput(problems)
    text = "---\n".join([*maps.values(), _profile(draft, references)])
    _check(text, directory)
    too_large = draft.bundle and any(len(config_map) > MAX_APPLIED_BYTES for config_map in maps.values())
    apply = "kubectl apply --server-side -f" if too_large else "kubectl apply -f"
    return _header(draft, apply) + text


def _flag_problems(draft: Draft) -> list[Problem]:
    """Return flags that are missing, contradict each other, or name files that do not exist."""
    problems = []
    if (draft.entry_script is None) == (draft.command is None):
        problems.append(Problem("--entry-script", "give exactly one of --entry-script and --command"))
    if (draft.rate is None) == (draft.concurrency is None):
        message = "give exactly one of --rate (requests per second) and --concurrency (clients)"
        problems.append(Problem("--rate", message))
    for latency in draft.latency:
        metric, _, bound = latency.partition("=")
        if metric not in LATENCY_METRICS or not bound:
            problems.append(Problem("--latency", f"must be METRIC=TIME, such as p95=250ms, not {latency!r}"))
    files = {"--dataset": draft.dataset, "--model": draft.model, "--entry-script": draft.entry_script}
    problems += [
        Problem(flag, f"there is no {path}")
        for flag, path in files.items()
        if path is not None and not Path(path).exists()
    ]
    return problems + _command_problems(draft)


def _command_problems(draft: Draft) -> list[Problem]:
    if draft.command is None:
        return []
    problems = []
    try:
        if not shlex.split(draft.command):
            problems.append(Problem("--command", "is empty"))
    except ValueError as error:
        problems.append(Problem("--command", f"cannot be split into arguments: {error}"))
    if draft.port is None:
        problems.append(Problem("--port", "is required: the port on which the command listens"))
    return problems


def _script_source(draft: Draft, problems: list[Problem]) -> str | None:
    """Return the path of the script, or of its folder where it imports other files of that folder."""
    if draft.entry_script is None or problems:
        return None
    script = Path(draft.entry_script)
    if script.suffix != ".py" or not script.is_file():
        problems.append(
            Problem("--entry-script", f"must be a Python file with init() and run(), not {draft.entry_script}")
        )
        return None
    try:
        tree = ast.parse(script.read_bytes())
    except (SyntaxError, ValueError) as error:
        problems.append(Problem("--entry-script", f"{draft.entry_script} is not Python: {error}"))
        return None
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    imported = {
        alias.asname or alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    problems += [
        Problem("--entry-script", f"{draft.entry_script} has no function {name}()")
        for name in ("init", "run")
        if name not in functions | imported
    ]
    siblings = {p.stem for p in script.parent.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    return str(script.parent) if _imported_modules(tree) & siblings - {script.stem} else str(script)


def _imported_modules(tree: ast.Module) -> set[str]:
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules |= {(node.module or "").partition(".")[0]} | ({a.name for a in node.names} if node.level else set())
    return modules


def _header(draft: Draft, apply: str) -> str:
    run = "# modelprofiler run FILE measures it on this machine" + (
        f"; {apply} FILE in a cluster." if draft.bundle else "."
    )
    path = (
        ""
        if draft.bundle
        else "\n# For a cluster, `modelprofiler init --bundle` writes the files into the profile as ConfigMaps."
    )
    return f"# What are the smallest CPU and memory at which this server meets its objective?\n{run}{path}\n"


def _profile(draft: Draft, references: dict[str, str]) -> str:
    lines = [
        "apiVersion: modelprofiler.io/v1alpha1",
        "kind: ModelProfile",
        f"metadata: {{name: {quoted(draft.name)}}}",
        "spec:",
    ]
    if draft.model is not None:
        lines += [
            "  model:                          # MODEL_DIR and AZUREML_MODEL_DIR name the folder with its files",
            f"    name: {quoted(draft.name)}",
            f"    source: {references['model']}",
        ]
    lines += _server(draft, references)
    http = {"port": draft.port, "path": draft.path, "contentType": draft.content_type}
    default = {"port": 5001, "path": "/score", "contentType": "application/json"}
    shown = ", ".join(f"{k}: {quoted(default[k] if v is None else v)}" for k, v in http.items())
    lines += ["  endpoint:", f"    http: {{{shown}}}"]
    lines += [
        "  dataset:                        # a line is the body of a request",
        f"    source: {references['dataset']}",
        "  load:",
    ]
    if draft.rate is not None:
        lines.append(f"    openLoop: {{rate: {quoted(draft.rate)}}}        # requests per second, as from many clients")
    else:
        lines.append(f"    closedLoop: {{concurrency: {draft.concurrency}}}   # each client waits for its answer")
    lines += [
        "    duration: 30s                 # the longest window; it ends as soon as the verdict is certain",
        "  objectives:",
    ]
    if draft.latency:
        bounds = ", ".join(f"{m}: {quoted(b)}" for m, _, b in (latency.partition("=") for latency in draft.latency))
        lines.append(f"    latency: {{{bounds}}}")
    else:
        lines.append('    maxSlowdownPercent: "25"      # than at the largest size; or bounds: latency: {p95: 250ms}')
    lines += [
        '    maxErrorPercent: "1"',
        "  # resources:                    # what may be tried; by default up to what the machine or node can give",
        '  #   cpu: {min: 100m, max: "2", step: 50m}',
        "  #   memory: {min: 128Mi, max: 2Gi, step: 32Mi}",
    ]
    return "\n".join(lines) + "\n"


def _server(draft: Draft, references: dict[str, str]) -> list[str]:
    if draft.entry_script is None:
        command = ", ".join(quoted(argument) for argument in shlex.split(draft.command or ""))
        return [
            "  server:",
            "    template:                     # a PodTemplateSpec, as in a Deployment",
            "      spec:",
            "        containers:",
            "        - name: server",
            f"          image: {quoted(draft.image or 'server')}   # in a cluster, the image that has the command",
            f"          command: [{command}]",
        ]
    lines = [
        "  server:",
        "    entryScript:                  # init() once, run(data) for each request",
        f"      source: {references['code']}",
        f"      file: {quoted(Path(draft.entry_script).name)}",
    ]
    environment: dict[str, Any] = {}
    if draft.image:
        environment["image"] = draft.image
    if draft.python_version:
        environment["pythonVersion"] = draft.python_version
    if draft.requirements:
        environment["requirements"] = list(draft.requirements)
    if environment:
        return [
            *lines,
            "      environment:",
            *(f"        {name}: {quoted(value)}" for name, value in environment.items()),
        ]
    return [
        *lines,
        "      # environment: {requirements: [scikit-learn==1.9.1]}   # default: as in the scoring-server image",
    ]


def _relative(path: Path, directory: Path) -> str:
    return os.path.relpath(path.absolute(), directory.absolute())


def _check(text: str, directory: Path) -> None:
    """Validate the text like any other file: a value may not be a quantity, a name or a dataset.

    Raises
    ------
    InvalidInput
        With everything that is wrong.
    """
    objects = read_objects(text, "the profile")
    data = objects[-1]
    if problems := name_problems(data):
        raise InvalidInput(problems)
    profile = ModelProfile.parse(data)
    maps = {
        o["metadata"]["name"]: {k: v.encode() for k, v in (o.get("data") or {}).items()}
        | {k: base64.b64decode(v) for k, v in (o.get("binaryData") or {}).items()}
        for o in objects[:-1]
    }
    resolved = resolve(Document("-", directory, data, profile, maps))
    if isinstance(resolved, list):
        raise InvalidInput(resolved)
