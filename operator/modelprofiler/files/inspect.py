"""The work of a prepare pod: it reads the files of sources, digests them, counts the rows, and reports problems.

The operator itself never reads files that a user names. It starts this pod, with the user of the trials' pods, and
reads the result from the pod's termination message.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError

from modelprofiler.api.dataset import DatasetFormat
from modelprofiler.api.endpoint import HttpEndpoint
from modelprofiler.api.model import ApiModel, StatusModel
from modelprofiler.api.objects import TERMINATION_MESSAGE_BYTES
from modelprofiler.api.status import DatasetStatus
from modelprofiler.core.sources import FilesDigest
from modelprofiler.core.text import head
from modelprofiler.errors import DatasetError, LoadError
from modelprofiler.files.fetch.apart import fetch_apart
from modelprofiler.files.fetch.failure import FetchFailed
from modelprofiler.load.config import FileConfig
from modelprofiler.load.rows.check import Promise
from modelprofiler.load.rows.examine import examine
from modelprofiler.load.rows.folder import files_in
from modelprofiler.load.rows.format import RowFormat
from modelprofiler.load.rows.row import Files
from modelprofiler.load.secret_headers import header_problems, values_in
from modelprofiler.load.tls import pair_in, pair_problems

LONGEST_PROBLEM = 700
"""Characters of one message: five problems of this length fit into a termination message."""

MAX_NAMES = 20
"""Names of files that a message lists; chosen to keep it readable."""

BLOCK = 2**20
"""Bytes read at once while a file is digested, so that a large model is never in memory as a whole."""

Part = Literal["model", "code", "dataset"]


class VolumeSource(ApiModel):
    """A source on a volume, or one that is fetched into a folder."""

    part: Part
    """What it is the source of."""
    path: str
    """Path of the field in the profile, for messages: ``spec.model.source.persistentVolumeClaim``."""
    claim: str = ""
    """Name of the claim, for messages; empty where it is on none."""
    holder: str = ""
    """What has the files instead of a claim, for messages: ``Secret 'x'`` or an address."""
    root: Path
    """Where the volume is mounted, or the folder that the files are fetched into."""
    inside: str = ""
    """Folder or file on the volume; empty for the whole volume."""
    uri: str | None = None
    """The address that the files are fetched from."""
    credentials: Path | None = None
    """A folder with the keys of the Secret that the address needs."""
    ca_bundle: str = ""
    """CA certificates by which the server of the address is verified."""

    @property
    def origin(self) -> str:
        """The volume or the address, for messages."""
        return self.holder or f"claim {self.claim!r}"


class PrepareConfig(FileConfig):
    """The sources to read, and the headers to check."""

    sources: Annotated[list[VolumeSource], Field(max_length=3)]
    """The sources on volumes."""
    endpoint: HttpEndpoint | None = None
    """The endpoint, where values of its headers are in Secrets."""
    file: str | None = None
    """The entry script, which must be among the files of the code."""
    rows: RowFormat = Field(default_factory=RowFormat)
    """How the rows are read."""
    promise: Promise = Field(default_factory=Promise)
    """What the profile says about the rows."""


class SourceProblem(StatusModel):
    """One thing that is wrong with a source, and the reason under which it is reported."""

    reason: Literal["SourceNotFound", "SourceUnreadable", "InvalidDataset"]
    path: str
    message: str


class PrepareResult(StatusModel):
    """The result of reading the sources."""

    dataset: DatasetStatus | None = None
    code_digest: str | None = None
    model_digest: str | None = None
    single_files: list[Literal["code", "model"]] = Field(default_factory=list)
    problems: list[SourceProblem] = Field(default_factory=list)

    def encode(self) -> str:
        """Return the result as a termination message; it counts the problems that do not fit."""
        kept, left_out = list(self.problems), 0
        while True:
            shortened = [p.model_copy(update={"message": head(p.message, LONGEST_PROBLEM)}) for p in kept]
            if left_out:
                shortened[-1] = shortened[-1].model_copy(
                    update={"message": f"{shortened[-1].message} (and {left_out} more)"}
                )
            text = self.model_copy(update={"problems": shortened}).model_dump_json(by_alias=True, exclude_none=True)
            if len(text.encode()) <= TERMINATION_MESSAGE_BYTES or len(kept) <= 1:
                return text
            kept.pop()
            left_out += 1

    @classmethod
    def decode(cls, text: str) -> Self:
        """Return the result that was written as a termination message.

        Raises
        ------
        LoadError
            The text is not a result.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as e:
            raise LoadError(f"not the result of a prepare pod: {text[:100]!r}") from e


class _Unusable(Exception):
    def __init__(self, reason: Literal["SourceNotFound", "SourceUnreadable", "InvalidDataset"], message: str) -> None:
        self.reason = reason
        super().__init__(message)


def prepare(config: PrepareConfig, environment: Mapping[str, str] = os.environ) -> PrepareResult:
    """Read every source; the result has everything that is wrong with them, and with headers that are in variables."""
    result = PrepareResult(problems=_of_headers(config.endpoint, environment))
    for configured in config.sources:
        source = configured.model_copy(update={"root": configured.root.resolve()})
        try:
            _fetch(source)
            result = result.model_copy(update=_READERS[source.part](source, config, result))
        except _Unusable as e:
            problem = SourceProblem(reason=e.reason, path=source.path, message=str(e))
            result = result.model_copy(update={"problems": [*result.problems, problem]})
    return result


def _of_headers(endpoint: HttpEndpoint | None, environment: Mapping[str, str]) -> list[SourceProblem]:
    if endpoint is None:
        return []
    problems = [
        *header_problems(endpoint, values_in(endpoint, environment)),
        *pair_problems(endpoint, pair_in(endpoint, environment)),
    ]
    return [
        SourceProblem(
            reason="SourceNotFound" if problem.missing else "SourceUnreadable",
            path=problem.path,
            message=problem.message,
        )
        for problem in problems
    ]


def _fetch(source: VolumeSource) -> None:
    """Fetch the files of an address; the Job that this process is of bounds the time of the whole."""
    if source.uri is None:
        return
    command = [sys.executable, "-m", "modelprofiler", "fetch"]
    try:
        fetch_apart(command, source.uri, source.root, credentials=source.credentials, ca_bundle=source.ca_bundle)
    except FetchFailed as error:
        raise _Unusable(error.reason, str(error)) from error


def _model(source: VolumeSource, config: PrepareConfig, result: PrepareResult) -> dict[str, object]:
    digest, _, single = _digested(source)
    return {"model_digest": digest, "single_files": [*result.single_files, *(["model"] if single else [])]}


def _code(source: VolumeSource, config: PrepareConfig, result: PrepareResult) -> dict[str, object]:
    digest, names, single = _digested(source)
    if config.file is not None and config.file not in names:
        raise _Unusable("SourceNotFound", f"{_place(source)} has no file {config.file!r}; it has {_listed(names)}")
    return {"code_digest": digest, "single_files": [*result.single_files, *(["code"] if single else [])]}


def _dataset(source: VolumeSource, config: PrepareConfig, result: PrepareResult) -> dict[str, object]:
    target = _target(source)
    try:
        dataset = examine(_row_files(source, target, config.rows), config.rows, config.promise)
    except OSError as e:
        raise _unreadable(source, target, e) from e
    except DatasetError as e:
        raise _Unusable("InvalidDataset", str(e)) from e
    return {"dataset": dataset}


def _row_files(source: VolumeSource, target: Path, how: RowFormat) -> Files:
    """Return the files that rows are read from."""
    if how.format is DatasetFormat.FILES:
        if not target.is_dir():
            raise _Unusable("SourceNotFound", f"{_place(source)} is not a folder; with format Files its files are rows")
        return files_in(target)
    if source.holder and target.is_dir():
        files = files_in(target)
        if not files:
            raise _Unusable("SourceNotFound", f"{source.holder} does not exist, or has no files")
        if len(files) > 1:
            raise _Unusable("SourceNotFound", f"name the file with the rows: {source.holder} has {_listed([*files])}")
        return files
    if not target.is_file():
        raise _Unusable("SourceNotFound", f"{_place(source)} is not a file; path must name the file with the rows")
    return {target.name: target}


_READERS: dict[Part, Callable[[VolumeSource, PrepareConfig, PrepareResult], dict[str, object]]] = {
    "model": _model,
    "code": _code,
    "dataset": _dataset,
}


def _target(source: VolumeSource) -> Path:
    """Return the folder or file of a source; links within the volume are followed."""
    path = source.root / source.inside
    try:
        target = path.resolve(strict=True)
    except (FileNotFoundError, NotADirectoryError):
        raise _Unusable("SourceNotFound", f"{source.origin} has no {source.inside!r}{_existing(source)}") from None
    except (OSError, RuntimeError) as e:
        raise _unreadable(source, path, e) from e
    if not target.is_relative_to(source.root):
        raise _Unusable("SourceUnreadable", f"{_place(source)} is a link that leads out of the volume")
    return target


def _existing(source: VolumeSource) -> str:
    """Return, for a message, what the last folder of the path that exists has instead."""
    folder = source.root / source.inside
    while folder != source.root and not folder.is_dir():
        folder = folder.parent
    try:
        names = sorted(p.name for p in folder.iterdir())
    except OSError:
        return ""
    where = "it" if folder == source.root else f"its folder {str(folder.relative_to(source.root))!r}"
    return f"; {where} has {_listed(names) or 'no files'}"


def _listed(names: list[str]) -> str:
    """Return the first names of a list, separated by commas."""
    return ", ".join(names[:MAX_NAMES]) + (", …" if len(names) > MAX_NAMES else "")


def _digested(source: VolumeSource) -> tuple[str, list[str], bool]:
    """Return the digest of a source's files, their names, and whether the source is a single file."""
    target = _target(source)
    single = target.is_file()
    base = target.parent if single else target
    names = [source.inside.rsplit("/", 1)[-1]] if single else sorted(_names(source, base))
    if not names:
        missing = "does not exist, or has no files" if source.holder else "has no files"
        raise _Unusable("SourceNotFound", f"{_place(source)} {missing}")
    digest = FilesDigest()
    for name in names:
        path = target if single else base / name
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                digest.add(name, size, iter(lambda f=file: f.read(BLOCK), b""))  # type: ignore[misc]
        except OSError as e:
            raise _unreadable(source, path, e) from e
    return str(digest), names, single


def _names(source: VolumeSource, base: Path) -> Iterator[str]:
    """Yield every file below a folder, relative to it.

    Raises
    ------
    _Unusable
        A pod could not read one of them.
    """

    def fail(error: OSError) -> None:
        raise _unreadable(source, Path(error.filename or base), error) from error

    for folder, folders, files in os.walk(base, onerror=fail):
        # ext4 has it at the root of every volume, readable only for root.
        # Of a Secret or a ConfigMap, the kubelet keeps what its keys link to in folders that begin with two dots.
        mine = source.holder and Path(folder) == source.root
        folders[:] = [n for n in folders if not (n == "lost+found" and Path(folder) == source.root)]
        folders[:] = [n for n in folders if not (mine and n.startswith(".."))]
        links = [n for n in folders if (Path(folder) / n).is_symlink()]
        for name in [*files, *links]:
            path = Path(folder) / name
            try:
                if path.is_symlink():
                    _check_link(source, base, path)
                if path.is_file():
                    yield _checked_name(source, path.relative_to(base).as_posix())
            except OSError as error:
                raise _unreadable(source, path, error) from error


def _checked_name(source: VolumeSource, name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise _Unusable(
            "SourceUnreadable", f"the name of a file in {_place(source)} is not UTF-8: {name!a:.200}"
        ) from None
    return name


def _check_link(source: VolumeSource, base: Path, path: Path) -> None:
    shown = path.relative_to(source.root)
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        raise _Unusable("SourceUnreadable", f"{shown} is a link to nowhere") from None
    if not target.is_relative_to(base):
        # Only what is below the path is mounted into the pods.
        raise _Unusable("SourceUnreadable", f"{shown} is a link that leads out of {_place(source)}; copy the file")
    if target.is_dir():
        raise _Unusable("SourceUnreadable", f"{shown} is a link to a folder; copy the folder")


def _place(source: VolumeSource) -> str:
    return f"{source.inside!r} of {source.origin}" if source.inside else source.origin


def _unreadable(source: VolumeSource, path: Path, error: Exception) -> _Unusable:
    shown = path.relative_to(source.root) if path.is_relative_to(source.root) else path
    name = "the volume's root" if str(shown) == "." else str(shown)
    if isinstance(error, PermissionError):
        return _Unusable(
            "SourceUnreadable",
            f"the user of the pods ({os.getuid()}) may not read {name} of {source.origin}; `chmod -R a+rX` allows it",
        )
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return _Unusable("SourceUnreadable", f"{name} of {source.origin} cannot be read: {reason}")
