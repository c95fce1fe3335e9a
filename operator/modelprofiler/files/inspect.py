"""What a prepare pod does: reads the files on volumes, digests them, counts the rows, and says what is wrong.

The operator never reads what a user names; it starts this, as the user that the trials' pods will be, and reads the
result in the pod's termination message.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError

from modelprofiler.api.load import DatasetFormat
from modelprofiler.api.model import ApiModel, StatusModel
from modelprofiler.api.objects import TERMINATION_MESSAGE_BYTES
from modelprofiler.api.status import DatasetStatus
from modelprofiler.core.sources import FilesDigest
from modelprofiler.core.text import head
from modelprofiler.errors import DatasetError, LoadError
from modelprofiler.load.config import FileConfig
from modelprofiler.load.dataset import describe, read_rows

LONGEST_PROBLEM = 700
"""Characters; five such problems fit."""

SHOWN = 20
"""Names of files that a message lists at most."""

BLOCK = 2**20
"""Bytes read at once."""

Part = Literal["model", "code", "dataset"]


class Wanted(ApiModel):
    """One source on a volume."""

    part: Part
    """Which one."""
    path: str
    """Of the field in the profile, for messages: ``spec.model.source.persistentVolumeClaim``."""
    claim: str
    """Name of the claim, for messages."""
    root: Path
    """Where the volume is mounted."""
    inside: str = ""
    """The folder or file in it; empty for all of it."""


class PrepareConfig(FileConfig):
    """What is to be read."""

    sources: Annotated[list[Wanted], Field(min_length=1, max_length=3)]
    """The sources on volumes."""
    file: str | None = None
    """The entry script that has to be in the code."""
    format: DatasetFormat = DatasetFormat.LINES
    """How rows are read."""
    encoding: Literal["Text", "Base64"] = "Text"
    """How rows are encoded."""


class Found(StatusModel):
    """One thing that is wrong, and under which reason it is reported."""

    reason: Literal["SourceNotFound", "SourceUnreadable", "InvalidDataset"]
    path: str
    message: str


class PrepareResult(StatusModel):
    """What was found."""

    dataset: DatasetStatus | None = None
    code_digest: str | None = None
    model_digest: str | None = None
    single_files: list[Literal["code", "model"]] = Field(default_factory=list)
    problems: list[Found] = Field(default_factory=list)

    def encode(self) -> str:
        """Return the result as a termination message; problems that do not fit are counted."""
        kept, left_out = list(self.problems), 0
        while True:
            told = [p.model_copy(update={"message": head(p.message, LONGEST_PROBLEM)}) for p in kept]
            if left_out:
                told[-1] = told[-1].model_copy(update={"message": f"{told[-1].message} (and {left_out} more)"})
            text = self.model_copy(update={"problems": told}).model_dump_json(by_alias=True, exclude_none=True)
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
            When it is none.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as e:
            raise LoadError(f"this is no result: {text[:100]!r}") from e


class _Unusable(Exception):
    def __init__(self, reason: Literal["SourceNotFound", "SourceUnreadable", "InvalidDataset"], message: str) -> None:
        self.reason = reason
        super().__init__(message)


def prepare(config: PrepareConfig) -> PrepareResult:
    """Read every source, and find everything that is wrong at once."""
    result = PrepareResult()
    for given in config.sources:
        source = given.model_copy(update={"root": given.root.resolve()})
        try:
            result = result.model_copy(update=_WORK[source.part](source, config, result))
        except _Unusable as e:
            wrong = Found(reason=e.reason, path=source.path, message=str(e))
            result = result.model_copy(update={"problems": [*result.problems, wrong]})
    return result


def _model(source: Wanted, config: PrepareConfig, result: PrepareResult) -> dict[str, object]:
    digest, _, single = _digested(source)
    return {"model_digest": digest, "single_files": [*result.single_files, *(["model"] if single else [])]}


def _code(source: Wanted, config: PrepareConfig, result: PrepareResult) -> dict[str, object]:
    digest, names, single = _digested(source)
    if config.file is not None and config.file not in names:
        listed = ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
        raise _Unusable("SourceNotFound", f"{_place(source)} has no file {config.file!r}; it has {listed}")
    return {"code_digest": digest, "single_files": [*result.single_files, *(["code"] if single else [])]}


def _dataset(source: Wanted, config: PrepareConfig, result: PrepareResult) -> dict[str, object]:
    target = _target(source)
    if not target.is_file():
        raise _Unusable("SourceNotFound", f"{_place(source)} is not a file; path must name the file with the rows")
    try:
        rows = read_rows(target.read_bytes(), config.format, config.encoding)
    except OSError as e:
        raise _unreadable(source, target, e) from e
    except DatasetError as e:
        raise _Unusable("InvalidDataset", str(e)) from e
    return {"dataset": describe(rows)}


_WORK: dict[Part, Callable[[Wanted, PrepareConfig, PrepareResult], dict[str, object]]] = {
    "model": _model,
    "code": _code,
    "dataset": _dataset,
}


def _target(source: Wanted) -> Path:
    """Return the folder or file of a source; links inside of the volume are followed."""
    given = source.root / source.inside
    try:
        target = given.resolve(strict=True)
    except (FileNotFoundError, NotADirectoryError):
        raise _Unusable("SourceNotFound", f"claim {source.claim!r} has no {source.inside!r}{_beside(source)}") from None
    except (OSError, RuntimeError) as e:
        raise _unreadable(source, given, e) from e
    if not target.is_relative_to(source.root):
        raise _Unusable("SourceUnreadable", f"{_place(source)} is a link that leads out of the volume")
    return target


def _beside(source: Wanted) -> str:
    """Return what is there instead, as far as the path leads."""
    folder = source.root / source.inside
    while folder != source.root and not folder.is_dir():
        folder = folder.parent
    try:
        names = sorted(p.name for p in folder.iterdir())
    except OSError:
        return ""
    listed = ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
    where = "it" if folder == source.root else f"its folder {str(folder.relative_to(source.root))!r}"
    return f"; {where} has {listed or 'no files'}"


def _digested(source: Wanted) -> tuple[str, list[str], bool]:
    """Return the digest of a source's files, their names, and whether its path is a file itself."""
    target = _target(source)
    single = target.is_file()
    base = target.parent if single else target
    names = [source.inside.rsplit("/", 1)[-1]] if single else sorted(_names(source, base))
    if not names:
        raise _Unusable("SourceNotFound", f"{_place(source)} has no files")
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


def _names(source: Wanted, base: Path) -> Iterator[str]:
    """Yield every file below a folder, relative to it; what a pod could not reach there is refused."""

    def failed(error: OSError) -> None:
        raise _unreadable(source, Path(error.filename or base), error) from error

    for folder, folders, files in os.walk(base, onerror=failed):
        # What ext4 keeps at the root of every volume, for root alone.
        folders[:] = [n for n in folders if not (n == "lost+found" and Path(folder) == source.root)]
        links = [n for n in folders if (Path(folder) / n).is_symlink()]
        for name in [*files, *links]:
            path = Path(folder) / name
            try:
                if path.is_symlink():
                    _check_link(source, base, path)
                if path.is_file():
                    yield _readable(source, path.relative_to(base).as_posix())
            except OSError as error:
                raise _unreadable(source, path, error) from error


def _readable(source: Wanted, name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise _Unusable(
            "SourceUnreadable", f"the name of a file in {_place(source)} is not UTF-8: {name!a:.200}"
        ) from None
    return name


def _check_link(source: Wanted, base: Path, path: Path) -> None:
    shown = path.relative_to(source.root)
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        raise _Unusable("SourceUnreadable", f"{shown} is a link to nowhere") from None
    if not target.is_relative_to(base):
        # A pod gets to see only what is below the path.
        raise _Unusable("SourceUnreadable", f"{shown} is a link that leads out of {_place(source)}; copy the file")
    if target.is_dir():
        raise _Unusable("SourceUnreadable", f"{shown} is a link to a folder; copy the folder")


def _place(source: Wanted) -> str:
    return f"{source.inside!r} of claim {source.claim!r}" if source.inside else f"claim {source.claim!r}"


def _unreadable(source: Wanted, path: Path, error: Exception) -> _Unusable:
    shown = path.relative_to(source.root) if path.is_relative_to(source.root) else path
    name = "the volume's root" if str(shown) == "." else str(shown)
    if isinstance(error, PermissionError):
        return _Unusable(
            "SourceUnreadable",
            f"user {os.getuid()}, as which pods run here, may not read {name} of claim {source.claim!r}; "
            "`chmod -R a+rX` lets it",
        )
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return _Unusable("SourceUnreadable", f"{name} of claim {source.claim!r} cannot be read: {said}")
