"""The sizes that are tried where the user names none."""

import itertools

from modelprofiler.api.quantities import Quantity
from modelprofiler.api.status import EffectiveResources
from modelprofiler.core.axis import cpu_axis, memory_axis
from modelprofiler.core.sizes import cpu_up_to, memory_up_to

MI, GI, TI = 2**20, 2**30, 2**40


def test_memory_steps_grow_with_the_size() -> None:
    """32Mi for a small model, gibibytes for a large one, and numbers that a person would write."""
    sizes = memory_up_to(24 * GI)
    assert sizes is not None
    assert sizes.values is not None
    texts = [str(size) for size in sizes.values]
    assert ["128Mi", "160Mi", "192Mi", "224Mi", "256Mi", "288Mi"] == texts[:6]
    assert ["18Gi", "20Gi", "22Gi", "24Gi"] == texts[-4:]


def test_memory_sizes_from_256_mebibytes_up_are_an_eighth_apart_at_most() -> None:
    """Rounding up costs less than the margin that is added; and there are few enough for any node."""
    range_ = memory_up_to(24 * TI)
    assert range_ is not None
    sizes = [size for size in memory_axis(range_) if size >= 256 * MI]
    assert all(1 / 16 <= (b - a) / a <= 1 / 8 or b - a == 32 * MI for a, b in itertools.pairwise(sizes))
    assert len(sizes) < 150


def test_cpu_steps_are_those_of_the_floor() -> None:
    """However many there are: a search closes in on a share of the size, not on a step."""
    sizes = cpu_up_to(63_999)
    assert sizes is not None
    assert (100, 150, 63_950) == (cpu_axis(sizes)[0], cpu_axis(sizes)[1], cpu_axis(sizes).last)


def test_less_than_a_floor_is_no_range() -> None:
    """A server needs something."""
    assert cpu_up_to(99) is None
    assert memory_up_to(128 * MI - 1) is None


def test_the_floor_alone_is_a_range_of_one_size() -> None:
    """That is all there is."""
    cpu, memory = cpu_up_to(149), memory_up_to(128 * MI)
    assert cpu is not None
    assert memory is not None
    resources = EffectiveResources(cpu=cpu, memory=memory)
    assert ("100m", [Quantity("128Mi")]) == (str(resources.cpu.max), resources.memory.values)
