"""The process that runs in place of a pod: its command, environment and working directory, as in the container."""

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
from modelprofiler.files.inputs import Inputs, server_variables
from modelprofiler.host.readiness import Target
from modelprofiler.local.folders import home_of, temporary_of

INHERITED = frozenset(
    {
        *("PATH", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ"),
        *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "JAVA_HOME", "CUDA_HOME"),
        *("PYTHONUSERBASE", "XDG_CACHE_HOME"),
    }
)
"""Variables of the calling process that a server gets, and those of the locale (LC_…): who runs it, and where the
programs of this machine are. A container has none of the others, which may be secrets of the caller."""
PROBES = ("readinessProbe", "startupProbe")
"""The probes of a container that say when it is ready, the one that decides first."""
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""The name of a header (RFC 9110, section 5.6.2)."""
LONGEST_GRACE = 30.0
"""Seconds that a server may take to end after SIGTERM: the default of Kubernetes
(terminationGracePeriodSeconds), and here the longest, because every new start would wait for it."""


def base_variables(calling: Mapping[str, str], directory: Path) -> dict[str, str]:
    """Return the variables of a server without those of the profile: the inherited ones, and folders of its own.

    Parameters
    ----------
    calling
        The variables of the calling process.
    directory
        The run's own folder.
    """
    inherited = {name: value for name, value in calling.items() if name in INHERITED or name.startswith("LC_")}
    own = {"HOME": str(home_of(directory)), "TMPDIR": str(temporary_of(directory))}
    # What the user has installed and downloaded once is still found: neither is a leftover of a server.
    shared = {"PYTHONUSERBASE": ".local", "XDG_CACHE_HOME": ".cache"}
    kept = {name: f"{calling['HOME']}/{folder}" for name, folder in shared.items() if calling.get("HOME")}
    return kept | inherited | own


@dataclass(frozen=True)
class HttpProbe:
    """A readiness probe: the server is ready when this GET is answered with a status from 200 to 399."""

    port: int
    path: str
    scheme: str = "HTTP"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Command:
    """How to start a server.

    Attributes
    ----------
    argv, env, cwd
        The command, its whole environment, and its working directory, which exists.
    container_name
        The container that it runs in place of.
    probe
        Its readiness probe; None: the server is ready when something listens on the endpoint's port.
    warnings
        The differences to a pod, one sentence each.
    """

    argv: tuple[str, ...]
    env: dict[str, str]
    cwd: Path
    container_name: str
    probe: HttpProbe | None
    warnings: tuple[str, ...] = ()
    directory: Path | None = None
    """The run's own folder, which has the files that the profile itself contains; None where it has none."""
    grace_seconds: float = LONGEST_GRACE
    """How long it may take to end after SIGTERM."""
    files: tuple[Path, ...] = ()
    """The folders of its model and code, whose files it may map."""

    def target(self, host: str, port: int) -> Target:
        """Return what is asked to see whether the server is ready; `port` is that of the endpoint."""
        if self.probe is None:
            return Target(host, port)
        return Target(host, self.probe.port, self.probe.path, self.probe.scheme == "HTTPS", dict(self.probe.headers))


def server_command(document: Document, inputs: Inputs, python: Path | None, inherited: Mapping[str, str]) -> Command:
    """Return how to start the server of a profile.

    Parameters
    ----------
    inputs
        The files of the profile, in place.
    python
        The Python of the entry script's environment; None for a template.
    inherited
        The environment of the calling process; variables of the profile take precedence.

    Raises
    ------
    InvalidInput
        A template has no command, or the command does not exist.
    """
    profile = document.profile
    env, problems = server_variables(document)
    if problems:
        raise InvalidInput(problems)
    base = base_variables(inherited, inputs.directory)
    work = inputs.directory / "work"
    work.mkdir(parents=True, exist_ok=True)
    if profile.spec.server.entry_script is not None:
        assert python is not None, "an entry script has an environment"
        return _scoring_server(profile, inputs, python, base, env, work)
    container = profiled_container(profile.spec)
    assert container is not None, "checked before"
    return _container(profile, inputs, container, base, env, work)


def _scoring_server(
    profile: ModelProfile, inputs: Inputs, python: Path, base: dict[str, str], env: dict[str, str], work: Path
) -> Command:
    script, port = profile.spec.server.entry_script, profile.spec.endpoint.http.port
    assert script is not None
    assert inputs.code_dir is not None
    model_dir = str(inputs.model_dir) if inputs.model_dir else None
    name, *arguments = scoring_command(script, port, str(inputs.code_dir), model_dir)
    # As in the image: its own packages first, and no byte code written into their folders or the script's.
    image_env = {
        "PATH": f"{python.parent}:{base.get('PATH', '')}",
        "VIRTUAL_ENV": str(python.parent.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }
    process_env = base | image_env | scoring_variables(script, str(inputs.code_dir), str(work), model_dir) | env
    argv = (str(python), str(python.with_name(name)), *arguments)
    ready = HttpProbe(port, READY_PATH)
    return Command(
        argv,
        process_env,
        work,
        container_name(profile.spec),
        ready,
        directory=inputs.directory,
        files=_files(inputs),
    )


def _container(
    profile: ModelProfile,
    inputs: Inputs,
    container: Mapping[str, Any],
    base: dict[str, str],
    env: dict[str, str],
    work: Path,
) -> Command:
    mounts = Mounts(inputs.mounts)
    model = model_variables(str(inputs.model_dir)) if inputs.model_dir else {}
    values: dict[str, str] = {}
    for name, value in env.items():  # each may refer to those before it
        values[name] = mounts.rewrite(expand(value, values))
    process_env = base | values | model
    path = container_path(profile.spec)
    argv = [mounts.rewrite(expand(argument, values | model)) for argument in command_line(container)]
    if problems := command_problems(argv, process_env, path):
        raise InvalidInput(problems)
    cwd = work
    if working_dir := container.get("workingDir"):
        cwd = Path(mounts.rewrite(str(working_dir)))
        if not cwd.is_dir():
            raise InvalidInput([Problem(f"{path}.workingDir", f"there is no folder {cwd} on this machine")])
    probe, warnings = readiness(container, profile.spec.endpoint.http.port)
    warnings += mounts.warnings()
    return Command(
        tuple(argv),
        process_env,
        cwd,
        container_name(profile.spec),
        probe,
        tuple(warnings),
        inputs.directory,
        _grace_seconds(profile),
        _files(inputs),
    )


def _files(inputs: Inputs) -> tuple[Path, ...]:
    """Return the folders with the files of a server."""
    return tuple(
        folder for folder in (inputs.model_dir, inputs.code_dir, *inputs.mounts.values()) if folder is not None
    )


def _grace_seconds(profile: ModelProfile) -> float:
    """Return the grace period of a template, at most `LONGEST_GRACE`."""
    template = profile.spec.server.template or {}
    seconds = (template.get("spec") or {}).get("terminationGracePeriodSeconds")
    return min(float(seconds), LONGEST_GRACE) if isinstance(seconds, int) and seconds >= 0 else LONGEST_GRACE


def command_line(container: Mapping[str, Any]) -> list[str]:
    """Return the command and arguments of a container; empty when it runs the entrypoint of its image."""
    command = container.get("command")
    args = container.get("args")
    if not isinstance(command, list) or not command:
        return []
    return [str(argument) for argument in (*command, *(args if isinstance(args, list) else []))]


def command_problems(argv: Sequence[str], env: Mapping[str, str], path: str) -> list[Problem]:
    """Return why a container's command cannot be run on this machine.

    Parameters
    ----------
    argv
        The command, as it would be executed.
    path
        The path of the container in the profile.
    """
    if not argv:
        return [Problem(f"{path}.command", "is required: the entrypoint of an image is not known on this machine")]
    if shutil.which(argv[0], path=env.get("PATH", "")) is None:
        reason = "there is no such program" if "/" in argv[0] else "it is not in any folder of PATH"
        return [Problem(f"{path}.command[0]", f"{argv[0]} cannot be run on this machine: {reason}")]
    return []


def template_problems(document: Document, inherited: Mapping[str, str]) -> list[Problem]:
    """Return the problems of a template's command that show before its files are in place."""
    spec = document.profile.spec
    container = profiled_container(spec)
    if container is None:
        return []
    env, _ = server_variables(document)
    argv = [expand(argument, env) for argument in command_line(container)]
    problems = probe_problems(container, container_path(spec))
    mounted = [str(m.get("mountPath")) for m in container.get("volumeMounts") or [] if isinstance(m, dict)]
    if argv and any(argv[0].startswith(f"{at.rstrip('/')}/") for at in mounted):
        return problems  # the program is one of the mounted files, and is checked when they are in place
    return problems + command_problems(argv, {**inherited, **env}, container_path(spec))


def probe_problems(container: Mapping[str, Any], path: str) -> list[Problem]:
    """Return the headers of the probes that cannot be sent, because they are not valid HTTP."""
    problems = []
    for kind in PROBES:
        for number, (name, value) in enumerate(_headers(container, kind)):
            where = f"{path}.{kind}.httpGet.httpHeaders[{number}]"
            if not TOKEN.fullmatch(name):
                problems.append(Problem(f"{where}.name", f"{name!r} is not the name of an HTTP header"))
            if any((ord(character) < 32 and character != "\t") or ord(character) == 127 for character in value):
                problems.append(Problem(f"{where}.value", "contains a control character, such as a line end"))
    return problems


def _headers(container: Mapping[str, Any], kind: str) -> list[tuple[str, str]]:
    """Return the headers of a probe, as the profile writes them."""
    probe = container.get(kind)
    http = probe.get("httpGet") if isinstance(probe, dict) else None
    headers = http.get("httpHeaders") if isinstance(http, dict) else None
    return [
        (str(header.get("name") or ""), str(header.get("value") or ""))
        for header in (headers if isinstance(headers, list) else [])
        if isinstance(header, dict)
    ]


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replace $(NAME) in a text as Kubernetes does: $$ is a dollar sign, and unknown names stay as they are."""

    def value(match: re.Match[str]) -> str:
        return "$" if match[0] == "$$" else values.get(match[1], match[0])

    return re.sub(r"\$\$|\$\(([^)]*)\)", value, text)


class Mounts:
    """The folders of this machine that stand for the mounts of a container.

    Parameters
    ----------
    mounts
        Paths in the container to folders of this machine.
    """

    def __init__(self, mounts: Mapping[str, Path]) -> None:
        self._mounts = mounts
        longest_first = sorted(mounts, key=len, reverse=True)
        any_mount = "|".join(map(re.escape, longest_first)) or r"(?!)"
        # A mount path as a whole path or its beginning: not preceded or followed by other characters of a name.
        self._pattern = re.compile(rf"(?<![\w./-])({any_mount})(?![\w.-])")

    def rewrite(self, text: str) -> str:
        """Replace every path at or below a mount by the path on this machine."""
        return self._pattern.sub(lambda match: str(self._mounts[match[1]]), text)

    def warnings(self) -> list[str]:
        """Return one sentence for each mount."""
        return [
            f"{mount} is {folder} on this machine; paths to it in command, args, env and workingDir are rewritten"
            for mount, folder in self._mounts.items()
        ]


def readiness(container: Mapping[str, Any], endpoint_port: int) -> tuple[HttpProbe | None, list[str]]:
    """Return the readiness probe of a container, and warnings about probes that cannot be used here."""
    warnings: list[str] = []
    for kind in PROBES:
        probe = container.get(kind)
        if not isinstance(probe, dict):
            continue
        http = probe.get("httpGet")
        if isinstance(http, dict):
            port = _port(http.get("port"), container, endpoint_port)
            path, scheme = str(http.get("path") or "/"), str(http.get("scheme") or "HTTP").upper()
            return HttpProbe(port, path, scheme, tuple(_headers(container, kind))), warnings
        warnings.append(
            f"{kind} is not an httpGet; it is not used, and the server counts as ready when it listens on its port"
        )
    return None, warnings


def _port(port: Any, container: Mapping[str, Any], endpoint_port: int) -> int:
    """Return the number of a port, which a probe may refer to by name."""
    for declared in _ports(container):
        if declared.get("name") == port and isinstance(declared.get("containerPort"), int):
            return int(declared["containerPort"])
    return int(port) if str(port).isdecimal() else endpoint_port


def _ports(container: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    ports = container.get("ports")
    yield from (p for p in (ports if isinstance(ports, list) else []) if isinstance(p, dict))
