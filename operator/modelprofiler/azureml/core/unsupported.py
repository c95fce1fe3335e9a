"""What old scripts import beside profiling: the names are there, and say on use what to do instead."""

from __future__ import annotations

from typing import Any, NoReturn

from modelprofiler.azureml.exceptions import UserErrorException


class Unsupported(type):
    """The type of classes of which no instance is made and no method called."""

    instead: str

    def __call__(cls, *_arguments: Any, **_named: Any) -> NoReturn:
        """Refuse to make an instance."""
        raise UserErrorException(cls.instead)

    def __getattr__(cls, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        raise UserErrorException(f"{cls.__name__}.{name}: {cls.instead}")
