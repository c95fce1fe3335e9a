"""Files as a person writes them, for tests of what is made of them."""

import json
from pathlib import Path
from typing import Any

from modelprofiler.files.document import Document, load_document

Object = dict[str, Any]

SCRIPT: Object = {"entryScript": {"source": {"configMap": {"name": "files", "key": "score.py"}}}}
FILES = {"score.py": "def init(): pass\ndef run(data): return data\n", "rows.txt": "1\n2\n"}


def container(**fields: Any) -> Object:
    """Return a server by a template with one container."""
    return {"template": {"spec": {"containers": [{"name": "server", "image": "x", **fields}]}}}


def document(directory: Path, *, files: dict[str, str] | None = None, **changes: Any) -> Document:
    """Return a file with a ConfigMap ``files`` and a profile with some fields of its spec changed."""
    spec: Object = {
        "server": SCRIPT,
        "dataset": {"source": {"configMap": {"name": "files", "key": "rows.txt"}}},
        "load": {"openLoop": {"rate": "50"}},
        "objectives": {"latency": {"p95": "250ms"}},
        "resources": {"cpu": {"values": ["1"]}, "memory": {"values": ["64Mi"]}},
        **changes,
    }
    objects = [
        {"kind": "ConfigMap", "metadata": {"name": "files"}, "data": FILES if files is None else files},
        {
            "apiVersion": "modelprofiler.io/v1alpha1",
            "kind": "ModelProfile",
            "metadata": {"name": "test"},
            "spec": spec,
        },
    ]
    path = directory / "profile.json"
    path.write_text(json.dumps({"kind": "List", "items": objects}))
    return load_document(path)
