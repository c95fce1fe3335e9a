"""How a decoder is tried: with generated input, within bounds of time and memory.

By default each test tries a few inputs, always the same ones, so that it passes or fails for the code alone.
`make fuzz` sets `FUZZ_SECONDS`, for which each test then tries inputs that nobody has tried before.
"""

from __future__ import annotations

import os
import random
import resource
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

Value = TypeVar("Value")

SECONDS = float(os.environ.get("FUZZ_SECONDS") or 0)
"""How long each test goes on; 0: until a few inputs were tried."""
ROUND = 100
"""Inputs after which a long test begins anew with another seed."""

LONGEST_SECONDS = 5.0
"""Processor time of one input: none here has more than some 100 kB, for which a decoder needs milliseconds. The bound
finds what grows with the square of the input, and nothing that a busy machine causes."""
MOST_MEMORY = 192 * 2**20
"""Bytes by which one input may raise the most memory that the process has ever had: half of the operator's limit."""

ODD_BYTES = (
    *(b"", b"\x00", b"\xff", b"\x80", b"\n", b"\r", b"\r\n", b"\r\n\r\n", b" ", b"\t", b'"', b"'", b"\\", b",", b":"),
    *(b"{", b"}", b"[", b"]", b"-", b"0", b"9" * 20, b"9" * 400, b"0" * 5000, b"1e400", b"NaN", b"-Infinity", b"null"),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x80\xa8", b"A" * 300, b"[" * 3000),
)
"""What decoders have stumbled over."""


def explore(check: Callable[[Value], object], values: st.SearchStrategy[Value], *, examples: int) -> None:
    """Call a check with generated values; each call has to end within the bounds.

    Parameters
    ----------
    examples
        How many values are tried by default.
    """
    end = time.monotonic() + SECONDS

    def bounded(value: Value) -> None:
        if SECONDS and time.monotonic() > end:
            return  # what is left of the round is passed over
        began, most = time.process_time(), _most_memory()
        check(value)
        assert time.process_time() - began <= LONGEST_SECONDS, "it took too long"
        assert _most_memory() - most <= MOST_MEMORY, "it took too much memory"

    # Without the phase that makes a failing input smaller: where sockets are involved it takes a quarter of an hour.
    common = settings(
        deadline=None,
        database=None,
        print_blob=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    if not SECONDS:
        settings(common, max_examples=examples, derandomize=True)(given(values)(bounded))()
        return
    while time.monotonic() < end:
        number = random.SystemRandom().randrange(2**32)
        seed(number)(settings(common, max_examples=ROUND)(given(values)(bounded)))()


def _most_memory() -> int:
    """Return the most bytes that this process has had in memory so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@st.composite
def mutated_bytes(draw: st.DrawFn, seeds: Sequence[bytes], odd: Sequence[bytes] = ODD_BYTES) -> bytes:
    """Return one of the texts with up to six places replaced, removed, repeated or cut off."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.sampled_from([0, 1, 2, 4, 8, 40, 300])))
        match draw(st.sampled_from(["odd", "odd", "random", "flip", "repeat", "remove", "cut"])):
            case "odd":
                data = data[:at] + draw(st.sampled_from(odd)) + data[end:]
            case "random":
                data = data[:at] + draw(st.binary(max_size=12)) + data[end:]
            case "flip":
                data = (
                    data[:at] + bytes(byte ^ draw(st.integers(0, 255)) for byte in data[at : at + 1]) + data[at + 1 :]
                )
            case "repeat":
                data = data[:at] + data[at:end] * draw(st.sampled_from([2, 3, 50])) + data[end:]
            case "remove":
                data = data[:at] + data[end:]
            case _:
                data = data[:at]
    return data


@st.composite
def pieces(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """Return a text cut into a few pieces, at any places."""
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=6)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
