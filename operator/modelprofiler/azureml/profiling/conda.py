"""Replaces conda packages with packages of PyPI."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from modelprofiler.azureml.serving.conda_dependencies import package_name
from modelprofiler.core.text import head

TOOLS = frozenset({"pip", "python"})
"""Packages that are no requirements: uv installs the rest, and Python is chosen apart from them."""

_SAME = """
absl-py accelerate adal adlfs aiofiles aiohttp alembic anyio argon2-cffi astunparse attrs azure-core azure-identity
azure-storage-blob backcall bcrypt beautifulsoup4 bleach blinker bokeh boto3 botocore bottleneck brotli cachetools
catalogue catboost category-encoders certifi cffi chardet charset-normalizer click cloudpickle colorama contourpy
cryptography cycler cymem cython cytoolz dask dataclasses-json datasets decorator defusedxml diffusers dill
distributed docutils einops entrypoints et-xmlfile evaluate exceptiongroup fastapi fastparquet feature-engine filelock
flask flask-cors fonttools fsspec ftfy future gast gcsfs gensim geopandas gitpython google-auth google-pasta greenlet
grpcio gunicorn h11 h5py hdbscan holidays html5lib httpcore httptools httpx huggingface-hub hyperopt idna imageio
imbalanced-learn importlib-metadata importlib-resources inference-schema ipython isodate itsdangerous jinja2 jmespath
joblib jsonpickle jsonschema jupyter-client keras kiwisolver langdetect lightgbm lime llvmlite loguru lxml mako
markdown markdown-it-py markupsafe matplotlib mlflow mlxtend more-itertools mpmath msal msgpack multidict multiprocess
murmurhash mypy-extensions nest-asyncio networkx ngboost nltk numba numexpr numpy oauthlib onnx onnxmltools
onnxruntime opencensus openpyxl opt-einsum optuna orjson packaging pandas pathlib2 patsy peewee pexpect pillow plotly
pluggy pmdarima polars portalocker preshed prometheus-client prompt-toolkit prophet protobuf psutil psycopg2 pyarrow
pyasn1 pyasn1-modules pycparser pydantic pygments pyjwt pymongo pymysql pyodbc pyopenssl pyparsing pyproj pysocks
pyspark pystan pytest python-dateutil python-dotenv python-json-logger python-multipart pytorch-lightning pytz
pywavelets pyyaml pyzmq rapidfuzz regex requests requests-oauthlib retrying rich rsa s3fs s3transfer sacremoses
safetensors scikit-image scikit-learn scikit-optimize scipy seaborn sentence-transformers sentencepiece setuptools
shap shapely simplejson six skl2onnx smart-open snowballstemmer soupsieve spacy sqlalchemy sqlparse srsly starlette
statsmodels sympy tabulate tenacity tensorboard tensorflow tensorflow-estimator termcolor textblob thinc threadpoolctl
tifffile timm tokenizers toolz torchaudio torchmetrics torchtext torchvision tornado tqdm traitlets transformers typer
typing-extensions typing-inspect tzdata tzlocal ujson umap-learn unidecode urllib3 uvicorn wasabi wcwidth webencodings
websocket-client werkzeug wheel wrapt xarray xgboost xlrd xlsxwriter xlwt xxhash yarl zarr zipp
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
    "numpy-base": "numpy",
    "matplotlib-base": "matplotlib",
    "keras-gpu": "keras",
    "pytorch-gpu": "torch",
    "py-xgboost-gpu": "xgboost",
    "python-flatbuffers": "flatbuffers",
    "ruamel-yaml": "ruamel.yaml",
    "tensorflow-base": "tensorflow",
    "tensorflow-gpu": "tensorflow",
}
"""Packages that have another name on PyPI."""

LONGEST_PACKAGE = 200
"""Characters of a conda package with its channel, version and build; an error shows them."""

_SPEC = re.compile(r"^(?:[^:\s]+::)?(?P<name>[A-Za-z0-9._-]+)\s*(?:\[(?P<pairs>[^\]]*)\]|(?P<rest>[^\[]*))$")
_PAIR = re.compile(r"""(?P<key>\w+)\s*=\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<plain>[^,\s]+))""")
_CLAUSE = re.compile(r"^(?P<operator>===|==|~=|!=|>=|<=|>|<|=)?\s*(?P<version>.+)$")


class Untranslatable(Exception):
    """A conda package whose version pip cannot express."""


@dataclass(frozen=True)
class CondaSpec:
    """A conda package as conda reads it.

    Attributes
    ----------
    name
        Its name in lower case.
    specifier
        Its version as pip writes it; empty for any.
    build
        Its build; empty for any.
    """

    name: str
    specifier: str
    build: str


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
        The packages without an equivalent, as they are written.
    problems
        What cannot be used for another reason, each with that reason.
    """

    requirements: list[str] = field(default_factory=list)
    mapped: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def pypi_packages(packages: list[str]) -> PypiPackages:
    """Return the packages of PyPI that replace conda packages."""
    result = PypiPackages()
    for package in packages:
        name = package_name(package)
        equivalent = RENAMED.get(name) or (name if name in SAME else None)
        if name == "pip" and package.strip() != "pip":
            result.mapped.append(f"{package} is not installed: uv installs the packages, not pip")
        if name in TOOLS:
            continue
        if equivalent is None:
            result.unknown.append(head(package, LONGEST_PACKAGE))
            continue
        try:
            spec = parsed(package)
        except Untranslatable as error:
            result.problems.append(f"{head(package, LONGEST_PACKAGE)} ({error})")
            continue
        requirement = equivalent + spec.specifier
        result.requirements.append(requirement)
        lost = f", without its build {spec.build}" if spec.build else ""
        result.mapped.append(f"{package} is taken from PyPI as {requirement}{lost}")
    return result


def parsed(package: str) -> CondaSpec:
    """Return a conda package in pip's terms: ``=1.19`` means any 1.19.

    https://docs.conda.io/projects/conda-build/en/stable/resources/package-spec.html#package-match-specifications

    Raises
    ------
    Untranslatable
        When it is not a package, or pip has no such version.
    """
    match = _SPEC.match(package.strip()) if len(package) <= LONGEST_PACKAGE else None
    if match is None:
        raise Untranslatable("this is not how conda names a package")
    version, build = _named(match["pairs"]) if match["pairs"] is not None else _positional(match["rest"])
    if "|" in version:
        raise Untranslatable("pip has no alternatives of versions; name one")
    specifier = ",".join(filter(None, map(_clause, filter(None, version.split(",")))))
    try:
        SpecifierSet(specifier)
    except InvalidSpecifier:
        raise Untranslatable(f"{version} is not a version of a package of PyPI") from None
    return CondaSpec(package_name(package), specifier, "" if build == "*" else build)


def _named(pairs: str) -> tuple[str, str]:
    """Return version and build of ``name[version='>=1.2', build=py36_0]``."""
    values = {m["key"]: m["double"] or m["single"] or m["plain"] or "" for m in _PAIR.finditer(pairs)}
    return "".join(values.get("version", "").split()), values.get("build", "")


def _positional(rest: str) -> tuple[str, str]:
    """Return version and build of ``name=1.2=py36_0``, ``name 1.2 py36_0`` or ``name >=1.2, <2``."""
    text = re.sub(r"\s*([,|])\s*", r"\1", rest.strip())
    text = re.sub(r"([=<>!~]=?)\s+", r"\1", text)
    version, _, build = text.partition(" ")
    if not build and "," not in version:
        operator = re.match(r"[=<>!~]*", version)
        start = operator.end() if operator else 0
        number, _, build = version[start:].partition("=")
        version = version[:start] + number
    return version, build.strip()


def _clause(clause: str) -> str:
    match = _CLAUSE.match(clause)
    if match is None:
        raise Untranslatable(f"{clause} has no version")
    operator, version = match["operator"], match["version"].strip()
    if version[0] in "=<>!~":
        raise Untranslatable(f"{clause} is not a version of a package of PyPI")
    stem = re.sub(r"\.?\*$", "", version)
    if not stem:
        return ""
    if operator in ("==", "!=", None) and stem == version:
        return f"{operator or '=='}{version}"
    if operator in ("=", "==", "!=", None):  # conda's =1.2 and 1.2* stand for pip's ==1.2.*
        return f"{'!=' if operator == '!=' else '=='}{stem}.*"
    return f"{operator}{stem}"
