"""The result of a profile as a dict with two spellings of its keys."""

from __future__ import annotations

import warnings
from typing import Any

FIRST_NAMES = {"cpu": "recommendedCpu", "memoryInGB": "recommendedMemoryInGB"}
"""Keys of the first version of the SDK, which had no others, and what they are called since."""


class MissingResult(KeyError):
    """A key that a result does not have; unlike a KeyError, its message is a sentence."""

    def __str__(self) -> str:
        return str(self.args[0])


class Details(dict[str, Any]):
    """The result of a profile.

    Azure ML's keys end in ``InGB``, while its published example reads ``requestedMemoryInGb``: both spellings work. The
    keys of the first version of the SDK, cpu and memoryInGB, stand for the recommendation, with a warning.
    """

    def __missing__(self, key: str) -> Any:
        other = _other_spelling(key)
        if other is not None and dict.__contains__(self, other):
            return dict.__getitem__(self, other)
        name = FIRST_NAMES.get(key) or FIRST_NAMES.get(other or "")
        if name is None:
            raise KeyError(key)
        if dict.__contains__(self, name):
            warnings.warn(f"the key {key} of a result is now called {name}", UserWarning, stacklevel=2)
            return dict.__getitem__(self, name)
        raise MissingResult(
            f"the key {key} is now called {name}, and this result has no {name}: its state is {dict.get(self, 'state')}"
        )

    def __contains__(self, key: object) -> bool:
        return dict.__contains__(self, key) or (isinstance(key, str) and dict.__contains__(self, _other_spelling(key)))

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key in either spelling, or the default."""
        try:
            return self[key]
        except KeyError:
            return default


def _other_spelling(key: str) -> str | None:
    if key.endswith("InGb"):
        return f"{key[:-4]}InGB"
    return f"{key[:-4]}InGb" if key.endswith("InGB") else None
