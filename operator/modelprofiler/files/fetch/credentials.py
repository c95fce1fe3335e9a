"""The keys of a Secret, as a pod has them: each is a file of a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from modelprofiler.files.fetch.failure import FetchFailed

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_CREDENTIAL = re.compile(r"KEY|SECRET|TOKEN|PASSWORD|CREDENTIAL|CONNECTION_STRING|SAS")
KEY_FILE = "GOOGLE_APPLICATION_CREDENTIALS"
"""The variable that names a key file of Google."""
LARGEST = 2**20
"""Bytes of a Secret at most."""
SHORTEST_SECRET = 4
"""Characters from which a value is removed from messages: shorter ones are no secrets, and parts of many words."""

LONGEST_WORD = 16
"""Characters from which a part of a value is taken for a secret of its own; keys have more, names mostly fewer."""


class Credentials:
    """What a Secret says, by key."""

    def __init__(self, values: Mapping[str, str], folder: Path | None = None) -> None:
        self.values = dict(values)
        self._folder = folder

    @classmethod
    def read(cls, folder: Path | None) -> Credentials:
        """Return the credentials in a folder; none without one.

        Raises
        ------
        FetchFailed
            The Secret does not exist, or is no text.
        """
        if folder is None:
            return cls({})
        values = {}
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            # The kubelet keeps the files in folders that begin with two dots; a key may begin with one.
            if path.name.startswith("..") or not path.is_file():
                continue
            try:
                values[path.name] = path.read_bytes()[:LARGEST].decode().strip()
            except UnicodeDecodeError as error:
                raise FetchFailed(f"key {path.name!r} of the Secret is no text") from error
        if not values:
            raise FetchFailed("the Secret of secretRef does not exist, or has no keys", "SourceNotFound")
        return cls(values, folder)

    def variables(self) -> dict[str, str]:
        """Return the environment variables that drivers of object stores read."""
        named = {key: value for key, value in self.values.items() if _VARIABLE.fullmatch(key)}
        files = [key for key in self.values if key.endswith(".json")]
        if self._folder is not None and len(files) == 1:
            named.setdefault(KEY_FILE, str(self._folder / files[0]))
        return named

    def headers(self) -> dict[str, str]:
        """Return the keys as HTTP headers.

        Raises
        ------
        FetchFailed
            A key or a value is none.
        """
        for key, value in self.values.items():
            if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", key) or not re.fullmatch(r"[\t\x20-\x7e]*", value):
                raise FetchFailed(f"key {key!r} of the Secret is no HTTP header")
        return dict(self.values)

    def get(self, key: str) -> str:
        """Return the value of a key, of an environment variable of this name where there is no such key."""
        return self.values.get(key) or os.environ.get(key, "")

    def removed_from(self, text: str) -> str:
        """Return a text without the values, and without those of variables that are credentials by their name."""
        known = [value for name, value in os.environ.items() if _CREDENTIAL.search(name)]
        parts = [part for value in (*self.values.values(), *known) for part in _parts(value)]
        for value in sorted(parts, key=len, reverse=True):
            if len(value) >= SHORTEST_SECRET:
                text = text.replace(value, "***")
        return text


def _parts(value: str) -> list[str]:
    """Return a credential, and what of it a message may repeat alone: the keys of a connection string or a key file."""
    inner = [part.partition("=")[2] for part in value.split(";")] if "=" in value else []
    if value.startswith("{"):
        inner += re.findall(r'"(?:private_key|client_secret|refresh_token|auth|password)": *"((?:[^"\\]|\\.)*)"', value)
    # Names of protocols and of hosts are no secrets, and explain much.
    return [value, *(part for part in inner if len(part) >= LONGEST_WORD)]
