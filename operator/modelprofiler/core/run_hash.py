"""What identifies a run: everything that changes a measurement, and nothing else.

Left out are the objectives, the search (but for how it sizes thread pools), the margins, the metrics source, suspend:
with other values of these the finished trials still hold and are judged again. The range is left out too: a trial says
what it says about its own size whatever the range is, and a new ceiling gets a new reference.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.api.spec import ModelProfileSpec

Evidence = Mapping[str, Any]


def run_hash(
    spec: ModelProfileSpec,
    *,
    model_digest: str | None,
    code_digest: str | None,
    dataset_digest: str | None,
    image: str | None,
    rerun: str | None = None,
) -> str:
    """Return the 16 hexadecimal digits that identify a run.

    Parameters
    ----------
    spec
        The profile.
    model_digest, code_digest, dataset_digest
        Of the content: with a digest it does not matter where the content comes from; without one, where it comes from
        stands for it.
    image
        The profiled container's image, by digest where it has one.
    rerun
        The annotation by which a user asks for everything to be measured anew.
    """
    found = evidence(
        spec,
        model_digest=model_digest,
        code_digest=code_digest,
        dataset_digest=dataset_digest,
        image=image,
        rerun=rerun,
    )
    text = json.dumps(found, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def evidence(
    spec: ModelProfileSpec,
    *,
    model_digest: str | None,
    code_digest: str | None,
    dataset_digest: str | None,
    image: str | None,
    rerun: str | None = None,
) -> dict[str, Any]:
    """Return, as JSON data, everything that changes a measurement; see `run_hash` for the parameters."""
    server = _plain(spec.server)
    if script := server.get("entryScript"):
        # How an image is pulled does not change what it does.
        script["environment"].pop("imagePullSecrets", None)
        if code_digest is not None:
            script["source"] = code_digest
    dataset = _plain(spec.dataset)
    if dataset_digest is not None:
        dataset = {"source": dataset_digest, "order": dataset["order"]}
    model: dict[str, Any] | None = None
    if spec.model is not None:
        if model_digest is not None:
            model = {"source": model_digest}
        else:
            # A model baked into the image shows only by its version.
            model = _plain(spec.model)
            del model["name"]
    endpoint = _plain(spec.endpoint)
    endpoint["http"].pop("tls", None)  # how a server is verified does not change what it does
    found = {
        "model": model,
        "server": server,
        "image": image,
        "endpoint": endpoint,
        "dataset": dataset,
        "load": _plain(spec.load),
        "rerun": rerun,
    }
    # Only where it is asked for: what was measured without it still holds.
    return found | ({"threads": spec.search.threads} if spec.search.threads != "None" else {})


def changed_evidence(before: Evidence, after: Evidence) -> list[str]:
    """Return the dotted paths at which the evidence of two runs differs: why a new run started."""
    return list(_changes(before, after, ""))


def _changes(before: Any, after: Any, path: str) -> list[str]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        names = sorted(before.keys() | after.keys())
        parts = [_changes(before.get(n), after.get(n), f"{path}.{n}" if path else n) for n in names]
        return [found for part in parts for found in part]
    return [] if before == after else [path]


def _plain(value: Any) -> Any:
    """Return JSON data in which equal quantities are equal, however they were written: 0.5 and 500m."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields.items()
        parts = {field.alias or name: getattr(value, name) for name, field in fields}
        return {name: _plain(part) for name, part in parts.items() if part is not None}
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, Quantity):
        return str(value.value.normalize())
    if isinstance(value, Duration):
        return repr(value.seconds)
    return value
