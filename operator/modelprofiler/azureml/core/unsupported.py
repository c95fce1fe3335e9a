"""Classes that old scripts import and that are not supported: each use says what to do instead."""

from __future__ import annotations

from typing import Any, NoReturn

from modelprofiler.azureml.exceptions import UserErrorException


class Unsupported(type):
    """Metaclass of unsupported classes: creating an instance or calling a method raises an error."""

    instead: str
    """What to do instead, in one sentence."""

    def __call__(cls, *_arguments: Any, **_named: Any) -> NoReturn:
        """Refuse to create an instance."""
        raise UserErrorException(cls.instead)

    def __getattr__(cls, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        raise UserErrorException(f"{cls.__name__}.{name}: {cls.instead}")


def stand_in(name: str, instead: str) -> type:
    """Return a class of any name that raises an error when it is used, for modules that have nothing else.

    Raises
    ------
    AttributeError
        For a name that Python itself looks for.
    """
    if name.startswith("_"):
        raise AttributeError(name)
    return Unsupported(name, (), {"instead": instead})
