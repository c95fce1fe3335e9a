"""Files of YAML and JSON with anything in them: a profile, or problems with their places."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.fuzz.exploring import explore, mutated_bytes
from tests.unit.commands.test_mutated import CONFIG_MAP, PROFILES, SECRET, mutated

from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.serving.conda_dependencies import CondaDependencies
from modelprofiler.errors import InvalidInput, ModelProfilerError
from modelprofiler.files.document import load_document
from modelprofiler.files.yaml_objects import MOST_VALUES, read_objects
from modelprofiler.local.check import problems
from modelprofiler.report.document import read as read_record

TEXTS = [yaml.safe_dump_all([CONFIG_MAP, SECRET, profile]).encode() for profile in PROFILES[:2]]
TEXTS += [json.dumps({"apiVersion": "v1", "kind": "List", "items": [CONFIG_MAP, PROFILES[0]]}).encode()]

LAUGHS = b"".join(
    b"a%d: &a%d [%b]\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9) if n else b"x, x") for n in range(12)
)
ODD = (
    *(b"!!int ''", b"!!int x", b"!!float ''", b"!!bool x", b"!!timestamp x", b"!!timestamp 2026-13-45", b"!!binary x"),
    *(b"!!binary /w==", b"!!set {a, b}", b"!!omap [a: 1]", b"!!pairs [a: 1]", b"!!null x", b"!!str [a]", b"!!map x"),
    *(
        b"!!python/object/apply:os.system [id]",
        b"!x y",
        b"! y",
        b"!!merge <<",
        b"<<: {a: b}",
        b"<<: [x]",
        b"? [a]\n: b",
    ),
    *(
        b"? {a: b}\n: c",
        b"&a [*a]",
        b"&a {b: *a}",
        b"*a",
        b"&a",
        b"%YAML 9.9\n---\n",
        b"--- ",
        b"...",
        b"\n---\n",
        b"- ",
    ),
    *(
        b"'",
        b'"',
        b'"\\x',
        b"|",
        b">",
        b"|9",
        b"[" * 200,
        b"{" * 200,
        b"- " * 200,
        b"\t",
        b"\x00",
        b"\xff",
        b"\xef\xbb\xbf",
    ),
    *(b"0x" + b"f" * 5000, b"9" * 5000, b"1e999", b".nan", b"-.inf", b"0o9", b"1:30:00", b"2026-11-30", b"~", b"null"),
    *(
        "\u0085".encode(),
        "\u2028".encode(),
        b"\xed\xa0\x80",
        b"kind: List\nitems: {a: b}\n",
        b"items: &a [*a]\n",
        LAUGHS,
    ),
    *(b"1: 2\n", b"null: a\n", b"true: a\n", b"1.5: a\n", b"#", b": ", b"?", b"x" * 3000),
)


def check(data: bytes) -> None:
    """Read a file, and expect that everything that is wrong with it can be said in a few lines each."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "profile.yaml"
        file.write_bytes(data)
        wrong: list[Any] = []
        try:
            wrong = problems(load_document(file))
        except InvalidInput as error:
            wrong = error.problems
        for problem in wrong:
            assert len(str(problem)) < 20_000
            str(problem).encode()


def changed(objects: list[Any]) -> bytes:
    """Return objects as YAML that PyYAML writes."""
    return yaml.safe_dump_all(objects if isinstance(objects, list) else [objects]).encode("utf-8", "surrogatepass")


def test_text_that_was_changed_anywhere_is_a_profile_or_problems() -> None:
    """With tags, anchors, documents and bytes that YAML has and no profile needs."""
    explore(check, mutated_bytes(TEXTS, ODD), examples=80)


def test_objects_that_were_changed_anywhere_are_a_profile_or_problems() -> None:
    """With aliases, which PyYAML writes where a value is there twice."""
    explore(check, mutated([[CONFIG_MAP, SECRET, profile] for profile in PROFILES[:2]]).map(changed), examples=30)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: !!int ''", "column 7: is not YAML: this is not a valid !!int"),
        ("kind: !!bool x", "column 7: is not YAML: this is not a valid !!bool"),
        ("kind: !!timestamp x", "column 7: is not YAML: this is not a valid !!timestamp"),
        (f"kind: {'9' * 5000}", "column 7: is not YAML: this is not a valid !!int"),
        ("kind: &a [*a]", "line 1: the value of the anchor &a contains itself"),
        (LAUGHS.decode(), f"has more than {MOST_VALUES:,} values once its aliases are written out"),
    ],
)
def test_yaml_that_is_no_json_is_named_with_its_place(text: str, message: str) -> None:
    """A tag that does not fit its value, a value inside itself, and a few lines that stand for billions."""
    with pytest.raises(InvalidInput) as error:
        read_objects(text, "file")
    assert message in str(error.value)


def test_aliases_are_as_good_as_what_they_stand_for() -> None:
    """Kubernetes' own reader takes them."""
    assert [{"kind": "A", "x": [{"y": 1}, {"y": 1}]}] == read_objects("kind: A\nx: [&a {y: 1}, *a]", "file")


TAGS = ["kind: !!int ''", "kind: !!float ''", "kind: !!bool x", "kind: !!timestamp x", "kind: !!int x", "kind: &a [*a]"]


@pytest.mark.parametrize("text", TAGS)
def test_other_files_of_yaml_are_read_as_carefully(text: str, tmp_path: Path) -> None:
    """The record of a run, the configuration of a service, and the packages of an environment."""
    file = tmp_path / "file.yaml"
    file.write_text(text)
    with pytest.raises(ModelProfilerError):
        read_record(file)
    with pytest.raises(UserErrorException):
        CondaDependencies(conda_dependencies_file_path=str(file))
