"""Files of a hub, ``hf://``, by the hub's own client from a server that answers as its API does."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.integration.files.hub import Hub, serving_hub
from tests.integration.files.stores import behind_tls, files_in
from tests.integration.files.test_fetch import SECRET, fetch

pytestmark = pytest.mark.timeout(150)

FILES = {"config.json": b"{}", "weights/a.bin": b"a" * 9_000_000, "weights/sub/b c.bin": b"b", "empty.txt": b""}


@pytest.mark.parametrize(
    ("uri", "files"),
    [
        ("hf://owner/repo", {name: len(content) for name, content in FILES.items()}),
        ("hf://owner/repo@main/weights", {"a.bin": 9_000_000, "sub/b c.bin": 1}),
        ("hf://models/owner/repo/weights/sub", {"b c.bin": 1}),
        ("hf://datasets/owner/repo/weights/sub", {"b c.bin": 1}),
        ("hf://owner/repo/weights/a.bin", {"a.bin": 9_000_000}),
        ("hf://owner/repo/empty.txt", {"empty.txt": 0}),
    ],
)
def test_a_repository_a_folder_and_a_file(tmp_path: Path, uri: str, files: dict[str, int]) -> None:
    """A large file comes from another server, which is not sent the token."""
    with serving_hub(Hub("", FILES), "localhost") as store, serving_hub(Hub(SECRET, FILES, store.address)) as hub:
        result = fetch(uri, tmp_path, {"HF_TOKEN": SECRET, "HF_ENDPOINT": hub.address})
    assert ((0, ""), files) == (result, files_in(tmp_path))
    if any(size > 1000 for size in files.values()):
        assert store.asked
    assert {None} >= {token for _, token in store.asked}


def test_a_hub_with_its_own_ca(tmp_path: Path) -> None:
    """As a hub inside a company has it."""
    with (
        serving_hub(Hub(SECRET, FILES)) as hub,
        behind_tls(int(hub.address.rpartition(":")[2]), tmp_path / "tls") as (address, ca),
    ):
        keys = {"HF_TOKEN": SECRET, "HF_ENDPOINT": address}
        assert (0, "") == fetch("hf://owner/repo/config.json", tmp_path, keys, ca)
    assert {"config.json": 2} == files_in(tmp_path)


@pytest.mark.parametrize(
    "uri",
    ["hf://owner/repo/none", "hf://owner/repo/none/a.bin", "hf://owner/repo@none/config.json", "hf://owner/none/a"],
)
def test_what_is_not_there_is_named(tmp_path: Path, uri: str) -> None:
    """A file, a folder, a revision, a repository."""
    with serving_hub(Hub(SECRET, FILES)) as hub:
        code, output = fetch(uri, tmp_path, {"HF_TOKEN": SECRET, "HF_ENDPOINT": hub.address})
    assert (1, f"modelprofiler: {uri} does not exist\n") == (code, output)


@pytest.mark.parametrize("token", ["", "hf_another"])
def test_a_repository_that_is_not_for_everybody(tmp_path: Path, token: str) -> None:
    """Without a token, and with another one: the hub does not say whether there is such a repository."""
    with serving_hub(Hub(SECRET, FILES)) as hub:
        keys = {"HF_ENDPOINT": hub.address, **({"HF_TOKEN": token} if token else {})}
        code, output = fetch("hf://owner/repo/config.json", tmp_path, keys)
    assert 1 == code
    assert "access to hf://owner/repo/config.json is denied (status 401)" in output
    assert "hf_another" not in output
    assert 1 == output.count("\n")
