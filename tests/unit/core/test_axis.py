import pytest

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.ranges import CpuRange, MemoryRange
from modelprofiler.api.status import EffectiveResources
from modelprofiler.api.trial import Size
from modelprofiler.core.axis import Axis, Limits, cpu_axis, memory_axis

MI = 2**20


def cpu_range(low: str, high: str, step: str) -> CpuRange:
    """Return a range."""
    return CpuRange(min=Quantity(low), max=Quantity(high), step=Quantity(step))


def test_the_maximum_always_belongs_to_a_range() -> None:
    """100m to 1 in steps of 400m is 100m, 500m, 900m and 1."""
    assert (100, 500, 900, 1000) == cpu_axis(cpu_range("100m", "1", "400m"))[:]


def test_a_range_whose_step_meets_the_maximum_holds_it_once() -> None:
    """100m to 500m in steps of 200m has three sizes."""
    assert (100, 300, 500) == cpu_axis(cpu_range("100m", "500m", "200m"))[:]


def test_a_range_of_one_size_has_one() -> None:
    """Min and max may be the same."""
    assert (500,) == cpu_axis(cpu_range("500m", "500m", "100m"))[:]


def test_values_may_come_in_any_order_and_twice() -> None:
    """A list of values becomes an ascending axis."""
    memory = MemoryRange(values=[Quantity("1Gi"), Quantity("256Mi"), Quantity("1024Mi")])
    assert (256 * MI, 1024 * MI) == memory_axis(memory)[:]


def test_an_axis_of_a_trillion_sizes_is_not_written_out() -> None:
    """The length and the last size are known at once."""
    axis = Axis.between(1, 10**12, 1)
    assert (10**12, 10**12, 5) == (len(axis), axis[-1], axis.ceil(4.5))


@pytest.mark.parametrize(
    ("size", "ceil", "floor", "lower", "higher"),
    [
        (50, 100, 100, None, 100),
        (100, 100, 100, None, 500),
        (101, 500, 100, 100, 500),
        (900, 900, 900, 500, 1000),
        (1000, 1000, 1000, 900, None),
        (2000, 1000, 1000, 1000, None),
    ],
)
def test_neighbours_of_a_size(size: int, ceil: int, floor: int, lower: int | None, higher: int | None) -> None:
    """Rounding stays on the axis; the next lower and higher sizes may not be there."""
    axis = Axis.between(100, 1000, 400)
    assert (ceil, floor) == (axis.ceil(size), axis.floor(size))
    assert (lower, higher) == (axis.next_lower(size), axis.next_higher(size))


def test_a_position_beyond_the_axis_is_an_error() -> None:
    """An axis is a sequence."""
    with pytest.raises(IndexError):
        Axis.between(1, 3, 1)[3]


def test_limits_are_written_as_kubernetes_writes_them() -> None:
    """Millicores and bytes become 300m and 256Mi, and come back."""
    size = Limits(300, 256 * MI).to_size()
    assert ("300m", "256Mi") == (str(size.cpu), str(size.memory))
    assert Limits(300, 256 * MI) == Limits.from_size(size)


def test_a_size_without_memory_is_no_trial() -> None:
    """A trial has both."""
    with pytest.raises(ValueError, match="both cpu and memory"):
        Limits.from_size(Size(cpu=Quantity("1")))


def test_the_ceiling_is_the_largest_of_both() -> None:
    """The reference trial runs there."""
    resources = EffectiveResources(
        cpu=cpu_range("100m", "1", "400m"), memory=MemoryRange(values=[Quantity("1Gi"), Quantity("2Gi")])
    )
    assert Limits(1000, 2048 * MI) == Limits.ceiling(resources)


def test_a_memory_size_with_a_fraction_of_a_byte_is_one_that_people_read() -> None:
    """0.1Gi is 107374182.4 bytes; a pod takes whole bytes, and 103Mi is easier to read than 107374183."""
    sizes = memory_axis(MemoryRange(values=[Quantity("0.1Gi"), Quantity("1.1Gi"), Quantity("262144k")]))
    assert ["103Mi", "250Mi", "1127Mi"] == [str(Quantity.memory(size)) for size in sizes]
    stepped = memory_axis(MemoryRange(min=Quantity("0.1Gi"), max=Quantity("0.5Gi"), step=Quantity("0.1Gi")))
    assert ["103Mi", "206Mi", "309Mi", "412Mi", "512Mi"] == [str(Quantity.memory(size)) for size in stepped]
