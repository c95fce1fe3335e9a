"""What identifies a run: everything that changes a measurement, and nothing else.

Not included are the objectives, the search (except how it sizes thread pools), the margins, the metrics source and
suspend: when these change, the finished trials remain valid and are judged again. The range is not included either: a
trial is evidence about its own size whatever the range is, and a new ceiling gets a new reference trial.
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
        Digests of the content. With a digest, it does not matter where the content comes from; without one, its source
        identifies it.
    image
        The image of the profiled container, by digest where it is known.
    rerun
        The annotation with which a user asks for everything to be measured again.
    """
    identity = evidence(
        spec,
        model_digest=model_digest,
        code_digest=code_digest,
        dataset_digest=dataset_digest,
        image=image,
        rerun=rerun,
    )
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
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
        if index := script["environment"].get("packageIndex"):
            script["environment"]["packageIndex"] = index["url"]
        if not script["environment"]["envFrom"]:
            del script["environment"]["envFrom"]  # so that runs from before this field keep their hash
        if code_digest is not None:
            script["source"] = code_digest
    dataset = _plain(spec.dataset)
    if dataset_digest is not None:
        sent_as = {"contentType": dataset["contentType"]} if "contentType" in dataset else {}
        dataset = {"source": dataset_digest, "order": dataset["order"], **sent_as}
    model: dict[str, Any] | None = None
    if spec.model is not None:
        if model_digest is not None:
            model = {"source": model_digest}
        else:
            # A model that is part of the image is identified by its version alone.
            model = _plain(spec.model)
            del model["name"]
    endpoint = _plain(spec.endpoint)
    endpoint["http"].pop("tls", None)  # how a server is verified does not change what it does
    endpoint["http"]["expect"].pop("errorBodies", None)  # nor does what its answers are taken for
    if not endpoint["http"]["expect"]["jsonPath"]:  # so that runs from before this field keep their hash
        del endpoint["http"]["expect"]["jsonPath"]
    identity = {
        "model": model,
        "server": server,
        "image": image,
        "endpoint": endpoint,
        "dataset": dataset,
        "load": _plain(spec.load),
        "rerun": rerun,
    }
    # Included only where it is set, so that runs from before this field keep their hash.
    return identity | ({"threads": spec.search.threads} if spec.search.threads != "None" else {})


def changed_evidence(before: Evidence, after: Evidence) -> list[str]:
    """Return the dotted paths at which the evidence of two runs differs, which is why a new run started."""
    return list(_changes(before, after, ""))


def _changes(before: Any, after: Any, path: str) -> list[str]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        names = sorted(before.keys() | after.keys())
        parts = [_changes(before.get(n), after.get(n), f"{path}.{n}" if path else n) for n in names]
        return [change for part in parts for change in part]
    return [] if before == after else [path]


def _plain(value: Any) -> Any:
    """Return JSON data in which quantities of equal value are equal text, such as 0.5 and 500m."""
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
