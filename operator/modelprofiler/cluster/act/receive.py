"""The program that a pod runs to fill a volume: it reads a tar archive, keeps its files, and prints their digest.

Its text is sent as the command itself, so it uses the standard library only. The digest is that of
`modelprofiler.core.sources.FilesDigest`, over what is read back from the volume.
"""

import hashlib
import os
import shutil
import sys
import tarfile
from pathlib import Path

root = Path(sys.argv[1])

# Remove what an interrupted attempt left; lost+found belongs to the file system.
for old in root.iterdir():
    if old.name != "lost+found":
        shutil.rmtree(old) if old.is_dir() else old.unlink()

names = []
with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as archive:
    for member in archive:
        content = archive.extractfile(member)
        assert content is not None
        target = root / member.name
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            shutil.copyfileobj(content, file, 2**20)
            os.fchmod(file.fileno(), 0o644)
            file.flush()
            os.fsync(file.fileno())
        names.append(member.name)

digest = hashlib.sha256()
for name in sorted(names):
    path, encoded = root / name, name.encode()
    digest.update(len(encoded).to_bytes(8, "big") + encoded + path.stat().st_size.to_bytes(8, "big"))
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
print(f"sha256:{digest.hexdigest()}", flush=True)
