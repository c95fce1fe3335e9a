"""The CustomResourceDefinition of ModelProfile, generated from the types of this package.

`custom_resource_definition` is pure and returns the object; ``make generate`` writes it to files. The schema is
structural, as the API server requires: every reference is inlined, and there is no ``title`` and no union with null.
Rules between fields, which Python's validators check, are also written in CEL, with the same messages, so that the API
server checks them, too.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any, cast

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, NoDefault
from pydantic_core import core_schema

from modelprofiler.api.conditions import Condition, ConditionType
from modelprofiler.api.model import ApiModel, at_least_one_message, exactly_one_message
from modelprofiler.api.names import SENTENCES as NAME_SENTENCES
from modelprofiler.api.quantities import (
    DURATION_PATTERN,
    NOT_A_DURATION,
    NOT_A_QUANTITY,
    QUANTITIES_RULE,
    QUANTITY_PATTERN,
)
from modelprofiler.api.resource import GROUP, KIND, PLURAL, VERSION, ModelProfile
from modelprofiler.api.status import ContainerRecommendation
from modelprofiler.api.trial import Trial

_LIST_MAP_KEYS: dict[str, str] = {
    Condition.__name__: "type",
    Trial.__name__: "index",
    ContainerRecommendation.__name__: "containerName",
}
"""Types whose lists the API server merges by a key (camelCase), so that two writers do not overwrite each other."""

_SENTENCES: dict[str, str] = NAME_SENTENCES | {
    QUANTITY_PATTERN: NOT_A_QUANTITY,
    DURATION_PATTERN: NOT_A_DURATION,
}
"""Pattern to error message. The API server's own message would be "should match" and a long regular expression."""

_UNION = "exactlyOneOf"
"""Key that carries the fields of a union from the generator to `_structural`; not part of the result."""

_TYPE_META = {
    "apiVersion": (
        "APIVersion defines the versioned schema of this representation of an object. Servers should convert "
        "recognized schemas to the latest internal value, and may reject unrecognized values."
    ),
    "kind": "Kind is a string value representing the REST resource this object represents. Cannot be updated.",
}
"""The descriptions that ``kubectl explain`` prints for these two fields of every resource."""


def custom_resource_definition() -> dict[str, Any]:
    """Return the CustomResourceDefinition as JSON data."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": ["mprof"],
                "categories": ["modelprofiler", "ml"],
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": _printer_columns(),
                    "schema": {"openAPIV3Schema": _schema()},
                }
            ],
        },
    }


def _printer_columns() -> list[dict[str, str]]:
    succeeded = f'.status.conditions[?(@.type=="{ConditionType.SUCCEEDED}")]'
    recommended = ".status.recommendations[0]"
    columns = (
        ("Succeeded", "string", f"{succeeded}.status", "Whether there is a recommendation."),
        ("Reason", "string", f"{succeeded}.reason", "Why, in one word."),
        ("Trials", "integer", ".status.trialsCompleted", "Finished trials."),
        ("CPU", "string", f"{recommended}.requests.cpu", "Recommended CPU request."),
        ("Memory", "string", f"{recommended}.requests.memory", "Recommended memory request."),
        ("P95", "string", f"{recommended}.verification.p95", "95th percentile of latency at that size."),
        ("Rows", "string", f"{recommended}.verification.rows", "Different rows that were sent at that size."),
        ("Age", "date", ".metadata.creationTimestamp", "Since when the profile exists."),
    )
    return [
        {"name": name, "type": kind, "description": description, "jsonPath": path}
        for name, kind, path, description in columns
    ]


def _schema() -> dict[str, Any]:
    raw = ModelProfile.model_json_schema(by_alias=True, schema_generator=_Generator)
    definitions = raw["$defs"]
    properties = raw["properties"]
    return {
        "type": "object",
        "description": _one_line(raw["description"]),
        "required": ["spec"],
        "properties": {
            **{name: {"type": "string", "description": text} for name, text in _TYPE_META.items()},
            "metadata": {"type": "object"},
            "spec": _with_sentences(_structural(properties["spec"], definitions, Defaults.FILLED_IN)),
            # No default in a status: what was not measured is absent, and a zero filled in would look measured.
            "status": _structural(properties["status"], definitions, Defaults.NONE),
        },
    }


class _Generator(GenerateJsonSchema):
    """Pydantic's generator, with absence instead of null, defaults from factories, and the rules of each type."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        result = super().model_schema(schema)
        cls = schema["cls"]
        if not issubclass(cls, ApiModel):
            return result
        if rules := _rules(cls):
            result["x-kubernetes-validations"] = rules
        if cls.exactly_one_of:
            result[_UNION] = list(cls.exactly_one_of)
        return result

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:
        """Keep the order of the types: it is the order in which people read the fields."""
        return value

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def get_default_value(self, schema: core_schema.WithDefaultSchema) -> Any:
        default = schema.get("default", NoDefault)
        if factory := schema.get("default_factory"):
            default = cast("Any", factory)()
        if isinstance(default, BaseModel):
            return {}  # `_structural` fills in the defaults of its fields
        # None, an empty text and an empty list mean the same as absence.
        return NoDefault if default is None or default in ("", []) else default


def _rules(cls: type[ApiModel]) -> list[dict[str, str]]:
    """Return the type's rules in CEL, each with the message of the same validator in Python."""
    rules = []
    if names := cls.exactly_one_of:
        rules.append((f"[{_has(names)}].filter(present, present).size() == 1", exactly_one_message(names)))
    if names := cls.at_least_one_of:
        rules.append((f"[{_has(names)}].exists(present, present)", at_least_one_message(names)))
    return [{"rule": rule, "message": message} for rule, message in (*rules, *cls.cel)]


def _has(names: tuple[str, ...]) -> str:
    return ", ".join(f"has(self.{name})" for name in names)


class Defaults(Enum):
    """How the defaults of a part of the resource are handled."""

    FILLED_IN = auto()
    """The API server fills them in."""
    DESCRIBED = auto()
    """The description names them and the operator assumes them. Within a member of a union, a default that the API
    server fills in would remain when the user later chooses another member, for example by server-side apply."""
    NONE = auto()
    """Defaults are left out."""


def _structural(node: dict[str, Any], definitions: dict[str, Any], defaults: Defaults) -> dict[str, Any]:
    """Return the schema of one value as the API server accepts it.

    Parameters
    ----------
    node
        The value's JSON schema.
    definitions
        The schemas that ``$ref`` refers to.
    defaults
        How its default, and the defaults of its fields, are handled.
    """
    type_name = node.get("$ref", "").rpartition("/")[2]
    merged: dict[str, Any] = {**definitions.get(type_name, {}), **node}
    union = merged.get(_UNION, [])
    result: dict[str, Any] = {key: merged[key] for key in _KEPT if key in merged}
    if "description" in merged:
        result["description"] = _describe(merged, defaults)
    if defaults is Defaults.NONE:
        # Only the operator writes a status, frequently, and CEL costs more than a pattern.
        result.pop("x-kubernetes-validations", None)
    elif "rule" in merged:
        result["x-kubernetes-validations"] = [*result.get("x-kubernetes-validations", []), merged["rule"]]
    if "const" in merged:
        result["enum"] = [merged["const"]]
    if merged.get("preserve"):
        known = {"properties": merged["properties"]} if "properties" in merged else {}
        return result | {"type": "object", "x-kubernetes-preserve-unknown-fields": True} | known
    if "properties" in merged:
        within = dict.fromkeys(union, Defaults.DESCRIBED) if defaults is Defaults.FILLED_IN else {}
        result["properties"] = {
            name: _structural(value, definitions, within.get(name, defaults))
            for name, value in merged["properties"].items()
        }
    # additionalProperties is false in every type of ours: it knows all its fields.
    inner = {key: merged[key] for key in ("additionalProperties", "items") if merged.get(key)}
    result |= {key: _structural(value, definitions, defaults) for key, value in inner.items()}
    if key := _LIST_MAP_KEYS.get(merged.get("items", {}).get("$ref", "").rpartition("/")[2]):
        result |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}
    if "default" in merged and defaults is Defaults.FILLED_IN:
        # Objects are written out: the API server checks a type's rules against the default exactly as it is written.
        default = _defaults_of(result) if merged["default"] == {} else merged["default"]
        if default != {}:
            result["default"] = default
    return result


def _with_sentences(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema in which CEL rules with a readable message replace the patterns of `_SENTENCES`.

    The pattern of the quantities of a list stays, as a rule that matches each of them would cost too much; the list
    gets a rule that tells most of what is no quantity.
    """
    result = dict(schema)
    if sentence := _SENTENCES.get(schema.get("pattern", "")):
        # string() of a string would be charged as much CEL cost as the longest possible request.
        text = "self" if schema.get("type") == "string" else "string(self)"
        _add_rule(result, f"{text}.matches(r'{result.pop('pattern')}')", sentence)
    items = schema.get("items", {})
    if items.get("pattern") == QUANTITY_PATTERN:
        _add_rule(result, QUANTITIES_RULE, NOT_A_QUANTITY)
    elif items:
        result["items"] = _with_sentences(items)
    if "properties" in schema:
        result["properties"] = {name: _with_sentences(value) for name, value in schema["properties"].items()}
    return result


def _add_rule(schema: dict[str, Any], rule: str, message: str) -> None:
    """Put a rule before a schema's own."""
    schema["x-kubernetes-validations"] = [
        {"rule": rule, "message": message},
        *schema.get("x-kubernetes-validations", []),
    ]


_KEPT = (
    "description",
    "type",
    "format",
    "enum",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "maxProperties",
    "anyOf",
    "x-kubernetes-int-or-string",
    "x-kubernetes-validations",
    "required",
)
"""The keys that are copied unchanged, in the order in which they are written."""


def _defaults_of(schema: dict[str, Any]) -> dict[str, Any]:
    fields = schema.get("properties", {})
    return {name: field["default"] for name, field in fields.items() if "default" in field}


def _describe(schema: dict[str, Any], defaults: Defaults) -> str:
    """Return a field's description; the rule of its union and its default are added where nothing else states them."""
    text = _one_line(schema["description"])
    names = ", ".join(schema.get(_UNION, []))
    if names and names not in text:
        text += f" Exactly one of {names} must be set."
    if defaults is Defaults.DESCRIBED and schema.get("default", {}) != {}:
        text += f" Default: {schema['default']}."
    return text


def _one_line(text: str) -> str:
    return " ".join(text.split())
