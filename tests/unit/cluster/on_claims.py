"""A profile whose sources are on PersistentVolumeClaims."""

from __future__ import annotations

from tests.unit.cluster.objects import Object


def on_claim(path: str, name: str = "files") -> Object:
    """Return a source."""
    return {"persistentVolumeClaim": {"claimName": name, "path": path}}


def all_on_claims(model: str = "files", dataset: str = "files") -> Object:
    """Return a spec whose sources are all on claims."""
    return {
        "model": {"name": "m", "source": on_claim("./model//m.bin", model)},
        "server": {"entryScript": {"source": on_claim("code", model)}},
        "dataset": {"source": on_claim("rows/r.txt", dataset)},
    }
