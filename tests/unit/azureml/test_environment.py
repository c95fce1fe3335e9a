"""Environments: Azure ML's classes, and their translation into the environment of a profile."""

from pathlib import Path

import pytest

from modelprofiler.azureml.core import Environment, Workspace
from modelprofiler.azureml.core.conda_dependencies import CondaDependencies
from modelprofiler.azureml.core.container_registry import ContainerRegistry
from modelprofiler.azureml.core.runconfig import DEFAULT_CPU_IMAGE, DEFAULT_GPU_IMAGE
from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.profiling.conda import pypi_packages
from modelprofiler.azureml.profiling.environment import SCORING_IMAGE, Translated, translated


def of(environment: Environment, *, in_cluster: bool = False) -> Translated:
    """Return the environment of a profile."""
    return translated(environment, in_cluster=in_cluster)


def with_packages(**how: object) -> Environment:
    """Return an environment as `CondaDependencies.create` makes it."""
    environment = Environment("e")
    environment.python.conda_dependencies = CondaDependencies.create(**how)  # type: ignore[arg-type]  # as given
    return environment


def test_requirements_are_those_of_the_file() -> None:
    """Options are included, comments are not."""
    Path("r.txt").write_text("# all\nnumpy==2.0  # pinned\n\n--no-binary foo\njoblib\n", encoding="utf-8")
    requirements = of(Environment.from_pip_requirements("e", "r.txt")).spec["requirements"]
    assert ["--no-binary foo", "numpy==2.0", "joblib"] == requirements
    with pytest.raises(UserErrorException, match="cannot read the requirements file gone"):
        Environment.from_pip_requirements("e", "gone.txt")


def test_the_sdk_is_not_installed() -> None:
    """azureml-defaults is left out: every run provides the inference server."""
    assert "requirements" not in of(Environment("e")).spec
    for name in ("azureml-defaults", "azureml-defaults~=1.41", "modelprofiler.azureml-defaults"):
        assert ["numpy"] == of(with_packages(pip_packages=[name, "numpy"])).spec["requirements"]


@pytest.mark.parametrize(
    ("conda", "pip"),
    [
        ("numpy", "numpy"),
        ("numpy=1.19", "numpy==1.19.*"),
        ("numpy=1.19.2=py36_0", "numpy==1.19.2.*"),
        ("numpy==1.19.2", "numpy==1.19.2"),
        ("numpy>=1.19,<2", "numpy>=1.19,<2"),
        ("numpy 1.19*", "numpy==1.19*"),
        ("conda-forge::scikit-learn=1.0", "scikit-learn==1.0.*"),
        ("pytorch=1.6", "torch==1.6.*"),
        ("py-xgboost", "xgboost"),
        ("scikit_learn", "scikit-learn"),
    ],
)
def test_conda_packages_are_replaced_by_those_of_pypi(conda: str, pip: str) -> None:
    """Versions are translated into pip's syntax, and a warning says so."""
    packages = pypi_packages([conda])
    assert [pip] == packages.requirements
    assert [f"{conda} is taken from PyPI as {pip}"] == packages.mapped


def test_tools_are_in_every_environment() -> None:
    """They are left out without a warning."""
    packages = pypi_packages(["python=3.11", "pip=20", "setuptools"])
    assert ([], [], []) == (packages.requirements, packages.mapped, packages.unknown)


def test_conda_packages_without_an_equivalent_are_refused_by_name() -> None:
    """The error names all of them, and what to do."""
    environment = with_packages(conda_packages=["numpy", "cudatoolkit=10.1", "nccl"])
    with pytest.raises(UserErrorException, match=r"without an equivalent on PyPI: cudatoolkit, nccl\. Name packages"):
        of(environment)


def test_a_conda_file_is_read() -> None:
    """It lists conda packages, pip packages and the Python version."""
    Path("env.yml").write_text(
        "name: x\nchannels: [conda-forge]\ndependencies:\n- python=3.11\n- numpy\n- pip\n- pip:\n  - joblib\n",
        encoding="utf-8",
    )
    result = of(Environment.from_conda_specification("e", "env.yml"))
    assert (["numpy", "joblib"], "3.11") == (result.spec["requirements"], result.spec["pythonVersion"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "is not YAML"),
        ("- a", "must be an object"),
        ("packages: []", "unknown key packages"),
        ("dependencies: x", "a list"),
    ],
)
def test_a_file_that_is_not_a_conda_file_is_refused(text: str, message: str) -> None:
    """The error names the file."""
    Path("env.yml").write_text(text, encoding="utf-8")
    with pytest.raises(UserErrorException, match=message):
        CondaDependencies("env.yml")


def test_a_python_that_the_server_does_not_support_is_ignored_with_a_warning() -> None:
    """Old scripts pin 3.6."""
    result = of(with_packages(python_version="3.6.2"))
    assert "pythonVersion" not in result.spec
    assert ["the inference server does not support Python 3.6.2; the default version is used"] == result.warnings


def test_packages_are_added_and_removed_as_in_azure_ml() -> None:
    """A pip package replaces another version of itself."""
    made = CondaDependencies.create(pip_packages=["numpy==1.0"], conda_packages=["scipy", "python=3.10"])
    made.add_pip_package("numpy==2.0")
    made.add_conda_package("pandas")
    made.remove_conda_package("scipy")
    made.set_pip_option("--pre")
    made.add_channel("conda-forge")
    assert (["numpy==2.0"], ["--pre"]) == (list(made.pip_packages), list(made.pip_options))
    assert ["python=3.10", "pandas"] == list(made.conda_packages)
    assert "3.10" == made.get_python_version()
    assert made.as_dict() == CondaDependencies(made.save("out.yml")).as_dict()


def test_the_image_becomes_the_image_of_the_server() -> None:
    """The address of its registry is included; on this machine a warning says that it is not used."""
    registry = ContainerRegistry()
    registry.address = "registry.example"
    result = of(Environment.from_docker_image("e", "team/server:1", container_registry=registry))
    assert "registry.example/team/server:1" == result.spec["image"]
    assert "requirements" not in result.spec
    assert ["image registry.example/team/server:1 is not used on this machine; its packages must be listed"] == (
        result.warnings
    )


def test_azure_ml_images_are_not_used() -> None:
    """They have no inference server; a warning says so."""
    environment = with_packages(pip_packages=["numpy"])
    for image in (DEFAULT_CPU_IMAGE, f"registry.example/{DEFAULT_GPU_IMAGE}:1"):
        environment.docker.base_image = image
        result = of(environment)
        assert "image" not in result.spec
    assert ["numpy"] == result.spec["requirements"]
    assert "has no inference server of its own" in result.warnings[0]


def test_a_dockerfile_is_refused() -> None:
    """No image is built."""
    with pytest.raises(UserErrorException, match=r"base_dockerfile\) is not built here"):
        of(Environment.from_dockerfile("e", "FROM scratch\n"))


def test_a_cluster_has_the_packages_of_its_image(repository: Path) -> None:
    """Other packages need an image that contains them."""
    packages = (repository / "operator/modelprofiler/local/scoring-server.in").read_text(encoding="utf-8").splitlines()
    assert SCORING_IMAGE == {p.split("==")[0] for p in packages if p and p[0] != "#"} - {
        "azureml-inference-server-http"
    }
    result = of(with_packages(pip_packages=["scikit-learn", "joblib"], python_version="3.10"), in_cluster=True)
    assert {"env": []} == result.spec
    assert ["scikit-learn, joblib: the versions of the cluster's scoring-server image are used"] == result.warnings
    with pytest.raises(UserErrorException, match="its scoring-server image has no torch; build an image"):
        of(with_packages(pip_packages=["torch", "joblib"]), in_cluster=True)


def test_environments_are_registered_with_versions(ws: Workspace) -> None:
    """A registered environment is read back unchanged."""
    environment = with_packages(pip_packages=["numpy"], conda_packages=["scipy"])
    environment.environment_variables = {"A": "1"}
    environment.docker.base_image = "team/server:1"
    environment.register(ws)
    environment.clone("other").register(ws)
    registered = Environment.get(ws, "e")
    assert environment.serialize() == registered.serialize()
    assert "1" == registered.version
    assert {"e", "other"} == set(Environment.list(ws))
    with pytest.raises(
        UserErrorException, match="there is no environment 'AzureML-Minimal', version latest; registered"
    ):
        Environment.get(ws, "AzureML-Minimal")


def test_an_environment_is_kept_in_a_directory() -> None:
    """The layout is that of ``az ml environment scaffold``."""
    environment = with_packages(pip_packages=["numpy"])
    environment.save_to_directory("here")
    assert environment.serialize() == Environment.load_from_directory("here").serialize()
    with pytest.raises(UserErrorException, match="overwrite=True"):
        environment.save_to_directory("here")
    with pytest.raises(UserErrorException, match=r"there is no azureml_environment\.json in"):
        Environment.load_from_directory("there")
