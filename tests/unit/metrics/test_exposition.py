"""Picking one pod's lines out of an exposition."""

import pytest

from modelprofiler.metrics.exposition import PodLines

CPU, NAMES = "container_cpu_usage_seconds_total", 'container="server",namespace="team"'
TEXT = f"""# HELP {CPU} Cumulative cpu time consumed in seconds.
# TYPE {CPU} counter
{CPU}{{container="",cpu="total",id="/",image="",name="",namespace="",pod=""}} 812.3 1700000000123
{CPU}{{cpu="total",id="/kubepods/podx/c",image="i",name="n",{NAMES},pod="digits-1"}} 12.5 1700000000456
{CPU}{{cpu="total",id="/kubepods/pody/c",image="i",name="n",{NAMES},pod="digits-10"}} 99 1700000000456
container_memory_working_set_bytes{{container="",id="/",image="",name="",namespace="",pod=""}} 7 1700000000123
container_fs_usage_bytes{{{NAMES},pod="digits-1"}} 5 1700000000456
container_memory_working_set_bytes{{{NAMES},pod="digits-1"}} 1.96083712e+08 1700000000456
container_start_time_seconds{{{NAMES},pod="digits-1"}} 1.699999e+09
""".encode()


def _read(text: bytes, size: int) -> list[tuple[str, float, float]]:
    lines = PodLines("digits-1", scraped_at=1700000001.0)
    series = [one for at in range(0, len(text), size) for one in lines.feed(text[at : at + size])]
    series += lines.finish()
    return [(one.labels["__name__"], time, value) for one in series for time, value in one.points]


@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
def test_only_the_wanted_lines_of_the_pod_are_read_however_the_text_arrives(size: int) -> None:
    """A pod whose name only begins alike is another one; a line cut between chunks is still one line.

    Of the whole node its CPU time is read, and no more.
    """
    assert [
        ("container_cpu_usage_seconds_total", 1700000000.456, 12.5),
        ("container_memory_working_set_bytes", 1700000000.456, 196083712.0),
        ("container_start_time_seconds", 1700000001.0, 1.699999e9),
        ("container_cpu_usage_seconds_total", 1700000000.123, 812.3),
    ] == sorted(_read(TEXT, size), key=lambda row: row[2] == 812.3)


def test_a_last_line_without_a_newline_is_read() -> None:
    """The text ends where the connection does."""
    assert 4 == len(_read(TEXT.rstrip(b"\n"), 64))


def test_a_line_that_is_no_sample_is_passed_over() -> None:
    """Garbage, and values that are no numbers."""
    text = (
        b'container_threads{pod="digits-1"\n'
        b'container_threads{pod="digits-1"} many 5\n'
        b'# container_threads{pod="digits-1"} 5 5\n'
        b'container_threads{pod="digits-1"} 5 5000\n'
    )
    assert [("container_threads", 5.0, 5.0)] == _read(text, 1000)


def test_label_values_are_unescaped() -> None:
    """Backslash, quote and newline, as the format says."""
    lines = PodLines("digits-1", 0.0)
    (series,) = lines.feed(b'container_threads{image="a\\"b\\\\c\\nd",pod="digits-1"} 5 5000\n')
    assert 'a"b\\c\nd' == series.labels["image"]
