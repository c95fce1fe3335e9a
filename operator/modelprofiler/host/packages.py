"""Installs the packages of an entry script with uv, beside those of the image that this program runs in.

In a cluster it is a program: the scoring-server image has this file alone, without the rest of the package, and it also
runs in images that users name. So it needs the standard library of Python 3.9 and nothing else. On a machine of its own
`modelprofiler.local.environment` does the same, and reads uv's answers with the functions here.

The new environment begins with links to the files of the image's packages. uv counts these as installed: only what is
missing, or is wanted in another version, is downloaded. Nothing of the image is written to.
"""

from __future__ import annotations

import argparse
import base64
import importlib.metadata
import json
import os
import re
import shutil
import signal
import site
import subprocess
import sys
import time
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

CONFIG_VARIABLE = "MODELPROFILER_PACKAGES"
"""Variable with what to install, as JSON."""
SERVER = "azureml-inference-server-http"
SERVER_MODULE = "azureml_inference_server_http"
OLDEST_PYTHON = (3, 9)
"""The oldest version that the scoring server supports."""
CHECK_SECONDS = 120.0
"""How long what needs no network may take: an empty environment, or the import of the server on half a CPU."""
SILENT_SECONDS = 30
"""How long an index may be silent before uv gives up a request; uv's own default."""
RETRIES = 2
"""Further tries of a request, so that a silent index is named after two minutes."""
LONGEST_REASON = 1500
"""Characters of uv's output that a message quotes: with its escapes in JSON it fits into a termination message."""
RESULT_BYTES = 4096
"""Longest termination message that the kubelet keeps."""
MAX_ERROR_LINES = 12
"""Lines of uv's output that a message quotes; a resolver's explanation has a few."""

# What uv prints when the packages cannot be reached or stored, which is not a fault of the profile.
UNREACHABLE = re.compile(
    r"failed to fetch|error sending request|dns error|connect(ion|ing) |timed out|certificate|network was disabled"
    r"|no space left|permission denied|read-only file system",
    re.IGNORECASE,
)
_USER_INFO = re.compile(r"(?<=://)[^/@\s]{1,1000}@")
_DECORATION = " \t×╰─▶│├→"


class Failed(Exception):
    """The packages are not installed: the field that is to blame, relative to the environment, and why."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


def error_lines(output: str) -> str:
    """Return the last lines of uv's output, without decoration."""
    lines = [line.strip(_DECORATION) for line in output.splitlines() if not line.startswith("Using Python ")]
    return "\n".join([line for line in lines if line][-MAX_ERROR_LINES:]) or "uv gave no reason"


def install(config: Mapping[str, Any], folder: Path, uv: str, login: Path | None) -> list[str]:
    """Make the environment ``venv`` in a folder; return what it has and the image has not, as NAME==VERSION.

    Parameters
    ----------
    config
        requirements, constraints (what an earlier call returned), exact (whether the image's other packages are left
        out), python (the version asked for, or null), index, ca, image (for messages) and seconds.
    uv
        Path of the program.
    login
        A folder with the files username and password; None: the index needs none.

    Raises
    ------
    Failed
        Something cannot be installed.
    """
    end = time.monotonic() + float(config["seconds"])
    _check_python(config)
    work = folder / "work"
    work.mkdir(parents=True, exist_ok=True)
    try:
        call = _Uv(uv, config, work, login, end)
        venv = folder / "venv"
        shutil.rmtree(venv, ignore_errors=True)
        call.run("venv", "--quiet", "--python", sys.executable, str(venv), seconds=CHECK_SECONDS)
        target = _site_packages(venv)
        link_image(target, venv / "bin")
        before = _versions(target)
        odd = set() if config["exact"] else call.inconsistent(venv)
        _install(call, config, venv, before.get(SERVER), work)
        if new := sorted(call.inconsistent(venv) - odd) if not config["exact"] else []:
            fits = "; ".join(new)[:LONGEST_REASON]
            raise Failed("requirements", f"do not fit the packages of image {config['image']}: {fits}")
        added = {name: version for name, version in _versions(target).items() if before.get(name) != version}
        _compile(venv, target, added)
        _check_server(venv, call)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return [f"{name}=={version}" for name, version in sorted(added.items())]


def _check_python(config: Mapping[str, Any]) -> None:
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if config["python"] not in (None, here):
        raise Failed(
            "pythonVersion", f"image {config['image']} has Python {here}; name an image with Python {config['python']}"
        )
    if sys.version_info[:2] < OLDEST_PYTHON:
        raise Failed("image", f"has Python {here}; the scoring server needs 3.{OLDEST_PYTHON[1]} or later")


def _install(call: _Uv, config: Mapping[str, Any], venv: Path, server: str | None, work: Path) -> None:
    """Install the requirements and the scoring server, whose version in the image stays unless they name another."""
    requirements = list(config["requirements"])
    constraints = list(config["constraints"])
    if SERVER not in map(package_name, requirements):
        requirements.append(SERVER)
        # Without it uv would go back to a server that is old enough for an old package.
        constraints += [f"{SERVER}=={server}"] if server is not None else []
    (work / "requirements.txt").write_text("\n".join(requirements) + "\n", encoding="utf-8")
    (work / "constraints.txt").write_text("\n".join(constraints) + "\n", encoding="utf-8")
    arguments = ["pip", "install", "--python", str(venv / "bin" / "python"), *(["--exact"] if config["exact"] else [])]
    arguments += ["-r", str(work / "requirements.txt"), "-c", str(work / "constraints.txt")]
    # Where the image has everything, no index is asked: a closed cluster may have none.
    if call.call(*arguments, "--offline").returncode == 0:
        return
    done = call.call(*arguments)
    if done.returncode:
        raise Failed("requirements", f"cannot be installed: {call.reason(done.stderr)}")


def package_name(requirement: str) -> str:
    """Return the normalised name of a package (PEP 503)."""
    match = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement.strip())
    return re.sub(r"[-_.]+", "-", match[0]).lower() if match else ""


def link_image(target: Path, scripts: Path, sources: Sequence[str] | None = None) -> None:
    """Link every file of an image's packages into an environment; programs are copied, and run by its Python.

    Parameters
    ----------
    target, scripts
        The folders of packages and of programs of the environment.
    sources
        Folders with the image's packages, the first one first on Python's path; default: those of this Python.
    """
    for source in site.getsitepackages() if sources is None else sources:
        for folder, folders, files in os.walk(source):
            here = target / os.path.relpath(folder, source)
            here.mkdir(parents=True, exist_ok=True)
            for name in [*files, *(n for n in folders if Path(folder, n).is_symlink())]:
                if not os.path.lexists(here / name):
                    (here / name).symlink_to(Path(folder) / name)
        for distribution in importlib.metadata.distributions(path=[source]):
            for file in distribution.files or ():
                if file.parent.name == "bin" and ".." in file.parts:
                    _copy_program(Path(str(distribution.locate_file(file))), scripts)


def _copy_program(program: Path, scripts: Path) -> None:
    new = scripts / program.name
    if new.exists() or not program.is_file():
        return
    content = program.read_bytes()
    first, newline, rest = content.partition(b"\n")
    if first.startswith(b"#!") and b"python" in first:
        content = b"#!" + os.fsencode(scripts / "python") + newline + rest
    new.write_bytes(content)
    new.chmod(0o755)


def _site_packages(venv: Path) -> Path:
    return venv / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"


def _versions(target: Path) -> dict[str, str]:
    """Return the versions of the packages in a folder, by normalised name."""
    distributions = importlib.metadata.distributions(path=[str(target)])
    versions = {package_name(d.metadata["Name"] or ""): d.version for d in distributions}
    return {name: version for name, version in versions.items() if name}


def _compile(venv: Path, target: Path, added: Mapping[str, str]) -> None:
    """Make the byte code of new packages at once: servers see the environment read-only."""
    files = [
        str(distribution.locate_file(file))
        for distribution in importlib.metadata.distributions(path=[str(target)])
        if package_name(distribution.metadata["Name"] or "") in added
        for file in distribution.files or ()
        if file.suffix == ".py"
    ]
    command = [str(venv / "bin" / "python"), "-m", "compileall", "-q", "-i", "-"]
    # Files for other versions of Python do not compile, which nobody minds.
    subprocess.run(  # noqa: S603 - no shell
        command, input="\n".join(files), text=True, capture_output=True, check=False, timeout=CHECK_SECONDS * 5
    )


def _check_server(venv: Path, call: _Uv) -> None:
    """Refuse packages with which the server does not even start."""
    command = [str(venv / "bin" / "python"), "-I", "-c", f"import {SERVER_MODULE}"]
    try:
        done = subprocess.run(  # noqa: S603 - no shell
            command, capture_output=True, text=True, errors="replace", check=False, timeout=CHECK_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise Failed("requirements", f"the scoring server was not imported in {CHECK_SECONDS:g} s") from error
    if done.returncode:
        raise Failed("requirements", f"the scoring server cannot be imported with them: {call.reason(done.stderr)}")


class _Uv:
    """The program uv, with the index, its login and its certificates."""

    def __init__(self, program: str, config: Mapping[str, Any], work: Path, login: Path | None, end: float) -> None:
        self._program, self._work, self._end, self._seconds = program, work, end, float(config["seconds"])
        self._secrets: list[str] = []
        inherited = {n: v for n, v in os.environ.items() if not n.startswith(("UV_", "PIP_", "PYTHON", "VIRTUAL_ENV"))}
        inherited.pop(CONFIG_VARIABLE, None)
        self._environment = inherited | {
            "HOME": str(work),
            "TMPDIR": str(work),
            "NO_COLOR": "1",
            "UV_CACHE_DIR": str(work / "cache"),
            "UV_HTTP_RETRIES": str(RETRIES),
            "UV_HTTP_TIMEOUT": str(SILENT_SECONDS),
            "UV_NO_CONFIG": "1",
            "UV_NO_PROGRESS": "1",
            "UV_PYTHON_DOWNLOADS": "never",
        }
        if config["ca"]:
            (work / "ca.pem").write_text(config["ca"], encoding="utf-8")
            self._environment["SSL_CERT_FILE"] = str(work / "ca.pem")
        if config["index"]:
            self._environment["UV_DEFAULT_INDEX"] = self._with_login(config["index"], login)

    def _with_login(self, url: str, login: Path | None) -> str:
        if login is None:
            return url
        try:
            name, password = ((login / key).read_text(encoding="utf-8").strip() for key in ("username", "password"))
        except (OSError, UnicodeDecodeError):
            message = "the Secret does not exist, or does not have the keys username and password"
            raise Failed("packageIndex.secretRef", message) from None
        self._secrets += [secret for secret in (password, quote(password, safe="")) if secret]
        parts = urlsplit(url)
        user = f"{quote(name, safe='')}:{quote(password, safe='')}"
        return urlunsplit(parts._replace(netloc=f"{user}@{parts.netloc}"))

    def reason(self, output: str) -> str:
        """Return why uv or Python has failed, without what is secret, at most `LONGEST_REASON` characters."""
        for secret in self._secrets:
            output = output.replace(secret, "***")
        text = "".join(c for c in _USER_INFO.sub("", error_lines(output)) if c.isprintable() or c == "\n")
        return text if len(text) <= LONGEST_REASON else "…" + text[1 - LONGEST_REASON :]

    def inconsistent(self, venv: Path) -> set[str]:
        """Return the sentences of uv about packages that do not fit one another."""
        done = self.call("pip", "check", "--python", str(venv / "bin" / "python"))
        return {line.strip() for line in (done.stdout + done.stderr).splitlines() if line.startswith("The package ")}

    def run(self, *arguments: str, seconds: float) -> None:
        """Run uv for something that only fails where the container is to blame."""
        done = self.call(*arguments, seconds=seconds)
        if done.returncode:
            raise Failed("requirements", f"uv {arguments[0]} failed: {self.reason(done.stderr)}")

    def call(self, *arguments: str, seconds: float = float("inf")) -> subprocess.CompletedProcess[str]:
        """Run uv until the end that all calls have in common, or for fewer seconds."""
        command = [self._program, *arguments]
        try:
            process = subprocess.Popen(  # noqa: S603 - no shell
                command,
                cwd=self._work,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,  # so that compilers that uv has started end with it
            )
        except OSError as error:
            raise Failed("image", f"cannot run uv: {error.strerror}") from error
        with process:
            try:
                out, errors = process.communicate(timeout=max(0.0, min(seconds, self._end - time.monotonic())))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                out, errors = process.communicate()
                what = self._environment.get("UV_DEFAULT_INDEX", "the public index")
                raise Failed(
                    "requirements",
                    f"were not installed from {_USER_INFO.sub('', what)} within {min(seconds, self._seconds):g} s: "
                    f"{self.reason(errors)}",
                ) from None
        return subprocess.CompletedProcess(command, process.returncode, out, errors)


def encoded(packages: Sequence[str]) -> str:
    """Return packages as a short text."""
    return base64.b64encode(zlib.compress(" ".join(packages).encode(), 9)).decode()


def decoded(text: str, longest: int) -> list[str]:
    """Return the packages of `encoded`.

    Parameters
    ----------
    longest
        Characters that all packages may have together; the text may be somebody else's.

    Raises
    ------
    ValueError
        The text is not one of `encoded`, or is too long.
    """
    unpacking = zlib.decompressobj()
    try:
        content = unpacking.decompress(base64.b64decode(text, validate=True), longest)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not unpacking.eof:
        raise ValueError("the list of packages is too long")
    return content.decode().split()


def _result(config: Mapping[str, Any], folder: Path, uv: str, login: Path | None) -> dict[str, Any]:
    try:
        packages = install(config, folder, uv, login)
    except Failed as error:
        return {"field": error.field, "message": str(error)}
    result = {"packages": encoded(packages)}
    if len(json.dumps(result)) > RESULT_BYTES:
        message = f"bring {len(packages)} packages, more than a run can record; build an image that has them"
        return {"field": "requirements", "message": message}
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Install what the variable asks for; with ``--result`` the exit code is 0 whenever a result is written."""
    parser = argparse.ArgumentParser(description=f"Install what {CONFIG_VARIABLE} asks for.")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--uv", required=True)
    parser.add_argument("--login", type=Path)
    parser.add_argument("--result", type=Path)
    options = parser.parse_args(arguments)
    config = json.loads(os.environ[CONFIG_VARIABLE])
    result = _result(config, options.folder, options.uv, options.login)
    if options.result is not None:
        options.result.write_text(json.dumps(result), encoding="utf-8")
        return 0
    if "message" in result:
        print(f"{result['field']}: {result['message']}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
