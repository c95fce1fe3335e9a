"""Pack layers as a docker-archive image without Docker: what `docker load` and `ctr images import` read."""

import argparse
import hashlib
import io
import json
import platform
import tarfile
from pathlib import Path

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def sha256(path: Path) -> str:
    """Digest of an uncompressed layer: its diff id."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    """Write one image of one or more uncompressed layer tars."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entrypoint", action="append", help="a word of the entrypoint; may be repeated")
    parser.add_argument("name", help="NAME:TAG")
    parser.add_argument("archive", type=Path, help="the file to write")
    parser.add_argument("layers", type=Path, nargs="+", help="uncompressed tars, lowest first")
    arguments = parser.parse_args()

    diff_ids = [sha256(layer) for layer in arguments.layers]
    machine = platform.machine()
    config = json.dumps(
        {
            "architecture": ARCHITECTURES.get(machine, machine),
            "os": "linux",
            "config": {"Entrypoint": arguments.entrypoint, "Env": [f"PATH={PATH}"]},
            # One entry a layer, with a date: buildah refuses the image otherwise, or finds nothing made of it again.
            "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "docker_archive.py"} for _ in diff_ids],
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff_id}" for diff_id in diff_ids]},
        }
    ).encode()
    config_name = hashlib.sha256(config).hexdigest() + ".json"
    layer_names = [f"{diff_id}.tar" for diff_id in diff_ids]
    manifest = json.dumps([{"Config": config_name, "RepoTags": [arguments.name], "Layers": layer_names}]).encode()

    with tarfile.open(arguments.archive, "w") as archive:
        for layer, name in zip(arguments.layers, layer_names, strict=True):
            archive.add(layer, name)
        for name, content in ((config_name, config), ("manifest.json", manifest)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


if __name__ == "__main__":
    main()
