"""Profiles that somebody got wrong: examples with their values, their keys and their text changed at random.

A profile has a number, and the same number always gives the same one.
"""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from tests.unit.commands.odd import BOMB, NUMBERS, OTHERS, PIECES, WORDS

REPOSITORY = Path(__file__).resolve().parents[3]
API = REPOSITORY / "tests" / "unit" / "api"
FILES = (*sorted((REPOSITORY / "examples").glob("*.yaml")), API / "full.yaml", API / "minimal.yaml")
SCRIPT = "def init(): pass\ndef run(data): return data\n"


def _needed(profile: Any) -> list[dict[str, Any]]:
    """Return the ConfigMaps and Secrets that a profile names, with the keys that it names."""
    objects: dict[tuple[str, str], dict[str, Any]] = {}
    for path in _paths(profile):
        value = _at(profile, path)
        kind = {"configMap": "ConfigMap", "secret": "Secret"}.get(str(path[-1]).removesuffix("KeyRef"))
        name = (value.get("name") or value.get("secretName")) if isinstance(value, dict) else None
        if kind and isinstance(name, str):
            texts = "data" if kind == "ConfigMap" else "stringData"
            new = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, texts: {}}
            keys = objects.setdefault((kind, name), new)[texts]
            keys |= {"score.py": SCRIPT, "requests.txt": "{}\n[1]\n", value.get("key") or "a": "{}\n"}
    return list(objects.values())


def _bases() -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Return the profiles that are changed, each with the other objects of its file; every second fits this machine."""
    bases = []
    for file in FILES:
        objects = [o for o in yaml.safe_load_all(file.read_text(encoding="utf-8")) if o is not None]
        for profile in (o for o in objects if o["kind"] == "ModelProfile"):
            small = copy.deepcopy(profile)
            small["spec"].setdefault("resources", {})["cpu"] = {"values": ["50m", "200m"]}
            small["spec"].get("endpoint", {}).get("http", {}).pop("tls", None)
            small["spec"].get("search", {}).pop("threads", None)
            others = [o for o in objects if o["kind"] != "ModelProfile"] or _needed(profile)
            bases += [(profile, others), (small, others)]
    return bases


# libyaml is ten times as fast, where PyYAML was built with it.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def schema() -> dict[str, Any]:
    """Return the schema of a profile's spec, as the CRD has it."""
    (file,) = (REPOSITORY / "crds").glob("*.yaml")
    version = yaml.load(file.read_text(encoding="utf-8"), _Loader)["spec"]["versions"][0]
    properties: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]
    return {"properties": {"spec": properties["spec"]}}


def _fields(node: dict[str, Any], path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Yield every field of a schema with its path; an item of a list is its first, and one of a map is called a."""
    for name, field in node.get("properties", {}).items():
        yield (*path, name), field
        yield from _fields(field, (*path, name))
    if isinstance(items := node.get("items"), dict):
        yield (*path, 0), items
        yield from _fields(items, (*path, 0))
    if isinstance(values := node.get("additionalProperties"), dict):
        yield (*path, "a"), values
        yield from _fields(values, (*path, "a"))


FIELDS = list(_fields(schema()))


def _odd(rng: random.Random, field: dict[str, Any] | None = None) -> Any:
    """Return a value that a field should not have, often one that is nearly right."""
    field = field or {}
    near: list[Any] = []
    if choices := field.get("enum"):
        near += [str(rng.choice(choices)).swapcase(), f"{rng.choice(choices)}s", rng.choice(choices)]
    for bound in ("minimum", "maximum"):
        if bound in field:
            near += [field[bound] - 1, field[bound], field[bound] + 1, str(field[bound]), float(field[bound])]
    for bound in ("maxLength", "minLength"):
        if bound in field:
            near += ["1" * (field[bound] + 1), "a" * field[bound]]
    if "maxItems" in field:
        near += [["a"] * (field["maxItems"] + 1), [{}] * field["maxItems"]]
    kind = rng.randrange(6)
    if near and kind < 3:
        return rng.choice(near)
    if kind == 5:
        return _deep(rng)
    return copy.deepcopy(rng.choice([WORDS, WORDS, NUMBERS, OTHERS][kind % 4]))


def _deep(rng: random.Random) -> Any:
    """Return something that is nested."""
    value: Any = "x"
    for _ in range(rng.choice([2, 5, 40, 90, 110])):
        value = {"a": value} if rng.random() < 0.5 else [value]
    return value


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [p for key, child in inner for p in ((*path, key), *_paths(child, (*path, key)))]


def _at(data: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        data = data[key]
    return data


def _set(data: Any, path: tuple[Any, ...], value: Any) -> None:
    """Set a value, with what leads to it where that is missing; what is in the way is replaced."""
    for number, key in enumerate(path):
        last = number == len(path) - 1
        if isinstance(key, int):
            if not isinstance(data, list):
                return
            data.extend([None] * (key + 1 - len(data)))
        elif not isinstance(data, dict):
            return
        if last:
            data[key] = value
            return
        child = data[key] if isinstance(key, int) else data.get(key)
        if not isinstance(child, dict | list):
            child = [] if isinstance(path[number + 1], int) else {}
            data[key] = child
        data = child


def _by_schema(rng: random.Random, data: Any) -> None:
    path, field = rng.choice(FIELDS)
    _set(data, path, _odd(rng, field))


def _replaced(rng: random.Random, data: Any) -> None:
    if paths := _paths(data):
        *parents, last = rng.choice(paths)
        _at(data, tuple(parents))[last] = _odd(rng)


def _removed(rng: random.Random, data: Any) -> None:
    if paths := _paths(data):
        *parents, last = rng.choice(paths)
        del _at(data, tuple(parents))[last]


def _renamed(rng: random.Random, data: Any) -> None:
    paths = [p for p in _paths(data) if isinstance(p[-1], str)]
    if paths:
        *parents, last = rng.choice(paths)
        parent = _at(data, tuple(parents))
        new = rng.choice([last.upper(), last[:-1], f"{last}s", last.lower(), rng.choice(WORDS)])
        parent[new] = parent.pop(last)


def _wrapped(rng: random.Random, data: Any) -> None:
    if paths := _paths(data):
        *parents, last = rng.choice(paths)
        inner = _at(data, tuple(parents))[last]
        value = rng.choice([[inner], {"a": inner}, [inner, inner], str(inner), {str(inner)[:20]: inner}])
        _at(data, tuple(parents))[last] = copy.deepcopy(value)


def _moved(rng: random.Random, data: Any) -> None:
    if paths := _paths(data):
        value = copy.deepcopy(_at(data, rng.choice(paths)))
        *parents, last = rng.choice(paths)
        _at(data, tuple(parents))[last] = value


OF_DATA: tuple[Callable[[random.Random, Any], None], ...] = (
    _by_schema,
    _by_schema,
    _by_schema,
    _replaced,
    _replaced,
    _removed,
    _renamed,
    _wrapped,
    _moved,
)


class _Plain(_Dumper):  # type: ignore[misc]  # the base is chosen when it is imported
    """Writes what is used twice twice, as people do."""

    def ignore_aliases(self, data: Any) -> bool:
        """Return that no value has an anchor."""
        return True


def _bombed(rng: random.Random, text: str) -> str:
    """Return a text with aliases of aliases in one of its values."""
    values = list(re.finditer(r"(?<=: )\S.*$", text, re.MULTILINE))
    if not values or rng.random() < 0.3:
        return BOMB + text
    at = rng.choice(values)
    return f"{BOMB}{text[: at.start()]}*x{rng.randint(2, 8)}{text[at.end() :]}"


def _unquoted(rng: random.Random, lines: list[str]) -> None:
    quoted = [i for i, line in enumerate(lines) if re.search(r"""['"]""", line)]
    at = rng.choice(quoted or range(len(lines)))
    lines[at] = re.sub(r"""['"]""", "", lines[at])


def _doubled(rng: random.Random, lines: list[str]) -> None:
    at = rng.randrange(len(lines))
    lines.insert(at, lines[at])


def _dropped(rng: random.Random, lines: list[str]) -> None:
    del lines[rng.randrange(len(lines))]


def _indented(rng: random.Random, lines: list[str]) -> None:
    at = rng.randrange(len(lines))
    lines[at] = lines[at].lstrip() if rng.random() < 0.3 else rng.choice(["  ", " ", "\t"]) + lines[at]


def _inserted(rng: random.Random, lines: list[str]) -> None:
    at = rng.randrange(len(lines))
    column = rng.randrange(len(lines[at]) + 1)
    lines[at] = lines[at][:column] + rng.choice(PIECES) + lines[at][column:]


def _aliased(rng: random.Random, lines: list[str]) -> None:
    values = [i for i, line in enumerate(lines) if re.search(r": \S", line)]
    if len(values) > 1:
        first, second = sorted(rng.sample(values, 2))
        lines[first] = lines[first].replace(": ", ": &a ", 1)
        lines[second] = re.sub(r": .*", ": *a", lines[second])


def _rewritten(rng: random.Random, lines: list[str]) -> None:
    at = rng.randrange(len(lines))
    lines[at] = re.sub(r": .*", lambda _: ": " + rng.choice([*WORDS[:60], "&a [*a]", "{a: " * 150]), lines[at])


OF_LINES: tuple[Callable[[random.Random, list[str]], None], ...] = (
    _unquoted,
    _doubled,
    _dropped,
    _indented,
    _inserted,
    _aliased,
    _rewritten,
)


def _text_changed(rng: random.Random, text: str) -> str:
    """Return YAML with one thing in its text changed."""
    if rng.random() < 0.2:
        odd = [text.replace("\n", "\r\n"), "\ufeff" + text, text.replace("  ", "\t", 1), _bombed(rng, text)]
        return rng.choice([text[: rng.randrange(len(text) + 1)], *odd])
    lines = text.splitlines(keepends=True) or ["\n"]
    rng.choice(OF_LINES)(rng, lines)
    return "".join(lines)


BASES = _bases()


def mutated(number: int) -> str:
    """Return the text of the profile of this number."""
    rng = random.Random(f"profile {number}")
    objects = copy.deepcopy(list(rng.choice(BASES)))
    profile, others = objects
    by_text = rng.random() < 0.4
    for _ in range(0 if by_text and rng.random() < 0.8 else rng.choice([1, 1, 1, 2, 4])):
        rng.choice(OF_DATA)(rng, profile if rng.random() < 0.9 else others)
    as_json = json.dumps({"apiVersion": "v1", "kind": "List", "items": [*others, profile]}, indent=1)
    if not by_text and rng.random() < 0.2:
        return as_json
    try:
        text = yaml.dump_all([profile, *others], Dumper=_Plain, allow_unicode=rng.random() < 0.5, sort_keys=False)
    except UnicodeEncodeError:  # half a character, which JSON can write
        return as_json
    for _ in range(rng.choice([1, 1, 2]) if by_text else 0):
        text = _text_changed(rng, text)
    return text
