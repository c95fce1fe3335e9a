"""Serve the digits classifier under the Azure ML contract: ``init()`` once a worker, ``run()`` once a request."""

import json
import os
from pathlib import Path

import joblib
import numpy as np

PIXELS = 64

model = None


def init():
    """Load the model from the directory that the server names in ``AZUREML_MODEL_DIR``."""
    global model
    model = joblib.load(Path(os.environ["AZUREML_MODEL_DIR"]) / "model.joblib")


def run(raw_data):
    """Predict the digit of each image.

    Parameters
    ----------
    raw_data : str
        The request body: ``{"data": [[64 pixels, 0 to 16], ...]}``.

    Returns
    -------
    list of int
        One digit an image; the server sends it as JSON.
    """
    images = np.asarray(json.loads(raw_data)["data"], dtype=np.float32)
    if images.ndim != 2 or images.shape[1] != PIXELS:
        raise ValueError(f"expected rows of {PIXELS} pixels, got shape {images.shape}")
    return model.predict(images).tolist()
