"""How a model is served: what is checked of it."""

from pathlib import Path

import pytest
from tests.unit.azureml.conftest import SCORE

from modelprofiler.azureml.core import Environment
from modelprofiler.azureml.core.model import InferenceConfig
from modelprofiler.azureml.exceptions import UserErrorException, WebserviceException


@pytest.fixture(autouse=True)
def script() -> None:
    """Have a script."""
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
def test_the_script_must_be_there_and_importable(name: str, text: str | None, message: str) -> None:
    """As the original asked."""
    if text is not None:
        Path(name).write_text(text, encoding="utf-8")
    with pytest.raises(WebserviceException, match=message):
        InferenceConfig(entry_script=name)


def test_the_script_must_be_python() -> None:
    """The place of the error is told."""
    Path("score.py").write_text("def init(:\n", encoding="utf-8")
    with pytest.raises(UserErrorException, match=r"score.py is not valid Python: .*line 1"):
        InferenceConfig(entry_script="score.py")


def test_a_script_is_needed() -> None:
    """It may not be empty."""
    with pytest.raises(WebserviceException, match="need to specify entry_script"):
        InferenceConfig(entry_script="")


def test_the_script_is_below_the_source_directory() -> None:
    """Where there is one."""
    Path("src").mkdir()
    with pytest.raises(WebserviceException, match="relative to source_directory"):
        InferenceConfig(entry_script="score.py", source_directory="src")
    with pytest.raises(WebserviceException, match=r"source directory .*gone doesn't exist"):
        InferenceConfig(entry_script="score.py", source_directory="gone")


def test_an_environment_is_given_in_one_way() -> None:
    """The new one or the old one, which is out of use."""
    with (
        pytest.warns(DeprecationWarning, match="runtime is deprecated; use environment"),
        pytest.raises(WebserviceException, match="along with an environment object"),
    ):
        InferenceConfig(entry_script="score.py", runtime="python", environment=Environment("e"))


def test_the_old_way_still_works() -> None:
    """A conda file or an image."""
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
    """Nothing is built."""
    Path("steps").write_text("RUN true\n", encoding="utf-8")
    with pytest.warns(DeprecationWarning, match="use environment"):
        config = InferenceConfig(entry_script="score.py", extra_docker_file_steps="steps")
    with pytest.raises(UserErrorException, match="need an image to be built"):
        config.effective_environment()
