"""The files of a source, wherever they were read: the files of a ConfigMap, their digest, and what is missing."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from modelprofiler.errors import Problem, field_path

KEY = re.compile(r"(?!\.{1,2}$)[-._a-zA-Z0-9]{1,253}")
"""A key of a ConfigMap that the API server accepts."""

INLINE_MODEL = "model"
"""File name of a model that is written into the profile."""

INLINE_DATASET = "dataset"
"""File name of rows that are written into the profile."""


def files_of(config_map: Mapping[str, Any]) -> tuple[dict[str, bytes], list[Problem]]:
    """Return the files of a ConfigMap, and a problem for every entry that is not a file."""
    files: dict[str, bytes] = {}
    problems = []
    for part in ("data", "binaryData"):
        entries = config_map.get(part) or {}
        if not isinstance(entries, Mapping):
            problems.append(Problem(part, f"must be an object, not {entries!r:.60}"))
            continue
        for key, value in entries.items():
            if not KEY.fullmatch(str(key)):
                problems.append(
                    Problem(field_path([str(key)], part), "is not a valid key: use letters, digits, '-', '_' and '.'")
                )
            elif not isinstance(value, str):
                problems.append(
                    Problem(field_path([str(key)], part), f"must be text, not {value!r:.60}; put it in quotes")
                )
            elif part == "data":
                files[str(key)] = value.encode()
            else:
                try:
                    # Like the API server, ignore line ends and spaces.
                    files[str(key)] = base64.b64decode("".join(value.split()), validate=True)
                except (binascii.Error, ValueError) as error:
                    problems.append(Problem(field_path([str(key)], part), f"is not Base64: {error}"))
    return files, problems


def secret_files_of(secret: Mapping[str, Any]) -> tuple[dict[str, bytes], list[Problem]]:
    """Return the files of a Secret, and a problem for every entry that is none; no message has a value of it."""
    files: dict[str, bytes] = {}
    problems = []
    for part in ("data", "stringData"):  # the API server lets the second win, too
        entries = secret.get(part) or {}
        if not isinstance(entries, Mapping):
            problems.append(Problem(part, "must be an object"))
            continue
        for key, value in entries.items():
            if not KEY.fullmatch(str(key)):
                problems.append(
                    Problem(field_path([str(key)], part), "is not a valid key: use letters, digits, '-', '_' and '.'")
                )
            elif not isinstance(value, str):
                problems.append(Problem(field_path([str(key)], part), "must be text; put it in quotes"))
            elif part == "stringData":
                files[str(key)] = value.encode("utf-8", "replace")
            else:
                try:
                    files[str(key)] = base64.b64decode("".join(value.split()), validate=True)
                except (binascii.Error, ValueError):
                    problems.append(
                        Problem(field_path([str(key)], part), "is not Base64; plain text belongs into stringData")
                    )
    return files, problems


class FilesDigest:
    """The sha256 of a set of files: each name and content after its length in 8 bytes, big endian.

    With the lengths, moving a byte from one file to the next changes the digest.
    """

    def __init__(self) -> None:
        self._sha = hashlib.sha256()

    def add(self, name: str, size: int, parts: Iterable[bytes]) -> None:
        """Add a file of `size` bytes; files come in the order of their names."""
        encoded = name.encode("utf-8", "surrogateescape")  # the bytes of a name on disk, in whatever encoding it is
        self._sha.update(len(encoded).to_bytes(8, "big"))
        self._sha.update(encoded)
        self._sha.update(size.to_bytes(8, "big"))
        for part in parts:
            self._sha.update(part)

    def __str__(self) -> str:
        return f"sha256:{self._sha.hexdigest()}"


def digest(files: Mapping[str, bytes]) -> str:
    """Return the sha256 of a set of files."""
    total = FilesDigest()
    for name in sorted(files):
        total.add(name, len(files[name]), (files[name],))
    return str(total)


def no_key(name: str, key: str, keys: Sequence[str], kind: str = "ConfigMap") -> str:
    """Return the message for a ConfigMap or Secret that does not have the key that a profile names."""
    return f"{kind} {name!r} has no key {key!r}; it has {', '.join(sorted(keys)) or 'no keys'}"


def script_problems(file: str, files: Iterable[str]) -> list[Problem]:
    """Return a problem when the entry script is not among the files of its source."""
    names = sorted(files)
    if file in names:
        return []
    message = f"the source has no file {file!r}; it has {', '.join(names[:20]) or 'no files'}"
    return [Problem("spec.server.entryScript.file", message)]


def which_rows(name: str, keys: Iterable[str], kind: str = "ConfigMap") -> list[Problem]:
    """Return a problem when a ConfigMap or Secret has no key, or several keys of which any may contain the rows."""
    names = sorted(keys)
    path = f"spec.dataset.source.{kind[:1].lower()}{kind[1:]}"
    if not names:
        return [Problem(path, f"{kind} {name!r} has no keys")]
    if len(names) > 1:
        return [Problem(f"{path}.key", f"name the key with the rows: {kind} {name!r} has {', '.join(names)}")]
    return []
