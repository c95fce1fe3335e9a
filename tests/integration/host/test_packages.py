"""The program that adds packages to those of an image, as a process, with uv and an index that is served."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.integration.host.package_index import LOGIN, publish, served, wheel
from uv import find_uv_bin

from modelprofiler.host import packages
from modelprofiler.host.packages import CONFIG_VARIABLE, decoded

PROGRAM = packages.__file__
CODE = "def main():\n    import sys\n    print(sys.prefix)\n"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an image with a scoring server, what it depends on, and a package that nobody needs."""
    folder = tmp_path_factory.mktemp("image")
    wheels = [
        wheel(folder / "wheels", packages.SERVER, "1.5.1", ["base>=2"], CODE, program="azmlinfsrv"),
        wheel(folder / "wheels", "base", "2.0"),
        wheel(folder / "wheels", "unneeded", "1.0", ["base>=2"]),
    ]
    return environment(folder / "venv", wheels)


def environment(folder: Path, wheels: list[Path]) -> Path:
    """Return the Python of an environment with wheels, as they are."""
    uv = [find_uv_bin(), "--quiet", "--no-config"]
    subprocess.run([*uv, "venv", "--python", sys.executable, str(folder)], check=True, timeout=60)
    python = folder / "bin" / "python"
    install = [*uv, "pip", "install", "--no-index", "--no-deps", "--python", str(python), *map(str, wheels)]
    subprocess.run(install, check=True, timeout=60)
    return python


def call(image: Path, folder: Path, *arguments: str, **config: Any) -> dict[str, Any]:
    """Run the program, and return its result."""
    asked = {"requirements": ["tinypkg"], "constraints": [], "exact": True, "python": None, "index": "", "ca": ""}
    asked |= {"image": "img", "seconds": 60, **config}
    result = folder / "result.json"
    command = [str(image), "-I", PROGRAM, "--folder", str(folder / "new"), "--uv", find_uv_bin()]
    completed = subprocess.run(
        [*command, "--result", str(result), *arguments],
        env={"PATH": os.environ["PATH"], CONFIG_VARIABLE: json.dumps(asked), "UV_INDEX_URL": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (0, "") == (completed.returncode, completed.stderr)
    content: dict[str, Any] = json.loads(result.read_text())
    return content


def files(python: Path) -> dict[str, int]:
    """Return the files of an environment with their times of change."""
    folder = python.parent.parent
    return {str(p.relative_to(folder)): p.lstat().st_mtime_ns for p in folder.rglob("*") if not p.is_dir()}


def output(program: Path, *arguments: str) -> str:
    """Return what a program prints."""
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=True, timeout=60).stdout.strip()


def test_what_the_image_lacks_is_installed_and_the_image_stays_unchanged(image: Path, tmp_path: Path) -> None:
    """The index has neither the server nor what it depends on: the image has both. What nobody needs is left out."""
    publish(tmp_path / "index", "tinypkg", "1.0", ["base"])
    before = files(image)
    with served(tmp_path / "index") as index:
        result = call(image, tmp_path, index=index)
    assert ["tinypkg==1.0"] == decoded(result["packages"], 1000)
    venv = tmp_path / "new" / "venv"
    assert "1.0 2.0" == output(
        venv / "bin" / "python", "-c", "import base, tinypkg; print(tinypkg.VERSION, base.VERSION)"
    )
    assert str(venv) == output(venv / "bin" / "azmlinfsrv")
    missing = "import importlib.util; print(importlib.util.find_spec('unneeded'))"
    assert "None" == output(venv / "bin" / "python", "-c", missing)
    assert before == files(image)
    assert ["venv"] == [p.name for p in (tmp_path / "new").iterdir()]
    assert list(venv.rglob("tinypkg/__pycache__/*.pyc"))


def test_the_versions_of_the_first_installation_are_installed_again(image: Path, tmp_path: Path) -> None:
    """Whatever the index has by then."""
    publish(tmp_path / "index", "tinypkg", "1.0")
    publish(tmp_path / "index", "tinypkg", "2.0")
    with served(tmp_path / "index") as index:
        newest = call(image, tmp_path, index=index)
        again = call(image, tmp_path, index=index, constraints=["tinypkg==1.0"])
    assert (["tinypkg==2.0"], ["tinypkg==1.0"]) == (
        decoded(newest["packages"], 1000),
        decoded(again["packages"], 1000),
    )


@pytest.mark.parametrize(
    ("requires", "asked", "message"),
    [
        (["base<2"], "tinypkg", "tinypkg depend on base<2 and azureml-inference-server-http==1.5.1 depends on base>=2"),
        ([], "tinypkg>3", "only tinypkg==1.0 is available and you require tinypkg>3"),
        ([], "nope", "nope was not found in the package registry"),
    ],
)
def test_what_cannot_be_installed_is_reported_in_uvs_words(
    image: Path, tmp_path: Path, requires: list[str], asked: str, message: str
) -> None:
    """The server's version in the image stays: an older server, which might fit, is not taken."""
    publish(tmp_path / "index", "tinypkg", "1.0", requires)
    with served(tmp_path / "index") as index:
        result = call(image, tmp_path, index=index, requirements=[asked])
    assert "requirements" == result["field"]
    assert result["message"].startswith("cannot be installed: ")
    assert message in result["message"]


def test_an_image_of_the_users_keeps_its_packages(image: Path, tmp_path: Path) -> None:
    """Where they still fit one another."""
    publish(tmp_path / "index", "tinypkg", "1.0")
    publish(tmp_path / "index", "base", "3.0")
    with served(tmp_path / "index") as index:
        call(image, tmp_path, index=index, exact=False)
        program = "import unneeded; print(unneeded.VERSION)"
        assert "1.0" == output(tmp_path / "new" / "venv" / "bin" / "python", "-c", program)
        strict = wheel(tmp_path / "wheels", "strict", "1.0", ["base<3"])
        installed = environment(tmp_path / "own", [strict, *(image.parent.parent.parent / "wheels").glob("*.whl")])
        result = call(installed, tmp_path, index=index, exact=False, requirements=["base==3.0"])
    assert "do not fit the packages of image img: The package `strict` requires" in result["message"]


def test_an_image_without_the_server_gets_it(tmp_path: Path) -> None:
    """From the index, as any other package."""
    bare = environment(tmp_path / "bare", [wheel(tmp_path / "wheels", "own", "1.0")])
    publish(tmp_path / "index", packages.SERVER, "1.5.1", code=CODE)
    with served(tmp_path / "index") as index:
        result = call(bare, tmp_path, index=index, exact=False, requirements=[])
    assert [f"{packages.SERVER}==1.5.1"] == decoded(result["packages"], 1000)


def test_an_index_may_want_a_login(image: Path, tmp_path: Path) -> None:
    """No message contains any of it."""
    publish(tmp_path / "index", "tinypkg", "1.0")
    login = tmp_path / "login"
    login.mkdir()
    with served(tmp_path / "index", LOGIN) as index:
        absent = call(image, tmp_path, "--login", str(login), index=index)
        assert ("packageIndex.secretRef", True) == (absent["field"], "username and password" in absent["message"])
        (login / "username").write_text(LOGIN[0])
        (login / "password").write_text("wrong/word\n")
        failed = call(image, tmp_path, "--login", str(login), index=index)
        assert "401" in failed["message"]
        assert "wrong" not in failed["message"]
        (login / "password").write_text(LOGIN[1])
        assert "packages" in call(image, tmp_path, "--login", str(login), index=index)


def test_an_index_that_is_silent_is_named_when_the_time_is_over(image: Path, tmp_path: Path) -> None:
    """Nothing hangs for ever."""
    with served(tmp_path, silent=True) as index:
        result = call(image, tmp_path, index=index, seconds=3)
    assert f"were not installed from {index} within 3 s" in result["message"]
    assert not [p for p in (tmp_path / "new").iterdir() if p.name == "work"]


def test_no_index_is_needed_for_what_the_image_has(image: Path, tmp_path: Path) -> None:
    """A cluster may be closed."""
    with served(tmp_path, silent=True) as index:
        result = call(image, tmp_path, index=index, requirements=["base>=2"])
    assert [] == decoded(result["packages"], 1000)


def test_another_python_than_that_of_the_image_is_refused(image: Path, tmp_path: Path) -> None:
    """With the version that the image has."""
    result = call(image, tmp_path, python="3.99")
    assert "pythonVersion" == result["field"]
    assert f"image img has Python 3.{sys.version_info[1]}; name an image with Python 3.99" == result["message"]


def test_packages_with_which_the_server_does_not_start_are_refused(image: Path, tmp_path: Path) -> None:
    """A version may say that it fits, and not do so."""
    publish(tmp_path / "index", packages.SERVER, "1.6", code="raise ImportError('no werkzeug')")
    with served(tmp_path / "index") as index:
        result = call(image, tmp_path, index=index, requirements=[f"{packages.SERVER}==1.6"])
    assert "the scoring server cannot be imported with them" in result["message"]
    assert result["message"].endswith("ImportError: no werkzeug")
