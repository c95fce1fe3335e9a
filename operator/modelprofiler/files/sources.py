"""The files that a source of a profile refers to, on this machine: located, digested as in a cluster, put in place."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from modelprofiler.api.sources import ConfigMapSource, SecretSource, Source, UriSource
from modelprofiler.core.sources import FilesDigest, digest, no_key
from modelprofiler.errors import Problem

CHUNK = 1 << 20
"""Bytes read at once while a file is digested, so that a large model is never in memory as a whole."""
MAX_FILES = 100_000
"""Files of one source; chosen far above any model, so that more means a folder named by mistake."""

# Folders that tools leave in a code folder: they change nothing, and would change every digest.
SKIPPED_FOLDERS = frozenset({"__pycache__", "node_modules"})


@dataclass(frozen=True, slots=True)
class MissingObject(Problem):
    """A ConfigMap or Secret that is not in the file; a cluster may have it.

    Attributes
    ----------
    kind, name
        What it is, and its name.
    """

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class UnusablePath(Problem):
    """A path of this machine that cannot be used; a cluster refuses every path, for a reason of its own."""


@dataclass(frozen=True)
class SourceFiles:
    """The files of a source.

    Attributes
    ----------
    files
        Names, with slashes, to contents or to the paths of the contents.
    folder
        The folder that already has exactly these files; None if they have to be put into one.
    digest
        Of names and contents; a cluster computes the same for the same files.
    """

    files: Mapping[str, bytes | Path]
    folder: Path | None
    digest: str

    def place(self, directory: Path, *, link: bool = False) -> Path:
        """Return a folder with exactly these files: their own, or `directory`, which is filled with them.

        Parameters
        ----------
        link
            Whether to link to files instead of copying them; for models, which are large and only read.
        """
        if self.folder is not None:
            return self.folder
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in self.files.items():
            target = directory / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            if isinstance(content, bytes):
                target.write_bytes(content)
            elif link:
                target.symlink_to(content)
            else:
                shutil.copyfile(content, target)
        return directory

    def only(self) -> bytes:
        """Return the content of the only file."""
        content = next(iter(self.files.values()))
        return content if isinstance(content, bytes) else content.read_bytes()


Contents = Mapping[str, Mapping[str, bytes]]
"""Objects of a file by name, and of each its files."""


@dataclass(frozen=True)
class Supply:
    """Where sources have their files from, apart from the profile itself.

    Attributes
    ----------
    base
        What a relative path starts from.
    config_maps, secrets
        The ConfigMaps and Secrets of the same file.
    fetched
        Folders with the files of addresses, by the path of their source in the profile.
    """

    base: Path
    config_maps: Contents = field(default_factory=dict)
    secrets: Contents = field(default_factory=dict, repr=False)
    fetched: Mapping[str, Path] = field(default_factory=dict)


def locate(source: Source, path: str, inline_name: str, supply: Supply) -> SourceFiles | list[Problem]:
    """Return the files of a source, or why there are none; no problem where they are not on this machine yet.

    Parameters
    ----------
    source, path
        The source and its path in the profile.
    inline_name
        The name of the file of an inline source.
    supply
        Where it has its files from.
    """
    if source.inline is not None:
        content = source.inline.encode()
        return SourceFiles({inline_name: content}, None, digest({"": content}))
    if source.config_map is not None:
        return _in_object("ConfigMap", source.config_map, f"{path}.configMap", supply.config_maps)
    if source.secret is not None:
        return _in_object("Secret", source.secret, f"{path}.secret", supply.secrets)
    if source.uri is not None:
        return _at_address(source.uri, path, supply)
    if source.path is not None:
        try:
            return _on_disk(supply.base / Path(source.path).expanduser())
        except OSError as error:
            file = f" ({error.filename})" if error.filename and str(error.filename) != source.path else ""
            message = f"{source.path} cannot be read: {error.strerror or error}{file}"
            return [UnusablePath(f"{path}.path", message)]
    return []  # a kind of source that only a cluster has; `unsupported` names it


def _in_object(
    kind: str, reference: ConfigMapSource | SecretSource, path: str, contents: Contents
) -> SourceFiles | list[Problem]:
    name, key = reference.name, reference.key
    if name not in contents:
        return [missing(kind, name, f"{path}.name", contents)]
    files = contents[name]
    if key is not None:
        if key not in files:
            return [Problem(f"{path}.key", no_key(name, key, list(files), kind))]
        files = {key: files[key]}
    return SourceFiles(files, None, digest(files))


def missing(kind: str, name: str, path: str, contents: Contents) -> MissingObject:
    """Return the problem of a ConfigMap or Secret that the file does not have."""
    others = ", ".join(sorted(contents))
    hint = f"it has {others}" if others else "it has none; a path names files of this machine"
    return MissingObject(path, f"there is no {kind} {name!r} in the file; {hint}", kind, name)


def _at_address(source: UriSource, path: str, supply: Supply) -> SourceFiles | list[Problem]:
    """Return the files of an address, where they have been downloaded."""
    secret = source.secret_ref
    if secret is not None and secret not in supply.secrets:
        problem = missing("Secret", secret, f"{path}.uri.secretRef", supply.secrets)
        message = problem.message.partition("; a path")[0]
        hint = "without secretRef the credentials of this machine's environment are used"
        return [replace(problem, message=f"{message}; {hint}")]
    folder = supply.fetched.get(path)
    if folder is None:
        return []
    files = {file.relative_to(folder).as_posix(): file for file in sorted(folder.rglob("*")) if file.is_file()}
    return SourceFiles(files, None, _digest(files))


def _on_disk(path: Path) -> SourceFiles:
    path = path.resolve(strict=True)
    if not path.is_dir():
        path.open("rb").close()
        return SourceFiles({path.name: path}, None, _digest({path.name: path}))
    files = {}
    for file in _walk(path):
        files[file.relative_to(path).as_posix()] = file
        if len(files) > MAX_FILES:
            raise OSError(f"it has more than {MAX_FILES:,} files; name a folder with only the files that are needed")
    return SourceFiles(files, path, _digest(files))


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, without those of tools: hidden folders and virtual environments."""

    def fail(error: OSError) -> None:
        raise error

    for root, folders, names in os.walk(folder, onerror=fail):
        here = Path(root)
        folders[:] = sorted(
            name
            for name in folders
            if name not in SKIPPED_FOLDERS and not name.startswith(".") and not (here / name / "pyvenv.cfg").exists()
        )
        yield from (here / name for name in sorted(names) if (here / name).is_file())


def digest_of_folder(folder: Path) -> str:
    """Return the digest of all files below a folder."""
    return _digest({path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()})


def _digest(files: Mapping[str, Path]) -> str:
    files_digest = FilesDigest()
    for name in sorted(files):
        with files[name].open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            files_digest.add(name, size, iter(lambda: file.read(CHUNK), b""))
    return str(files_digest)
