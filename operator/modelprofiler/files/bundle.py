"""Files written into ConfigMaps, as text where that is read back as it is; and a requirements file as a list."""

from __future__ import annotations

import base64
import json
import textwrap
from pathlib import Path
from typing import Any

import yaml

from modelprofiler.api.sources import Source
from modelprofiler.core.sources import KEY
from modelprofiler.errors import InvalidInput, Problem
from modelprofiler.files.sources import Found, find

MOST_BUNDLED = 2**20
"""Bytes of a ConfigMap: https://kubernetes.io/docs/concepts/configuration/configmap/#motivation"""

MOST_APPLIED = 256 * 1024
"""Bytes that client-side `kubectl apply` can carry, since it keeps a copy in an annotation."""


def bundled(name: str, part: str, path: Path, problems: list[Problem]) -> tuple[str, str]:
    """Return the ConfigMap of some files, and the source that names it."""
    flag = {"dataset": "--dataset", "model": "--model", "code": "--entry-script"}[part]
    found = find(Source.model_validate({"path": str(path)}), flag, "", {}, Path.cwd())
    if not isinstance(found, Found):
        problems += found
        return "", ""
    size = sum(len(c) if isinstance(c, bytes) else c.stat().st_size for c in found.files.values())
    if size > MOST_BUNDLED:
        what = {
            "model": (
                "put it into the image, name the image, and give the model without a source, or copy it onto a "
                "PersistentVolumeClaim and name that in model.source"
            ),
            "dataset": "a few hundred rows are enough: take a sample",
            "code": "name a folder with only what the script needs",
        }[part]
        message = f"{path} has {size / 2**20:.1f} MiB and a ConfigMap holds 1 MiB: {what}; or leave out --bundle"
        problems.append(Problem(flag, message))
        return "", ""
    if wrong := [key for key in found.files if not KEY.fullmatch(key)]:
        problems.append(Problem(flag, f"a ConfigMap has no folders and only plain names, and here is {wrong[0]!r}"))
        return "", ""
    contents = {k: c if isinstance(c, bytes) else c.read_bytes() for k, c in sorted(found.files.items())}
    reference = f"{{configMap: {{name: {quoted(f'{name}-{part}')}}}}}"
    return _config_map(f"{name}-{part}", contents), reference


def _config_map(name: str, files: dict[str, bytes]) -> str:
    lines = ["apiVersion: v1", "kind: ConfigMap", f"metadata: {{name: {quoted(name)}}}"]
    blocks = {key: _block(key, content) for key, content in files.items()}
    if any(blocks.values()):
        lines += ["data:", *(block for block in blocks.values() if block)]
    if not all(blocks.values()):
        lines.append("binaryData:")
    for key, block in blocks.items():
        if not block:
            encoded = textwrap.wrap(base64.b64encode(files[key]).decode(), 116)
            lines += [f"  {quoted(key)}: |", *(f"    {line}" for line in encoded)] if encoded else [f"  {key}: ''"]
    return "\n".join(lines) + "\n"


def _block(key: str, content: bytes) -> str:
    """Return a text file as a literal block; empty where it would not be read back as it is."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return ""
    keep = "-" if not text.endswith("\n") else "+" if text.endswith("\n\n") else ""
    body = textwrap.indent(text, "    ", lambda line: bool(line.strip("\n")))
    block = f"  {quoted(key)}: |2{keep}\n{body.removesuffix(chr(10))}"
    try:
        same = yaml.safe_load(f"data:\n{block}\n") == {"data": {key: text}}
    except yaml.YAMLError:
        same = False
    return block if same else ""


def quoted(value: Any) -> str:
    """Return a value as JSON, which YAML reads, or as a plain word where it is one for YAML too."""
    plain = isinstance(value, str) and value[:1].isalpha() and value.replace("-", "").replace(".", "").isalnum()
    if plain and yaml.safe_load(value) == value:
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def requirements_in(path: Path) -> tuple[str, ...]:
    """Return the packages of a requirements file.

    Raises
    ------
    InvalidInput
        It cannot be read, or names other files.
    """
    try:
        lines = [line.partition(" #")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput([Problem("--requirements", f"{path} cannot be read: {error}")]) from error
    lines = [line for line in lines if line and not line.startswith("#")]
    options = [line for line in lines if line.startswith("-")]
    if options:
        raise InvalidInput(
            [Problem("--requirements", f"{path} has options, and a profile only packages: {options[0]!r}")]
        )
    return tuple(lines)
