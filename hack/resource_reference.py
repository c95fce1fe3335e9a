"""The fields of a ModelProfile as tables in Markdown, made from the CRD's schema; written by hack/crds.py."""

import json
from collections.abc import Iterator
from typing import Any

from modelprofiler.api.quantities import DURATION_PATTERN, QUANTITY_PATTERN

Node = dict[str, Any]

INTRODUCTION = """\
<!-- Made from the types in operator/modelprofiler/api. Do not edit: change those, then run `make generate`. -->
# The ModelProfile resource

Every field, as `kubectl explain modelprofile.spec --recursive` lists them. A quantity is written as in a Pod (`250m`,
`1`, `256Mi`, `"0.5"`), with quotes where it has a point, and a duration as in Go (`250ms`, `30s`, `1h30m`). The API
server fills in defaults, except where exactly one of several fields must be set; there the description names the
default, and the operator assumes it.
"""


def reference(schema: Node) -> str:
    """Return the page for the resource's OpenAPI schema."""
    written: dict[str, str] = {}
    parts = [INTRODUCTION]
    for name in ("spec", "status"):
        parts += _sections(name, schema["properties"][name], written)
    return "\n".join(parts)


def _sections(path: str, node: Node, written: dict[str, str]) -> Iterator[str]:
    """Yield a section for the object and for each object inside it. A type that occurs again is only linked to."""
    yield f"## {path}\n\n{_text(node)}\n"
    messages = dict.fromkeys(rule["message"] for rule in node.get("x-kubernetes-validations", []))
    rules = [f"- {message}" for message in messages if message.lower() not in node["description"].lower()]
    if rules:
        yield "\n".join(rules) + "\n"
    yield "| Field | Type | Default | |\n| --- | --- | --- | --- |"
    inner = []
    for name, field in node["properties"].items():
        child = f"{path}.{name}" + ("[]" if "items" in field else "")
        item = field.get("items", field)
        if _is_described(item) and _shape(item) not in written:
            written[_shape(item)] = child
            inner.append((child, item))
        default = "required" if name in node.get("required", []) else _default(field)
        yield f"| `{name}` | {_type(field, written.get(_shape(item), ''))} | {default} | {_text(field)} |"
    yield ""
    for child, item in inner:
        yield from _sections(child, item, written)


def _is_described(node: Node) -> bool:
    """Whether this page describes the fields of an object; those of a PodTemplateSpec are described by Kubernetes."""
    return "properties" in node and not node.get("x-kubernetes-preserve-unknown-fields")


def _shape(node: Node) -> str:
    return json.dumps({key: value for key, value in node.items() if key not in ("description", "default")})


def _type(node: Node, path: str) -> str:
    if "items" in node:
        return f"list of {_type(node['items'], path)}, at most {node['maxItems']}"
    if _is_described(node):
        return f"[{path}](#{''.join(c for c in path.lower() if c.isalnum())})"
    if "enum" in node:
        return ", ".join(f"`{value}`" for value in node["enum"])
    if node.get("x-kubernetes-preserve-unknown-fields"):
        return "as in a Pod"
    if node.get("x-kubernetes-int-or-string"):
        return "quantity" if json.dumps(QUANTITY_PATTERN)[1:-1] in json.dumps(node) else "text or whole number"
    if node.get("format") == "date-time":
        return "time"
    rules = json.dumps([node.get("pattern"), node.get("x-kubernetes-validations")])
    if json.dumps(DURATION_PATTERN)[1:-1] in rules:
        return "duration"
    assert json.dumps(QUANTITY_PATTERN)[1:-1] not in rules
    if "minimum" in node:
        return f"{node['type']}, " + (f"{node['minimum']} to {node['maximum']}" if "maximum" in node else "at least 1")
    return str(node["type"])


def _default(node: Node) -> str:
    default = node.get("default")
    return "" if default is None or isinstance(default, dict) else f"`{json.dumps(default).strip(chr(34))}`"


def _text(node: Node) -> str:
    text: str = node["description"]
    return text.replace("|", "\\|").replace("<name>-report", "`<name>-report`")
