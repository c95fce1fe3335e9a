"""The result of a profile as a dict with two spellings of its keys."""

from __future__ import annotations

from typing import Any


class Details(dict[str, Any]):
    """The result of a profile.

    Azure ML's keys end in ``InGB``, while its published example reads ``requestedMemoryInGb``: both spellings work.
    """

    def __missing__(self, key: str) -> Any:
        other = _other_spelling(key)
        if other is not None and dict.__contains__(self, other):
            return dict.__getitem__(self, other)
        raise KeyError(key)

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
