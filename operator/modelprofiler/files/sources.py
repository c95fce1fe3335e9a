"""The files behind the sources of a profile, on this machine: found, digested as in a cluster, and put in place."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from modelprofiler.api.sources import Source
from modelprofiler.core.sources import FilesDigest, digest, no_key
from modelprofiler.errors import Problem

CHUNK = 1 << 20
MOST_FILES = 100_000
"""Of one source: more is a folder named by mistake."""

# What tools leave beside code; it changes nothing and would make every digest new.
SKIPPED = frozenset({"__pycache__", "node_modules"})


@dataclass(frozen=True)
class Found:
    """What is behind a source.

    Attributes
    ----------
    files
        Names, with slashes, to content or to where the content is.
    folder
        The folder they are in already; None when they have to be put into one.
    digest
        Of names and contents, the same as a cluster finds for the same files.
    """

    files: Mapping[str, bytes | Path]
    folder: Path | None
    digest: str

    def place(self, directory: Path, *, link: bool = False) -> Path:
        """Return a folder with exactly these files, made at `directory` unless they have one.

        Parameters
        ----------
        link
            Link to single files instead of copying them: models are large, and read only.
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


def find(
    source: Source, path: str, inline_name: str, config_maps: Mapping[str, Mapping[str, bytes]], base: Path
) -> Found | list[Problem]:
    """Return what is behind a source, or why there is nothing.

    Parameters
    ----------
    source, path
        The source and where it is in the profile.
    inline_name
        What the file of an inline source is called.
    config_maps
        Those of the same file.
    base
        What a relative path starts from.
    """
    if source.inline is not None:
        content = source.inline.encode()
        return Found({inline_name: content}, None, digest({"": content}))
    if source.config_map is not None:
        return _in_config_map(source.config_map.name, source.config_map.key, f"{path}.configMap", config_maps)
    if source.path is not None:
        try:
            return _on_disk(base / Path(source.path).expanduser())
        except OSError as error:
            at = f" ({error.filename})" if error.filename and str(error.filename) != source.path else ""
            return [Problem(f"{path}.path", f"{source.path} cannot be read: {error.strerror or error}{at}")]
    return []  # nothing that a machine has: said elsewhere


def _in_config_map(
    name: str, key: str | None, path: str, config_maps: Mapping[str, Mapping[str, bytes]]
) -> Found | list[Problem]:
    if name not in config_maps:
        others = ", ".join(sorted(config_maps))
        has = f"it has {others}" if others else "it has none; a path names files of this machine"
        return [Problem(f"{path}.name", f"there is no ConfigMap {name!r} in the file; {has}")]
    files = config_maps[name]
    if key is not None:
        if key not in files:
            return [Problem(f"{path}.key", no_key(name, key, list(files)))]
        files = {key: files[key]}
    return Found(files, None, digest(files))


def _on_disk(path: Path) -> Found:
    path = path.resolve(strict=True)
    if not path.is_dir():
        path.open("rb").close()
        return Found({path.name: path}, None, _digest({path.name: path}))
    files = {}
    for found in _walk(path):
        files[found.relative_to(path).as_posix()] = found
        if len(files) > MOST_FILES:
            raise OSError(f"it has more than {MOST_FILES:,} files; name a folder with only what is needed")
    return Found(files, path, _digest(files))


def _walk(folder: Path) -> Iterator[Path]:
    def failed(error: OSError) -> None:
        raise error

    for here, folders, names in os.walk(folder, onerror=failed):
        at = Path(here)
        # Hidden folders and virtual environments belong to tools.
        folders[:] = sorted(
            f for f in folders if f not in SKIPPED and not f.startswith(".") and not (at / f / "pyvenv.cfg").exists()
        )
        yield from (at / name for name in sorted(names) if (at / name).is_file())


def _digest(files: Mapping[str, Path]) -> str:
    found = FilesDigest()
    for name in sorted(files):
        with files[name].open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            found.add(name, size, iter(lambda: file.read(CHUNK), b""))
    return str(found)
