"""Which modules a scoring script needs when it serves, as its text shows: nothing is imported for it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

CALLED = ("init", "run")
"""The functions that the scoring server calls."""

GUARDS = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
"""What an import is caught with."""


LARGEST = 2**20
"""Bytes of a file that is read; a script that somebody wrote is much smaller."""

MOST = 1000
"""Files of a folder that are read; a folder with more Python files is an environment rather than a script's."""

SDKS = ("azureml", "azureml_user", "modelprofiler")
"""Azure ML's SDK, what it generated for batches, and this package, which stands in for it: scripts import them, and the
scoring server has none."""

SERVED = "azureml.contrib.services"
"""The part of the SDK that the scoring server has."""

SERVER = "azureml-inference-server-http"

STANDALONE = {
    "azureml-ai-monitoring": "azureml.ai.monitoring",
    "azureml-contrib-services": SERVED,
    "azureml-monitoring": "azureml.monitoring",
}
"""Packages that bring one module of the SDK and not the SDK itself, as its other packages do."""

IMPORTERS = frozenset({"import_module", "__import__"})
"""The functions that import a module by its name."""

ANYTHING = "*"
"""What is imported of a module where it does not show what of it is used."""


@dataclass(frozen=True)
class Need:
    """A module that a script imports, without an except for when it is missing.

    Attributes
    ----------
    file, line
        Where.
    module
        Its name, such as ``azureml.core``.
    names
        What is used of it; empty where nothing is, or where that does not show.
    certain
        Whether it is imported whenever the script serves; otherwise a condition or a call decides.
    unused
        What is imported of it and not used; `ANYTHING` where that does not show.
    """

    file: str
    line: int
    module: str
    names: tuple[str, ...]
    certain: bool
    unused: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.module}"


def python_texts(script: str, files: Mapping[str, bytes | Path]) -> dict[str, str]:
    """Return the texts of a script and of the other Python files; those that cannot be read are left out."""
    texts: dict[str, str] = {}
    for name in [script, *files]:
        content = files.get(name, b"")
        if not name.endswith(".py") or len(texts) == MOST:
            continue
        try:
            if isinstance(content, Path):
                content = content.read_bytes() if content.stat().st_size <= LARGEST else b""
        except OSError:
            continue
        texts[name] = content[:LARGEST].decode("utf-8-sig", "replace")
    return texts


def sdk_needs(file: str, files: Mapping[str, str], packages: Iterable[str]) -> list[Need]:
    """Return what a script imports of Azure ML's SDK and the scoring server does not have.

    Parameters
    ----------
    file, files
        As for `needs`.
    packages
        Names of the packages that the script's environment lists. Where one of the SDK's is among them, nobody can say
        without installing it what it contains, apart from `STANDALONE` ones.
    """
    listed = {name for name in packages if name.startswith(SDKS)} - {SERVER}
    if listed - STANDALONE.keys():
        return []
    served = (SERVED, *(STANDALONE[name] for name in listed))
    unserved = [need for need in needs(file, files) if not any(_below(need.module, module) for module in served)]
    return [need for need in unserved if any(_below(need.module, sdk) for sdk in SDKS)]


def _below(module: str, parent: str) -> bool:
    return module == parent or module.startswith(f"{parent}.")


def needs(file: str, files: Mapping[str, str]) -> list[Need]:
    """Return the modules that a script imports, also through other files of its folder.

    Parameters
    ----------
    file
        The script.
    files
        The texts of the Python files of its folder, by their paths. Files that are not Python are passed over: the
        server says what is wrong with them.
    """
    needed: list[Need] = []
    waiting, seen = [file], {file}
    while waiting:
        current = waiting.pop()
        script = _read(files.get(current, ""))
        if script is None:
            continue
        for use in script.imports(_called(script) if current == file else set()):
            own = [
                path for name in (use.module, *use.submodules) for path in _files_of(name, use.level, current, files)
            ]
            if own:
                waiting += [path for path in own if path not in seen]
                seen |= set(own)
            elif not use.level:
                needed.append(script.need(current, use))
    return sorted(needed, key=lambda need: (need.file != file, need.file, need.line))


def guarded_names(texts: Iterable[str]) -> set[str]:
    """Return what Python files import only with an except for when it is missing, such as ``azureml.core.Run``."""
    scripts = [script for script in map(_read, texts) if script is not None]
    guarded = {name for script in scripts for item in script.guarded for name in item.submodules}
    return guarded - {name for script in scripts for item in script.statements for name in item.submodules}


@dataclass
class _Import:
    """An import; `aliases` are names in the module, or "" for the module itself, by their names in the script."""

    module: str
    level: int
    line: int
    aliases: dict[str, str]
    unit: str
    certain: bool

    @property
    def submodules(self) -> list[str]:
        return [f"{self.module}.{name}" if self.module else name for name in self.aliases.values() if name]


@dataclass
class _Script:
    """What the text of a script contains, each part in the unit, that is the function, it belongs to."""

    statements: list[_Import] = field(default_factory=list)
    guarded: list[_Import] = field(default_factory=list)
    names: dict[str, set[str]] = field(default_factory=dict)
    """Names that a unit reads; the unit without a name is what runs when the script is imported."""
    unguarded: set[str] = field(default_factory=set)
    """Names and dotted names that are read where nothing catches an ImportError."""

    def imports(self, called: set[str]) -> Iterator[_Import]:
        """Yield the imports; those in a function that is not called are not certain."""
        for item in self.statements:
            item.certain = item.certain and (not item.unit or item.unit in called)
            yield item

    def need(self, file: str, item: _Import) -> Need:
        """Return what an import of a file needs."""
        used = self._used_names(item)
        unused = tuple(name for name in item.aliases.values() if name and name not in used)
        return Need(file, item.line, item.module, used, item.certain, unused)

    def _used_names(self, item: _Import) -> tuple[str, ...]:
        if any(item.aliases.values()):
            return tuple(name for alias, name in item.aliases.items() if alias in self.unguarded)
        prefix = f"{next(iter(item.aliases), item.module)}."
        attributes = {name[len(prefix) :].split(".")[0] for name in self.unguarded if name.startswith(prefix)}
        return tuple(sorted(attributes))


def _called(script: _Script) -> set[str]:
    """Return the functions that run when the script serves."""
    reached: set[str] = set()
    waiting = ["", *CALLED]
    while waiting:
        unit = waiting.pop()
        if unit in reached or unit not in script.names:
            continue
        reached.add(unit)
        waiting += script.names[unit] & script.names.keys()
    return reached


def _read(text: str) -> _Script | None:
    try:
        tree = ast.parse(text)
        script = _Script()
        _Reader(script).block(tree.body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return script


class _Reader(ast.NodeVisitor):
    """Reads the statements of a script; knows in which function it is, and whether anything catches an ImportError."""

    def __init__(self, script: _Script) -> None:
        self.script = script
        self.unit = ""
        self.class_name = ""
        self.guarded = False
        self.certain = True
        script.names.setdefault("", set())

    def block(self, body: list[ast.stmt], *, guarded: bool = False, certain: bool = True) -> None:
        """Read statements that run under a guard or a condition."""
        before = self.guarded, self.certain
        self.guarded, self.certain = self.guarded or guarded, self.certain and certain
        for statement in body:
            self.visit(statement)
        self.guarded, self.certain = before

    def visit_Import(self, node: ast.Import) -> None:
        """Keep ``import a.b``; a name for it makes it the same as ``from a import b``."""
        for alias in node.names:
            self._keep(node, alias.name, 0, {alias.asname: ""} if alias.asname else {})

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Keep ``from a import b``; what is imported from a package without a content of its own is a module."""
        if node.module in SDKS and not node.level:
            for alias in node.names:
                self._keep(node, f"{node.module}.{alias.name}", node.level, {alias.asname or alias.name: ""})
        else:
            self._keep(node, node.module or "", node.level, {a.asname or a.name: a.name for a in node.names})

    def visit_Call(self, node: ast.Call) -> None:
        """Keep ``import_module("a.b")``."""
        name = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
        if isinstance(name, str) and _last_name(node.func) in IMPORTERS and not name.startswith("."):
            self._keep(node, name, 0, {ANYTHING: ANYTHING})
        self.generic_visit(node)

    def _keep(self, node: ast.stmt | ast.expr, module: str, level: int, aliases: dict[str, str]) -> None:
        if module != "__future__":
            kept = self.script.guarded if self.guarded else self.script.statements
            kept.append(_Import(module, level, node.lineno, aliases, self.unit, self.certain))

    def visit_Try(self, node: ast.Try | ast.TryStar) -> None:
        """Read what is tried as guarded, if an ImportError is caught."""
        caught = {name for handler in node.handlers for name in _caught(handler)}
        self.block(node.body, guarded=bool(caught & GUARDS))
        for handler in node.handlers:
            self.block(handler.body, certain=False)
        self.block(node.orelse)
        self.block(node.finalbody)

    visit_TryStar = visit_Try  # noqa: N815 - names of ast

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        """Read ``with suppress(ImportError)`` as guarded."""
        suppressed = {
            name
            for item in node.items
            if isinstance(item.context_expr, ast.Call) and _last_name(item.context_expr.func) == "suppress"
            for name in map(_last_name, item.context_expr.args)
        }
        for item in node.items:
            self.visit(item.context_expr)
        self.block(node.body, guarded=bool(suppressed & GUARDS))

    def visit_If(self, node: ast.If) -> None:
        """Leave out what never runs in a server: ``if __name__ == "__main__"`` and ``if TYPE_CHECKING``."""
        self.visit(node.test)
        if not _never(node.test):
            self.block(node.body, certain=False)
        self.block(node.orelse, certain=_never(node.test))

    def visit_For(self, node: ast.For | ast.While | ast.AsyncFor) -> None:
        """Read a loop, which may not run at all."""
        self.visit(node.iter if not isinstance(node, ast.While) else node.test)
        self.block([*node.body, *node.orelse], certain=False)

    visit_While = visit_For  # noqa: N815 - names of ast
    visit_AsyncFor = visit_For  # noqa: N815 - names of ast
    visit_AsyncWith = visit_With  # noqa: N815 - names of ast

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Read a function as a unit of its own, with all that is inside; a method belongs to the unit of its class."""
        for decorator in node.decorator_list:
            self.visit(decorator)
        before = self.unit, self.guarded, self.certain
        if not self.unit:
            self.unit = self.class_name or node.name
            self.script.names.setdefault(self.unit, set())
            self.guarded, self.certain = False, True
        self.block(node.body)
        self.unit, self.guarded, self.certain = before

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - names of ast

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Read a class, whose statements run where it is defined."""
        for expression in (*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)):
            self.visit(expression)
        before, self.class_name = self.class_name, self.class_name or node.name
        self.block(node.body)
        self.class_name = before

    def visit_match_case(self, node: ast.match_case) -> None:
        """Read a case, which may not be the one."""
        self.block(node.body, certain=False)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """Keep ``a.b.c`` as a name."""
        dotted = _dotted(node)
        if dotted and not self.guarded:
            self.script.unguarded.add(dotted)
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        """Keep a name that is read."""
        if isinstance(node.ctx, ast.Load):
            self.script.names[self.unit].add(node.id)
            if not self.guarded:
                self.script.unguarded.add(node.id)


def _caught(handler: ast.ExceptHandler) -> list[str]:
    if handler.type is None:
        return ["BaseException"]
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return [_last_name(item) for item in types]


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        start = _dotted(node.value)
        return f"{start}.{node.attr}" if start else ""
    return ""


def _never(test: ast.expr) -> bool:
    if isinstance(test, ast.Constant):
        return not test.value
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq):
        sides = [test.left, test.comparators[0]]
        return any(isinstance(s, ast.Name) and s.id == "__name__" for s in sides) and any(
            isinstance(s, ast.Constant) and s.value == "__main__" for s in sides
        )
    return _last_name(test) == "TYPE_CHECKING"


def _files_of(module: str, level: int, file: str, files: Mapping[str, str]) -> list[str]:
    """Return the files of the folder that a module is, the packages that contain it among them."""
    folder = file.split("/")[:-1]
    # Both the folder of the source and that of the script are on the server's path.
    starts = [folder[: len(folder) - level + 1]] if level else [[], folder]
    for start in starts:
        parts = [part for part in module.split(".") if part]
        paths = []
        for end in range(1, len(parts) + 1):
            path = "/".join([*start, *parts[:end]])
            paths += [name for name in (f"{path}.py", f"{path}/__init__.py") if name in files]
        if paths or any(name.startswith("/".join([*start, *parts[:1]]) + "/") for name in files if parts):
            return paths or [""]
    return []
