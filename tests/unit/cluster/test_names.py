"""Names follow from the profile and the run, fit everywhere, and are nobody else's."""

import pytest
from tests.unit.cluster.objects import profile

from modelprofiler.cluster import names


@pytest.mark.parametrize("name", ["a" * 253, ".".join(["a.b-"[:3] * 20] * 4), "x", "1" * 28 + ".y"])
def test_every_name_fits_whatever_the_profile_is_called(name: str) -> None:
    """A pod adds 17 characters to its Deployment's name, and all are labels of a DNS name."""
    p = profile(name=name)
    all_names = [
        names.server(p, "abc", 200) + "-0123456789-01234",
        names.load(p, "abc", 200) + "-0-01234",
        names.files(p, "abc"),
    ]
    assert all(len(n) <= 63 and "." not in n and "--" not in n for n in all_names)


def test_two_profiles_that_begin_alike_share_no_name() -> None:
    """Neither do two runs of one, nor a profile and its successor of the same name."""
    one, other = profile(name="a" * 28 + "-one"), profile(name="a" * 28 + "-two", uid="another")
    successor = profile(name="a" * 28 + "-one", uid="third")
    bases = [names.base(one, "abc"), names.base(other, "abc"), names.base(one, "abd"), names.base(successor, "abc")]
    assert 4 == len(set(bases))


def test_the_report_of_the_longest_profile_name_has_a_name_of_its_own() -> None:
    """Names end at 253 characters."""
    long = ["a" * 253, "a" * 252 + "b", "a" * 246, "digits"]
    reports = [names.report(n) for n in long]
    assert ("digits-report", 4) == (reports[-1], len(set(reports)))
    assert all(len(r) <= 253 and r.endswith("-report") for r in reports)
