"""Which modules a scoring script needs when it serves."""

from pathlib import Path

import pytest

from modelprofiler.files.script_imports import LARGEST, MOST, guarded_names, needs, python_texts, sdk_needs


def modules(text: str, **files: str) -> list[tuple[str, bool]]:
    """Return the modules that a script needs, and whether it certainly does."""
    others = {name.replace("__", "/") + ".py": content for name, content in files.items()}
    return [(need.module, need.certain) for need in needs("score.py", {"score.py": text, **others})]


@pytest.mark.parametrize(
    "text",
    [
        "import sdk",
        "import sdk as s",
        "from sdk import a",
        "class C:\n    import sdk",
        "def init():\n    import sdk\ndef run(data): pass",
        "def init():\n    load()\ndef load():\n    import sdk",
        "class Model:\n    def load(self):\n        import sdk\ndef run(data): return Model().load()",
        "try:\n    import sdk\nexcept ValueError:\n    pass",
        "try:\n    pass\nfinally:\n    import sdk",
        "with open('x') as f:\n    import sdk",
        "if False:\n    pass\nelse:\n    import sdk",
        "sdk = __import__('sdk')",
        "try:\n    def init():\n        import sdk\nexcept ImportError:\n    pass",
    ],
)
def test_an_import_that_runs_whenever_the_script_serves_is_certain(text: str) -> None:
    """When it is imported, in init and run, and in what these call."""
    assert [("sdk", True)] == modules(text)


@pytest.mark.parametrize(
    "text",
    [
        "if cloud:\n    import sdk",
        "for _ in x:\n    import sdk",
        "while x:\n    import sdk",
        "match x:\n    case 1:\n        import sdk",
        "def train():\n    import sdk\ndef init(): pass",
        "try:\n    import other\nexcept ImportError:\n    import sdk",
    ],
)
def test_an_import_under_a_condition_is_not_certain(text: str) -> None:
    """It may be one of an environment that a server is not."""
    assert ("sdk", False) in modules(text)


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    import sdk\nexcept ImportError:\n    sdk = None",
        "try:\n    import sdk\nexcept ModuleNotFoundError:\n    sdk = None",
        "try:\n    from sdk import a\nexcept (ValueError, ImportError):\n    a = None",
        "try:\n    import sdk\nexcept Exception as e:\n    print(e)",
        "try:\n    import sdk\nexcept:\n    pass",
        "import contextlib\nwith contextlib.suppress(ImportError):\n    import sdk",
        "if __name__ == '__main__':\n    import sdk",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import sdk",
        "'import sdk'",
        "# import sdk",
        "from __future__ import annotations",
        "import sdk(",
        "",
    ],
)
def test_an_import_that_is_caught_or_never_runs_is_not_needed(text: str) -> None:
    """Neither is one in a text that is not Python."""
    assert "sdk" not in [module for module, _ in modules(text)]


def test_other_files_of_the_folder_are_followed() -> None:
    """Their functions may be called or not; what they import when they are imported is certain."""
    files = {
        "helper": "import sdk\ndef f():\n    import late\n",
        "pkg____init__": "from .part import x",
        "unused": "import no",
    }
    files["pkg__part"] = "import deep"
    expected = [("json", True), ("sdk", True), ("late", False), ("deep", True)]
    assert sorted(expected) == sorted(modules("import json\nimport helper\nfrom pkg import part\n", **files))
    need = next(n for n in needs("score.py", {"score.py": "import helper", "helper.py": "\nimport sdk"}))
    assert "helper.py, line 2: sdk" == str(need)


def test_a_script_in_a_folder_imports_from_both_folders() -> None:
    """The source and the folder of the script are on the path of the server."""
    files = {"src/score.py": "import a, b, c", "src/a.py": "import x", "b.py": "import y", "src/c/d.py": ""}
    assert ["x", "y"] == sorted(need.module for need in needs("src/score.py", files))


def test_modules_that_import_each_other_are_read_once() -> None:
    """A circle ends."""
    assert [("sdk", True)] == modules("import a", a="import b\nimport sdk", b="import a")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("from sdk import A, B\nA()", ("A",)),
        ("from sdk import A as B\nB.x", ("A",)),
        ("from sdk import A\ntry:\n    A()\nexcept Exception:\n    pass", ()),
        ("import sdk\nprint(sdk.VERSION, sdk.Run.get())", ("Run", "VERSION")),
        ("import sdk as s\ns.Run()", ("Run",)),
        ("import sdk.core as c\nc.Run()", ("Run",)),
        ("import sdk", ()),
    ],
)
def test_the_names_that_are_used_show(text: str, names: tuple[str, ...]) -> None:
    """Unless an ImportError is caught where they are used."""
    (need,) = needs("score.py", {"score.py": text})
    assert names == need.names


def test_a_script_is_read_before_the_limit_of_files(tmp_path: Path) -> None:
    """What is too large, not Python or not there is left out."""
    (tmp_path / "large.py").write_bytes(b"#" * (LARGEST + 1))
    files: dict[str, bytes | Path] = {f"a{number}.py": b"" for number in range(MOST + 5)}
    files |= {"score.py": b"import sdk", "notes.txt": b"import no"}
    texts = python_texts("score.py", files)
    assert (MOST, "import sdk") == (len(texts), texts["score.py"])
    others: dict[str, bytes | Path] = {"large.py": tmp_path / "large.py", "gone.py": tmp_path / "gone.py"}
    assert {"score.py": "", "large.py": ""} == python_texts("score.py", others)


def test_a_module_that_is_imported_by_its_name_is_needed() -> None:
    """A relative name is one of the folder."""
    assert ("sdk", True) in modules("def init():\n    import importlib\n    importlib.import_module('sdk')")
    assert [] == modules("try:\n    __import__('sdk')\nexcept ImportError: pass")
    assert [] == modules("__import__('.sdk')\n__import__(name)\n__import__()")


def test_what_is_imported_and_not_used_shows() -> None:
    """Also where it does not show what is used."""
    script = "from azureml.core import Run, Model\nModel.get_model_path('m')\nfrom azureml.core.run import *\n"
    needed = needs("score.py", {"score.py": script + "import importlib\nimportlib.import_module('azureml.data')\n"})
    assert [("Model",), ()] == [need.names for need in needed[:2]]
    unused = {need.module: need.unused for need in needed}
    assert {"azureml.core": ("Run",), "azureml.core.run": ("*",), "azureml.data": ("*",), "importlib": ()} == unused


@pytest.mark.parametrize("text", ["from azureml import core\ncore.Run", "from azureml import core as c\nc.Run"])
def test_a_module_that_is_imported_from_the_sdk_is_a_module(text: str) -> None:
    """What is used of it shows."""
    (need,) = needs("score.py", {"score.py": text})
    assert ("azureml.core", ("Run",)) == (need.module, need.names)


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        ({"azureml-monitoring"}, ["azureml.core"]),
        ({"azureml-ai-monitoring", "numpy"}, ["azureml.core", "azureml.monitoring"]),
        ({"azureml-inference-server-http"}, ["azureml.core", "azureml.monitoring"]),
        ({"azureml-monitoring", "azureml-core"}, []),
    ],
)
def test_a_package_with_one_module_of_the_sdk_does_not_bring_the_others(
    packages: set[str], expected: list[str]
) -> None:
    """Collectors have a package of their own, which does not need the SDK."""
    script = "import azureml.core\nimport azureml.monitoring\nfrom azureml.contrib.services import aml_request\n"
    assert expected == [need.module for need in sdk_needs("score.py", {"score.py": script}, packages)]


def test_names_that_are_imported_under_a_guard_only_are_known() -> None:
    """In all files together."""
    guarded = "try:\n    from azureml.core import Run, Dataset\nexcept ImportError:\n    Run = None\n"
    assert {"azureml.core.Run", "azureml.core.Dataset"} == guarded_names([guarded, "not python"])
    assert {"azureml.core.Dataset"} == guarded_names([guarded, "from azureml.core import Run"])
