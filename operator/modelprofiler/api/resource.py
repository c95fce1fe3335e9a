"""The ModelProfile itself. It is read from JSON, and all problems are reported at once."""

from __future__ import annotations

import difflib
import json
import re
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from modelprofiler.api.model import ApiModel
from modelprofiler.api.names import LONGEST_OBJECT_NAME, OBJECT_PATTERN
from modelprofiler.api.names import SENTENCES as NAME_SENTENCES
from modelprofiler.api.objects import MAX_DEPTH, is_deeper
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import ModelProfileStatus
from modelprofiler.errors import InvalidInput, Problem, field_path

GROUP = "modelprofiler.io"
VERSION = "v1alpha1"
KIND = "ModelProfile"
PLURAL = "modelprofiles"
API_VERSION = f"{GROUP}/{VERSION}"
MOST_SPEC = 512 * 2**10
"""Bytes of a spec. etcd takes objects of 1.5 MiB, and the status has up to 512 KiB of it."""
MOST_METADATA = 448 * 2**10
"""Bytes of the metadata: annotations have up to 256 KiB, and the API server adds who manages which field."""
RERUN_ANNOTATION = f"{GROUP}/rerun"


def name_problems(data: dict[str, Any]) -> list[Problem]:
    """Return why Kubernetes would not take the name of a profile that a user has written, given as JSON data."""
    metadata = data.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(name, str) or (len(name) <= LONGEST_OBJECT_NAME and re.fullmatch(OBJECT_PATTERN, name)):
        return []  # a missing name, or one that is not text, is reported by the type
    meant = re.sub(r"[^a-z0-9.]+", "-", name.lower())[:60].strip("-.")
    perhaps = f", such as {meant}" if re.fullmatch(OBJECT_PATTERN, meant) else ""
    message = f"{name[:60]!r} {NAME_SENTENCES[OBJECT_PATTERN]}, at most {LONGEST_OBJECT_NAME}{perhaps}"
    return [Problem("metadata.name", message)]


class ObjectMeta(BaseModel):
    """The metadata that modelprofiler uses."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    name: str
    namespace: str = "default"
    uid: str = ""
    generation: int = 1
    resource_version: str = Field("", alias="resourceVersion")
    creation_timestamp: str = Field("", alias="creationTimestamp")
    deletion_timestamp: str | None = Field(None, alias="deletionTimestamp")
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class ModelProfile(ApiModel):
    """A profile of a model server: what to measure, in the spec, and what was measured, in the status.

    The spec names a model, how to serve it, a dataset, a load, objectives and a range of sizes.
    """

    api_version: str = API_VERSION
    kind: str = KIND
    metadata: ObjectMeta
    spec: ModelProfileSpec
    status: ModelProfileStatus = Field(default_factory=ModelProfileStatus)

    @classmethod
    def parse(cls, data: dict[str, Any]) -> Self:
        """Read a profile from JSON data.

        Parameters
        ----------
        data
            The object, as read from the API server or a YAML file.

        Raises
        ------
        InvalidInput
            With every problem, each with the path of its field.
        """
        if data.get("apiVersion") != API_VERSION or data.get("kind") != KIND:
            raise InvalidInput([_another_kind(data)])
        if too_much := _too_much(data):
            raise InvalidInput(too_much)
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise InvalidInput(problems_of(error)) from error


def _another_kind(data: dict[str, Any]) -> Problem:
    """Return that an object is of another version or kind, or does not say which it is."""
    version, kind = (data.get(name) for name in ("apiVersion", "kind"))
    known = [str(part)[:80] for part in (version, kind) if part is not None]
    absent = [name for name, part in (("apiVersion", version), ("kind", kind)) if part is None]
    actual = (f"a {' '.join(known)}" if known else "an object") + (f" without {' and '.join(absent)}" if absent else "")
    field = "kind" if version == API_VERSION else "apiVersion"
    return Problem(field, f"this is {actual}, not a {API_VERSION} {KIND}")


def _too_much(data: dict[str, Any]) -> list[Problem]:
    """Return what is more of a profile than a cluster can do anything with."""
    if is_deeper(data.get("spec"), MAX_DEPTH):  # a pod template's schema is open, so that anything may be in it
        return [Problem("spec", f"is nested more than {MAX_DEPTH} levels deep")]
    parts = (
        ("metadata", MOST_METADATA, "remove labels, annotations and owners"),
        ("spec", MOST_SPEC, "put what is large into ConfigMaps or Secrets"),
    )
    sizes = {
        part: len(
            json.dumps(data.get(part), ensure_ascii=False, default=str, separators=(",", ":")).encode(
                "utf-8", "replace"
            )
        )
        for part, _, _ in parts
    }
    return [
        Problem(
            part,
            f"has {sizes[part] / 2**10:,.0f} KiB, and at most {most // 2**10} KiB leave room for its status; {advice}",
        )
        for part, most, advice in parts
        if sizes[part] > most
    ]


def problems_of(error: ValidationError) -> list[Problem]:
    """Return pydantic's errors as messages with Kubernetes paths."""
    return [_problem(item) for item in error.errors(include_url=False)]


MUST_BE = {
    "model_type": "an object",
    "dict_type": "an object",
    "list_type": "a list",
    "string_type": "text",
    "string_unicode": "text in Unicode",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "finite_number": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
}
"""For a kind of error of pydantic: what the value must be, with what pydantic knows of the rule."""

MUST_HAVE = {
    "too_long": "at most {max_length} entries, not {actual_length}",
    "too_short": "at least {min_length} entries",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "at least {min_length} characters",
}
"""The same: what it must have."""


def _problem(item: Any) -> Problem:
    kind, message, context = item["type"], item["msg"], item.get("ctx") or {}
    if kind == "missing":
        message = "is required"
    elif kind == "extra_forbidden":
        name = str(item["loc"][-1])
        near = difflib.get_close_matches(name, _known_fields(item["loc"]), n=1)
        message = "is not a field of ModelProfile" + (f"; did you mean {near[0]}?" if near else "")
    elif kind == "value_error":
        message = message.removeprefix("Value error, ")
    elif kind == "string_pattern_mismatch":
        sentence = NAME_SENTENCES.get(context["pattern"]) or f"does not match {context['pattern']}"
        message = f"{item['input'][:80]!r} {sentence}"
    elif kind in ("literal_error", "enum"):
        message = f"must be {context['expected']}, not {_shown(item['input'])}"
    elif kind in ("too_short", "string_too_short") and context["min_length"] == 1:
        message = "must not be empty"
    elif kind in MUST_HAVE:
        message = f"must have {MUST_HAVE[kind].format(**context)}"
        message = message.replace(" 1 entries", " one entry").replace(" 1 characters", " one character")
    elif kind in MUST_BE:
        message = f"must be {MUST_BE[kind].format(**context)}, not {_shown(item['input'])}"
        if kind == "string_type" and isinstance(item["input"], int | float):
            message += "; write it in quotes"
    else:
        message = f"{message[:1].lower()}{message[1:]}, not {_shown(item['input'])}"
    return Problem(field_path(item["loc"]), message)


def _shown(value: Any) -> str:
    """Return a value as YAML writes it; a long text is cut, and of what is nested only the kind is named."""
    if isinstance(value, dict | list):
        return ("an object" if isinstance(value, dict) else "a list") if value else str(value)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return str(value)[:80] if isinstance(value, int | float) else repr(str(value)[:80])


def _known_fields(loc: tuple[int | str, ...]) -> list[str]:
    """Return the names of the known fields of the object that contains the unknown field at `loc`."""
    model: type[BaseModel] | None = ModelProfile
    for part in loc[:-1]:
        if isinstance(part, int) or model is None:
            continue
        field = next((f for n, f in model.model_fields.items() if part in (n, f.alias)), None)
        model = _model_in(field.annotation) if field else None
    return [f.alias or n for n, f in model.model_fields.items()] if model else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        if model := _model_in(part):
            return model
    return None
