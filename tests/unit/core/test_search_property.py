"""Over random services the search finds what exhaustive evaluation finds."""

from tests.unit.core.simulator import random_simulation


def test_it_ends() -> None:
    """A run ends."""
    random_simulation(1).run()
