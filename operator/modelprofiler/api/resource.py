"""The ModelProfile itself, read from JSON with every problem found at once."""

from __future__ import annotations

import difflib
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from modelprofiler.api.model import ApiModel
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.api.status import ModelProfileStatus
from modelprofiler.errors import InvalidInput, Problem

GROUP = "modelprofiler.io"
VERSION = "v1alpha1"
KIND = "ModelProfile"
PLURAL = "modelprofiles"
API_VERSION = f"{GROUP}/{VERSION}"
RERUN_ANNOTATION = f"{GROUP}/rerun"


class ObjectMeta(BaseModel):
    """The metadata that is used here."""

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
    """A model, how to serve it, a dataset, a load, an objective and a range of sizes; and what was measured."""

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
            The object as the API server or a YAML file gives it.

        Raises
        ------
        InvalidInput
            With every problem found, each with its path.
        """
        if data.get("apiVersion") != API_VERSION or data.get("kind") != KIND:
            found = f"{data.get('apiVersion')} {data.get('kind')}"
            raise InvalidInput([Problem("", f"this is a {found}, not a {API_VERSION} {KIND}")])
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise InvalidInput(problems_of(error)) from error


def problems_of(error: ValidationError) -> list[Problem]:
    """Return pydantic's findings as sentences with Kubernetes paths."""
    return [_problem(item, error) for item in error.errors(include_url=False)]


def _problem(item: Any, error: ValidationError) -> Problem:
    path = ""
    for part in item["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    kind, message = item["type"], item["msg"]
    if kind == "missing":
        message = "is required"
    elif kind == "extra_forbidden":
        name = str(item["loc"][-1])
        near = difflib.get_close_matches(name, _names_beside(item["loc"]), n=1)
        message = "is not a field of ModelProfile" + (f"; did you mean {near[0]}?" if near else "")
    elif kind == "value_error":
        message = message.removeprefix("Value error, ")
    elif kind in ("literal_error", "enum"):
        message = f"must be {item['ctx']['expected']}, not {item['input']!r}"
    else:
        message = message[:1].lower() + message[1:]
        if isinstance(item["input"], str | int | float | bool):
            message += f", not {str(item['input'])[:80]!r}"
    return Problem(path, message)


def _names_beside(loc: tuple[int | str, ...]) -> list[str]:
    """Return the field names that are known where an unknown one was found."""
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
        if found := _model_in(part):
            return found
    return None
