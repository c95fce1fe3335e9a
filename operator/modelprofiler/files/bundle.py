"""Files written as ConfigMaps, as text where YAML preserves it; and a requirements file read as a list."""

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
from modelprofiler.files.sources import SourceFiles, Supply, locate

MAX_CONFIG_MAP_BYTES = 2**20
"""The size of a ConfigMap: https://kubernetes.io/docs/concepts/configuration/configmap/#motivation"""

MAX_APPLIED_BYTES = 256 * 1024
"""The size of an object that client-side `kubectl apply` takes: it keeps a copy in an annotation, which is bounded."""


def bundle(name: str, part: str, path: Path, problems: list[Problem]) -> tuple[str, str]:
    """Return a ConfigMap with the files at `path`, and the source that refers to it, both as YAML."""
    flag = {"dataset": "--dataset", "model": "--model", "code": "--entry-script"}[part]
    located = locate(Source.model_validate({"path": str(path)}), flag, "", Supply(Path.cwd()))
    if not isinstance(located, SourceFiles):
        problems += located
        return "", ""
    size = sum(len(c) if isinstance(c, bytes) else c.stat().st_size for c in located.files.values())
    if size > MAX_CONFIG_MAP_BYTES:
        remedy = {
            "model": (
                "put it into the image and write the model without a source, or copy it onto a "
                "PersistentVolumeClaim and name that in model.source"
            ),
            "dataset": "a few hundred rows are enough: take a sample",
            "code": "name a folder with only what the script needs",
        }[part]
        message = f"{path} has {size / 2**20:.1f} MiB and a ConfigMap can hold 1 MiB: {remedy}; or leave out --bundle"
        problems.append(Problem(flag, message))
        return "", ""
    if invalid := [key for key in located.files if not KEY.fullmatch(key)]:
        problems.append(Problem(flag, f"a ConfigMap cannot have folders or this file name: {invalid[0]!r}"))
        return "", ""
    contents = {k: c if isinstance(c, bytes) else c.read_bytes() for k, c in sorted(located.files.items())}
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
    """Return a text file as a literal block of YAML; empty where YAML would not preserve its content."""
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
    """Return a value as a plain word where YAML reads that as the same text, else as JSON, which YAML can read."""
    plain = isinstance(value, str) and value[:1].isalpha() and value.replace("-", "").replace(".", "").isalnum()
    if plain and yaml.safe_load(value) == value:
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def requirements_in(path: Path) -> tuple[str, ...]:
    """Return the packages in a requirements file.

    Raises
    ------
    InvalidInput
        It cannot be read, or has options, such as references to other files.
    """
    try:
        lines = [line.partition(" #")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput([Problem("--requirements", f"{path} cannot be read: {error}")]) from error
    lines = [line for line in lines if line and not line.startswith("#")]
    options = [line for line in lines if line.startswith("-")]
    if options:
        raise InvalidInput(
            [Problem("--requirements", f"{path} has an option, and a profile can list packages only: {options[0]!r}")]
        )
    return tuple(lines)
