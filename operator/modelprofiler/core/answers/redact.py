"""Text of a server that goes into a status or a report: on one line, and without what may be a credential."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from modelprofiler.core.text import ELLIPSIS, head

_NAMED = re.compile(
    r"""(?ix)
    ((?:[\w-]*(?:authorization|api[-_]?key|access[-_]?key|token|secret|passw(?:or)?d|credential|cookie|signature)[\w-]*
      | pwd | sig)
    ["']?\s*[:=]\s*["']?)
    (?:(?:bearer|basic|digest|token)\s+)?
    [^\s"',;&}<]+"""
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/._~=-]{6,}")
_IN_URL = re.compile(r"(://)[^\s/@:]*:[^\s/@]*@")
_PREFIXED = re.compile(r"\b(?:eyJ|sk-|ghp_|gho_|github_pat_|hf_|xox[abprs]-|AKIA|AIza|glpat-)[\w.+/=-]{8,}")
_LONG = re.compile(r"[A-Za-z0-9+/_=-]{40,}")
"""Forty characters without a break: keys and encoded bytes have that, words and numbers seldom do."""
_NOT_SHOWN = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]+")


def shown(text: str, longest: int) -> str:
    """Return the beginning of a text of someone else: one line, at most `longest` characters, credentials left out."""
    text = _NOT_SHOWN.sub(" ", head(text, 8 * longest)).strip()
    text = _IN_URL.sub(rf"\1{ELLIPSIS}@", text)
    text = _BEARER.sub(rf"\1 {ELLIPSIS}", text)
    text = _NAMED.sub(rf"\1{ELLIPSIS}", text)
    text = _PREFIXED.sub(ELLIPSIS, text)
    text = _LONG.sub(ELLIPSIS, text)
    return head(text, longest)


SHORTEST_SECRET = 4
"""Characters of a secret, or of its beginning, that are left out: fewer are in any text by chance."""


def without(text: str, secrets: Iterable[str]) -> str:
    """Return a text, perhaps a cut one, without secrets and without the part of one at which it was cut."""
    for secret in secrets:
        for form in dict.fromkeys((secret, json.dumps(secret)[1:-1])):
            if len(form) < SHORTEST_SECRET:
                continue
            text = text.replace(form, ELLIPSIS)
            rest = text.removesuffix(ELLIPSIS)
            parts = (form[:length] for length in range(len(form) - 1, SHORTEST_SECRET - 1, -1))
            if (part := next((part for part in parts if rest.endswith(part)), None)) is not None:
                text = rest.removesuffix(part) + ELLIPSIS
    return text
