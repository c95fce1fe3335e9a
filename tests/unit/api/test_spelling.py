"""A text that is no quantity or duration, and what it probably means."""

import pytest

from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.spelling import duration_meant, quantity_meant

QUANTITIES = {
    "256mi": "256Mi",
    "256MiB": "256Mi",
    "1GB": "1G or 1Gi",
    "512 Mi": "512Mi",
    "0,5": "0.5",
    "2 cores": "2",
    "1%": "1",
    "fast": "",
    "-1": "",
}
DURATIONS = {
    "8 s": "8s",
    "1d": "24h",
    "5min": "5m",
    "250 msec": "250ms",
    "1,5s": "1.5s",
    "300": "300s or 300ms",
    "PT1M30S": "1m30s",
    "1h 30m": "1h30m",
    "soon": "",
    "-30s": "",
}


@pytest.mark.parametrize("text", QUANTITIES)
def test_a_quantity_is_reported_as_kubernetes_writes_it(text: str) -> None:
    """The reported spelling is a quantity itself."""
    meant = quantity_meant(text)
    assert QUANTITIES[text] == meant
    assert all(Quantity(part) for part in meant.split(" or ") if meant)


@pytest.mark.parametrize("text", DURATIONS)
def test_a_duration_is_reported_as_kubernetes_writes_it(text: str) -> None:
    """The reported spelling is a duration itself."""
    meant = duration_meant(text)
    assert DURATIONS[text] == meant
    assert all(Duration(part) for part in meant.split(" or ") if meant)


@pytest.mark.parametrize("text", ["1\n", "30s\n"])
def test_a_line_end_is_no_part_of_either(text: str) -> None:
    """The API server would refuse it, too."""
    with pytest.raises(ValueError, match="is not a"):
        (Duration if "s" in text else Quantity)(text if "s" in text else f" {text}x")
