"""Headers whose values are in Secrets: filled in where they can be sent, and refused without a word of them."""

import pytest

from modelprofiler.api.endpoint import HttpEndpoint
from modelprofiler.load.http.request import render
from modelprofiler.load.secret_headers import filled, header_problems, secret_headers, values_in

ENDPOINT = HttpEndpoint.model_validate(
    {
        "headers": [
            {"name": "X-Tenant", "value": "a"},
            {
                "name": "Authorization",
                "valueFrom": {"secretKeyRef": {"name": "login", "key": "token"}, "prefix": "Bearer "},
            },
            {"name": "X-Key", "valueFrom": {"secretKeyRef": {"name": "login", "key": "key"}}},
        ]
    }
)


def test_values_come_from_the_variable_of_their_header() -> None:
    """White space around a value is not part of it: files often end with a line end."""
    variables = {"MODELPROFILER_HEADER_1": " abc\r\n", "MODELPROFILER_HEADER_0": "x", "HOME": "/"}
    assert {"1": "abc"} == values_in(ENDPOINT, variables)
    assert ["1", "2"] == list(secret_headers(ENDPOINT))


def test_they_are_sent_as_if_they_were_in_the_profile() -> None:
    """A prefix stands before the value."""
    request = render(filled(ENDPOINT, {"1": "abc", "2": "k"}), "h", 80, b"").decode()
    assert "\r\nX-Tenant: a\r\nAuthorization: Bearer abc\r\nX-Key: k\r\n" in request


@pytest.mark.parametrize(
    ("value", "says", "missing"),
    [
        (None, "there is no Secret 'login' with the key 'token'", True),
        ("", "key 'token' of Secret 'login' is empty", False),
        ("hidden\nX-Other: 1", "is not a text in one line", False),
        ("hidden\x00", "is not a text in one line", False),
        (b"hidden\xff".decode(errors="surrogateescape"), "is not a text in one line of UTF-8", False),
        ("hidden" * 2000, "has more than 8,192 characters", False),
    ],
)
def test_a_value_that_cannot_be_sent_is_refused(value: str | None, says: str, missing: bool) -> None:
    """The problem has the field, and nothing of the value."""
    values = {"2": "good"} | ({} if value is None else {"1": value})
    [problem] = header_problems(ENDPOINT, values)
    assert "spec.endpoint.http.headers[1].valueFrom.secretKeyRef" == problem.path
    assert (True, missing) == (says in problem.message, problem.missing)
    assert "hidden" not in problem.message


def test_every_problem_is_named() -> None:
    """All problems are reported at once."""
    assert 2 == len(list(header_problems(ENDPOINT, {})))
    assert [] == list(header_problems(HttpEndpoint(), {}))


def test_a_tab_may_be_in_a_value() -> None:
    """HTTP allows it (RFC 9110, 5.5), and text in UTF-8."""
    assert [] == list(header_problems(ENDPOINT, {"1": "a\tb", "2": "ü"}))
