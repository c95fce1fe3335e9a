"""Environments: Azure ML's classes, and their translation into the environment of a profile."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from modelprofiler.azureml.core import Environment, Workspace
from modelprofiler.azureml.core.conda_dependencies import CondaDependencies
from modelprofiler.azureml.core.container_registry import ContainerRegistry
from modelprofiler.azureml.core.runconfig import DEFAULT_CPU_IMAGE, DEFAULT_GPU_IMAGE
from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.profiling.conda import pypi_packages
from modelprofiler.azureml.profiling.environment import SCORING_IMAGE, WITH_SCORING_IMAGE, Translated, translated
from modelprofiler.azureml.profiling.installable import Answer
from modelprofiler.azureml.profiling.pull_secret import DOCKER_HUB


def of(environment: Environment, *, in_cluster: bool = False) -> Translated:
    """Return the environment of a profile."""
    return translated(environment, in_cluster=in_cluster)


def with_packages(**options: object) -> Environment:
    """Return an environment as `CondaDependencies.create` makes it."""
    environment = Environment("e")
    environment.python.conda_dependencies = CondaDependencies.create(**options)  # type: ignore[arg-type]  # as given
    return environment


def test_requirements_are_those_of_the_file() -> None:
    """Comments are left out."""
    Path("r.txt").write_text("# all\nnumpy==2.0  # pinned\n\njoblib\n", encoding="utf-8")
    requirements = of(Environment.from_pip_requirements("e", "r.txt")).spec["requirements"]
    assert ["numpy==2.0", "joblib"] == requirements
    with pytest.raises(UserErrorException, match="cannot read the requirements file gone"):
        Environment.from_pip_requirements("e", "gone.txt")


def test_requirements_files_of_other_programs_are_read() -> None:
    """PowerShell writes UTF-16, pip-compile continues lines, and some editors write a byte order mark."""
    pinned = "numpy==2.0 \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\n    # via -r x\njoblib\n"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        Path("r.txt").write_text(pinned, encoding=encoding)
        requirements = of(Environment.from_pip_requirements("e", "r.txt")).spec["requirements"]
        assert ["numpy==2.0  --hash=sha256:00  --hash=sha256:01", "joblib"] == requirements
        Path("env.yml").write_text("dependencies:\n- numpy\n", encoding=encoding)
        assert ["numpy"] == of(Environment.from_conda_specification("e", "env.yml")).spec["requirements"]
    Path("r.txt").write_bytes(b"\xe4")
    with pytest.raises(UserErrorException, match=r"r\.txt is not text in UTF-8"):
        Environment.from_pip_requirements("e", "r.txt")


def test_the_sdk_is_not_installed() -> None:
    """azureml-defaults is left out: every run provides the inference server."""
    assert "requirements" not in of(Environment("e")).spec
    for name in ("azureml-defaults", "azureml-defaults~=1.41", "modelprofiler.azureml-defaults"):
        result = of(with_packages(pip_packages=[name, "numpy"]))
        assert ["numpy"] == result.spec["requirements"]
        pinned = [f"{name} is not installed: every run has an inference server"] if "~" in name else []
        assert pinned == result.warnings


@pytest.mark.parametrize(
    ("conda", "pip"),
    [
        ("numpy", "numpy"),
        ("numpy=1.19", "numpy==1.19.*"),
        ("numpy==1.19.2", "numpy==1.19.2"),
        ("numpy>=1.19,<2", "numpy>=1.19,<2"),
        ("numpy 1.19*", "numpy==1.19.*"),
        ("numpy=1.19.*", "numpy==1.19.*"),
        ("numpy 1.19.2", "numpy==1.19.2"),
        ("numpy >=1.19, <2", "numpy>=1.19,<2"),
        ("numpy >= 1.19", "numpy>=1.19"),
        ("numpy~=1.22.3", "numpy~=1.22.3"),
        ("numpy!=1.19.*", "numpy!=1.19.*"),
        ("numpy>=1.19.*", "numpy>=1.19"),
        ("numpy=*", "numpy"),
        ("numpy[version='>=1.19,<2']", "numpy>=1.19,<2"),
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


@pytest.mark.parametrize("conda", ["numpy=1.19.2=py36_0", "numpy==1.19.2=py36_0", "numpy 1.19.2 py36_0"])
def test_the_build_of_a_conda_package_is_left_out_and_named(conda: str) -> None:
    """PyPI has one build of each version."""
    packages = pypi_packages([conda])
    assert packages.requirements[0].startswith("numpy==1.19.2")
    assert packages.mapped[0].endswith(", without its build py36_0")


@pytest.mark.parametrize(
    ("conda", "reason"),
    [
        ("numpy=1.19|=1.20", "no alternatives of versions"),
        ("pytz=2021_a-", "not a version"),
        ("numpy~=2", "not a version"),
        ("numpy>=", "not a version|no version"),
        ("numpy=1.2[build=x]", "not how conda names a package"),
    ],
)
def test_a_conda_version_that_pip_does_not_have_is_a_problem(conda: str, reason: str) -> None:
    """It is named with the reason; it is never dropped."""
    packages = pypi_packages([conda])
    assert [] == packages.requirements
    assert re.search(reason, packages.problems[0])
    with pytest.raises(UserErrorException, match=re.escape(conda)):
        of(with_packages(conda_packages=[conda]))


def test_tools_are_in_every_environment() -> None:
    """They are left out; a pinned one is named."""
    packages = pypi_packages(["python=3.11", "pip"])
    assert ([], [], []) == (packages.requirements, packages.mapped, packages.unknown)
    assert ["pip=20 is not installed: uv installs the packages, not pip"] == pypi_packages(["pip=20"]).mapped


def test_conda_packages_without_an_equivalent_are_refused_by_name() -> None:
    """The error names all of them, and what to do."""
    environment = with_packages(conda_packages=["numpy", "cudatoolkit=10.1", "nccl"])
    with pytest.raises(UserErrorException, match=r"no equivalent on PyPI: cudatoolkit=10\.1, nccl; name packages"):
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
        ("variables: x", "variables must be an object"),
        ("dependencies:\n- numpy\n- 1.5", r"dependencies\[1\] must be a package"),
        ("dependencies:\n- pip: numpy", r"dependencies\[0\] must be a package"),
        ("dependencies:\n- numpy: 1.2", r"dependencies\[0\] must be a package"),
        ("dependencies:\n- pip: [{a: b}]", r"dependencies\[0\] must be a package"),
        ("dependencies:\n-", r"dependencies\[0\] must be a package"),
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
    expected = "python=3.6.2 is not used, because the inference server needs Python 3.9 or later: Python 3.11 is"
    assert [expected] == result.warnings


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("=3.11", "3.11"),
        ("=3.11.*=*_cpython", "3.11"),
        (">=3.6", None),
        ("<3.11", "3.10"),
        (">=3.8,<3.10", "3.9"),
        (">3.11.99", "3.12"),
        ("", None),
    ],
)
def test_a_range_of_python_versions_is_met(version: str, expected: str | None) -> None:
    """By the default version where that is possible, otherwise by the nearest one."""
    Path("env.yml").write_text(f"dependencies:\n- 'python{version}'\n- numpy\n", encoding="utf-8")
    result = of(Environment.from_conda_specification("e", "env.yml"))
    assert expected == result.spec.get("pythonVersion")


def test_a_pinned_patch_of_python_is_named() -> None:
    """A minor version is what can be chosen."""
    result = of(with_packages(python_version="3.10.4"))
    assert ("3.10", ["python=3.10.4: any Python 3.10 is used"]) == (result.spec["pythonVersion"], result.warnings)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("-r more.txt", "write the lines of that file instead"),
        ("-rmore.txt", "write the lines of that file instead"),
        ("--requirement=more.txt", "write the lines of that file instead"),
        ("-r https://host.invalid/a.txt [--no-deps]", "write the lines of that file instead"),
        ("-c constraints.txt", "write its versions into the lines"),
        ("-e .", "put the package into the source directory"),
        ("-e git+https://host.invalid/a.git#egg=a", "put the package into the source directory"),
        ("--extra-index-url https://host.invalid/simple", "set it in pip's configuration"),
        ("-f https://host.invalid/whl", "set it in pip's configuration"),
        ("--pre", "name the version"),
        ("./wheels/mine-0.1-py3-none-any.whl", "a path must be absolute"),
        ("mine.zip", "a path must be absolute"),
        ("torch@https://host.invalid/torch-1.1.0-cp36-cp36m-linux_x86_64.whl", "a wheel for cp36"),
        ("/nowhere/mine-0.1-py3-none-any.whl", "there is no such file"),
        ("file:///nowhere/mine-0.1-py3-none-any.whl", "there is no such file"),
        ("https://host.invalid/torch-1.1.0-cp36-cp36m-linux_x86_64.whl", "a wheel for cp36-cp36m-linux_x86_64"),
        ("torch @ https://host.invalid/torch-1.1.0-cp36-cp36m-linux_x86_64.whl", "a wheel for cp36"),
        ("https://host.invalid/a-1-cp311-cp311-win_amd64.whl", "a wheel for cp311-cp311-win_amd64"),
        ("https://host.invalid/a.whl", "not that of a wheel"),
        ("numpy=1.19", "it is not a requirement"),
        ("numpy 1.19", "it is not a requirement"),
        ("numpy==1.2 --global-option=x", "it is not a requirement"),
        ("===", "it is not a requirement"),
    ],
)
def test_a_pip_line_that_cannot_be_used_is_named(line: str, reason: str) -> None:
    """With the reason, and together with every other line."""
    environment = with_packages(pip_packages=[], conda_packages=["openssl"])
    environment.python.conda_dependencies.set_pip_requirements(["joblib", line, "-c other.txt"])
    for in_cluster in (False, True):
        with pytest.raises(UserErrorException) as error:
            of(environment, in_cluster=in_cluster)
        assert re.search(rf"{re.escape(line)} \([^(]*{re.escape(reason)}", str(error.value))
        assert "-c other.txt (write its versions" in str(error.value)
        assert "no equivalent on PyPI: openssl;" in str(error.value)


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ('requests[security] >= 2.20 ; python_version < "3.12"  # why', None),
        ("git+https://host.invalid/pkg.git@v1", None),
        ("git+https://host.invalid/pkg.git@v1#egg=pkg", "pkg @ git+https://host.invalid/pkg.git@v1"),
        ("git+https://host.invalid/a.git#egg=a&subdirectory=b", "a @ git+https://host.invalid/a.git#subdirectory=b"),
        ("pkg @ https://host.invalid/pkg-1.0.tar.gz", None),
        ("https://host.invalid/pkg-1.0-py3-none-any.whl", None),
        ("numpy==2.0 --hash=sha256:00", None),
    ],
)
def test_what_pip_and_uv_take_is_kept(line: str, kept: str | None) -> None:
    """Unchanged, but without its comment."""
    expected = kept or line.split("  #")[0]
    assert [expected] == of(with_packages(pip_packages=[line])).spec["requirements"]


def test_options_without_effect_are_left_out_with_a_warning() -> None:
    """They do not change which packages a new environment gets."""
    environment = with_packages(pip_packages=["joblib"])
    environment.python.conda_dependencies.set_pip_option("--no-cache-dir")
    result = of(environment)
    assert ["joblib"] == result.spec["requirements"]
    assert ["the pip option --no-cache-dir is left out: it changes nothing here"] == result.warnings


def test_lines_that_contradict_each_other_are_named() -> None:
    """A version of pip replaces that of conda, as it does in Azure ML."""
    message = r"numpy==1.1 and numpy<1 \(they contradict each other\)"
    by_pip = with_packages(pip_packages=[])
    by_pip.python.conda_dependencies.set_pip_requirements(["numpy==1.1", "numpy<1"])
    for environment in (by_pip, with_packages(conda_packages=["numpy==1.1", "numpy<1"])):
        with pytest.raises(UserErrorException, match=message):
            of(environment)
    result = of(with_packages(conda_packages=["numpy=1.1"], pip_packages=["numpy==1.2"]))
    assert ["numpy==1.2"] == result.spec["requirements"]
    assert "numpy==1.1.* of conda is replaced by numpy==1.2 of pip" in result.warnings


def test_a_pinned_server_keeps_its_version() -> None:
    """On this machine; in a cluster a warning names it."""
    pinned = "azureml-inference-server-http==1.4.0"
    environment = with_packages(pip_packages=[pinned, "joblib"])
    assert [pinned, "joblib"] == of(environment).spec["requirements"]
    warnings = of(environment, in_cluster=True).warnings
    assert f"{pinned} is not installed: the cluster's scoring-server image has its own" in warnings
    assert "requirements" not in of(with_packages(pip_packages=["azureml-inference-server-http"])).spec


def test_what_the_index_does_not_have_is_named_with_the_version_of_python() -> None:
    """Together with what the lines show, and with a version of Python that is dropped."""
    asked: list[tuple[list[str], str | None, str | None]] = []

    def index(packages: Sequence[str], python: str | None, dropped: str | None) -> Answer:
        asked.append((list(packages), python, dropped))
        return Answer(refused=("numpy==1.14.5 (why)",))

    environment = with_packages(pip_packages=["numpy==1.14.5"], python_version="3.6.2")
    environment.python.conda_dependencies.set_pip_option("-e .")
    with pytest.raises(UserErrorException) as error:
        translated(environment, in_cluster=False, index=index)
    for part in ("-e . (", "numpy==1.14.5 (why)", "python=3.6.2 is not used, because"):
        assert part in str(error.value)
    assert [(["numpy==1.14.5"], None, "3.6")] == asked
    environment = with_packages(pip_packages=["numpy==1.14.5"])
    with pytest.raises(UserErrorException, match="because a and b"):
        translated(environment, in_cluster=False, index=lambda *_: Answer(reason="because a and b"))
    assert ["slow"] == translated(environment, in_cluster=False, index=lambda *_: Answer(warnings=("slow",))).warnings


def test_variables_of_a_conda_file_are_set() -> None:
    """Those of the environment take precedence."""
    Path("env.yml").write_text("dependencies: [numpy]\nvariables: {A: 1, B: two}\n", encoding="utf-8")
    environment = Environment.from_conda_specification("e", "env.yml")
    environment.environment_variables = {"B": "three"}
    assert [{"name": "A", "value": "1"}, {"name": "B", "value": "three"}] == of(environment).spec["env"]


def test_every_pip_section_of_a_conda_file_counts() -> None:
    """A pip section without packages adds none."""
    Path("env.yml").write_text("dependencies:\n- pip: [joblib]\n- numpy\n- pip:\n- pip: [pandas]\n", encoding="utf-8")
    result = of(Environment.from_conda_specification("e", "env.yml"))
    assert ["numpy", "joblib", "pandas"] == result.spec["requirements"]


def test_packages_are_added_and_removed_as_in_azure_ml() -> None:
    """A pip package replaces another version of itself."""
    dependencies = CondaDependencies.create(pip_packages=["numpy==1.0"], conda_packages=["scipy", "python=3.10"])
    dependencies.add_pip_package("numpy==2.0")
    dependencies.add_conda_package("pandas")
    dependencies.remove_conda_package("scipy")
    dependencies.set_pip_option("--pre")
    dependencies.add_channel("conda-forge")
    assert (["numpy==2.0"], ["--pre"]) == (list(dependencies.pip_packages), list(dependencies.pip_options))
    assert ["python=3.10", "pandas"] == list(dependencies.conda_packages)
    assert "3.10" == dependencies.get_python_version()
    assert dependencies.as_dict() == CondaDependencies(dependencies.save("out.yml")).as_dict()


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
    ported = "mcr.example/modelprofiler.azureml/curated/sklearn:1"  # a script's replacement of azureml
    for image in (DEFAULT_CPU_IMAGE, f"registry.example/{DEFAULT_GPU_IMAGE}:1", ported):
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
    """With any other package all are installed, in the versions that are asked for."""
    packages = (repository / "operator/modelprofiler/local/scoring-server.in").read_text(encoding="utf-8").splitlines()
    assert SCORING_IMAGE == {p.split("==")[0] for p in packages if p and p[0] != "#"} - {
        "azureml-inference-server-http"
    }
    result = of(with_packages(pip_packages=["scikit-learn", "joblib"], python_version="3.10"), in_cluster=True)
    assert {"env": []} == result.spec
    assert [
        "Python 3.10 is not used: the cluster's scoring-server image has 3.11",
        "scikit-learn, joblib: the versions of the cluster's scoring-server image are used",
    ] == result.warnings
    lock = (repository / "requirements/scoring-server.txt").read_text(encoding="utf-8")
    assert WITH_SCORING_IMAGE <= set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    pinned = of(with_packages(pip_packages=["scikit-learn==0.20.3", "scipy<1.5"]), in_cluster=True).warnings
    assert ["scikit-learn==0.20.3, scipy<1.5: the versions of the cluster's scoring-server image are used"] == pinned
    another = of(with_packages(pip_packages=["scikit-learn", "torch==2.9"]), in_cluster=True)
    assert (["scikit-learn", "torch==2.9"], []) == (another.spec["requirements"], another.warnings)


@pytest.mark.parametrize(
    ("address", "image", "server"),
    [
        ("registry.example", "team/server:1", "registry.example"),
        (None, "registry.example:5000/team/server:1", "registry.example:5000"),
        (None, "localhost/server", "localhost"),
        (None, "team/server:1", DOCKER_HUB),
        (None, "server", DOCKER_HUB),
    ],
)
def test_a_login_is_for_the_registry_of_its_image(address: str | None, image: str, server: str) -> None:
    """In a cluster; this machine pulls nothing."""
    registry = ContainerRegistry()
    registry.address, registry.username, registry.password = address, "me", "secret"
    environment = Environment.from_docker_image("e", image, container_registry=registry)
    login = of(environment, in_cluster=True).login
    assert login is not None
    assert server == login.address
    assert "secret" not in repr(login) + repr(registry) + json.dumps(environment.serialize())
    assert of(environment).login is None
    registry.password = None
    with pytest.raises(UserErrorException, match="needs both a username and a password"):
        of(environment, in_cluster=True)


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


def test_the_label_latest_stands_for_the_latest_version(ws: Workspace) -> None:
    """No label is ignored."""
    for packages in (["numpy"], ["scipy"]):
        with_packages(pip_packages=packages).register(ws)
    assert "2" == Environment.get(ws, "e", label="latest").version
    with pytest.raises(UserErrorException, match="no label 'stable' here; name a version"):
        Environment.get(ws, "e", label="stable")
    with pytest.raises(UserErrorException, match="give version or label, not both"):
        Environment.get(ws, "e", version="1", label="latest")


def test_building_does_nothing_and_says_so(ws: Workspace) -> None:
    """A script that waits for it goes on."""
    for build in (Environment("e").build, Environment("e").build_local):
        with pytest.warns(UserWarning, match="nothing is built"):
            details = build(ws)
        details.wait_for_completion(show_output=True)
        assert ("Succeeded", None) == (details.status, details.error)
    with pytest.raises(UserErrorException, match="builds no images: put the script into"):
        Environment.from_docker_build_context("e", docker_build_context=None)


def test_an_environment_has_no_image_of_its_own(ws: Workspace) -> None:
    """Nobody has built one."""
    with pytest.raises(UserErrorException, match=r"get_image_details: .*Environment\.from_docker_image"):
        Environment("e").get_image_details(ws)


def conda(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a program conda on the path."""
    program = tmp_path / "bin/conda"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


def test_a_conda_environment_of_this_machine_is_listed_by_conda(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without conda, the error says how its file is used instead."""
    for wrong in ("", None, "--help"):
        with pytest.raises(UserErrorException, match="is not the name of a conda environment"):
            Environment.from_existing_conda_environment("e", wrong)  # type: ignore[arg-type]
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserErrorException, match=r"conda is not on this machine.*from_conda_specification"):
        Environment.from_existing_conda_environment("e", "mine")
    listed = "printf 'name: %s\\ndependencies:\\n- python=3.11.4\\n- numpy=1.26.4\\n- pip:\\n  - joblib==1.5\\n' \"$5\""
    conda(tmp_path, monkeypatch, listed)
    environment = Environment.from_existing_conda_environment("e", "mine")
    assert ["numpy==1.26.4.*", "joblib==1.5"] == of(environment).spec["requirements"]
    assert "mine" == environment.python.conda_dependencies.as_dict()["name"]
    for script, message in (("echo no such place >&2; exit 1", "no such place"), ("echo -", "printed no conda file")):
        conda(tmp_path, monkeypatch, script)
        with pytest.raises(UserErrorException, match=message):
            Environment.from_existing_conda_environment("e", "mine")


def test_a_private_wheel_is_kept_and_named_by_a_url(ws: Workspace) -> None:
    """Pip and uv take the URL; in a cluster nobody could."""
    with pytest.raises(UserErrorException, match="there is no such file"):
        Environment.add_private_pip_wheel(ws, "mine-1.0-py3-none-any.whl")
    Path("mine-1.0-py3-none-any.whl").write_bytes(b"wheel")
    url = Environment.add_private_pip_wheel(ws, "mine-1.0-py3-none-any.whl")
    assert [url] == of(with_packages(pip_packages=[url])).spec["requirements"]
    with pytest.raises(UserErrorException, match="exist_ok=True replaces it"):
        Environment.add_private_pip_wheel(ws, "mine-1.0-py3-none-any.whl")
    assert url == Environment.add_private_pip_wheel(ws, "mine-1.0-py3-none-any.whl", exist_ok=True)
