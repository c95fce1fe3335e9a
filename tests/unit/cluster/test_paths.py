"""A name is one segment of a path, or refused."""

import pytest

from modelprofiler.cluster.paths import path_of
from modelprofiler.errors import Refused


def test_a_path_names_an_object_or_a_list() -> None:
    """In a namespace or in none."""
    pods = [path_of("/api/v1", "pods", *place) for place in (("team", "p"), ("team", None), (None, None), (None, "p"))]
    assert ["/api/v1/namespaces/team/pods/p", "/api/v1/namespaces/team/pods", "/api/v1/pods", "/api/v1/pods/p"] == pods


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", "/x", "x/", "%2e%2e", "..%2f..%2fx"])
def test_what_is_not_a_name_makes_no_path(name: str) -> None:
    """The client would resolve it to another object."""
    for place in ((name, "x"), ("team", name), (None, name)):
        with pytest.raises(Refused, match="is not the name of a Kubernetes object"):
            path_of("/api/v1", "configmaps", *place)


def test_what_means_something_in_a_url_is_quoted() -> None:
    """A query, a fragment, a backslash, a line end."""
    assert "/api/v1/nodes/a%3Fb%23c%5Cd%0A%00" == path_of("/api/v1", "nodes", None, "a?b#c\\d\n\0")
