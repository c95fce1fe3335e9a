"""Objects as kubectl prints and takes them."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from modelprofiler.api.objects import Object


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as it is, so that a person can read and edit the rows in a ConfigMap."""


_EXPONENT = re.compile(r"[-+.0-9_]+[eE][-+]?[0-9]+")
"""A number to kubectl's reader of YAML, and a text to Python's."""
_OTHER_BREAKS = re.compile("[\r\x85\u2028\u2029]")
"""Breaks of lines that a block of text would come back with as if they were line feeds."""


def _text(dumper: yaml.SafeDumper, text: str) -> Any:
    style = "|" if "\n" in text else None
    if _EXPONENT.fullmatch(text) or _OTHER_BREAKS.search(text):
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def as_text(objects: list[Object], output: str) -> str:
    """Return objects as JSON, where `output` is ``json``, or else as YAML documents."""
    if output == "json":
        data = objects[0] if len(objects) == 1 else {"apiVersion": "v1", "kind": "List", "items": objects}
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    return yaml.dump_all(objects, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
