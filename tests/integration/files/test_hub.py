"""Files of a hub, ``hf://``, by the hub's own client from a server that answers as its API does."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.integration.files.hub import Hub, serving_hub
from tests.integration.files.test_fetch import SECRET, fetch

pytestmark = pytest.mark.timeout(150)

FILES = {"config.json": b"{}", "weights/a.bin": b"a" * 9_000_000, "weights/sub/b c.bin": b"b", "empty.txt": b""}


def read(folder: Path) -> dict[str, int]:
    """Return the size of each file that was fetched."""
    root = folder / "files"
    return {str(path.relative_to(root)): path.stat().st_size for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("uri", "files"),
    [
        ("hf://owner/repo", {name: len(content) for name, content in FILES.items()}),
        ("hf://owner/repo@main/weights", {"a.bin": 9_000_000, "sub/b c.bin": 1}),
        ("hf://models/owner/repo/weights/sub", {"b c.bin": 1}),
        ("hf://owner/repo/weights/a.bin", {"a.bin": 9_000_000}),
        ("hf://owner/repo/empty.txt", {"empty.txt": 0}),
    ],
)
def test_a_repository_a_folder_and_a_file(tmp_path: Path, uri: str, files: dict[str, int]) -> None:
    """A large file comes from another server, which is not sent the token."""
    with serving_hub(Hub("", FILES), "localhost") as store, serving_hub(Hub(SECRET, FILES, store.address)) as hub:
        result = fetch(uri, tmp_path, {"HF_TOKEN": SECRET, "HF_ENDPOINT": hub.address})
    assert ((0, ""), files) == (result, read(tmp_path))
    if any(size > 1000 for size in files.values()):
        assert store.asked
    assert {None} >= {token for _, token in store.asked}
