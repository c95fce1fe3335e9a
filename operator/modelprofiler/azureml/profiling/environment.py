"""Translates an Azure ML environment into the environment of a profile."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.profiling.conda import Untranslatable, parsed, pypi_packages
from modelprofiler.azureml.profiling.installable import Answer
from modelprofiler.azureml.profiling.pip_lines import PipLines, contradictions, exclude_each_other, pip_lines
from modelprofiler.azureml.profiling.pull_secret import Login, login_of
from modelprofiler.azureml.serving.conda_dependencies import package_name
from modelprofiler.azureml.serving.environment import Environment
from modelprofiler.azureml.serving.shown import without_login
from modelprofiler.core.support import CLUSTER_PYTHON

SERVER = "azureml-inference-server-http"

SERVER_PACKAGES = frozenset({"azureml-defaults", SERVER})
"""Packages that are left out because every run provides the inference server. azureml-defaults would install the SDK
too, whose service is gone; `modelprofiler.azureml.profiling.shim` provides the part that scoring scripts import."""

SCORING_IMAGE = frozenset({"joblib", "numpy", "onnxruntime", "pandas", "scikit-learn"})
"""Packages of the scoring-server image (local/scoring-server.in). For these alone a cluster installs nothing."""

WITH_SCORING_IMAGE = frozenset({"flask", "gunicorn", "inference-schema", "packaging", "pydantic", "requests", "scipy"})
"""Packages that the image has because those depend on them, and that environments name often."""

ORIGINAL_IMAGES = re.compile(r"^([^/]+/)?(modelprofiler\.)?azureml/")
"""Azure ML's own base images, also as a replacement of azureml in a script names them. Azure ML added the inference
server to them, so they cannot serve without it."""

OLDEST_PYTHON = 9
"""The oldest minor version of Python 3 that the inference server supports."""

NEWEST_PYTHON = 14
"""The newest minor version of Python 3 that is tried for a range such as ``>3.11``."""

MOST_LINES = 100
"""Lines that an error names: environments that somebody wrote have fewer."""

PATCHES = 40
"""More patch versions than any minor version of Python has had."""

DEFAULT_PYTHON = int(CLUSTER_PYTHON.partition(".")[2])

Index = Callable[[Sequence[str], str | None, str | None], Answer]
"""Says what cannot be installed, as `modelprofiler.azureml.profiling.installable.ask_index` does."""


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
    login
        What a cluster pulls the image with; None: what it has.
    """

    spec: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    packages: set[str] = field(default_factory=set)
    login: Login | None = None


@dataclass
class _Problems:
    """What cannot be used: sentences, and lines of the environment each with its reason."""

    sentences: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    python: str | None = None
    """Why the version of Python is not the one that the environment names."""
    dropped_python: str | None = None
    """That version, such as 3.6."""

    def check(self) -> None:
        """Refuse what cannot be used, all at once."""
        sentences = list(self.sentences)
        if self.lines:
            more = [f"and {len(self.lines) - MOST_LINES:,} more"] if len(self.lines) > MOST_LINES else []
            shown = "; ".join([*self.lines[:MOST_LINES], *more])
            sentences.insert(0, f"these lines of the environment cannot be used: {shown}")
        if sentences and self.python:
            sentences.append(self.python)
        if sentences:
            raise UserErrorException(without_login(". ".join(sentences)))


def translated(environment: Environment, *, in_cluster: bool, index: Index | None = None) -> Translated:
    """Return the environment of a profile.

    Parameters
    ----------
    index
        Says which packages cannot be installed on this machine. Without it only what the lines themselves show is
        checked.

    Raises
    ------
    UserErrorException
        When an image would have to be built, or lines cannot be used; with every problem at once.
    """
    result, problems = Translated(), _Problems()
    if environment.docker.base_dockerfile:
        problems.sentences.append(
            "a Dockerfile (base_dockerfile) is not built here; build it and name the image with "
            "Environment.from_docker_image(name, image)"
        )
    image = environment.docker.image
    if image and ORIGINAL_IMAGES.match(image):
        result.warnings.append(f"image {image} has no inference server of its own and is not used")
        image = None
    login = _login(environment, problems)
    variables = _variables(environment, problems)
    lines = _packages(environment, result, problems, in_cluster=in_cluster)
    if index is not None and not in_cluster:
        _ask(index, lines, result, problems)
    if in_cluster and not image:
        lines = _beyond_scoring_image(lines, result)
    problems.check()
    if image:
        result.spec["image"] = image
        result.login = login if in_cluster else None
        if not in_cluster:
            result.warnings.append(f"image {image} is not used on this machine; its packages must be listed")
    if lines:
        result.spec["requirements"] = lines
    result.packages = {package_name(line) for line in lines}
    result.spec["env"] = [{"name": name, "value": value} for name, value in variables.items()]
    result.warnings = [without_login(warning) for warning in result.warnings]
    return result


def _login(environment: Environment, problems: _Problems) -> Login | None:
    try:
        return login_of(environment.docker)
    except ValueError as error:
        problems.sentences.append(str(error))
        return None


def _variables(environment: Environment, problems: _Problems) -> dict[str, str]:
    """Return the environment variables; numbers become texts, as for conda and Azure ML, and nothing else does."""
    variables = environment.python.conda_dependencies.variables | dict(environment.environment_variables or {})
    for name, value in variables.items():
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            problems.sentences.append(f"the environment variable {name} must be text in quotes, not {_kind(value)}")
    return {str(name): str(value) for name, value in variables.items()}


def _kind(value: object) -> str:
    """Return what a value is that is no text; what an object contains may be a secret."""
    return str(value) if value is None or isinstance(value, bool) else f"a {type(value).__name__}"


def _ask(index: Index, lines: list[str], result: Translated, problems: _Problems) -> None:
    answer = index(lines, result.spec.get("pythonVersion"), problems.dropped_python)
    problems.lines += answer.refused
    result.warnings += answer.warnings
    if answer.reason:
        problems.sentences.append(answer.reason)


def _packages(environment: Environment, result: Translated, problems: _Problems, *, in_cluster: bool) -> list[str]:
    """Return the packages that are to be installed, as pip requirements, and choose the version of Python."""
    if not environment.python.user_managed_dependencies:
        python = _python(environment, result, problems)
        return _requirements(environment, python, result, problems, in_cluster=in_cluster)
    dependencies = environment.python.conda_dependencies
    packages = [*dependencies.conda_packages, *dependencies.pip_packages]
    if listed := [package for package in packages if package_name(package) not in SERVER_PACKAGES]:
        result.warnings.append(f"user_managed_dependencies is set, so nothing is installed of {', '.join(listed)}")
    return []


def _requirements(
    environment: Environment, python: int, result: Translated, problems: _Problems, *, in_cluster: bool
) -> list[str]:
    """Return the packages of conda and pip that are to be installed, as pip requirements."""
    dependencies = environment.python.conda_dependencies
    packages = pypi_packages(list(dependencies.conda_packages))
    pip = pip_lines([*dependencies.pip_options, *dependencies.pip_packages], (3, python))
    conda = pip_lines(packages.requirements, (3, python))
    if packages.unknown:
        problems.sentences.append(
            f"these conda packages have no equivalent on PyPI: {', '.join(packages.unknown)}; name packages of PyPI "
            "with add_pip_package, or build an image that has them and name it with Environment.from_docker_image"
        )
    problems.lines += [*packages.problems, *pip.problems]
    problems.lines += contradictions(list(conda.parsed.items())) + contradictions(list(pip.parsed.items()))
    result.warnings += [*packages.mapped, *pip.warnings]
    kept = _without_replaced(conda, pip, result)
    for line in pip.requirements:
        is_server = package_name(line) in SERVER_PACKAGES
        if not is_server or _is_kept(line, pip.parsed.get(line), result, in_cluster=in_cluster):
            kept.append(line)
    return list(dict.fromkeys(kept))


def _without_replaced(conda: PipLines, pip: PipLines, result: Translated) -> list[str]:
    """Return the packages of conda, without those that pip replaces by another version, as it does after conda."""
    kept = []
    for line, requirement in conda.parsed.items():
        name = canonicalize_name(requirement.name)
        same = {text: other for text, other in pip.parsed.items() if canonicalize_name(other.name) == name}
        replaced_by = [text for text, other in same.items() if exclude_each_other(requirement, other)]
        if replaced_by:
            result.warnings.append(f"{line} of conda is replaced by {replaced_by[0]} of pip")
        elif not any(text == line for text in same):
            kept.append(line)
    return kept


def _is_kept(line: str, requirement: Requirement | None, result: Translated, *, in_cluster: bool) -> bool:
    """Return whether a package with the inference server stays: a version of the server itself on this machine."""
    name = package_name(line)
    if requirement is not None and not requirement.specifier and not requirement.extras:
        return False
    if name == SERVER and not in_cluster:
        return True
    where = "the cluster's scoring-server image has its own" if name == SERVER else "every run has an inference server"
    result.warnings.append(f"{line} is not installed: {where}")
    return False


def _python(environment: Environment, result: Translated, problems: _Problems) -> int:
    """Choose the version of Python, and return its minor version."""
    packages = [p for p in environment.python.conda_dependencies.conda_packages if package_name(p) == "python"]
    if not packages:
        return DEFAULT_PYTHON
    try:
        specifiers = SpecifierSet(",".join(filter(None, (parsed(package).specifier for package in packages))))
    except Untranslatable as error:
        problems.lines.append(f"{packages[0]} ({error})")
        return DEFAULT_PYTHON
    allowed = [minor for minor in range(NEWEST_PYTHON + 1) if _allows(specifiers, minor)]
    supported = [minor for minor in allowed if minor >= OLDEST_PYTHON]
    if not allowed and len(packages) > 1:
        problems.lines.append(f"{' and '.join(packages)} (they contradict each other)")
        return DEFAULT_PYTHON
    if not supported:
        problems.python = (
            f"{', '.join(packages)} is not used, because the inference server needs Python 3.{OLDEST_PYTHON} or later: "
            f"Python {CLUSTER_PYTHON} is"
        )
        problems.dropped_python = f"3.{max(allowed)}" if allowed else None
        result.warnings.append(problems.python)
        return DEFAULT_PYTHON
    minor = min(supported, key=lambda minor: (abs(minor - DEFAULT_PYTHON), minor))
    if len(allowed) == 1 or minor != DEFAULT_PYTHON:
        result.spec["pythonVersion"] = f"3.{minor}"
    if any(s.operator == "==" and s.version.removesuffix(".*").count(".") > 1 for s in specifiers):
        result.warnings.append(f"{', '.join(packages)}: any Python 3.{minor} is used")
    return minor


def _allows(specifiers: SpecifierSet, minor: int) -> bool:
    return any(specifiers.contains(f"3.{minor}.{patch}") for patch in range(PATCHES))


def _beyond_scoring_image(lines: Sequence[str], result: Translated) -> list[str]:
    """Return what a cluster has to install: nothing where the scoring-server image has all packages, else all."""
    version = result.spec.pop("pythonVersion", CLUSTER_PYTHON)
    if version != CLUSTER_PYTHON:
        result.warnings.append(f"Python {version} is not used: the cluster's scoring-server image has {CLUSTER_PYTHON}")
    if any(package_name(line) not in SCORING_IMAGE | WITH_SCORING_IMAGE for line in lines):
        return list(lines)
    if lines:
        versions = "the versions of the cluster's scoring-server image are used"
        result.warnings.append(f"{', '.join(lines)}: {versions}")
    return []
