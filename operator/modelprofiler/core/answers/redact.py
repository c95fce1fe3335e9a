"""Text of a server that goes into a status or a report: on one line, and without what may be a credential."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

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
    text = _LONG.sub(ELLIPSIS, without_credentials(text))
    return head(text, longest)


SHORTEST_SECRET = 4
"""Characters of a secret, or of its beginning, that are left out: fewer are in any text by chance."""


SHORTEST_FRAGMENT = 8
"""Characters of a fragment of a secret that is left out by itself: shorter ones are words that may be in any text."""
_BETWEEN = re.compile(r"""[\s"',;&}<=]+""")
"""Where a value is cut when `shown` leaves a part of it out."""


def without(text: str, secrets: Iterable[str]) -> str:
    """Return a text, perhaps a cut one, without secrets and without the part of one at which it was cut.

    A text may have been through `shown`, which leaves out a part of a secret: its fragments are left out as well.
    """
    forms = {form for secret in secrets for form in _forms(secret)}
    for form in sorted(forms, key=lambda form: (-len(form), form)):  # one secret may begin like another
        text = text.replace(form, ELLIPSIS)
        rest = text.removesuffix(ELLIPSIS)
        parts = (form[:length] for length in range(len(form) - 1, SHORTEST_SECRET - 1, -1))
        if (part := next((part for part in parts if rest.endswith(part)), None)) is not None:
            text = rest.removesuffix(part) + ELLIPSIS
    return text


def _forms(secret: str) -> Iterator[str]:
    """Yield a secret as it is, as JSON and on one line, and its fragments."""
    texts = (secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], " ".join(secret.split()))
    yield from (form for form in texts if len(form) >= SHORTEST_SECRET)
    yield from (fragment for fragment in _BETWEEN.split(secret) if len(fragment) >= SHORTEST_FRAGMENT)


def without_credentials(text: str) -> str:
    """Return a text of several lines, such as the end of a log, without what has the form of a credential."""
    text = _IN_URL.sub(rf"\1{ELLIPSIS}@", text)
    text = _BEARER.sub(rf"\1 {ELLIPSIS}", text)
    return _PREFIXED.sub(ELLIPSIS, _NAMED.sub(rf"\1{ELLIPSIS}", text))
