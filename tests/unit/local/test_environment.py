"""What an entry script's environment is made of, and where its packages come from."""

from pathlib import Path

import pytest

from modelprofiler.api.server import Environment
from modelprofiler.core.requirements import requirement_problems
from modelprofiler.errors import EnvironmentFailed
from modelprofiler.host.packages import error_lines
from modelprofiler.local import environment as module
from modelprofiler.local.environment import image_requirements, requirements
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


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("not an option", "-r other.txt"),
        ("not an option", "six --index-url https://elsewhere.example/simple"),
        ("not an option", "six\t-f /tmp"),
        ("not an option", "  --pre"),
        ("not an option", "six --hash=sha256:00 --global-option=x"),
        ("a single line", "six\n--index-url https://elsewhere.example/simple"),
        ("a single line", "six\u2028--pre"),
        ("a single line", "six \\"),
        ("a variable", "six @ https://elsewhere.example/${AWS_SECRET_ACCESS_KEY}"),
    ],
)
def test_a_requirement_has_no_options(message: str, line: str) -> None:
    """They would say where every package comes from, or send secrets there."""
    (problem,) = requirement_problems(Environment(requirements=["six", line]))
    assert "spec.server.entryScript.environment.requirements[1]" == problem.path
    assert message in problem.message


@pytest.mark.parametrize(
    "line",
    [
        "six",
        "six==1.16.0 --hash=sha256:0a1b --hash=sha256:ff",
        "scikit-learn >= 1.2, < 2 ; python_version > '3.8'",
        "pip-tools[coverage]~=7.0  # why",
        "package @ https://example.org/package-1.0-py3-none-any.whl",
        "/home/somebody/package-1.0-py3-none-any.whl",
    ],
)
def test_a_package_is_a_requirement(line: str) -> None:
    """Also with hashes, a marker, extras, or an address."""
    assert [] == requirement_problems(Environment(requirements=[line]))


def test_environments_of_different_indexes_are_different(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of a private index has the name of a public one by chance, or on purpose."""
    keys = []
    for index in ("https://one.example/simple", "https://two.example/simple"):
        monkeypatch.setenv("UV_DEFAULT_INDEX", index)
        keys.append(module._key(["a"], None))
    monkeypatch.setenv("UV_FIND_LINKS", "/wheels")
    assert 3 == len({*keys, module._key(["a"], None)})


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
    pip_variables = {"UV_INDEX_URL": "http://127.0.0.1:7/simple", "SSL_CERT_FILE": "/own.pem"}
    variables = uv_settings(pip_variables, tmp_path, tmp_path)
    assert [] == [name for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "SSL_CERT_FILE") if name in variables]


def test_an_environment_that_cannot_be_kept_is_no_fault_of_the_profile(tmp_path: Path) -> None:
    """The cache is a file."""
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentFailed, match="cannot be kept in"):
        module.build(Environment(requirements=["six"]), tmp_path / "file" / "cache")
