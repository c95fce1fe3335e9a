"""Files of a real registry, ``oci://``: artifacts as ORAS pushes them and images as KServe has them."""

from __future__ import annotations

import base64
import gzip
import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.files.registry import (
    INDEX,
    MANIFEST,
    PASSWORD,
    USER,
    Registry,
    htpasswd_registry,
    link,
    packed,
    serving_registry,
    slow_blobs,
    token_registry,
)
from tests.integration.files.stores import files_in
from tests.integration.files.test_fetch import fetch

from modelprofiler.files.fetch import archive, oci
from modelprofiler.files.fetch.credentials import Credentials
from modelprofiler.files.fetch.failure import FetchFailed
from modelprofiler.files.fetch.target import Target

pytestmark = pytest.mark.timeout(150)

OPEN = {"OCI_PLAIN_HTTP": "true"}
LOGIN = {**OPEN, "username": USER, "password": PASSWORD}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """Start a registry without a password."""
    with serving_registry(tmp_path_factory.mktemp("open")) as started:
        yield started


def test_an_artifact_of_oras(registry: Registry, tmp_path: Path) -> None:
    """Files by their titles, and a folder that was packed; by the tag, by the digest and by both."""
    folder = registry.folder("models/a", "net", packed(("net/weights.bin", b"a" * 5000), ("net/sub/b", b"b")))
    layers = [registry.file("models/a", "model.joblib", b"m" * 3_000_000), registry.file("models/a", "x/y.txt", b"")]
    digest = registry.push("models/a", "v1", [*layers, folder])
    expected = {"model.joblib": 3_000_000, "x/y.txt": 0, "net/weights.bin": 5000, "net/sub/b": 1}
    for number, name in enumerate([":v1", f"@{digest}", f":moved@{digest}"]):
        place = tmp_path / str(number)
        place.mkdir()
        assert (0, "") == fetch(f"oci://{registry.host}/models/a{name}", place, OPEN)
        assert expected == files_in(place)


def test_the_models_of_an_image(registry: Registry, tmp_path: Path) -> None:
    """What is in /models of all its layers, above one another: a later layer replaces and removes files."""
    first = packed(
        ("bin/sh", b"no model"),
        ("models/weights.bin", b"old"),
        ("models/optimizer.pt", b"o"),
        ("models/cache/x", b"x"),
        ("models/cache/y", b"y"),
    )
    second = packed(
        ("./models/weights.bin", b"weights"),
        ("models/.wh.optimizer.pt", b""),
        ("models/cache/z", b"z"),
        ("models/cache/.wh..wh..opq", b""),
    )
    registry.image("models/a", "car", first, second)
    assert (0, "") == fetch(f"oci://{registry.host}/models/a:car", tmp_path, OPEN)
    assert {"weights.bin": 7, "cache/z": 1} == files_in(tmp_path)


def test_links_inside_an_image_have_the_content_of_their_files(registry: Registry, tmp_path: Path) -> None:
    """As a cache of a hub has them: symbolic ones, also to links and across layers, absolute ones, and hard ones."""
    blobs = packed(("models/blobs/1", b"weights"), link("models/again", "models/blobs/1", tarfile.LNKTYPE))
    links = packed(
        link("models/snapshots/c/model.bin", "../../blobs/1"),
        link("models/latest", "snapshots/c/model.bin"),
        link("models/absolute", "/models/blobs/1"),
        link("models/shell", "blobs/1"),
        ("models/shell", b"a file"),
    )
    registry.image("models/a", "links", blobs, links)
    assert (0, "") == fetch(f"oci://{registry.host}/models/a:links", tmp_path, OPEN)
    names = ("blobs/1", "again", "snapshots/c/model.bin", "latest", "absolute")
    assert {**dict.fromkeys(names, 7), "shell": 6} == files_in(tmp_path)


def test_a_hard_link_keeps_the_file_of_its_layer(registry: Registry, tmp_path: Path) -> None:
    """When a later layer replaces or removes the file, and when the link itself becomes a link elsewhere."""
    first = packed(
        ("models/a", b"first"),
        link("models/b", "models/a", tarfile.LNKTYPE),
        ("models/c", b"first"),
        link("models/d", "models/c", tarfile.LNKTYPE),
        ("models/e", b"e"),
    )
    second = packed(("models/a", b"the second"), ("models/.wh.c", b""), link("models/e", "b"))
    registry.image("models/a", "hard", first, second)
    oci.fetch(f"oci://{registry.host}/models/a:hard", Target(tmp_path / "files"), Credentials(OPEN), None)
    assert {"a": 10, "b": 5, "d": 5, "e": 5} == files_in(tmp_path)


def test_an_index_with_an_attestation(registry: Registry, tmp_path: Path) -> None:
    """What a builder says about an image is no image; the first manifest for amd64 is read."""
    digests = [
        registry.image("models/a", tag, packed((f"models/{tag}", b"m"))) for tag in ("unknown", "arm64", "amd64")
    ]
    entries = [
        {
            "mediaType": MANIFEST, "digest": digest, "size": registry.place(digest).stat().st_size,
            "platform": {"os": "linux", "architecture": name},
        }
        for digest, name in zip(digests, ("unknown", "arm64", "amd64"), strict=True)
    ]  # fmt: skip
    for tag, chosen in (("both", entries), ("arm", entries[:2])):
        registry.manifest("models/a", tag, {"schemaVersion": 2, "mediaType": INDEX, "manifests": chosen})
        place = tmp_path / tag
        place.mkdir()
        assert (0, "") == fetch(f"oci://{registry.host}/models/a:{tag}", place, OPEN)
    assert [{"amd64": 1}, {"arm64": 1}] == [files_in(tmp_path / tag) for tag in ("both", "arm")]


def test_a_registry_with_a_password(tmp_path: Path) -> None:
    """By two keys or by a file of Docker; without them, and with a wrong one, access is denied with the status."""
    with htpasswd_registry(tmp_path / "server") as registry:
        registry.files("models/a", "v1", {"a.bin": b"a"})
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        docker = json.dumps({"auths": {f"https://{registry.host}": {"auth": login}}})
        other = json.dumps({"auths": {"elsewhere:5000": {"auth": login}}})
        denied = f"access to oci://{registry.host}/models/a is denied (status 401)"
        for name, keys, says in (
            ("keys", LOGIN, ""),
            ("docker", {**OPEN, ".dockerconfigjson": docker}, ""),
            ("none", OPEN, denied),
            ("wrong", {**LOGIN, "password": "battery-horse"}, denied),
            ("other", {**OPEN, ".dockerconfigjson": other}, f"no login for {registry.host} in .dockerconfigjson"),
        ):
            place = tmp_path / name
            place.mkdir()
            code, output = fetch(f"oci://{registry.host}/models/a:v1", place, keys)
            assert (1 if says else 0) == code, (name, output)
            assert says in output
            assert "battery-horse" not in output


def test_a_registry_with_tokens(tmp_path: Path) -> None:
    """The password goes to the server that issues them; without it nothing is read."""
    with token_registry(tmp_path / "server") as (registry, _):
        registry.files("models/a", "v1", {"a.bin": b"a", "b.bin": b"b"})
        for name, keys in (("good", LOGIN), ("none", OPEN)):
            place = tmp_path / name
            place.mkdir()
            code, output = fetch(f"oci://{registry.host}/models/a:v1", place, keys)
            assert (0 if name == "good" else 1) == code, output
        assert "denied (status 401)" in output
        assert {"a.bin": 1, "b.bin": 1} == files_in(tmp_path / "good")


def test_a_token_that_expires_between_two_layers_is_asked_for_again(tmp_path: Path) -> None:
    """As it does in the download of a large model; the registry takes tokens for a minute after their end."""
    with token_registry(tmp_path / "server") as (registry, tokens), slow_blobs(registry, 2.5) as host:
        registry.files("models/a", "v1", {"a.bin": b"a"})
        tokens.lifetime_seconds, tokens.issued = [-58], 0
        assert (0, "") == fetch(f"oci://{host}/models/a:v1", tmp_path, LOGIN)
        assert {"a.bin": 1} == files_in(tmp_path)
        assert 2 == tokens.issued


def test_a_registry_with_tls(tmp_path: Path) -> None:
    """Only its own CA vouches for it; a registry that has no TLS is never asked without it."""
    with serving_registry(tmp_path / "server", tls=True) as registry:
        registry.files("models/a", "v1", {"a.bin": b"a"})
        for name, ca in (("good", Path(registry.ca).read_text()), ("unknown", "")):
            place = tmp_path / name
            place.mkdir()
            code, output = fetch(f"oci://{registry.host}/models/a:v1", place, None, ca)
            assert (0 if name == "good" else 1) == code, output
        assert "certificate verify failed" in output


@pytest.mark.parametrize("name", ["models/a:nothing", "models/none:v1", f"models/a@sha256:{'0' * 64}"])
def test_what_is_not_there_is_named(registry: Registry, tmp_path: Path, name: str) -> None:
    """A tag, a repository, a digest."""
    registry.files("models/a", "v1", {"a.bin": b"a"})
    code, output = fetch(f"oci://{registry.host}/{name}", tmp_path, OPEN)
    assert 1 == code
    assert f"oci://{registry.host}/{name.partition(':')[0].partition('@')[0]} does not exist (status 404)" in output


def refused(registry: Registry, name: str, folder: Path) -> str:
    """Return why an artifact is not read, in this process, which takes less time than one of its own."""
    with pytest.raises(FetchFailed) as failure:
        oci.fetch(f"oci://{registry.host}/{name}", Target(folder / "files"), Credentials(OPEN), None)
    return str(failure.value)


def zeros(name: str) -> bytes:
    """Return an archive with a file of 100 MiB of zeros, in a hundred kilobytes."""
    return packed((name, bytes(100 * 2**20)))


def holes(folder: Path) -> bytes:
    """Return an archive with a file of 10 GiB that has no content at all, in a few bytes."""
    (folder / "models").mkdir()
    with (folder / "models/holes").open("wb") as file:
        file.truncate(10 * 2**30)
    command = ["tar", "--create", "--sparse", "--format=gnu", "models"]
    return subprocess.run(command, cwd=folder, capture_output=True, timeout=30, check=True).stdout


def long_header() -> bytes:
    """Return an archive whose extended header says that it has 1 GiB, which is read as a whole."""
    member = tarfile.TarInfo("models/a")
    member.type, member.size = tarfile.XHDTYPE, 2**30
    return gzip.compress(member.tobuf() + bytes(4096))


HOSTILE = {
    "up": (packed(("models/../../etc/passwd", b"x")), "leads out of the folder"),
    "symlink": (packed(link("models/a", "/etc/passwd")), "has the link 'a' to '/etc/passwd', which leads out of it"),
    "symlink-up": (packed(link("models/a", "../../etc/passwd")), "which leads out of it"),
    "hardlink": (packed(link("models/a", "etc/passwd", tarfile.LNKTYPE)), "which leads out of it"),
    "through-link": (packed(link("models/d", "/etc"), ("models/d/passwd", b"x")), "which leads out of it"),
    "loop": (packed(link("models/a", "b"), link("models/b", "a")), "is a link to"),
    "nothing": (packed(link("models/a", "b")), "'a' is a link to 'b', which does not exist"),
    "folder": (packed(("models/b/c", b""), link("models/a", "b")), "'a' is a link to 'b', which is a folder"),
    "no-archive": (gzip.compress(b"no archive" * 100), "a layer cannot be unpacked"),
    "cut": (packed(("models/a", os.urandom(9000)))[:5000], "a layer cannot be unpacked"),
    "zstd": (b"\x28\xb5\x2f\xfd" + bytes(100), "compressed with zstd, which is not read"),
    "header": (long_header(), "has a header of 1,073,741,824 bytes"),
    "device": (packed(link("models/a", "", tarfile.CHRTYPE)), "has no files"),
    "elsewhere": (packed(("weights/a", b"x")), "has no files: neither layers with a title"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_layer_is_refused(registry: Registry, tmp_path: Path, kind: str) -> None:
    """Nothing is written outside of the folder, and the sentence says what is wrong."""
    layer, says = HOSTILE[kind]
    registry.image("models/hostile", kind, layer)
    assert says in refused(registry, f"models/hostile:{kind}", tmp_path)
    assert ["files"] == [path.name for path in tmp_path.iterdir()]


def test_an_archive_that_is_made_to_fill_the_disk_is_refused(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the file is wanted or would only be passed over, which costs time, or has no content at all."""
    monkeypatch.setattr(archive, "ALWAYS_ALLOWED", 20 * 2**20)
    says = "a layer unpacks to more than 20,971,520 bytes, 100 times its own size"
    place = tmp_path / "holes"
    place.mkdir()
    for tag, layer in (("wanted", zeros("models/a")), ("other", zeros("usr/a")), ("holes", holes(place))):
        registry.image("models/hostile", tag, layer)
        assert says in refused(registry, f"models/hostile:{tag}", tmp_path)


@pytest.mark.parametrize("title", ["../a", "/etc/passwd", "a/../../b", "."])
def test_a_title_that_leads_out_of_the_folder_is_refused(registry: Registry, tmp_path: Path, title: str) -> None:
    """As clients of artifacts refuse it."""
    registry.files("models/hostile", "title", {title: b"x"})
    says = f"a file has the name {title!r}, which leads out of the folder"
    assert says in refused(registry, "models/hostile:title", tmp_path)


def test_a_size_that_lies_is_refused(registry: Registry, tmp_path: Path) -> None:
    """Smaller and larger than the layer is, negative, and more than any model has."""
    layer = registry.file("models/hostile", "a.bin", b"a" * 1000)
    for size, says in (
        (10, "has more than the 10 bytes that its manifest says"),
        (2000, "has 1,000 of the 2,000 bytes that its manifest says"),
        (-1, "has the size -1, which is no number of bytes"),
        (2**60, "which is more than 214,748,364,800"),
    ):
        registry.push("models/hostile", "size", [{**layer, "size": size}])
        assert says in refused(registry, "models/hostile:size", tmp_path)


def test_a_layer_or_a_manifest_that_was_changed_is_refused(registry: Registry, tmp_path: Path) -> None:
    """By its digest, and before anything of an archive is unpacked."""
    digest = registry.image("models/hostile", "changed", packed(("models/a", b"good"), compressed=False))
    manifest = json.loads(registry.place(digest).read_text())
    layer = registry.place(manifest["layers"][0]["digest"])
    layer.write_bytes(layer.read_bytes().replace(b"good", b"evil"))
    says = f"is not what its digest {manifest['layers'][0]['digest']} says"
    assert says in refused(registry, "models/hostile:changed", tmp_path)
    assert {} == files_in(tmp_path)
    registry.place(digest).write_text(json.dumps(manifest, indent=1))
    assert f"is not what its digest {digest} says" in refused(registry, f"models/hostile@{digest}", tmp_path)
