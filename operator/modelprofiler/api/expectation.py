"""Which responses count as success: their status, and what else a user expects of them."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema, model_validator

from modelprofiler.api.model import ApiModel
from modelprofiler.api.patterns import PatternRule
from modelprofiler.api.quantities import Quantity, Rule

NO_ANSWER = (
    "status contains a code below 200 or from 300 to 399: a redirect is no answer of the model; "
    "name the endpoint that it leads to"
)

LOOKED_AT_BYTES = 2**20
"""Bytes of a body that are looked at where maxBodySize does not say how many: answers of models are seldom larger."""

LARGEST_BODY = "16Mi"
"""More takes the load generator longer to judge than most servers take to answer, and a thousand bodies of it at once
are all the memory that it may have."""

# A field's own characters are few so that the path needs no rules for escapes; \x27 and \x22 are quotes, which CEL
# would end its own text at.
JSON_PATH_PATTERN = (
    r"^\$(\.[A-Za-z_][0-9A-Za-z_-]*"
    r"|\[([0-9]{1,9}|\*|\x27[^\x27\x22\\]{1,128}\x27|\x22[^\x27\x22\\]{1,128}\x22)\])*$"
)
_JSON_PATH = re.compile(JSON_PATH_PATTERN)
NOT_A_JSON_PATH = (
    "must be $ and then fields (.name or ['a name']), indices ([0]) and [*] for every element, such as "
    "$.predictions[0].label, without filters, slices, negative indices and .."
)

_MEDIA_TYPE_PATTERN = r"^[0-9A-Za-z!#$&^_.+-]{1,127}/[0-9A-Za-z!#$&^_.+-]{1,127}$"
_MEDIA_TYPE = re.compile(_MEDIA_TYPE_PATTERN)
NOT_A_MEDIA_TYPE = "must be a media type without parameters, such as application/json"

BODY_SIZE = f"must be from 1 byte to {LARGEST_BODY} (m is a thousandth of a byte, and no unit means bytes)"


def _as_text(value: object) -> object:
    """Return a whole number as text, and refuse other values as the API server does."""
    if isinstance(value, bool | float):
        text = str(value).lower() if isinstance(value, bool) else f"{value:.15g}"
        raise ValueError(f'must be text or a whole number: write {text} in quotes, "{text}"')
    return str(value) if isinstance(value, int) else value


JsonText = Annotated[
    str,
    StringConstraints(max_length=1024),
    BeforeValidator(_as_text),
    WithJsonSchema(
        {"anyOf": [{"type": "integer"}, {"type": "string"}], "maxLength": 1024, "x-kubernetes-int-or-string": True}
    ),
]
"""A text, or the text of a number, true, false or null: the resource has no floats, and one type for each field."""


class JsonCheck(ApiModel):
    """What a place in a JSON body must have."""

    at_least_one_of: ClassVar[tuple[str, ...]] = ("value", "type")

    path: Annotated[
        str,
        StringConstraints(max_length=256),
        Rule(
            lambda text: _JSON_PATH.fullmatch(text) is not None,
            f'self.matches(r"{JSON_PATH_PATTERN}")',
            NOT_A_JSON_PATH,
        ),
    ]
    """Where it is: $, and then fields (.name or ['a name']), indices ([0]) and [*], such as $.predictions[0].label.
    With [*] every element must fulfil the check, and there must be one."""
    value: JsonText | None = None
    """What it must be: a text, or a number, true, false or null in quotes. "3" is fulfilled by the number 3 and by the
    text "3", unless type says which."""
    type: Literal["String", "Number", "Boolean", "Array", "Object", "Null"] | None = None
    """The type that it must have."""


class Expectation(ApiModel):
    """Which responses count as success."""

    cel: ClassVar[tuple[tuple[str, str], ...]] = (
        ("!has(self.status) || self.status.all(s, s >= 200 && (s < 300 || s >= 400))", NO_ANSWER),
    )

    status: Annotated[list[Annotated[int, Field(ge=100, le=599)]], Field(min_length=1, max_length=32)] = Field(
        default_factory=lambda: [200]
    )
    """HTTP status codes that count as success. Redirects (300 to 399) never do, and they are not followed."""
    error_bodies: Literal["Doubt", "Accept"] = "Doubt"
    """How to treat bodies that look like reports of errors although their status counts as success, such as
    {"error": "no field x"}, or only say that the work is accepted, such as {"status": "queued"}. Doubt: if most answers
    have such a body, the size is not verified, and the explanation shows one. Accept: they are answers like any other.
    This field has no effect if bodyContains, bodyMatches or jsonPath is set."""
    body_contains: Annotated[str, StringConstraints(min_length=1, max_length=1024)] | None = None
    """Text that the body must contain, in UTF-8. Only the first maxBodySize bytes of a body are examined, by default
    the first 1 MiB. A response that has one of the status codes and does not fulfil this, bodyMatches, jsonPath,
    contentType or maxBodySize counts as failed, by content."""
    body_matches: Annotated[str, StringConstraints(min_length=1, max_length=512), PatternRule()] | None = None
    """Regular expression that must match somewhere in the body, in RE2 syntax: without look-around and
    backreferences, and with counts such as {1,20} that amount to at most 256 parts. ^ and $ are the ends of the
    body."""
    json_path: Annotated[list[JsonCheck], Field(max_length=8)] = Field(default_factory=list)
    """Checks of places in the body, which must be JSON. Every check must hold."""
    content_type: (
        Annotated[
            str,
            StringConstraints(max_length=255),
            Rule(
                lambda text: _MEDIA_TYPE.fullmatch(text) is not None,
                f"self.matches(r'{_MEDIA_TYPE_PATTERN}')",
                NOT_A_MEDIA_TYPE,
            ),
        ]
        | None
    ) = None
    """Media type that the Content-Type of the response must have; its parameters, such as charset, do not matter."""
    max_body_size: (
        Annotated[
            Quantity,
            Rule(
                lambda size: 1 <= size.value <= Quantity(LARGEST_BODY).value,
                "quantity(string(self)).compareTo(quantity('1')) >= 0"
                f" && quantity(string(self)).compareTo(quantity('{LARGEST_BODY}')) <= 0",
                BODY_SIZE,
            ),
        ]
        | None
    ) = None
    """Maximum size of the body, without transfer coding; it cannot exceed 16Mi."""

    @property
    def is_about_bodies(self) -> bool:
        """Whether it says what a body must have in it."""
        return bool(self.body_contains or self.body_matches or self.json_path)

    @property
    def is_about_content(self) -> bool:
        """Whether it says more than the status."""
        return self.is_about_bodies or self.content_type is not None or self.max_body_size is not None

    @property
    def looked_at_bytes(self) -> int:
        """How many bytes of a body are looked at."""
        return LOOKED_AT_BYTES if self.max_body_size is None else self.max_body_size.bytes

    @model_validator(mode="after")
    def _check_status(self) -> Self:
        if any(status < 200 or 300 <= status < 400 for status in self.status):
            raise ValueError(NO_ANSWER)
        return self
