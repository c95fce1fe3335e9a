"""Credentials of a fetch: which keys of a Secret are read, and what no message repeats."""

from pathlib import Path

import pytest

from modelprofiler.files.fetch.credentials import Credentials
from modelprofiler.files.fetch.failure import FetchFailed
from modelprofiler.files.fetch.object_store import _failure
from modelprofiler.files.fetch.target import Target


def test_a_key_may_begin_with_a_dot(tmp_path: Path) -> None:
    """As that of a login for a registry does; the folders of the kubelet begin with two."""
    (tmp_path / "..data").mkdir()
    (tmp_path / ".dockerconfigjson").write_text('{"auths": {}}')
    assert {".dockerconfigjson": '{"auths": {}}'} == Credentials.read(tmp_path).values


def test_credentials_of_the_environment_are_in_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values of the Secret are in none either; the region of a bucket may be."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "correct-horse")
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    text = "key correct-horse or battery is wrong in eu-north-1"
    assert "key *** or *** is wrong in eu-north-1" == Credentials({"any": "battery"}).removed_from(text)


class _ClientError(Exception):
    """As botocore raises it."""

    def __init__(self, status: int) -> None:
        super().__init__("An error occurred")
        self.response = {"ResponseMetadata": {"HTTPStatusCode": status}}


class _HttpError(Exception):
    """As the drivers of Google and Azure raise it."""

    def __init__(self, name: str, status: int) -> None:
        super().__init__("refused")
        setattr(self, name, status)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (_ClientError(403), "access to s3://b/x is denied (status 403)"),
        (_HttpError("code", 401), "access to s3://b/x is denied (status 401)"),
        (_HttpError("status_code", 404), "s3://b/x does not exist"),
        (PermissionError("Access Denied"), "access to s3://b/x is denied: PermissionError"),
        (FileNotFoundError("x"), "s3://b/x does not exist"),
        (_HttpError("status", 500), "s3://b/x cannot be read: _HttpError: refused"),
    ],
)
def test_a_failure_of_a_driver_has_the_status(error: Exception, message: str) -> None:
    """Wherever the driver keeps it, also behind another error."""
    assert message in str(_failure("s3://b/x", error, Credentials({})))
    outer = OSError("outer")
    outer.__cause__ = error
    inner = str(_failure("s3://b/x", outer, Credentials({})))
    assert ("status" in message) == ("status" in inner)


def test_what_is_too_large_is_refused_while_it_arrives(tmp_path: Path) -> None:
    """With the bound."""
    with pytest.raises(FetchFailed, match="the files have more than 10 bytes"):
        Target(tmp_path, most_bytes=10).write("a", [b"12345678", b"12345678"])
