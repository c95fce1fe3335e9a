"""The packages of an environment, as a conda file lists them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from modelprofiler.azureml.exceptions import UserErrorException
from modelprofiler.azureml.serving.shown import without_login, yaml_problem

_KEYS = ("name", "channels", "dependencies", "platforms", "prefix", "variables")
_NAME = re.compile(r"^(?:[^:\s]+::)?([A-Za-z0-9._-]+)")

DEFAULT_PIP_PACKAGE = "azureml-defaults"


class CondaDependencies:
    """The packages of an environment: conda packages, and pip packages among them.

    Parameters
    ----------
    conda_dependencies_file_path
        A conda file; by default azureml-defaults is the only package.

    Raises
    ------
    UserErrorException
        When the file does not exist or is not a conda file.
    """

    def __init__(
        self,
        conda_dependencies_file_path: str | os.PathLike[str] | None = None,
        _underlying_structure: dict[str, Any] | None = None,
    ) -> None:
        if conda_dependencies_file_path is not None:
            self._conda_dependencies = _read(Path(conda_dependencies_file_path))
        elif _underlying_structure is not None:
            self._conda_dependencies = _checked(_underlying_structure, "the conda dependencies")
        else:
            self._conda_dependencies = {"dependencies": [{"pip": [DEFAULT_PIP_PACKAGE]}]}

    @staticmethod
    def create(
        pip_indexurl: str | None = None,
        pip_packages: list[str] | None = None,
        conda_packages: list[str] | None = None,
        python_version: str | None = None,
        pin_sdk_version: bool = True,
    ) -> CondaDependencies:
        """Return the packages of a new environment; without `pip_packages` the only pip package is azureml-defaults."""
        dependencies = CondaDependencies(_underlying_structure={"dependencies": []})
        if python_version:
            dependencies.set_python_version(python_version)
        if pip_indexurl:
            dependencies.set_pip_option(f"--extra-index-url {pip_indexurl}")
        for package in [DEFAULT_PIP_PACKAGE] if pip_packages is None else pip_packages:
            dependencies.add_pip_package(package)
        for package in conda_packages or []:
            dependencies.add_conda_package(package)
        return dependencies

    @property
    def _dependencies(self) -> list[Any]:
        dependencies: list[Any] = self._conda_dependencies.setdefault("dependencies", [])
        return dependencies

    @property
    def conda_channels(self) -> Iterator[str]:
        """Conda channels; they are kept and not used, since packages come from PyPI."""
        return iter(list(self._conda_dependencies.get("channels") or []))

    @property
    def conda_packages(self) -> Iterator[str]:
        """Conda packages, Python included."""
        return iter([d for d in self._dependencies if isinstance(d, str)])

    @property
    def pip_packages(self) -> Iterator[str]:
        """Pip packages."""
        return iter([line for line in self._pip() if not line.startswith("-")])

    @property
    def pip_options(self) -> Iterator[str]:
        """Pip options among the pip packages."""
        return iter([line for line in self._pip() if line.startswith("-")])

    @property
    def variables(self) -> dict[str, Any]:
        """Environment variables that conda sets when the environment is activated, as they are written."""
        return dict(self._conda_dependencies.get("variables") or {})

    def get_python_version(self) -> str | None:
        """Return the Python version, or None where it is not set."""
        for package in self.conda_packages:
            if package_name(package) == "python":
                version = re.search(r"[0-9][0-9.]*", package)
                return version.group().rstrip(".") if version else None
        return None

    def set_python_version(self, version: str) -> None:
        """Set the Python version."""
        others = [d for d in self._dependencies if not (isinstance(d, str) and package_name(d) == "python")]
        self._conda_dependencies["dependencies"] = [f"python={version}", *others]

    def add_channel(self, channel: str) -> None:
        """Add a conda channel; it is kept and not used."""
        channels = self._conda_dependencies.setdefault("channels", [])
        if channel not in channels:
            channels.append(channel)

    def remove_channel(self, channel: str) -> None:
        """Remove a conda channel."""
        self._conda_dependencies["channels"] = [c for c in self.conda_channels if c != channel]

    def add_conda_package(self, conda_package: str) -> None:
        """Add a conda package."""
        if package_name(conda_package) == "python" and re.search("[0-9]", conda_package):
            self.set_python_version(re.sub(r"^python[=<>!~ ]*", "", conda_package))
        elif conda_package not in self._dependencies:
            self._dependencies.append(conda_package)

    def remove_conda_package(self, conda_package: str) -> None:
        """Remove a conda package."""
        if package_name(conda_package) == "python":
            raise UserErrorException("python must not be removed from conda dependencies")
        self._conda_dependencies["dependencies"] = [d for d in self._dependencies if d != conda_package]

    def add_pip_package(self, pip_package: str) -> None:
        """Add a pip package; it replaces another version of the same package."""
        self.remove_pip_package(pip_package)
        self._pip_section().append(pip_package)

    def remove_pip_package(self, pip_package: str) -> None:
        """Remove a pip package."""
        if pip_package.startswith("-"):
            raise UserErrorException(f"{pip_package} is a pip option, not a package; use set_pip_option")
        name = package_name(pip_package)
        section = self._pip_section()
        section[:] = [line for line in section if line.startswith("-") or package_name(line) != name]

    def set_pip_option(self, pip_option: str) -> None:
        """Add a pip option, such as ``--extra-index-url``."""
        if pip_option not in self._pip_section():
            self._pip_section().append(pip_option)

    def set_pip_requirements(self, pip_requirements: list[str]) -> None:
        """Replace all pip packages and options."""
        self._pip_section()[:] = pip_requirements

    def save_to_file(self, base_directory: str, conda_file_path: str | None = None) -> str:
        """Write the conda file, and return its name."""
        name = conda_file_path or "conda_dependencies.yml"
        self.save(os.path.join(base_directory, name))  # noqa: PTH118 - Azure ML's paths are strings
        return name

    def save(self, path: str | None = None) -> str:
        """Write the conda file, and return its path."""
        target = Path(path or "conda_dependencies.yml")
        target = target / "conda_dependencies.yml" if target.is_dir() else target
        target.write_text(self.serialize_to_string(), encoding="utf-8")
        return str(target)

    def serialize_to_string(self) -> str:
        """Return the conda file as text."""
        return yaml.safe_dump(self._conda_dependencies, sort_keys=False)

    def as_dict(self) -> dict[str, Any]:
        """Return the conda file as data."""
        loaded: dict[str, Any] = yaml.safe_load(self.serialize_to_string())
        return loaded

    def _pip(self) -> list[str]:
        return [line for dependency in self._dependencies if isinstance(dependency, dict) for line in dependency["pip"]]

    def _pip_section(self) -> list[str]:
        for dependency in self._dependencies:
            if isinstance(dependency, dict):
                section: list[str] = dependency["pip"]
                return section
        self._dependencies.append({"pip": []})
        return self._pip_section()


def package_name(requirement: str) -> str:
    """Return the package name in a conda or pip requirement, in lower case with ``-`` between words."""
    match = _NAME.match(requirement.strip())
    return re.sub(r"[-_.]+", "-", match.group(1)).lower() if match else ""


def _read(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_bytes())  # a byte order mark says when it is UTF-16
    except OSError as error:
        raise UserErrorException(f"cannot read the conda file {path}: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
        raise UserErrorException(f"the conda file {path} is not YAML: {yaml_problem(error)}") from error
    return _checked(data, f"the conda file {path}")


def _checked(data: Any, label: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise UserErrorException(f"{label} must be an object with the key dependencies")
    if unknown := [str(key) for key in data if key not in _KEYS]:
        raise UserErrorException(f"{label}: unknown key {', '.join(unknown)}; the known keys are {', '.join(_KEYS)}")
    if not isinstance(data.get("dependencies") or [], list):
        raise UserErrorException(f"{label}: dependencies must be a list")
    if not isinstance(data.get("variables") or {}, dict):
        raise UserErrorException(f"{label}: variables must be an object of names and values")
    items = [_dependency(item, f"{label}: dependencies[{n}]") for n, item in enumerate(data.get("dependencies") or [])]
    sections = [item["pip"] for item in items if isinstance(item, dict)]
    for section in sections[1:]:  # conda installs the packages of all sections
        sections[0].extend(section)
    kept = [item for item in items if isinstance(item, str) or item["pip"] is sections[0]]
    return {**data, "dependencies": kept}


def _dependency(item: Any, label: str) -> str | dict[str, list[str]]:
    if isinstance(item, str) and item.strip():
        return item
    pip = item.get("pip") if isinstance(item, dict) and set(item) == {"pip"} else False
    if pip is None:
        return {"pip": []}
    if isinstance(pip, list) and all(isinstance(line, str) for line in pip):
        return {"pip": list(pip)}
    shown = without_login(str(item))[:80]
    raise UserErrorException(
        f"{label} must be a package such as numpy=1.26, or pip with a list of packages, not {shown!r}"
    )
