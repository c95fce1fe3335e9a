"""Quantities and durations: what is accepted, how they compare, and what they are written as."""

from decimal import Decimal

import pytest
from pydantic import TypeAdapter

from modelprofiler.api.quantities import Duration, Quantity


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1", "1"),
        ("0.25", "250m"),
        ("0.5", ".5"),
        ("1", "1."),
        ("1", "+1"),
        ("1500", "1.5k"),
        ("268435456", "256Mi"),
        ("1228.8", "1.2Ki"),
        ("1e18", "1E"),
        ("1000", "1e3"),
        ("0.012", "12E-3"),
        ("1e-9", "1n"),
        ("2000000000", 2_000_000_000),
    ],
)
def test_a_quantity_has_the_value_kubernetes_gives_it(value: str, text: str | int) -> None:
    """Suffixes, exponents and bare numbers mean what they mean in a Pod."""
    assert Decimal(value) == Quantity(text).value


@pytest.mark.parametrize("text", ["", "one", "-1", "1 Gi", "1gi", "0x10", "1e", "1e400", "NaN", "1" * 33, "1Mi1", True])
def test_what_is_not_a_quantity_is_refused_with_examples(text: str) -> None:
    """The sentence says how a quantity is written."""
    with pytest.raises(ValueError, match="is not a quantity; write for example 250m, 1, 256Mi or"):
        Quantity(text)


def test_quantities_are_equal_when_their_values_are() -> None:
    """1000m, 1 and 1.0 are one size, also as keys of a dictionary."""
    assert Quantity("1000m") == Quantity(1) == Quantity("1.0")
    assert len({Quantity("1000m"), Quantity(1), Quantity("1.0")}) == 1
    assert Quantity("1") != "1"


def test_quantities_are_ordered_by_value() -> None:
    """Units do not matter: 900M < 900Mi < 1G."""
    sizes = [Quantity(t) for t in ("1G", "900Mi", "900M")]
    assert ["900M", "900Mi", "1G"] == [q.text for q in sorted(sizes)]


def test_a_quantity_keeps_what_was_written() -> None:
    """Nobody's 1000m comes back as 1."""
    assert str(Quantity("1000m")) == "1000m"


@pytest.mark.parametrize(("text", "millicores"), [("300m", 300), ("2", 2000), ("1", 1000), ("10m", 10)])
def test_cpu_is_written_as_kubernetes_writes_it(text: str, millicores: int) -> None:
    """Whole cores without a suffix, all else in millicores."""
    assert text == Quantity.cpu(millicores).text
    assert millicores == Quantity(text).millicores


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("256Mi", 2**28),
        ("1Gi", 2**30),
        ("1536Mi", 3 * 2**29),
        ("1Ki", 1024),
        ("400M", 4 * 10**8),
        ("1000", 1000),
        ("0", 0),
    ],
)
def test_memory_is_written_in_the_unit_that_makes_it_shortest(text: str, size: int) -> None:
    """No byte is lost to rounding."""
    assert text == Quantity.memory(size).text
    assert size == Quantity(text).bytes


def test_fractions_are_rounded_up_as_kubernetes_does() -> None:
    """Half a millicore is one, half a byte is one."""
    assert Quantity("0.0005").millicores == 1
    assert Quantity("0.5").bytes == 1


@pytest.mark.parametrize(("text", "number"), [("49.97", 49.9712), ("0", 0), ("1234", 1234.4), ("0.00001234", 1.234e-5)])
def test_a_decimal_has_four_digits_and_no_exponent(text: str, number: float) -> None:
    """What is shown is also what an API server accepts."""
    assert text == Quantity.decimal(number).text


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -0.1])
def test_a_decimal_is_finite_and_not_negative(number: float) -> None:
    """A mean of nothing is an error, not a number."""
    with pytest.raises(ValueError, match="is not a finite non-negative number"):
        Quantity.decimal(number)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.25, "250ms"), (30, "30s"), (5400, "1h30m"), (90.5, "1m30.5s"), (1e-6, "1µs"), (1e-6, "1us"), (0, "0s")],
)
def test_a_duration_has_the_length_go_gives_it(seconds: float, text: str) -> None:
    """Several units add up; both ways to write a microsecond are known."""
    assert pytest.approx(seconds) == Duration(text).seconds


@pytest.mark.parametrize("text", ["", "30", "-1s", "1 s", "1d", "1s ", "PT30S", "1" * 32 + "s"])
def test_what_is_not_a_duration_is_refused_with_examples(text: str) -> None:
    """The sentence says how a duration is written."""
    with pytest.raises(ValueError, match="is not a duration; write for example 250ms, 30s or 1h30m"):
        Duration(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("12.43ms", 0.0124311), ("2.1s", 2.1), ("90s", 90), ("3.5us", 3.5e-6), ("0s", 0), ("12ns", 1.2e-8)],
)
def test_a_measured_duration_is_written_in_the_unit_people_read(text: str, seconds: float) -> None:
    """Four significant digits, and Go can parse it."""
    assert text == Duration.of(seconds).text


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -1])
def test_a_measured_duration_is_finite_and_not_negative(seconds: float) -> None:
    """A latency before its request is an error."""
    with pytest.raises(ValueError, match="is not a finite non-negative duration"):
        Duration.of(seconds)


def test_durations_compare_by_length() -> None:
    """1000ms is 1s, and shorter than 1.1s."""
    assert Duration("1000ms") == Duration("1s")
    assert Duration("1.1s") > Duration("1000ms")
    assert len({Duration("1000ms"), Duration("1s")}) == 1


@pytest.mark.parametrize("value", [0.5, None, ["1"], {"a": 1}])
def test_a_float_is_not_a_quantity(value: object) -> None:
    """A float does not survive JSON, YAML and Go alike: it must be written as text."""
    with pytest.raises(ValueError, match="must be a whole number or text"):
        TypeAdapter(Quantity).validate_python(value)


def test_a_number_is_not_a_duration() -> None:
    """A bare number would leave the unit to be guessed."""
    with pytest.raises(ValueError, match="30 has no unit; write 30s or 30ms"):
        TypeAdapter(Duration).validate_python(30)


def test_a_whole_number_with_a_point_is_a_whole_number() -> None:
    """As kubectl makes JSON of 1.0 and 128e6, which the API server then takes."""
    assert ["1", "128000000"] == [str(TypeAdapter(Quantity).validate_python(value)) for value in (1.0, 128e6)]
