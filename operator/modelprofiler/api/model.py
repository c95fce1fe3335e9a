"""The base classes of every type of the resource, with the rules for unions."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.alias_generators import to_camel


class ApiModel(BaseModel):
    """A part of the resource: immutable, camelCase in JSON, and without unknown fields."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )

    exactly_one_of: ClassVar[tuple[str, ...]] = ()
    """Fields (camelCase) of which exactly one must be set. The CRD contains the same rule in CEL."""

    at_least_one_of: ClassVar[tuple[str, ...]] = ()
    """Fields (camelCase) of which at least one must be set. The CRD contains the same rule in CEL."""

    cel: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Further rules for the API server, each as (CEL expression, message). A validator checks the same in Python."""

    @model_validator(mode="after")
    def _check_unions(self) -> Self:
        names = {field.alias: getattr(self, name) for name, field in type(self).model_fields.items()}
        if self.exactly_one_of and sum(names[n] is not None for n in self.exactly_one_of) != 1:
            raise ValueError(exactly_one_message(self.exactly_one_of))
        if self.at_least_one_of and all(names[n] is None for n in self.at_least_one_of):
            raise ValueError(at_least_one_message(self.at_least_one_of))
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the object as JSON data, without absent fields."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class StatusModel(ApiModel):
    """A part of the status. Unknown fields, which a newer version may have written, are ignored."""

    model_config = ConfigDict(extra="ignore")


def exactly_one_message(names: tuple[str, ...]) -> str:
    """Return the message for a union of which no member or several members are set."""
    return f"exactly one of {_enumerated(names)} must be set"


def at_least_one_message(names: tuple[str, ...]) -> str:
    """Return the message for an object in which none of the fields is set."""
    return f"at least one of {_enumerated(names)} must be set"


def _enumerated(names: tuple[str, ...]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
