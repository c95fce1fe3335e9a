"""The process that stands for a pod here: its command, variables and folder, as the container's would be."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelprofiler.api.pod_template import container_name
from modelprofiler.api.resource import ModelProfile
from modelprofiler.core.scoring import READY_PATH, model_variables, scoring_command, scoring_variables
from modelprofiler.core.support import container_path, profiled_container
from modelprofiler.errors import InvalidInput, Problem
from modelprofiler.files.document import Document
from modelprofiler.files.inputs import Inputs, variables

# What points Python at other packages or files than the server's own, and what belongs to the shell it comes from.
NOT_INHERITED = frozenset({"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "OLDPWD", "PWD", "_"})


@dataclass(frozen=True)
class Ready:
    """Where the server says that it is ready: an HTTP GET that answers 200 to 399."""

    port: int
    path: str
    scheme: str = "HTTP"


@dataclass(frozen=True)
class Command:
    """A server process.

    Attributes
    ----------
    argv, env, cwd
        The command, its whole environment, and its folder, which exists.
    container_name
        The container that it stands for.
    ready
        Where it says that it is ready; None: it is when something listens on the endpoint's port.
    warnings
        What is not as in a pod, a sentence each.
    """

    argv: tuple[str, ...]
    env: dict[str, str]
    cwd: Path
    container_name: str
    ready: Ready | None
    warnings: tuple[str, ...] = ()


def server_command(document: Document, inputs: Inputs, python: Path | None, inherited: Mapping[str, str]) -> Command:
    """Return the process that serves the model of a profile.

    Parameters
    ----------
    inputs
        What the profile names, in place.
    python
        Python of the entry script's environment; None for a template.
    inherited
        The variables of the person who runs it: the profile's own are put over them.

    Raises
    ------
    InvalidInput
        A template gives no command, or there is no such command.
    """
    profile = document.profile
    given, problems = variables(document)
    if problems:
        raise InvalidInput(problems)
    base = {name: value for name, value in inherited.items() if name not in NOT_INHERITED}
    work = inputs.directory / "work"
    work.mkdir(parents=True, exist_ok=True)
    if profile.spec.server.entry_script is not None:
        assert python is not None, "an entry script has an environment"
        return _scoring(profile, inputs, python, base, given, work)
    container = profiled_container(profile.spec)
    assert container is not None, "checked before"
    return _container(profile, inputs, container, base, given, work)


def _scoring(
    profile: ModelProfile, inputs: Inputs, python: Path, base: dict[str, str], given: dict[str, str], work: Path
) -> Command:
    script, port = profile.spec.server.entry_script, profile.spec.endpoint.http.port
    assert script is not None
    assert inputs.code_dir is not None
    model_dir = str(inputs.model_dir) if inputs.model_dir else None
    name, *arguments = scoring_command(script, port, str(inputs.code_dir), model_dir)
    # As in the image: its own packages first, and nothing written beside them or beside the script.
    own = {
        "PATH": f"{python.parent}:{base.get('PATH', '')}",
        "VIRTUAL_ENV": str(python.parent.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }
    env = base | own | scoring_variables(script, str(inputs.code_dir), str(work), model_dir) | given
    argv = (str(python), str(python.with_name(name)), *arguments)
    return Command(argv, env, work, container_name(profile.spec), Ready(port, READY_PATH))


def _container(
    profile: ModelProfile,
    inputs: Inputs,
    container: Mapping[str, Any],
    base: dict[str, str],
    given: dict[str, str],
    work: Path,
) -> Command:
    mounts = Mounts(inputs.mounts)
    model = model_variables(str(inputs.model_dir)) if inputs.model_dir else {}
    values: dict[str, str] = {}
    for name, value in given.items():  # each may name those before it
        values[name] = mounts.rewritten(expanded(value, values))
    env = base | values | model
    path = container_path(profile.spec)
    argv = [mounts.rewritten(expanded(str(word), values | model)) for word in words(container)]
    if found := command_problems(argv, env, path):
        raise InvalidInput(found)
    cwd = work
    if given_dir := container.get("workingDir"):
        cwd = Path(mounts.rewritten(str(given_dir)))
        if not cwd.is_dir():
            raise InvalidInput([Problem(f"{path}.workingDir", f"there is no folder {cwd} on this machine")])
    ready, warnings = readiness(container, profile.spec.endpoint.http.port)
    warnings += mounts.sentences()
    return Command(tuple(argv), env, cwd, container_name(profile.spec), ready, tuple(warnings))


def words(container: Mapping[str, Any]) -> list[Any]:
    """Return command and arguments of a container; nothing where it leaves the command to its image."""
    command = container.get("command")
    args = container.get("args")
    return [*command, *(args if isinstance(args, list) else [])] if isinstance(command, list) and command else []


def command_problems(argv: Sequence[str], env: Mapping[str, str], path: str) -> list[Problem]:
    """Return why a container's command cannot be run here.

    Parameters
    ----------
    argv
        The command as it would run.
    path
        The container's, in the profile.
    """
    if not argv:
        return [Problem(f"{path}.command", "an image's own entrypoint is not known here; give command")]
    if shutil.which(argv[0], path=env.get("PATH", "")) is None:
        where = "there is no such program" if "/" in argv[0] else "it is not in any folder of PATH"
        return [Problem(f"{path}.command[0]", f"{argv[0]} cannot be run on this machine: {where}")]
    return []


def template_problems(document: Document, inherited: Mapping[str, str]) -> list[Problem]:
    """Return what can be seen to be wrong with a template's command before anything is put in place."""
    spec = document.profile.spec
    container = profiled_container(spec)
    if container is None:
        return []
    given, _ = variables(document)
    argv = [expanded(str(word), given) for word in words(container)]
    mounted = [str(m.get("mountPath")) for m in container.get("volumeMounts") or [] if isinstance(m, dict)]
    if argv and any(argv[0].startswith(f"{at.rstrip('/')}/") for at in mounted):
        return []  # the program comes with the files: seen when they are in place
    return command_problems(argv, {**inherited, **given}, container_path(spec))


def expanded(text: str, values: Mapping[str, str]) -> str:
    """Return a text with $(NAME) replaced as Kubernetes does: $$ is a dollar, unknown names stay as they are."""

    def value(match: re.Match[str]) -> str:
        return "$" if match[0] == "$$" else values.get(match[1], match[0])

    return re.sub(r"\$\$|\$\(([^)]*)\)", value, text)


class Mounts:
    """Paths in a container, and what is there instead on this machine."""

    def __init__(self, mounts: Mapping[str, Path]) -> None:
        self._mounts = mounts
        longest_first = sorted(mounts, key=len, reverse=True)
        either = "|".join(map(re.escape, longest_first)) or r"(?!)"
        # A whole path, or its beginning: after a space, =, : or at the start, before / or the end.
        self._pattern = re.compile(rf"(?<![\w./-])({either})(?![\w.-])")

    def rewritten(self, text: str) -> str:
        """Return a text in which every path below a mount is the path on this machine."""
        return self._pattern.sub(lambda match: str(self._mounts[match[1]]), text)

    def sentences(self) -> list[str]:
        """Say what is where."""
        return [
            f"{at} is {here} on this machine; command, args, env and workingDir are changed to it"
            for at, here in self._mounts.items()
        ]


def readiness(container: Mapping[str, Any], endpoint_port: int) -> tuple[Ready | None, list[str]]:
    """Return where a container says that it is ready, and what of its probes cannot be used here."""
    warnings: list[str] = []
    for kind in ("readinessProbe", "startupProbe"):
        probe = container.get(kind)
        if not isinstance(probe, dict):
            continue
        http = probe.get("httpGet")
        if isinstance(http, dict):
            port = _port(http.get("port"), container, endpoint_port)
            return Ready(port, str(http.get("path") or "/"), str(http.get("scheme") or "HTTP")), warnings
        warnings.append(f"{kind} is not an httpGet; the server counts as ready when it listens on its port")
    return None, warnings


def _port(given: Any, container: Mapping[str, Any], endpoint_port: int) -> int:
    """Return the number of a port that may be given by name."""
    for one in _ports(container):
        if one.get("name") == given and isinstance(one.get("containerPort"), int):
            return int(one["containerPort"])
    return int(given) if str(given).isdecimal() else endpoint_port


def _ports(container: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    ports = container.get("ports")
    yield from (p for p in (ports if isinstance(ports, list) else []) if isinstance(p, dict))
