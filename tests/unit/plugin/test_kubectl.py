"""What kubectl says when it fails: whether the API server has answered, and what it said."""

from pathlib import Path

import pytest

from modelprofiler.errors import ClusterUnavailable, NotFound, Refused
from modelprofiler.plugin.kubectl import PROFILES, Kubectl, refusal


def program(folder: Path, script: str, timeout: float = 20.0) -> Kubectl:
    """Return a kubectl that is a shell script."""
    file = folder / "kubectl"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return Kubectl(["--context=prod"], {"PATH": f"{folder}:/usr/bin:/bin"}, timeout)


def test_the_options_of_the_user_are_passed_on_and_each_request_has_a_time_limit(tmp_path: Path) -> None:
    """A limit that the user has set stays."""
    arguments = program(tmp_path, """printf '{"arguments": "%s"}' "$*" """).get(PROFILES, "x")["arguments"]
    assert f"get {PROFILES} x --output=json --context=prod --request-timeout=30s" == arguments
    own = Kubectl(["--request-timeout=5s"], {"PATH": f"{tmp_path}:/usr/bin:/bin"}).get(PROFILES, "x")["arguments"]
    assert f"get {PROFILES} x --output=json --request-timeout=5s" == own


def test_a_call_that_does_not_end_is_given_up_with_what_kubectl_has_written(tmp_path: Path) -> None:
    """A login program may have asked for something."""
    waiting = program(tmp_path, "echo 'open https://login and enter ABC' >&2; exec sleep 30", timeout=1.0)
    with pytest.raises(ClusterUnavailable, match="has not ended after 1 s: open https://login and enter ABC"):
        waiting.get(PROFILES, "x")


@pytest.mark.parametrize("printed", ["", "no JSON", "[]", "[" * 100_000])
def test_what_is_no_object_is_told(tmp_path: Path, printed: str) -> None:
    """A program of that name may be any."""
    (tmp_path / "out").write_text(printed)
    with pytest.raises(ClusterUnavailable, match="has not printed"):
        program(tmp_path, f"cat {tmp_path}/out").get(PROFILES, "x")


def test_a_message_of_kubectl_has_no_log_and_moves_no_cursor(tmp_path: Path) -> None:
    """The last line has what the lines of the log repeat."""
    failing = "printf 'E1130 16:00:00.1 1 memcache.go:265] no\\n\\033[2JUnable to connect\\n' >&2; exit 1"
    with pytest.raises(ClusterUnavailable) as error:
        program(tmp_path, failing).get(PROFILES, "x")
    assert "[2JUnable to connect" == str(error.value)


@pytest.mark.parametrize(
    ("message", "kind", "status"),
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
def test_an_answer_is_told_from_no_answer(message: str, kind: type[Exception], status: int) -> None:
    """The exit code depends on it."""
    error = refusal(message)
    assert kind is type(error)
    assert status == (error.status if isinstance(error, Refused) else 0)


@pytest.mark.parametrize(
    "message",
    [
        'error: the server doesn\'t have a resource type "modelprofiles"',
        (
            'error: resource mapping not found for name: "x" namespace: "" from "STDIN": no matches for kind '
            '"ModelProfile" in version "modelprofiler.io/v1alpha1"\nensure CRDs are installed first'
        ),
    ],
)
def test_a_cluster_without_modelprofiler_is_named_as_that(message: str) -> None:
    """Whoever reads it knows what to install."""
    error = refusal(message)
    assert Refused is type(error)
    assert "install modelprofiler" in str(error)
