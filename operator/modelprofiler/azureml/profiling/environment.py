"""Translates an Azure ML environment into the environment of a profile."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.profiling.conda import pypi_packages
from modelprofiler.azureml.serving.conda_dependencies import package_name
from modelprofiler.azureml.serving.environment import Environment

SERVER_PACKAGES = frozenset(
    # The last one is what `sed` makes of azureml-defaults in a script.
    {"azureml-defaults", "azureml-inference-server-http", "modelprofiler-azureml-defaults"}
)
"""Packages that are left out because every run provides the inference server. azureml-defaults would install the SDK
too, whose service is gone; `modelprofiler.azureml.profiling.shim` provides the part that scoring scripts import."""

SCORING_IMAGE = frozenset({"joblib", "numpy", "onnxruntime", "pandas", "scikit-learn"})
"""Packages of the scoring-server image (local/scoring-server.in). A cluster installs no others."""

ORIGINAL_IMAGES = re.compile(r"^([^/]+/)?azureml/")
"""Azure ML's own base images. Azure ML added the inference server to them, so they cannot serve without it."""

OLDEST_PYTHON = (3, 9)
"""The oldest Python version that the inference server supports."""


@dataclass
class Translated:
    """The environment of a profile.

    Attributes
    ----------
    spec
        The value of spec.server.entryScript.environment.
    warnings
        What differs from the original environment, in sentences for the caller.
    packages
        Names of the packages that are installed.
    """

    spec: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    packages: set[str] = field(default_factory=set)


def translated(environment: Environment, *, in_cluster: bool) -> Translated:
    """Return the environment of a profile.

    Raises
    ------
    UserErrorException
        When an image would have to be built, or packages are not available; with every problem at once.
    """
    result = Translated()
    problems: list[str] = []
    if environment.docker.base_dockerfile:
        problems.append(
            "a Dockerfile (base_dockerfile) is not built here; build it and name the image with "
            "Environment.from_docker_image(name, image)"
        )
    image = environment.docker.image
    if image and ORIGINAL_IMAGES.match(image):
        result.warnings.append(f"image {image} has no inference server of its own and is not used")
        image = None
    requirements: list[str] = []
    if not environment.python.user_managed_dependencies:
        requirements = _requirements(environment, result, problems)
        _python(environment, result)
    if in_cluster and not image:
        requirements = _within_scoring_image(requirements, result, problems)
    elif in_cluster and requirements:
        result.warnings.append(f"a cluster installs nothing: image {image} must have {', '.join(requirements)}")
        requirements = []
    if problems:
        raise UserErrorException("; ".join(problems))
    if image:
        result.spec["image"] = image
        if not in_cluster:
            result.warnings.append(f"image {image} is not used on this machine; its packages must be listed")
    if requirements:
        result.spec["requirements"] = requirements
    result.packages = {package_name(r) for r in requirements}
    variables = environment.environment_variables or {}
    result.spec["env"] = [{"name": str(name), "value": str(value)} for name, value in variables.items()]
    return result


def _requirements(environment: Environment, result: Translated, problems: list[str]) -> list[str]:
    dependencies = environment.python.conda_dependencies
    packages = pypi_packages(list(dependencies.conda_packages))
    if packages.unknown:
        problems.append(
            f"conda packages without an equivalent on PyPI: {', '.join(packages.unknown)}. Name packages of PyPI with "
            "add_pip_package, or build an image that has them and name it with Environment.from_docker_image"
        )
    result.warnings += packages.mapped
    pip = [line for line in dependencies.pip_packages if package_name(line) not in SERVER_PACKAGES]
    return [*dependencies.pip_options, *packages.requirements, *pip]


def _python(environment: Environment, result: Translated) -> None:
    version = environment.python.conda_dependencies.get_python_version()
    if not version:
        return
    parts = tuple(int(p) for p in version.split(".")[:2])
    if len(parts) < 2 or parts < OLDEST_PYTHON:
        result.warnings.append(f"the inference server does not support Python {version}; the default version is used")
    else:
        result.spec["pythonVersion"] = f"{parts[0]}.{parts[1]}"


def _within_scoring_image(requirements: list[str], result: Translated, problems: list[str]) -> list[str]:
    """Drop the requirements that the scoring-server image has; report the others as a problem."""
    result.spec.pop("pythonVersion", None)
    names = [package_name(r) for r in requirements if not r.startswith("-")]
    if missing := [name for name in names if name not in SCORING_IMAGE]:
        problems.append(
            f"a cluster installs nothing, and its scoring-server image has no {', '.join(missing)}; build an image "
            "that has them and name it with Environment.from_docker_image(name, image)"
        )
    elif names:
        result.warnings.append(f"{', '.join(names)}: the versions of the cluster's scoring-server image are used")
    return []
