"""What an entry script's environment is made of, and where its packages come from."""

from pathlib import Path

import pytest

from modelprofiler.api.server import Environment
from modelprofiler.errors import EnvironmentFailed
from modelprofiler.local import environment as module
from modelprofiler.local.environment import error_lines, image_requirements, requirement_problems, requirements
from modelprofiler.local.pip_settings import uv_settings

SERVER = "azureml-inference-server-http"


def asked(*lines: str) -> list[str]:
    """Return what is installed for these requirements."""
    return requirements(Environment(requirements=list(lines)))


def test_without_requirements_it_has_what_the_image_has(repository: Path) -> None:
    """The lock of the image is made from the same file."""
    assert image_requirements() == asked()
    assert any(line.startswith(SERVER) for line in image_requirements())
    lock = (repository / "requirements/scoring-server.txt").read_text()
    assert [] == [line for line in image_requirements() if f"\n{line.partition('==')[0]}==" not in lock]


def test_the_server_is_always_there_in_the_images_version_unless_another_is_named() -> None:
    """Whatever way its name is written."""
    (server,) = [line for line in image_requirements() if line.startswith(SERVER)]
    assert [server, "six"] == asked("six")
    assert ["azureml_inference_server_http>=1.4", "six"] == asked("azureml_inference_server_http>=1.4", "six")


def test_options_are_no_packages() -> None:
    """A profile has no files to refer to."""
    problems = requirement_problems(Environment(requirements=["six", "-r other.txt"]))
    assert ["spec.server.entryScript.environment.requirements[1]"] == [p.path for p in problems]


def test_environments_differ_by_their_content_only() -> None:
    """The order of the requirements is none of it."""
    assert module._key(["a", "b"], None) == module._key(["b", "a"], None)
    assert 3 == len({module._key(["a"], None), module._key(["a"], "3.12"), module._key(["b"], None)})


def test_the_error_lines_of_uv_are_its_sentences() -> None:
    """Its decoration is for terminals."""
    output = "  × No solution found when resolving dependencies:\n  ╰─▶ Because nope was not found, it fails.\n"
    assert "No solution found when resolving dependencies:\nBecause nope was not found, it fails." == error_lines(
        output
    )


def test_uv_uses_the_configuration_of_pip(tmp_path: Path) -> None:
    """From its files and variables; variables of uv take precedence."""
    (tmp_path / ".config/pip").mkdir(parents=True)
    (tmp_path / ".config/pip/pip.conf").write_text(
        "[global]\nindex-url = http://127.0.0.1:9/simple\ncert = /ca.pem\n[install]\nfind-links =\n  /a\n  /b\n"
    )
    variables = uv_settings({"PIP_EXTRA_INDEX_URL": "http://127.0.0.1:8/simple"}, tmp_path, tmp_path)
    expected = {
        "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple",
        "UV_INDEX": "http://127.0.0.1:8/simple",
        "UV_FIND_LINKS": "/a /b",
        "SSL_CERT_FILE": "/ca.pem",
    }
    assert expected == {name: variables.get(name) for name in expected}
    own = {"UV_INDEX_URL": "http://127.0.0.1:7/simple", "SSL_CERT_FILE": "/own.pem"}
    variables = uv_settings(own, tmp_path, tmp_path)
    assert [] == [name for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "SSL_CERT_FILE") if name in variables]


def test_an_environment_that_cannot_be_kept_is_no_fault_of_the_profile(tmp_path: Path) -> None:
    """The cache is a file."""
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentFailed, match="cannot be kept in"):
        module.build(Environment(requirements=["six"]), tmp_path / "file" / "cache")
