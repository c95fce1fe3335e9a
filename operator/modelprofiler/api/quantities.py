"""Kubernetes quantities and durations as values that can be compared, with their text.

The resource contains no floats, because a float does not survive a round trip through JSON, YAML and Go.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from modelprofiler.api.spelling import duration_meant, quantity_meant

QUANTITY_PATTERN = r"^[+]?([0-9]+|[0-9]+\.[0-9]*|\.[0-9]+)(([KMGTPE]i)|[numkMGTPE]|([eE][-+]?[0-9]{1,2}))?$"
DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$"

NOT_A_QUANTITY = "is not a quantity; write for example 250m, 1, 256Mi or 0.5"
NOT_A_DURATION = "is not a duration; write for example 250ms, 30s or 1h30m, without spaces or days"

_SUFFIXES = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}

_ENDS = " || ".join(f"v.endsWith('{end}')" for end in [*"0123456789.", *filter(None, _SUFFIXES)])

QUANTITIES_RULE = f"self.all(v, type(v) == int ? int(v) >= 0 : !v.startsWith('-') && ({_ENDS}))"
"""What the API server asks of a list of quantities beside the pattern of each, which has no readable message.

Until 1.34 it reckons with texts as long as a request, and refuses a rule that reads all of each of 256 texts; how a
text begins and ends costs nothing."""

_QUANTITY = re.compile(QUANTITY_PATTERN)
_NUMBER = re.compile(r"^[+]?([0-9.]+)(.*)$")
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|µs|ms|s|m|h)")
_DURATION = re.compile(DURATION_PATTERN)
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@functools.total_ordering
class Quantity:
    """A non-negative Kubernetes quantity: ``250m``, ``1``, ``256Mi``, ``0.5``.

    Equality and order are those of the value: ``Quantity("1000m") == Quantity(1)``.

    Parameters
    ----------
    text
        The quantity as written, or a whole number.

    Raises
    ------
    ValueError
        When the text is not a quantity.
    """

    __slots__ = ("text", "value")

    def __init__(self, text: str | int) -> None:
        written = str(text).strip()
        if isinstance(text, bool) or len(written) > 32 or not _QUANTITY.fullmatch(written):
            raise ValueError(f"{written[:40]!r} {NOT_A_QUANTITY}{_perhaps(quantity_meant(written))}")
        match = _NUMBER.match(written)
        assert match is not None
        number, suffix = match.groups()
        factor = _SUFFIXES[suffix] if suffix in _SUFFIXES else Decimal("1" + suffix)
        self.text = written
        self.value: Decimal = Decimal(number) * factor

    @classmethod
    def cpu(cls, millicores: int) -> Self:
        """Return ``millicores`` as Kubernetes would write them: ``300m``, ``2``."""
        return cls(str(millicores // 1000) if millicores % 1000 == 0 else f"{millicores}m")

    @classmethod
    def memory(cls, size: int) -> Self:
        """Return ``size`` bytes in the unit that gives the shortest text: ``256Mi``, ``400M``."""
        units = {suffix: int(_SUFFIXES[suffix]) for suffix in ("Gi", "Mi", "Ki", "M")}
        exact = [f"{size // unit}{suffix}" for suffix, unit in units.items() if size and size % unit == 0]
        return cls(min(exact, key=len, default=size))

    @classmethod
    def decimal(cls, number: float, digits: int = 4) -> Self:
        """Return ``number`` with ``digits`` significant digits and no exponent: ``49.97``."""
        if not math.isfinite(number) or number < 0:
            raise ValueError(f"{number} is not a finite non-negative number")
        return cls(f"{Decimal(f'{number:.{digits}g}'):f}")

    @property
    def millicores(self) -> int:
        """The value as CPU, in millicores, rounded up as Kubernetes does."""
        return math.ceil(self.value * 1000)

    @property
    def bytes(self) -> int:
        """The value as memory, in bytes, rounded up as Kubernetes does."""
        return math.ceil(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __eq__(self, other: object) -> bool:
        return self.value == other.value if isinstance(other, Quantity) else NotImplemented

    def __lt__(self, other: Quantity) -> bool:
        return self.value < other.value

    def __hash__(self) -> int:
        return hash(self.value)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Quantity({self.text!r})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return _text_schema(cls, (str, int))

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "maxLength": 32,
            "pattern": QUANTITY_PATTERN,
            "x-kubernetes-int-or-string": True,
        }


@functools.total_ordering
class Duration:
    """A non-negative duration as Go and Kubernetes write it: ``250ms``, ``30s``, ``1h30m``.

    Parameters
    ----------
    text
        The duration as written.

    Raises
    ------
    ValueError
        When the text is not a duration.
    """

    __slots__ = ("seconds", "text")

    def __init__(self, text: str) -> None:
        if len(text) > 32 or not _DURATION.fullmatch(text):
            raise ValueError(f"{text[:40]!r} {NOT_A_DURATION}{_perhaps(duration_meant(text))}")
        self.text = text
        self.seconds: float = sum(float(n) * _SECONDS[unit] for n, unit in _DURATION_PART.findall(text))

    @classmethod
    def of(cls, seconds: float, digits: int = 4) -> Self:
        """Return ``seconds`` in the largest unit that fits, with ``digits`` significant digits: ``12.43ms``."""
        if not math.isfinite(seconds) or seconds < 0:
            raise ValueError(f"{seconds} is not a finite non-negative duration")
        for unit, factor in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
            if seconds >= factor:
                return cls(f"{Decimal(f'{seconds / factor:.{digits}g}'):f}{unit}")
        return cls("0s" if seconds < 1e-9 else f"{Decimal(f'{seconds / 1e-9:.{digits}g}'):f}ns")

    def __eq__(self, other: object) -> bool:
        return self.seconds == other.seconds if isinstance(other, Duration) else NotImplemented

    def __lt__(self, other: Duration) -> bool:
        return self.seconds < other.seconds

    def __hash__(self) -> int:
        return hash(self.seconds)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Duration({self.text!r})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return _text_schema(cls, (str,))

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "maxLength": 32, "pattern": DURATION_PATTERN}


@dataclass(frozen=True)
class Rule:
    """A rule of one value, for Python and for the API server, with one sentence; used in ``Annotated``.

    Attributes
    ----------
    holds
        Whether a value keeps the rule.
    cel
        The same in CEL, of ``self``.
    message
        What a value must be.
    """

    holds: Callable[[Any], bool]
    cel: str
    message: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "rule": {"rule": self.cel, "message": self.message}}

    def _checked(self, value: Any) -> Any:
        if not self.holds(value):
            raise ValueError(f"{self.message}, not {value}")
        return value


# A text of a duration is more than 0 when a digit of it is; CEL's own duration() would cut off parts of a nanosecond.
PositiveDuration = Annotated[
    Duration, Rule(lambda d: any(c in "123456789" for c in d.text), "self.matches('[1-9]')", "must be greater than 0")
]
"""A duration of more than zero, as a bound that something can meet."""

Percentage = Annotated[
    Quantity,
    Rule(
        lambda q: q.value <= 100,
        "quantity(string(self)).compareTo(quantity('100')) <= 0",
        "must be a percentage from 0 to 100",
    ),
]
"""A share in percent."""


def _perhaps(meant: str) -> str:
    return f"; {meant} may be meant" if meant else ""


def _text_schema(cls: type[Quantity] | type[Duration], accepted: tuple[type, ...]) -> CoreSchema:
    """Return a schema that validates text or an instance and serialises to the original text."""

    def parse(value: object) -> object:
        if isinstance(value, cls):
            return value
        if isinstance(value, float) and value.is_integer() and int in accepted:
            value = int(value)  # as kubectl makes JSON of 1.0 or 128e6
        if isinstance(value, accepted) and not isinstance(value, bool):
            return cls(value)  # type: ignore[arg-type]
        raise ValueError(_not_text(cls, value))

    return core_schema.no_info_plain_validator_function(
        parse, serialization=core_schema.plain_serializer_function_ser_schema(str)
    )


def _not_text(cls: type[Quantity] | type[Duration], value: object) -> str:
    """Return why a value of another type is refused, as the API server refuses it, and how to write it."""
    if cls is Duration and isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value} has no unit; write {value}s or {value}ms"
    if isinstance(value, float):
        # A float does not survive a round trip through JSON, YAML and Go; see the first lines of this file.
        return f'must be a whole number or text: write {value:.15g} in quotes, "{value:.15g}"'
    kinds = "a duration as text" if cls is Duration else "a whole number or text in quotes"
    return f"must be {kinds}, not {str(value)[:40]!r}"
