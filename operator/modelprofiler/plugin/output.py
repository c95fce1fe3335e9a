"""Objects as kubectl prints and takes them."""

from __future__ import annotations

import json
from typing import Any

import yaml

from modelprofiler.api.objects import Object


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as it is, so that a person can read and edit the rows in a ConfigMap."""


def _text(dumper: yaml.SafeDumper, text: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def as_text(objects: list[Object], output: str) -> str:
    """Return objects as JSON, where `output` is ``json``, or else as YAML documents."""
    if output == "json":
        data = objects[0] if len(objects) == 1 else {"apiVersion": "v1", "kind": "List", "items": objects}
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    return yaml.dump_all(objects, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
