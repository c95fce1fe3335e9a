"""What a package index says about the packages of an environment: uv asks a folder that is laid out as an index."""

import zipfile
from pathlib import Path

import pytest

from modelprofiler.azureml.profiling.installable import Answer, ask_index
from modelprofiler.host.packages import SERVER
from modelprofiler.local.environment import image_requirements

SERVER_VERSION = next(line for line in image_requirements() if line.startswith(SERVER)).partition("==")[2]


def wheel(folder: Path, name: str, version: str, tag: str = "py3-none-any", requires: str = "") -> None:
    """Put a wheel without modules into an index."""
    folder = folder / name
    folder.mkdir(exist_ok=True)
    stem = f"{name.replace('-', '_')}-{version}"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    with zipfile.ZipFile(folder / f"{stem}-{tag}.whl", "w") as archive:
        info = f"{stem}.dist-info"
        archive.writestr(f"{info}/METADATA", metadata + (f"Requires-Dist: {requires}\n" if requires else ""))
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        archive.writestr(f"{info}/RECORD", "")
    links = [f'<a href="{file.name}">{file.name}</a>' for file in sorted(folder.glob("*.whl"))]
    (folder / "index.html").write_text(f"<!DOCTYPE html><html><body>{' '.join(links)}</body></html>")


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Create an index, and a cache without environments."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    wheel(folder, SERVER, SERVER_VERSION)
    wheel(folder, "good", "1.0", requires="base<2")
    wheel(folder, "bad", "1.0", requires="base>=2")
    wheel(folder, "base", "1.0")
    wheel(folder, "base", "2.0")
    wheel(folder, "old", "1.0", "cp36-cp36m-manylinux1_x86_64")
    monkeypatch.setenv("UV_DEFAULT_INDEX", folder.as_uri())
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))


def test_packages_that_the_index_has_are_accepted() -> None:
    """Nothing is installed for it."""
    assert Answer() == ask_index(["good==1.0"], None, None)
    assert Answer() == ask_index([], None, None)


def test_every_package_that_the_index_does_not_have_is_named() -> None:
    """With the version of Python, since another one may have it."""
    reason = "(the package index has no such version for Python 3.11)"
    expected = (f"good==7 {reason}", f"nowhere {reason}")
    assert expected == ask_index(["good==7", "base", "nowhere"], None, None).refused


def test_packages_for_a_dropped_python_alone_are_named() -> None:
    """They are the reason for which somebody asked for it."""
    expected = ("old==1.0 (it has wheels for Python 3.6 and none for Python 3.11)",)
    assert expected == ask_index(["old==1.0", "good"], None, "3.6").refused
    assert () == ask_index(["good"], None, "3.6").refused


def test_packages_that_exclude_each_other_are_refused_in_the_words_of_the_resolver() -> None:
    """No line is to blame alone."""
    answer = ask_index(["good", "bad"], None, None)
    assert () == answer.refused
    assert answer.reason is not None
    assert answer.reason.startswith("the packages cannot be installed together: ")
    assert "base" in answer.reason


def test_an_index_that_cannot_be_reached_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run itself tries again."""
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    assert Answer() == ask_index(["something"], None, None)
