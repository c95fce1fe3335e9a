"""Writes the recommendation to the tags of the models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelprofiler.azureml.registry.record import ModelRegistry

TAGS = ("requestedCpu", "requestedMemoryInGB", "recommendedCpu", "recommendedMemoryInGB")
"""Tags that Azure ML's example adds by hand. The tag profileName is added to them."""


def tags_of(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags of a serialized run."""
    tags = {key: f"{document[key]:g}" for key in TAGS if document.get(key) is not None}
    return tags | {"profileName": str(document["name"])}


def tag_models(registry: ModelRegistry, model_ids: Sequence[str], document: Mapping[str, Any]) -> dict[str, str]:
    """Write the recommendation to the tags of the models, and return these tags."""
    tags = tags_of(document)
    for model_id in model_ids:
        name, _, version = model_id.rpartition(":")
        record = registry.get(name, int(version))
        record.tags |= tags
        registry.update(record)
    return tags
