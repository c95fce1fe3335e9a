"""Worlds and decisions as YAML: dataclasses by their fields, each with the name of its class.

Only what is not a field's default is written, so that a file shows what a world is about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import Enum
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from modelprofiler import __version__
from modelprofiler.api.resource import ModelProfile
from modelprofiler.api.sources import PersistentVolumeClaimSource
from modelprofiler.api.status import ClaimsStatus, DatasetStatus, EffectiveResources
from modelprofiler.api.trial import Trial, UsageStatus
from modelprofiler.cluster.decide.decision import Decision
from modelprofiler.cluster.gather.accept import Accepted
from modelprofiler.cluster.gather.claims import Claims
from modelprofiler.cluster.gather.inputs import Inputs
from modelprofiler.cluster.gather.observation import LoadJob, Measured, Observation, Pod, Reader, Server, Termination
from modelprofiler.cluster.gather.prepare import Waiting
from modelprofiler.cluster.gather.world import (
    ActionRefused,
    Child,
    Gone,
    Node,
    NotGathered,
    NotStarted,
    Unreadable,
    World,
)
from modelprofiler.cluster.manifests.volumes import ClaimSource
from modelprofiler.cluster.settings import Settings
from modelprofiler.core.axis import Limits
from modelprofiler.core.conditions import Finding
from modelprofiler.load.config import LoadConfig
from modelprofiler.load.result import LoadResult

_MODELS = (
    PersistentVolumeClaimSource,
    ClaimsStatus,
    DatasetStatus,
    EffectiveResources,
    LoadConfig,
    Settings,
    Trial,
    UsageStatus,
)
_VALUES = (
    Accepted,
    ActionRefused,
    Child,
    Claims,
    ClaimSource,
    Finding,
    Gone,
    Inputs,
    Limits,
    LoadJob,
    Measured,
    Node,
    NotGathered,
    NotStarted,
    Observation,
    Pod,
    Reader,
    Server,
    Termination,
    Unreadable,
    Waiting,
    World,
)
_CLASSES: dict[str, Any] = {c.__name__: c for c in (*_MODELS, *_VALUES)}


def dump(value: Any) -> Any:
    """Return a value as YAML has it."""
    if isinstance(value, ModelProfile):
        return {"is": "ModelProfile"}  # as the raw object next to it says
    if isinstance(value, LoadResult):
        return {"is": "LoadResult", "message": value.encode()}
    if isinstance(value, BaseModel):
        return {"is": type(value).__name__, **value.model_dump(mode="json", by_alias=True, exclude_defaults=True)}
    if is_dataclass(value) and not isinstance(value, type):
        values = {f.name: getattr(value, f.name) for f in fields(value) if getattr(value, f.name) != _default(f)}
        return {"is": type(value).__name__, **{name: dump(field) for name, field in values.items()}}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: dump(item) for key, item in value.items()}
    return [dump(item) for item in value] if isinstance(value, tuple | list) else value


def _default(field: Any) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def load_world(data: dict[str, Any]) -> World:
    """Return a world as it was when it was recorded."""
    profile = data["profile"]
    parsed = ModelProfile.parse(data["raw"]) if profile["is"] == "ModelProfile" else _load(profile, Any)
    rest = {name: item for name, item in data.items() if name != "profile"}
    world: World = _load({**rest, "profile": parsed}, World)
    return world


def _load(data: Any, hint: Any) -> Any:
    if isinstance(data, dict) and "is" in data:
        return _object(dict(data))
    if isinstance(data, dict):
        item = next((get_args(h)[1] for h in _options(hint) if len(get_args(h)) == 2), Any)
        return {key: _load(value, item) for key, value in data.items()}
    if isinstance(data, list):
        items = next((get_args(h) for h in _options(hint) if get_origin(h) in (tuple, list)), (Any,))
        each = items if len(items) == len(data) and ... not in items else (items[0],) * len(data)
        values = tuple(_load(value, of) for value, of in zip(data, each, strict=True))
        named = next((h for h in _options(hint) if hasattr(h, "_fields")), None)
        return named(*values) if named else values
    for option in _options(hint):
        if option is datetime and isinstance(data, str):
            return datetime.fromisoformat(data)
        if isinstance(option, type) and issubclass(option, Enum) and data is not None:
            return option(data)
    return data


def _object(data: dict[str, Any]) -> Any:
    name = data.pop("is")
    if name == "LoadResult":
        return LoadResult.decode(data["message"])
    class_ = _CLASSES[name]
    if issubclass(class_, BaseModel):
        return class_.model_validate(data)
    hints = get_type_hints(class_)
    plain = {"raw", "key"}
    loaded = {field: value if field in plain else _load(value, hints[field]) for field, value in data.items()}
    if "key" in loaded:
        loaded["key"] = tuple(loaded["key"])
    return class_(**loaded)


def _options(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def dump_decision(decision: Decision) -> dict[str, Any]:
    """Return a whole decision as YAML has it; the status as the API server gets it."""
    document: dict[str, Any] = dump(decision)
    if isinstance(decision.status, BaseModel):
        document["status"] = decision.status.model_dump(mode="json", by_alias=True, exclude_none=True)
        if document["status"].get("provenance", {}).get("modelprofilerVersion") == __version__:
            document["status"]["provenance"]["modelprofilerVersion"] = "this one"  # a release changes no decision
    return document
