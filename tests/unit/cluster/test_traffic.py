"""What is sent to the API server, in RBAC's words."""

import pytest

from modelprofiler.cluster.traffic import Traffic, name_of

PROFILES = "/apis/modelprofiler.io/v1alpha1"


@pytest.mark.parametrize(
    ("expected", "method", "path", "query"),
    [
        ("get api", "GET", "/api/v1", {}),
        ("list nodes", "GET", "/api/v1/nodes", {}),
        ("get nodes", "GET", "/api/v1/nodes/n1", {}),
        ("list namespaces", "GET", "/api/v1/namespaces", {}),
        ("delete namespaces", "DELETE", "/api/v1/namespaces/team", {}),
        ("list pods", "GET", "/api/v1/namespaces/team/pods", {"limit": "5", "watch": ""}),
        ("watch pods", "GET", "/api/v1/pods", {"watch": "true"}),
        ("patch pods/resize", "PATCH", "/api/v1/namespaces/team/pods/p/resize", {}),
        ("create jobs", "POST", "/apis/batch/v1/namespaces/team/jobs", {}),
        ("dry-run pods", "POST", "/api/v1/namespaces/team/pods", {"dryRun": "All"}),
        ("get modelprofiles", "GET", f"{PROFILES}/namespaces/team/modelprofiles/digits", {}),
        ("update modelprofiles/status", "PUT", f"{PROFILES}/namespaces/team/modelprofiles/digits/status", {}),
    ],
)
def test_a_request_is_named_by_verb_and_resource(expected: str, method: str, path: str, query: dict[str, str]) -> None:
    """Whatever its namespace."""
    assert expected == name_of(method, path, query)


def test_what_changes_nothing_is_a_read() -> None:
    """A dry run too; bytes are those of bodies, both ways."""
    traffic = Traffic()
    for request, size in (
        ("get pods", 0),
        ("watch pods", 0),
        ("dry-run pods", 90),
        ("update jobs", 5),
        ("update jobs", 6),
    ):
        traffic.begin(request, size)
    traffic.receive("watch pods", 70)
    traffic.receive("watch pods", 7)
    assert (3, 2) == (traffic.reads, traffic.writes)
    assert {"requests": 2, "sent": 11, "received": 0} == traffic.to_dict()["update jobs"]
    assert {"requests": 1, "sent": 0, "received": 77} == traffic.to_dict()["watch pods"]
