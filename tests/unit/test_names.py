"""Names are nouns and verbs of the field: a word that fits any value says nothing about the one that it names."""

import ast
from collections.abc import Iterator
from pathlib import Path

VAGUE = {"alone", "beside", "found", "given", "less", "said", "told", "wanted", "whole"}
"""Words that were names all over the code, of anything that had been read, set, written or expected."""

FOLDERS = ("operator", "tests", "benchmarks", "hack")


def bound_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield every name that a file binds, with its line: variables, parameters, functions, classes and attributes."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name) | ast.alias(asname=str(name)):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name


def test_no_name_is_a_word_that_fits_anything(repository: Path) -> None:
    """Neither with an underscore in front."""
    vague = [
        f"{path.relative_to(repository)}:{line} {name}"
        for folder in FOLDERS
        for path in sorted((repository / folder).rglob("*.py"))
        for line, name in bound_names(ast.parse(path.read_text(encoding="utf-8")))
        if name.lstrip("_") in VAGUE
    ]
    assert [] == vague


def test_each_way_to_bind_a_name_is_seen() -> None:
    """Else a vague name would pass."""
    source = "import a as b\nclass C:\n  d: int = 1\ndef e(f, *g, h=1): self.i = 1\nj, k = l = 1\nfor m in n: pass"
    assert set("bCdefghijklm") == {name for _, name in bound_names(ast.parse(source))}
