"""What kubectl says when it fails: whether the API server has answered, and what it said."""

import pytest

from modelprofiler.errors import ClusterUnavailable, NotFound, Refused
from modelprofiler.plugin.kubectl import refusal


@pytest.mark.parametrize(
    ("said", "kind", "status"),
    [
        ('Error from server (NotFound): deployments.apps "x" not found', NotFound, 404),
        ('error: the server doesn\'t have a resource type "deplyment"', NotFound, 404),
        ('Error from server (Forbidden): deployments.apps "x" is forbidden: User "me" cannot get', Refused, 403),
        ('The ModelProfile "x" is invalid: spec.load: Invalid value: "object": exactly one of', Refused, 422),
        ('error: Apply failed with 1 conflict: conflict with "kubectl": .spec.load\nPlease review', Refused, 409),
        ("Error from server (InternalError): an error on the server", Refused, 500),
        (
            "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?",
            ClusterUnavailable,
            0,
        ),
        ("Unable to connect to the server: dial tcp: lookup nowhere: no such host", ClusterUnavailable, 0),
        ("Error in configuration: context was not found for specified context: x", ClusterUnavailable, 0),
        ("The request is invalid: the server rejected our request", Refused, 422),
        ("error: You must be logged in to the server (Unauthorized)", ClusterUnavailable, 0),
    ],
)
def test_an_answer_is_told_from_no_answer(said: str, kind: type[Exception], status: int) -> None:
    """The exit code depends on it."""
    error = refusal(said)
    assert kind is type(error)
    assert status == (error.status if isinstance(error, Refused) else 0)


@pytest.mark.parametrize(
    "said",
    [
        'error: the server doesn\'t have a resource type "modelprofiles"',
        (
            'error: resource mapping not found for name: "x" namespace: "" from "STDIN": no matches for kind '
            '"ModelProfile" in version "modelprofiler.io/v1alpha1"\nensure CRDs are installed first'
        ),
    ],
)
def test_a_cluster_without_modelprofiler_is_named_as_that(said: str) -> None:
    """Whoever reads it knows what to install."""
    error = refusal(said)
    assert Refused is type(error)
    assert "install modelprofiler" in str(error)
