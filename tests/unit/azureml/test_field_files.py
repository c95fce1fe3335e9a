"""Conda and requirements files as public repositories have them: the call reports what becomes of each line."""

from pathlib import Path

import pytest
import yaml

from modelprofiler.azureml.core import Environment
from modelprofiler.azureml.core.conda_dependencies import CondaDependencies
from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.profiling.environment import Translated, translated


def of_file(text: str) -> Translated:
    """Return what becomes of a conda file."""
    Path("env.yml").write_text(text, encoding="utf-8")
    return translated(Environment.from_conda_specification("e", "env.yml"), in_cluster=False)


def of_lines(*pip: str) -> Translated:
    """Return what becomes of lines of pip."""
    return of_file(yaml.safe_dump({"dependencies": [{"pip": list(pip)}]}))


def test_messages_have_no_logins_of_urls() -> None:
    """Neither those that are refused nor those that are left out with a warning."""
    lines = (
        "--extra-index-url https://user:s3cret@host.example/simple",
        "-i https://s3cret@host.example/simple",
        "https://user:s3cret@host.example/torch-1.1.0-cp36-cp36m-linux_x86_64.whl",
        "https://host.example/mine.whl?sv=1&sig=s3cret",
        "numpy=1 @ https://user:s3cret@host.example/x",
    )
    with pytest.raises(UserErrorException) as error:
        of_lines(*lines)
    assert "s3cret" not in str(error.value)
    assert "--extra-index-url https://…@host.example/simple (" in str(error.value)
    assert "https://host.example/mine.whl?… (" in str(error.value)
    kept = "git+https://s3cret@host.example/a/b.git"
    assert [kept] == of_lines(kept).spec["requirements"]
    result = of_lines(f"azureml-inference-server-http[x] @ {kept}")
    assert "s3cret" not in " ".join(result.warnings)
    with pytest.raises(UserErrorException, match=r"not \"{'pip': 'https://…@host\.example/a'}\""):
        of_file("dependencies: [{pip: 'https://u:s3cret@host.example/a'}]")


def test_packages_of_the_sdk_keep_their_names_in_a_script_that_was_ported() -> None:
    """Replacing azureml in a script replaces it in the names of packages, too; nobody owns the names that come out."""
    result = of_lines("modelprofiler.azureml-monitoring", "modelprofiler.azureml-defaults~=1.5", "joblib")
    assert ["azureml-monitoring", "joblib"] == result.spec["requirements"]
    assert ["azureml-defaults~=1.5 is not installed: every run has an inference server"] == result.warnings


def test_an_exported_environment_is_refused_for_what_pypi_does_not_have() -> None:
    """``conda env export`` lists libraries, too; the packages of Python among them are known."""
    packages = "certifi=2020.6.20=py36_0, urllib3=1.25, ruamel_yaml=0.15, zlib=1.2.11=h7b6447c_3, xz"
    with pytest.raises(UserErrorException, match=r"no equivalent on PyPI: zlib=1\.2\.11=h7b6447c_3, xz; "):
        of_file(f"dependencies: [{packages}]")
    result = of_file("dependencies: [certifi=2020.6.20=py36_0, ruamel_yaml=0.15]")
    assert ["certifi==2020.6.20.*", "ruamel.yaml==0.15.*"] == result.spec["requirements"]
    assert "certifi==2020.6.20.*, without its build py36_0" in result.warnings[0]


def test_versions_of_python_that_exclude_each_other_are_named() -> None:
    """No Python is chosen for them."""
    with pytest.raises(UserErrorException, match=r"python=3\.7 and python>=3\.9 \(they contradict each other\)"):
        of_file("dependencies: [python=3.7, 'python>=3.9']")


def test_a_conda_file_that_is_not_yaml_is_refused_on_one_line() -> None:
    """With the place."""
    for text, message in (
        ("dependencies:\n\t- a\n", "line 2, column 1: found character"),
        ("a: 1\n---\nb: 2\n", "line 2, column 1: but found another document"),
    ):
        with pytest.raises(UserErrorException, match=rf"env\.yml is not YAML: {message}") as error:
            of_file(text)
        assert "\n" not in str(error.value)


def test_environment_variables_are_texts() -> None:
    """A number has one spelling; nobody knows how a program expects true, and an empty text is not what null means."""
    assert [{"name": "THREADS", "value": "1"}] == of_file("variables: {THREADS: 1}\ndependencies: []").spec["env"]
    with pytest.raises(UserErrorException) as error:
        of_file("variables: {A: true, B: , C: {password: s3cret}}\ndependencies: []")
    assert "variable A must be text in quotes, not True" in str(error.value)
    assert "variable B must be text in quotes, not None" in str(error.value)
    assert "variable C must be text in quotes, not a dict" in str(error.value)
    environment = Environment("e")
    environment.environment_variables = {"DEBUG": False}  # type: ignore[dict-item]  # as scripts have it
    with pytest.raises(UserErrorException, match="variable DEBUG must be text in quotes, not False"):
        translated(environment, in_cluster=False)


def test_packages_of_an_environment_that_the_user_manages_are_named_as_left_out() -> None:
    """Azure ML installed none either; the image had them, and here there may be none."""
    environment = Environment("e")
    environment.python.user_managed_dependencies = True
    assert [] == translated(environment, in_cluster=False).warnings
    environment.python.conda_dependencies = CondaDependencies.create(
        pip_packages=["azureml-defaults", "joblib==1.2"], conda_packages=["numpy=1.2"]
    )
    assert ["user_managed_dependencies is set, so nothing is installed of numpy=1.2, joblib==1.2"] == translated(
        environment, in_cluster=False
    ).warnings


@pytest.mark.parametrize(
    "line", ["./mine", "libs/mine/", r"..\mine", r"C:\mine-1.0-py3-none-any.whl", "~/mine-1.0-py3-none-any.whl"]
)
def test_paths_are_named_as_paths(line: str) -> None:
    """Relative ones, of folders, of Windows."""
    with pytest.raises(UserErrorException, match=r" \(a path must be absolute: it is installed from another folder"):
        of_lines(line)


def test_series_of_versions_that_exclude_each_other_are_named() -> None:
    """A series that contains the other does not."""
    with pytest.raises(UserErrorException, match=r"numpy==1\.2\.\* and numpy==1\.3\.\* \(they contradict each other"):
        of_file("dependencies: [numpy=1.2, numpy=1.3]")
    assert ["numpy==1.2.*", "numpy==1.*"] == of_file("dependencies: [numpy=1.2, numpy=1]").spec["requirements"]
    result = of_file("dependencies: [numpy=1.2, {pip: [numpy==1.3.*]}]")
    assert ["numpy==1.3.*"] == result.spec["requirements"]
    assert "numpy==1.2.* of conda is replaced by numpy==1.3.* of pip" in result.warnings


def test_messages_about_long_or_many_lines_are_bounded() -> None:
    """Files may be hostile."""
    long = ["a" * 50_000, "https://h.example/" + "?" * 50_000, "-r " + "a" * 50_000, *["-e ."] * 1000]
    with pytest.raises(UserErrorException, match=r"and 903 more") as error:
        of_lines(*long)
    assert len(str(error.value)) < 10_000
    packages = ["b" * 50_000, "numpy " + "=" * 5000, "numpy[" + "a='" * 20_000]
    with pytest.raises(UserErrorException, match="this is not how conda names a package") as error:
        of_file(yaml.safe_dump({"dependencies": packages}))
    assert len(str(error.value)) < 10_000
    with pytest.raises(UserErrorException, match=r"numpy ====1 \(====1 is not a version"):
        of_file("dependencies: ['numpy ====1']")
