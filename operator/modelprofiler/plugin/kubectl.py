"""The user's own kubectl as a way to the API server.

A plugin is expected to reach the cluster as kubectl does: by the same kubeconfig, context, proxies, login programs and
options. kubectl itself does that by definition, and whoever calls a plugin has it. The operator's client library
would need all of it again, and takes a second to import.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence

from modelprofiler.api.objects import Object
from modelprofiler.errors import ClusterUnavailable, NotFound, Refused
from modelprofiler.report.formats import printable

PROFILES = "modelprofiles.modelprofiler.io"
"""The resource in full: another group may have one of the same short name."""

FIELD_MANAGER = "kubectl-modelprofile"
"""Owner of the fields that the plugin sets, in server-side apply."""

TIMEOUT_SECONDS = 120.0
"""A login in a browser may be part of a call; the API server itself answers within `ANSWER`."""

ANSWER = "30s"
"""Time limit of one request to the API server, unless the user names another one."""

LONGEST_MESSAGE = 4000
"""Characters of an answer that are shown: a refusal lists every field that is wrong."""

_LOG_LINE = re.compile(r"^[IWEF]\d{4} ")
"""A line of kubectl's own log, which repeats what the last line says in a sentence."""

_STATUS = {"NotFound": 404, "Forbidden": 403, "Unauthorized": 401, "Conflict": 409, "Invalid": 422, "BadRequest": 400}
_FROM_SERVER = re.compile(r"^Error from server \((\w+)\)", re.MULTILINE)
_INVALID = re.compile(r"^(The request|The \S+ \".*\"|\S+ \".*\") is invalid", re.MULTILINE)
_CONFLICT = re.compile(r"^error: Apply failed with \d+ conflict", re.MULTILINE)
_NO_KIND = re.compile(r"no matches for kind \"ModelProfile\"|resource type \"modelprofiles")
_NO_TYPE = re.compile(r"^error: the server doesn't have a resource type .*$", re.MULTILINE)


class Kubectl:
    """Runs kubectl with the options that the user has passed to the plugin.

    Parameters
    ----------
    options
        Options that kubectl takes with any command, such as ``--context=production``.
    environment
        Variables of the programs that are started; those of this process by default.
    timeout
        Time limit of one call, in seconds.
    """

    def __init__(
        self,
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        self._options = list(options)
        self._timeout = timeout
        if not any(option.startswith("--request-timeout") for option in options):
            self._options.append(f"--request-timeout={ANSWER}")
        self._environment = None if environment is None else dict(environment)

    def get(self, resource: str, name: str) -> Object:
        """Return an object.

        Raises
        ------
        ClusterUnavailable, Refused
            When it cannot be read; `NotFound` when there is none.
        """
        return _object(self._run("get", resource, name, "--output=json"))

    def apply(self, data: Object, *, dry_run: bool = False) -> Object:
        """Create an object, or set the fields of this plugin in it, and return what the API server has then.

        Raises
        ------
        ClusterUnavailable, Refused
            When it cannot be applied.
        """
        options = ["--server-side", f"--field-manager={FIELD_MANAGER}", "--output=json", "--filename=-"]
        if dry_run:
            options.append("--dry-run=server")
        return _object(self._run("apply", *options, content=json.dumps(data)))

    def _run(self, *arguments: str, content: str | None = None) -> str:
        program = shutil.which("kubectl", path=(self._environment or {}).get("PATH"))
        if program is None:
            raise ClusterUnavailable("kubectl is not on PATH; this command reaches the cluster through it")
        command = [program, *arguments, *self._options]
        try:
            completed = subprocess.run(  # noqa: S603 - kubectl, with options that it checks itself
                command,
                input=content,  # without one kubectl has the user's own input: a login program may ask for something
                capture_output=True,
                text=True,
                errors="replace",
                timeout=self._timeout,
                check=False,
                env=self._environment,
            )
        except subprocess.TimeoutExpired as error:
            words = error.stderr.decode(errors="replace") if isinstance(error.stderr, bytes) else error.stderr or ""
            message = f": {message}" if (message := _message(words)) else ""  # it may have asked for a login
            raise ClusterUnavailable(f"kubectl has not ended after {self._timeout:g} s{message}") from error
        except OSError as error:
            raise ClusterUnavailable(f"{program} cannot be started: {error.strerror}") from error
        message = _message(completed.stderr)
        if completed.returncode != 0:
            raise refusal(message or f"kubectl ended with exit code {completed.returncode} and no message")
        if message:
            print(message, file=sys.stderr)  # warnings of the API server
        return completed.stdout


def refusal(message: str) -> ClusterUnavailable | Refused:
    """Return what an error message of kubectl is: an answer of the API server, or that there was none."""
    if _NO_KIND.search(message):
        message = "this cluster does not know ModelProfiles: install modelprofiler with its chart (docs/operating.md)"
        return Refused(message, 404)
    if no_type := _NO_TYPE.search(message):
        return NotFound(no_type[0].removeprefix("error: "))
    answer = _FROM_SERVER.search(message)
    if answer is not None and answer[1] == "NotFound":
        return NotFound(message)
    if answer is not None:
        return Refused(message, _STATUS.get(answer[1], 500))
    if _INVALID.search(message):
        return Refused(message, 422)
    if _CONFLICT.search(message):
        fields = message.removeprefix("error: ").partition("Please review")[0].strip()
        return Refused(f"somebody else has set fields of the object: {fields}; choose another --name", 409)
    return ClusterUnavailable(message)


def _message(stderr: str) -> str:
    """Return what kubectl has written, without its log and without control characters."""
    lines = [line for line in stderr.splitlines() if line.strip() and not _LOG_LINE.match(line)]
    return printable("\n".join(lines))[:LONGEST_MESSAGE]


def _object(text: str) -> Object:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ClusterUnavailable("kubectl has not printed JSON") from error
    if not isinstance(data, dict):
        raise ClusterUnavailable("kubectl has not printed an object")
    return data
