"""The files of a source: what a ConfigMap contains, and what identifies it."""

import base64

import pytest

from modelprofiler.core.sources import FilesDigest, digest, files_of, no_key, script_problems, which_rows


def test_a_config_map_has_text_and_binary_files() -> None:
    """Base64 may be broken into lines."""
    encoded = base64.b64encode(b"\x00\x01\x02").decode()
    files, problems = files_of(
        {"data": {"a.txt": "caf\u00e9"}, "binaryData": {"b.bin": f"{encoded[:2]}\n {encoded[2:]}"}}
    )
    assert ({"a.txt": "caf\u00e9".encode(), "b.bin": b"\x00\x01\x02"}, []) == (files, problems)


@pytest.mark.parametrize(
    ("config_map", "path", "message"),
    [
        ({"data": ["a"]}, "data", "must be an object"),
        ({"data": {"a/b": "x"}}, "data.a/b", "is not a valid key"),
        ({"data": {"..": "x"}}, "data...", "is not a valid key"),
        ({"data": {"a": 1}}, "data.a", "must be text"),
        ({"binaryData": {"a": "%%"}}, "binaryData.a", "is not Base64"),
    ],
)
def test_an_entry_that_is_no_file_is_a_problem(config_map: dict[str, object], path: str, message: str) -> None:
    """Named by its path."""
    files, (problem,) = files_of(config_map)
    assert ({}, path) == (files, problem.path)
    assert problem.message.startswith(message)


def test_a_digest_depends_on_names_contents_and_their_borders_alone() -> None:
    """Neither on the order of the files, nor on the parts in which a content is read."""
    files = {"a": b"1", "b": b"23"}
    assert digest(files) == digest(dict(reversed(files.items())))
    assert len({digest(files), digest({"a": b"12", "b": b"3"}), digest({"a": b"1", "c": b"23"})}) == 3
    in_parts = FilesDigest()
    in_parts.add("a", 1, [b"1"])
    in_parts.add("b", 2, [b"2", b"3"])
    assert digest(files) == str(in_parts)


def test_messages_name_what_there_is_instead() -> None:
    """A user sees the mistake at once."""
    assert "ConfigMap 'c' has no key 'x'; it has a, b" == no_key("c", "x", ["b", "a"])
    assert "ConfigMap 'c' has no key 'x'; it has no keys" == no_key("c", "x", [])
    assert [] == script_problems("score.py", ["score.py"])
    (problem,) = script_problems("score.py", ["main.py"])
    assert "the source has no file 'score.py'; it has main.py" == problem.message


@pytest.mark.parametrize(
    ("keys", "message"),
    [([], "has no keys"), (["one"], ""), (["b", "a"], "name the key with the rows: ConfigMap 'c' has a, b")],
)
def test_the_rows_are_in_the_only_key(keys: list[str], message: str) -> None:
    """Of several, the profile has to name one."""
    problems = which_rows("c", keys)
    assert bool(message) == bool(problems)
    assert all(message in problem.message for problem in problems)


def test_the_rows_of_a_secret_are_named_as_such() -> None:
    """With the path of its own field."""
    (problem,) = which_rows("s", ["b", "a"], "Secret")
    assert ("spec.dataset.source.secret.key", "name the key with the rows: Secret 's' has a, b") == (
        problem.path,
        problem.message,
    )
