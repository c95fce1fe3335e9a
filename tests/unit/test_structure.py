"""The limits that keep the package readable: size of files, functions and folders, and no circle of imports.

Each limit has a table of what is still over it. The tables shrink only: an entry that is no longer needed fails, too.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_FOLDER_FILES = 24

LONG_FILES: set[str] = set()
LONG_FUNCTIONS: set[str] = set()
FULL_FOLDERS: set[str] = set()
CIRCLES: set[str] = set()
"""Rooms in which modules import each other in a circle."""


@pytest.fixture(scope="module")
def package(repository: Path) -> Path:
    """Return the folder of the package."""
    return repository / "operator" / "modelprofiler"


def functions_of(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the name of each function of a file with its number of lines, docstring included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


def circles_of(imports: dict[str, set[str]]) -> list[list[str]]:
    """Return the groups of modules that reach each other by imports (strongly connected components, after Tarjan)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    circles: list[list[str]] = []

    def visit(module: str) -> None:
        order[module] = lowest[module] = len(order)
        stack.append(module)
        for imported in sorted(imports[module]):
            if imported not in order:
                visit(imported)
            if imported in stack:
                lowest[module] = min(lowest[module], lowest[imported])
        if lowest[module] == order[module]:
            group = stack[stack.index(module) :]
            del stack[-len(group) :]
            if len(group) > 1:
                circles.append(sorted(group))

    for module in sorted(imports):
        if module not in order:
            visit(module)
    return circles


def test_files_have_at_most_400_lines(package: Path) -> None:
    """A file that needs more holds more than one thing."""
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in package.rglob("*.py")}
    assert LONG_FILES == {str(path.relative_to(package)) for path, n in lines.items() if n > MAX_FILE_LINES}


def test_functions_have_at_most_60_lines(package: Path) -> None:
    """A function fits a screen."""
    assert LONG_FUNCTIONS == {
        f"{path.relative_to(package)}:{name}"
        for path in package.rglob("*.py")
        for name, lines in functions_of(path)
        if lines > MAX_FUNCTION_LINES
    }


def test_folders_have_at_most_24_python_files(package: Path) -> None:
    """A folder is a room with one purpose."""
    folders = {path.parent for path in package.rglob("*.py")}
    assert FULL_FOLDERS == {
        str(folder.relative_to(package)) for folder in folders if len(list(folder.glob("*.py"))) > MAX_FOLDER_FILES
    }


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports inside functions and those for type checkers count, too."""
    graph = grimp.build_graph("modelprofiler", exclude_type_checking_imports=False, cache_dir=None)
    circles = circles_of({module: graph.find_modules_directly_imported_by(module) for module in graph.modules})
    rooms = {module.split(".")[1] if "." in module else module for circle in circles for module in circle}
    assert CIRCLES == rooms, circles


def test_a_circle_of_imports_is_found() -> None:
    """Also one of three modules that others import."""
    imports = {"a": {"b"}, "b": {"c", "e"}, "c": {"d"}, "d": {"b"}, "e": set()}
    assert [["b", "c", "d"]] == circles_of(imports)


def test_the_length_of_a_function_includes_its_docstring(tmp_path: Path) -> None:
    """And a method counts as a function does."""
    source = tmp_path / "example.py"
    source.write_text('class A:\n    def f(self):\n        """Say."""\n        return 1\n', encoding="utf-8")
    assert [("f", 3)] == list(functions_of(source))
