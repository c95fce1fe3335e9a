"""What an address of a registry names, and what a registry's login is called."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from modelprofiler.files.fetch import apart
from modelprofiler.files.fetch.credentials import Credentials
from modelprofiler.files.fetch.failure import FetchFailed
from modelprofiler.files.fetch.reach import check_reachable
from modelprofiler.files.fetch.registry import DOCKER_HUB_LOGIN, Reference, Registry, basic

DIGEST = f"sha256:{'0a' * 32}"


@pytest.mark.parametrize(
    ("uri", "reference"),
    [
        ("oci://registry:5000/models/net:v1", ("registry:5000", "models/net", "v1")),
        ("oci://registry/net", ("registry", "net", "latest")),
        (f"oci://registry/net:v1@{DIGEST}", ("registry", "net", DIGEST)),
        ("oci://docker.io/net:v1", ("docker.io", "library/net", "v1")),
        ("oci://docker.io/owner/net:v1", ("docker.io", "owner/net", "v1")),
    ],
)
def test_a_reference(uri: str, reference: tuple[str, str, str]) -> None:
    """The digest wins over a tag; images of the first registry have short names there."""
    read = Reference.of(uri)
    assert reference == (read.host, read.repository, read.manifest)
    assert ("registry-1.docker.io" if read.host == "docker.io" else read.host) == read.api


@pytest.mark.parametrize("uri", ["oci://registry/Net:v1", "oci://registry/net@sha512:00", "oci://registry/net:v1:v2"])
def test_what_is_no_reference_is_refused(uri: str) -> None:
    """With what would be right."""
    with pytest.raises(FetchFailed, match="is no reference; write oci://REGISTRY/REPOSITORY:TAG"):
        Reference.of(uri)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("registry:5000", "registry:5000"),
        ("registry", "https://registry"),
        ("registry", "https://registry/v1/"),
        ("docker.io", DOCKER_HUB_LOGIN),
    ],
)
def test_the_names_of_a_login_in_a_file_of_docker(host: str, name: str) -> None:
    """As its clients write them, with name and password or both in one."""
    both = base64.b64encode(b"reader:password").decode()
    for login in ({"auth": both}, {"username": "reader", "password": "password"}):
        file = json.dumps({"auths": {name: login}})
        assert {"Authorization": f"Basic {both}"} == basic(Credentials({".dockerconfigjson": file}), host)


@pytest.mark.parametrize("realm", ["http://registry:5001/token", "http://elsewhere/token"])
def test_a_password_goes_nowhere_without_tls_from_a_registry_that_has_it(realm: str) -> None:
    """Not even to another port of the same host."""
    login = Credentials({"username": "reader", "password": "password"})
    registry = Registry(Reference.of("oci://registry:5000/models/net:v1"), login, None)
    with pytest.raises(FetchFailed, match=r"sends its users to .* without TLS"):
        registry._token(f'Bearer realm="{realm}",service="registry"')


def test_parts_of_a_credential_are_in_no_message() -> None:
    """The key of a connection string, and that in a key file; the host of the server is no secret."""
    connection = "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=a2V5LW9mLXRoZS1hY2NvdW50;BlobEndpoint=x"
    key_file = json.dumps({"client_email": "reader@project", "private_key": "-----BEGIN-----\nabcdefgh\n"})
    credentials = Credentials({"AZURE_STORAGE_CONNECTION_STRING": connection, "key.json": key_file})
    text = "a2V5LW9mLXRoZS1hY2NvdW50 of a and reader@project: -----BEGIN-----\\nabcdefgh\\n is wrong"
    assert "*** of a and reader@project: *** is wrong" == credentials.removed_from(text)


def test_a_server_behind_a_proxy_is_not_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the proxy can; a server that no proxy leads to is, and one that refuses is named."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    check_reachable("http://store.invalid:9", "gs://data/a")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    says = r"gs://data/a cannot be read: the server 127\.0\.0\.1:9 cannot be reached: .*refused"
    with pytest.raises(FetchFailed, match=says):
        check_reachable("http://127.0.0.1:9", "gs://data/a")


def test_a_download_holds_a_part_of_the_memory_of_a_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is a limit; an unlimited one is a word in one version of control groups, and huge in the other."""
    limits = {"none": "max\n", "small": f"{256 * 2**20}\n", "huge": "9223372036854771712\n"}
    for name, text in limits.items():
        (tmp_path / name).write_text(text)
    bounds = {}
    for name in (*limits, "missing"):
        monkeypatch.setattr(apart, "LIMITS", [str(tmp_path / name)])
        bounds[name] = apart.most_memory()
    small = int(0.6 * 256 * 2**20)
    assert {"none": 2**30, "small": small, "huge": 2**30, "missing": 2**30} == bounds
