"""What an address needs before anything is downloaded from it: the driver of its store, and where its server is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib.util import find_spec

DRIVERS: Mapping[str, tuple[str, ...]] = {
    "s3": ("fsspec", "s3fs"),
    "gs": ("fsspec", "gcsfs"),
    "abfs": ("fsspec", "adlfs"),
    "abfss": ("fsspec", "adlfs"),
    "hf": ("fsspec", "huggingface_hub"),
}
"""The packages of the extra `sources` that each kind of address needs; the others need none of them."""
TRACKING_URI = "MLFLOW_TRACKING_URI"
"""The variable, or key of a Secret, that names the MLflow server of a models:/ address."""


def missing_need(uri: str, known: Collection[str]) -> str:
    """Return what an address lacks on this machine, as a sentence; empty where nothing is known to be missing.

    No driver is imported: that takes seconds.

    Parameters
    ----------
    known
        Names of environment variables and of the keys of the address's Secret.
    """
    scheme = uri.partition(":")[0]
    missing = [package for package in DRIVERS.get(scheme, ()) if find_spec(package) is None]
    if missing:
        return f"needs {' and '.join(missing)}: pip install 'modelprofiler[sources]'"
    if scheme == "models" and TRACKING_URI not in known:
        return f"needs {TRACKING_URI}, the address of the MLflow server: as an environment variable, or in secretRef"
    return ""
