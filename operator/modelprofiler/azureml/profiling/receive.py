"""What a pod runs to fill a volume: a tar archive comes in, its files stay, and their digest goes out.

This text is the command itself; it knows nothing but the standard library. The digest is that of
`modelprofiler.core.sources.FilesDigest`, over what the volume gives back.
"""

import hashlib
import os
import shutil
import sys
import tarfile
from pathlib import Path

root = Path(sys.argv[1])

# What an attempt that broke off has left; what the file system itself keeps there is not ours.
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
        while part := file.read(2**20):
            digest.update(part)
print(f"sha256:{digest.hexdigest()}", flush=True)
