"""The Kubernetes objects in a text of YAML or JSON, read as kubectl reads them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from modelprofiler.api.objects import MAX_DEPTH, Object
from modelprofiler.errors import InvalidInput, Problem

MAX_BYTES = 64 * 2**20
"""Size of a file; chosen far above what a cluster takes, and small enough to be read at once."""

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
MOST_VALUES = 1_000_000
"""Values that a text of YAML may have, with those that its aliases stand for: a dozen lines of aliases of aliases can
stand for billions. Chosen: fifty profiles with two hundred finished trials each, which are read in a quarter of a
minute."""
WEIGHT_CHARACTERS = 100
"""Characters of a text that count as another value, so that a long text cannot be repeated for ever either."""

MOST_BITS = 1024
"""Bits of a whole number, as of the largest floating-point number. Python refuses to write one with thousands of
digits, though it reads one that is written in another base."""

# libyaml reads long scalars, such as the Base64 of a model, fifty times as fast; not every build of PyYAML has it.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]  # the base is chosen when it is imported
    """YAML as kubectl reads it: dates are text, 12:30 is not a number, and duplicate keys are refused."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            value = super().construct_object(node, deep)
            if isinstance(value, int) and value.bit_length() > MOST_BITS:
                raise OverflowError("no number of Kubernetes is as large")
            return value
        except yaml.YAMLError:
            raise
        except (ValueError, LookupError, AttributeError, TypeError, ArithmeticError) as error:
            # What PyYAML raises for a value that is not what its tag says, such as !!int "".
            tag = node.tag.replace("tag:yaml.org,2002:", "!!")
            raise yaml.constructor.ConstructorError(
                None, None, f"this is not a valid {tag:.60}", node.start_mark
            ) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[str, int] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                line = key.start_mark.line + 1
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"{key.value!r} is a duplicate of the key in line {seen[key.value]}", key.start_mark
                    )
                seen[key.value] = line
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def _without_sexagesimals() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    plain_int = re.compile(r"^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+)$")
    plain_float = re.compile(
        r"^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
    )
    patterns = {"tag:yaml.org,2002:int": plain_int, "tag:yaml.org,2002:float": plain_float}
    return {
        first: [(tag, patterns.get(tag, pattern)) for tag, pattern in pairs if tag != "tag:yaml.org,2002:timestamp"]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.yaml_implicit_resolvers = _without_sexagesimals()


def read_objects(text: str, name: str) -> list[Object]:
    """Return the objects in a text; a List is replaced by its items.

    Parameters
    ----------
    text
        YAML documents, or one JSON value.
    name
        The name of the text in messages: its file.

    Raises
    ------
    InvalidInput
        The text is not YAML (the message has the line), or something in it is not an object.
    """
    if len(text) > MAX_BYTES:
        raise InvalidInput([Problem(name, f"is larger than {MAX_BYTES // 2**20} MiB; name files instead")])
    objects: list[Object] = []
    problems: list[Problem] = []
    for number, document in enumerate(_documents(text, name), 1):
        if document is None:
            continue
        for item in document.get("items") or [] if _is_list(document) else [document]:
            if isinstance(item, dict) and isinstance(item.get("kind"), str):
                objects.append(item)
            elif isinstance(item, dict):
                problems.append(Problem(f"{name}, document {number}", "has no kind, as every Kubernetes object has"))
            else:
                message = f"must be a Kubernetes object, not {str(item)[:60]!r}"
                problems.append(Problem(f"{name}, document {number}", message))
    if problems:
        raise InvalidInput(problems)
    return objects


def _documents(text: str, name: str) -> Iterator[Any]:
    if text.lstrip().startswith("{"):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            pass  # a YAML document may begin like this, too, and the YAML reader reports the place of an error
        else:
            if half := _half_character(text, value):
                message = f"has {half}, which is half of a character: write the character itself, or both halves"
                raise InvalidInput([Problem(name, message)])
            yield value
            return
    try:
        _check_size(text, name)
        yield from yaml.load_all(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}, line {mark.line + 1}, column {mark.column + 1}" if mark else name
        reason = ", ".join(part for part in (error.context, error.problem) if part)
        raise InvalidInput([Problem(where, f"is not YAML: {reason}")]) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        message = f"is not YAML: the character U+{error.character:04X} is not allowed in it"
        raise InvalidInput([Problem(f"{name}, line {line}", message)]) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidInput([Problem(name, f"is not YAML: {str(error).partition(chr(10))[0]}")]) from error


def _half_character(text: str, value: Any) -> str:
    r"""Return a surrogate without its pair in what a JSON text means, as ``\ud800``; empty without one."""
    if not _SURROGATE.search(text):
        return ""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        return f"\\u{ord(error.object[error.start]):04x}"
    except RecursionError:
        return ""  # it is refused for its depth
    return ""


def _check_size(text: str, name: str) -> None:
    """Refuse YAML that is nested too deeply, or has too many values once its aliases are written out.

    libyaml's composer is recursive, and ends the process at its limit. An alias costs nothing until the value that it
    stands for is looked at.
    """
    values = _Values()
    for event in yaml.parse(text, _Loader):
        if problem := values.problem_with(event):
            mark = event.start_mark
            raise InvalidInput([Problem(f"{name}, line {mark.line + 1}" if mark else name, problem)])


class _Values:
    """Counts the values of a text of YAML.

    Attributes
    ----------
    number
        Of the values so far, with those that aliases stand for.
    """

    def __init__(self) -> None:
        self.number = 0
        self._around: list[tuple[str | None, int]] = []
        """The collections that are open: the anchor of each, and how many values were before it."""
        self._of_anchor: dict[str, int] = {}
        self._has_aliases = False

    def problem_with(self, event: yaml.Event) -> str:
        """Count an event of the parser; return what is wrong with the text up to it, empty where nothing is."""
        if isinstance(event, yaml.AliasEvent):
            self._has_aliases = True
            if any(anchor == event.anchor for anchor, _ in self._around):
                return f"the value of the anchor &{event.anchor:.60} contains itself"
            self.number += self._of_anchor.get(event.anchor or "", 1)
        elif isinstance(event, yaml.ScalarEvent):
            self._add(event.anchor, 1 + len(event.value) // WEIGHT_CHARACTERS)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._around.append((event.anchor, self.number))
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = self._around.pop()
            self.number, inside = before, self.number - before
            self._add(anchor, 1 + inside)
        if len(self._around) > MAX_DEPTH:
            return f"is nested more than {MAX_DEPTH} levels deep"
        if self.number > MOST_VALUES:
            end = " once its aliases are written out" if self._has_aliases else ""
            return f"has more than {MOST_VALUES:,} values{end}"
        return ""

    def _add(self, anchor: str | None, values: int) -> None:
        self.number += values
        if anchor is not None:
            self._of_anchor[anchor] = values


def _is_list(document: Any) -> bool:
    return (
        isinstance(document, dict)
        and document.get("kind") == "List"
        and isinstance(document.get("items"), list | type(None))
    )
