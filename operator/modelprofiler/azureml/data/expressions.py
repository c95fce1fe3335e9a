"""Conditions on columns, for ``dataset.filter(dataset["age"] > 30)``; kept as JSON in the definition of a dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from modelprofiler.azureml.data.delimited import Value
from modelprofiler.azureml.exceptions import UserErrorException

Row = Mapping[str, Value]

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


class Condition:
    """A condition on a row.

    Attributes
    ----------
    data
        It as JSON: ``[">", "age", 30]``, ``["and", A, B]``, ``["or", A, B]`` or ``["not", A]``. A time to compare
        with is ``{"time": "2021-03-04T00:00:00"}``.
    """

    def __init__(self, data: list[Any]) -> None:
        self.data = data

    def __and__(self, other: Condition) -> Condition:
        return Condition(["and", self.data, _data(other)])

    def __or__(self, other: Condition) -> Condition:
        return Condition(["or", self.data, _data(other)])

    def __invert__(self) -> Condition:
        return Condition(["not", self.data])

    def __bool__(self) -> bool:
        raise UserErrorException("conditions on columns are combined with &, | and ~, each in parentheses")


class Column:
    """A column of a dataset, to be compared with a value."""

    __hash__ = object.__hash__

    def __init__(self, name: str) -> None:
        self.name = name

    def _compared(self, operator: str, value: object) -> Condition:
        if callable(item := getattr(value, "item", None)):
            value = item()  # a value of NumPy
        if isinstance(value, date):
            return Condition([operator, self.name, {"time": value.isoformat()}])
        if not isinstance(value, str | int | float | None):
            raise UserErrorException(
                f"a column is compared with a text, a number or a time, not {type(value).__name__}"
            )
        return Condition([operator, self.name, value])

    def __eq__(self, value: object) -> Condition:  # type: ignore[override]  # Azure ML's API: a condition
        return self._compared("==", value)

    def __ne__(self, value: object) -> Condition:  # type: ignore[override]  # the same
        return self._compared("!=", value)

    def __lt__(self, value: object) -> Condition:
        return self._compared("<", value)

    def __le__(self, value: object) -> Condition:
        return self._compared("<=", value)

    def __gt__(self, value: object) -> Condition:
        return self._compared(">", value)

    def __ge__(self, value: object) -> Condition:
        return self._compared(">=", value)


def meets(row: Row, condition: list[Any]) -> bool:
    """Return whether a row meets a condition; a missing value meets none but ``== None`` and ``!=``.

    Raises
    ------
    UserErrorException
        When there is no such column.
    """
    operator, first, *rest = condition
    if operator == "not":
        return not meets(row, first)
    if operator in ("and", "or"):
        results = (meets(row, part) for part in (first, *rest))
        return all(results) if operator == "and" else any(results)
    if first not in row:
        raise UserErrorException(f"there is no column {first}; there are {', '.join(row) or 'no columns'}")
    value, expected = row[first], rest[0]
    if value is None or expected is None:
        return bool(_COMPARISONS[operator](value, expected)) if operator in ("==", "!=") else False
    try:
        return bool(_COMPARISONS[operator](*_comparable(value, expected)))
    except ValueError:
        return bool(operator == "!=")


def _comparable(value: str, expected: Any) -> tuple[Any, Any]:
    """Return the text of a row and what it is compared with as values of one type.

    Raises
    ------
    ValueError
        The text is no value of that type.
    """
    if isinstance(expected, bool):
        return value.strip().lower(), str(expected).lower()
    if isinstance(expected, int | float):
        return float(value), expected
    if isinstance(expected, dict):
        return _time(value.strip()), _time(expected["time"])
    return value, expected


def _time(text: str) -> datetime:
    """Return a time in UTC; one without a time zone is taken for UTC."""
    time = datetime.fromisoformat(text)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _data(other: object) -> list[Any]:
    if not isinstance(other, Condition):
        raise UserErrorException(f"a condition is combined with another one, not with {type(other).__name__}")
    return other.data
