"""The checks of an inference configuration."""

from pathlib import Path

import pytest
from tests.unit.azureml.conftest import SCORE

from modelprofiler.azureml.core import Environment
from modelprofiler.azureml.core.model import InferenceConfig
from modelprofiler.azureml.exceptions import UserErrorException, WebserviceException


@pytest.fixture(autouse=True)
def script() -> None:
    """Create a script."""
    Path("score.py").write_text(SCORE, encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("gone.py", None, "doesn't exist. entry_script should be a path relative to the current working directory"),
        ("score.txt", SCORE, "its name must end in .py"),
        ("my-score.py", SCORE, "cannot be imported"),
        ("class.py", SCORE, "cannot be imported"),
    ],
)
def test_the_script_must_exist_and_be_importable(name: str, text: str | None, message: str) -> None:
    """The checks are Azure ML's."""
    if text is not None:
        Path(name).write_text(text, encoding="utf-8")
    with pytest.raises(WebserviceException, match=message):
        InferenceConfig(entry_script=name)


def test_the_script_must_be_python() -> None:
    """The error names the line."""
    Path("score.py").write_text("def init(:\n", encoding="utf-8")
    with pytest.raises(UserErrorException, match=r"score.py is not valid Python: .*line 1"):
        InferenceConfig(entry_script="score.py")


def test_a_script_is_required() -> None:
    """It must not be empty."""
    with pytest.raises(WebserviceException, match="need to specify entry_script"):
        InferenceConfig(entry_script="")


def test_the_script_is_below_the_source_directory() -> None:
    """Without a source directory its path is relative to the current one."""
    Path("src").mkdir()
    with pytest.raises(WebserviceException, match="relative to source_directory"):
        InferenceConfig(entry_script="score.py", source_directory="src")
    with pytest.raises(WebserviceException, match=r"source directory .*gone doesn't exist"):
        InferenceConfig(entry_script="score.py", source_directory="gone")


def test_an_environment_is_given_in_one_way() -> None:
    """Both ways at once are refused; the old one is deprecated."""
    with (
        pytest.warns(DeprecationWarning, match="runtime is deprecated; use environment"),
        pytest.raises(WebserviceException, match="along with an environment object"),
    ):
        InferenceConfig(entry_script="score.py", runtime="python", environment=Environment("e"))


def test_the_deprecated_arguments_still_work() -> None:
    """A conda file or an image makes an environment."""
    Path("env.yml").write_text("dependencies:\n- numpy\n", encoding="utf-8")
    with pytest.warns(DeprecationWarning, match="use environment"):
        config = InferenceConfig(entry_script="score.py", runtime="python", conda_file="env.yml")
    assert ["numpy"] == list(config.effective_environment().python.conda_dependencies.conda_packages)
    with pytest.warns(DeprecationWarning, match="use environment"):
        config = InferenceConfig(entry_script="score.py", base_image="team/server:1")
    assert "team/server:1" == config.effective_environment().docker.image
    with (
        pytest.warns(DeprecationWarning, match="use environment"),
        pytest.raises(WebserviceException, match="Conda file gone"),
    ):
        InferenceConfig(entry_script="score.py", conda_file="gone.yml")


def test_docker_steps_need_an_image() -> None:
    """No image is built."""
    Path("steps").write_text("RUN true\n", encoding="utf-8")
    with pytest.warns(DeprecationWarning, match="use environment"):
        config = InferenceConfig(entry_script="score.py", extra_docker_file_steps="steps")
    with pytest.raises(UserErrorException, match="need an image to be built"):
        config.effective_environment()
