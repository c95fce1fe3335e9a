"""Which lines of pip, as environments list them, can be requirements of a profile."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags, platform_tags
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from modelprofiler.core.text import head

WITHOUT_EFFECT = frozenset(
    {"--no-cache-dir", "--disable-pip-version-check", "--no-input", "--quiet", "-q", "--upgrade", "-U", "--user"}
)
"""Options that do not change which packages a new environment gets."""

REASONS = {
    ("-r", "--requirement"): "write the lines of that file instead",
    ("-c", "--constraint"): "write its versions into the lines instead",
    ("-e", "--editable"): "put the package into the source directory, or name a URL of it",
    ("--pre",): "name the version of the package that is not a final one, such as ==2.0rc1, instead",
    ("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--no-index", "--trusted-host"): (
        "set it in pip's configuration, or in UV_INDEX or UV_FIND_LINKS, instead"
    ),
}
"""Why pip's options cannot be used, and what to do."""

_PORTED = re.compile(r"^modelprofiler[-_.]azureml[-_.]", re.IGNORECASE)
"""What a replacement of azureml in a script's imports makes of the SDK's packages, whose names begin like it. The
package index may have something else under that name."""

_COMMENT = re.compile(r"(^|\s)#.*$")
_URL = re.compile(r"^((git|hg|svn|bzr)\+)?[a-z+]+://", re.IGNORECASE)
_EGG = re.compile(r"[#&]egg=([A-Za-z0-9._-]+)(\[[^\]]*\])?")
_HASHES = re.compile(r"(\s+--hash[= ]\S+)+\s*$")
_PATH = re.compile(r"^[^\s;]*[/\\]|^~|\.(whl|zip|tar\.gz|tgz)$")

LONGEST_LINE = 4096
"""Characters of a line: URLs with a signature have a thousand, and an error shows the whole line."""


@dataclass
class PipLines:
    """Lines of pip, and what became of them.

    Attributes
    ----------
    requirements
        Those that pip and uv take, as they are, without comments.
    parsed
        Those of them that name a package and its version, by the line.
    warnings
        What is left out although the rest works, in sentences.
    problems
        Those that cannot be used, each with the reason.
    """

    requirements: list[str] = field(default_factory=list)
    parsed: dict[str, Requirement] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def pip_lines(lines: Iterable[str], python: tuple[int, int]) -> PipLines:
    """Return which lines can be requirements for a version of Python."""
    result = PipLines()
    for raw in lines:
        line = _PORTED.sub("azureml-", _COMMENT.sub("", raw).strip())
        if len(line) > LONGEST_LINE:
            result.problems.append(f"{head(line, 80)} (a line has at most {LONGEST_LINE:,} characters)")
        elif line.startswith("-"):
            _option(line, result)
        elif line:
            _package(line, python, result)
    return result


def contradictions(parsed: Sequence[tuple[str, Requirement]]) -> list[str]:
    """Return the pairs of lines of which one pins a version that the other excludes."""
    pairs = []
    for index, (line, requirement) in enumerate(parsed):
        for other_line, other in parsed[index + 1 :]:
            same = canonicalize_name(requirement.name) == canonicalize_name(other.name)
            if same and requirement.marker == other.marker and exclude_each_other(requirement, other):
                pairs.append(f"{line} and {other_line} (they contradict each other)")
    return pairs


def exclude_each_other(one: Requirement, other: Requirement) -> bool:
    """Return whether one of two requirements of a package pins a version that the other excludes."""
    ours, theirs = _series(one), _series(other)
    if any(a[: len(b)] != b[: len(a)] for a in ours for b in theirs):
        return True
    return any(
        not theirs.specifier.contains(version, prereleases=True)
        for ours, theirs in ((one, other), (other, one))
        for version in (s.version for s in ours.specifier if s.operator in ("==", "===") and "*" not in s.version)
    )


def _series(requirement: Requirement) -> list[list[str]]:
    """Return the parts of the versions that a requirement pins as series, such as ``==1.2.*``."""
    return [s.version[:-2].split(".") for s in requirement.specifier if s.operator == "==" and s.version.endswith(".*")]


def _option(line: str, result: PipLines) -> None:
    option = re.split(r"[\s=]", line, maxsplit=1)[0]
    if option in WITHOUT_EFFECT:
        result.warnings.append(f"the pip option {line} is left out: it changes nothing here")
        return
    short = line[:2] if not line.startswith("--") else option
    reason = next((why for names, why in REASONS.items() if option in names or short in names), None)
    result.problems.append(f"{line} ({reason or 'options of pip are not supported; leave it out'})")


def _package(line: str, python: tuple[int, int], result: PipLines) -> None:
    if _URL.match(line):
        _url(line, line, python, result)
        return
    if "@" not in line and _PATH.search(line):
        _path(line, python, result)
        return
    try:
        requirement = Requirement(_HASHES.sub("", line))
    except InvalidRequirement as error:
        result.problems.append(f"{line} (it is not a requirement: {str(error).splitlines()[0]})")
        return
    if requirement.url is not None:
        _url(line, requirement.url, python, result)
        return
    result.requirements.append(line)
    result.parsed[line] = requirement


def _url(line: str, url: str, python: tuple[int, int], result: PipLines) -> None:
    parts = urlsplit(url)
    reason = _other_wheel(unquote(parts.path).rpartition("/")[2], python)
    if parts.scheme == "file" and not Path(unquote(parts.path)).exists():
        reason = "there is no such file on this machine"
    if reason:
        result.problems.append(f"{line} ({reason})")
        return
    egg = _EGG.search(line) if line == url else None
    result.requirements.append(f"{egg[1]}{egg[2] or ''} @ {_without_egg(url)}" if egg else line)


def _without_egg(url: str) -> str:
    address, _, fragment = url.partition("#")
    kept = "&".join(part for part in fragment.split("&") if part and not part.startswith("egg="))
    return f"{address}#{kept}" if kept else address


def _path(line: str, python: tuple[int, int], result: PipLines) -> None:
    path = Path(line)
    reason = _other_wheel(PureWindowsPath(line).name, python)
    if not path.is_absolute():
        reason = reason or "a path must be absolute: it is installed from another folder"
    elif not path.exists():
        reason = reason or "there is no such file on this machine"
    if reason:
        result.problems.append(f"{line} ({reason})")
    else:
        result.requirements.append(line)


def _other_wheel(file: str, python: tuple[int, int]) -> str | None:
    """Return why a wheel cannot be installed; None where it can, or where the file is not a wheel."""
    if not file.endswith(".whl"):
        return None
    try:
        tags = parse_wheel_filename(file)[3]
    except InvalidWheelFilename:
        return "its name is not that of a wheel"
    if tags & _supported(python):
        return None
    return f"it is a wheel for {', '.join(sorted(map(str, tags)))}, not for Python {python[0]}.{python[1]} here"


def _supported(python: tuple[int, int]) -> frozenset[Tag]:
    platforms = list(platform_tags())
    interpreter = f"cp{python[0]}{python[1]}"
    return frozenset(
        [*cpython_tags(python, platforms=platforms), *compatible_tags(python, interpreter, platforms=platforms)]
    )
