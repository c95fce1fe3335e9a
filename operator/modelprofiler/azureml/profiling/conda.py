"""Replaces conda packages with packages of PyPI."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from modelprofiler.azureml.serving.conda_dependencies import package_name

TOOLS = frozenset({"pip", "setuptools", "wheel", "python"})
"""Packages that every environment has."""

_SAME = """
aiohttp beautifulsoup4 bokeh catboost cffi cloudpickle cryptography cython dask dill fastapi flask gensim gunicorn h5py
imbalanced-learn inference-schema ipython jinja2 joblib jsonschema keras lightgbm lxml matplotlib mlflow networkx nltk
numba numexpr numpy onnx onnxmltools onnxruntime openpyxl orjson pandas pillow plotly prophet protobuf psutil pyarrow
pydantic pyspark python-dateutil pytz pyyaml regex requests scikit-image scikit-learn scipy seaborn
sentence-transformers sentencepiece shap six skl2onnx spacy sqlalchemy statsmodels sympy tensorboard tensorflow
tokenizers torchvision torchaudio tqdm transformers typing-extensions ujson werkzeug xgboost xlrd
"""
SAME = frozenset(_SAME.split())
"""Packages that have the same name on PyPI."""

RENAMED = {
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "py-xgboost": "xgboost",
    "py-xgboost-cpu": "xgboost",
    "tensorflow-cpu": "tensorflow",
    "tensorflow-mkl": "tensorflow",
    "tensorflow-eigen": "tensorflow",
    "opencv": "opencv-python-headless",
    "py-opencv": "opencv-python-headless",
    "msgpack-python": "msgpack",
    "pytables": "tables",
    "fbprophet": "prophet",
}
"""Packages that have another name on PyPI."""

_VERSION = re.compile(r"^\s*(?P<name>[A-Za-z0-9._-]+)\s*(?P<version>.*)$")


@dataclass
class PypiPackages:
    """Conda packages and their equivalents on PyPI.

    Attributes
    ----------
    requirements
        The packages of PyPI, as pip requirements.
    mapped
        Sentences such as ``pytorch=1.6 is taken from PyPI as torch==1.6.*``.
    unknown
        Names of the packages without an equivalent.
    """

    requirements: list[str] = field(default_factory=list)
    mapped: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def pypi_packages(packages: list[str]) -> PypiPackages:
    """Return the packages of PyPI that replace conda packages."""
    result = PypiPackages()
    for package in packages:
        name = package_name(package)
        if name in TOOLS:
            continue
        equivalent = RENAMED.get(name) or (name if name in SAME else None)
        if equivalent is None:
            result.unknown.append(name or package)
            continue
        requirement = equivalent + _specifier(package)
        result.requirements.append(requirement)
        result.mapped.append(f"{package} is taken from PyPI as {requirement}")
    return result


def _specifier(package: str) -> str:
    """Return the version as a pip specifier: ``=1.19`` means any 1.19, and a conda build string is dropped."""
    match = _VERSION.match(package.split("::")[-1])
    version = match["version"].strip() if match else ""
    if not version:
        return ""
    if version.startswith(("==", ">", "<", "!", "~")):
        return version.split(" ")[0] if " " in version and "," not in version else version.replace(" ", "")
    exact = version.lstrip("= ").split("=")[0].split(" ")[0]
    return f"=={exact}" if exact.endswith("*") else f"=={exact}.*"
