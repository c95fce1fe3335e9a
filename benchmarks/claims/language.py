"""Sentences that may be claimed: patterns with slots for sizes and numbers, and what each must be proved with.

A text is read from its beginning, clause by clause. What no pattern reads is an error, as is a clause whose proof does
not hold, so that a sentence that is added or reworded is refused until somebody writes down what proves it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.claims.facts import Facts

from modelprofiler.api.quantities import Duration, Quantity
from modelprofiler.core.text import ELLIPSIS

DURATION = r"(?:[0-9]+(?:\.[0-9]+)?(?:ns|us|ms|s|m|h))+"
NUMBER = r"[0-9]+(?:\.[0-9]+)?"
SIZE = r"[0-9]+(?:\.[0-9]+)?(?:Ti|Gi|Mi|Ki|M)?"
SPAN = r"[0-9.]+ (?:s|min|h|days)"
SLOTS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "cpu": (r"[0-9]+m?", lambda text: Quantity(text).millicores),
    "memory": (SIZE, lambda text: Quantity(text).bytes),
    "mebibytes": (r"[0-9]+Mi", lambda text: int(text[:-2])),
    "time": (DURATION, lambda text: Duration(text).seconds),
    "count": (r"[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+", lambda text: int(text.replace(",", ""))),
    "number": (NUMBER, float),
    "value": (rf"{DURATION}|{NUMBER}%|{NUMBER}/s", str),
    "rate": (rf"{NUMBER} [MK]iB \({NUMBER} to {NUMBER}\) per 1,000 requests", str),
    "metric": (r"p50|p90|p95|p99|p999|mean|max|errorPercent|rate|throttledPercent|timeToReady|firstRequest", str),
    "outcome": (r"[A-Z][A-Za-z]+", str),
    "more": (r"more|less|rose|fell", str),
    "word": (r"[A-Za-z0-9._-]+", str),
    "lasts": (
        rf"{SIZE} lasts (?:about [0-9,]+ requests|{SPAN})(?:, {SIZE} (?:about [0-9,]+ requests|{SPAN}))*",
        str,
    ),
    "failures": (r"[0-9]+ by [a-z]+(?:, [0-9]+ by [a-z]+)*", str),
    "name": (r"[A-Z][a-z]+ [a-z0-9.-]+", str),
    "amounts": (rf"[0-9]+m? CPU(?: and {SIZE} of memory)?|{SIZE} of memory", str),
    "why": (r"[a-z0-9, .-]+", str),
    "variables": (r"[A-Z_]+=[^ ,]+(?:(?:, | and )[A-Z_]+=[^ ,]+)*", str),
}
"""For the name of a slot, digits aside: how its text looks, and what it means."""

_SLOT = re.compile(r"\{([a-z]+)([0-9]*)\}")


@dataclass
class Context:
    """What earlier clauses of a text have introduced, which later ones refer to.

    Attributes
    ----------
    base
        The size that a margin is added to: millicores or bytes.
    of_memory
        Whether that is of memory.
    trials
        Indexes of the trials that the last clause may be about.
    """

    base: int = 0
    of_memory: bool = False
    trials: tuple[int, ...] = ()


Proof = Callable[[Facts, dict[str, Any], Context], bool]


@dataclass(frozen=True)
class Form:
    """A clause that may be claimed.

    Attributes
    ----------
    template
        Its text, with slots such as ``{cpu}`` and ``{count2}``, and ``{message}`` for the words of a trial. Words in
        ``[[ ]]`` may be absent, and what lies between ``||`` in them is alternative.
    proof
        Whether the trials show it, from the values of the slots.
    begins
        Whether it begins a sentence; it otherwise goes on with one.
    """

    template: str
    proof: Proof
    begins: bool = False

    def pattern(self, messages: str) -> re.Pattern[str]:
        """Return what reads it, where the words of the trials are read by a pattern."""
        return _compiled(self.template, messages if "{message}" in self.template else "")

    def values(self, match: re.Match[str]) -> dict[str, Any]:
        """Return what the slots mean."""
        groups = match.groupdict()
        return {
            name: text if text is None or (kind := name.rstrip("0123456789")) == "message" else SLOTS[kind][1](text)
            for name, text in groups.items()
        }


@functools.lru_cache(maxsize=1000)
def _compiled(template: str, messages: str) -> re.Pattern[str]:
    parts, position = [], 0
    for slot in _SLOT.finditer(template):
        kind, number = slot.groups()
        looks = messages if kind == "message" else SLOTS[kind][0]
        parts += [_optional(template[position : slot.start()]), f"(?P<{kind}{number}>{looks})"]
        position = slot.end()
    return re.compile("".join([*parts, _optional(template[position:])]))


def _optional(text: str) -> str:
    """Return a literal text as a pattern, with its ``[[ ]]`` and ``||``."""
    pieces = re.split(r"(\[\[|\]\]|\|\|)", text)
    marks = {"[[": "(?:", "]]": ")?", "||": "|"}
    return "".join(marks.get(piece) or re.escape(piece) for piece in pieces)


@dataclass(frozen=True)
class Unproved:
    """A clause that is not proved, and why."""

    clause: str
    why: str

    def __str__(self) -> str:
        return f"{self.why}: {self.clause!r}"


class Reader:
    """Reads texts about one run."""

    def __init__(self, facts: Facts, forms: Sequence[Form]) -> None:
        self._facts = facts
        messages = "|".join(re.escape(m) for m in sorted(facts.messages, key=len, reverse=True)) or r"(?!)"
        self._forms = [(form, form.pattern(messages)) for form in forms]

    def unproved(self, text: str, about: tuple[int, ...] = ()) -> list[Unproved]:
        """Return the clauses of a text that its trials do not show; what follows an unknown one is not read.

        Parameters
        ----------
        text
            The text.
        about
            Indexes of the trials that it is about; empty where it says itself which they are.
        """
        position, context = 0, Context(trials=about)
        wrong: list[Unproved] = []
        begins = True
        while position < len(text):
            matching = self._longest(text, position, begins)
            if not matching:
                if text.endswith(ELLIPSIS):
                    break  # the text was cut at its greatest length
                return [*wrong, Unproved(text[position:], "no form reads this")]
            why, context = self._proved(matching, context)
            end = matching[0][1].end()
            if why:
                wrong.append(Unproved(text[position:end], why))
            position, begins = end, False
            if text[position : position + 2] == ". " and self._longest(text, position + 2, begins=True):
                position, begins = position + 2, True
            elif text[position:] == ".":
                break
        return wrong

    def _longest(self, text: str, position: int, begins: bool) -> list[tuple[Form, re.Match[str]]]:
        """Return the forms that read most of the text from here, and what they read."""
        matches = ((form, pattern.match(text, position)) for form, pattern in self._forms if form.begins == begins)
        matching = [(form, match) for form, match in matches if match is not None]
        longest = max((match.end() for _, match in matching), default=0)
        return [(form, match) for form, match in matching if match.end() == longest]

    def _proved(self, matching: Sequence[tuple[Form, re.Match[str]]], context: Context) -> tuple[str, Context]:
        """Return why none of these clauses is proved, empty where one is; and the context after it."""
        why = ""
        for form, match in matching:
            after = replace(context)
            try:
                if form.proof(self._facts, form.values(match), after):
                    return "", after
                why = "the trials do not show this"
            except (AssertionError, AttributeError, LookupError, TypeError, ValueError, ZeroDivisionError) as error:
                why = f"the proof failed ({type(error).__name__}: {error})"
        return why, after
