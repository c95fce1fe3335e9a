"""Serve the regression as Azure ML's own examples do: the model by its registered name, the input by its schema."""

import joblib
import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema, output_schema

from modelprofiler.azureml.core.model import Model

model = None

input_sample = np.array([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]])
output_sample = np.array([3726.995])


def init():
    """Load the model, once for each worker."""
    global model
    model = joblib.load(Model.get_model_path("diabetes"))


@input_schema("data", NumpyParameterType(input_sample))
@output_schema(NumpyParameterType(output_sample))
def run(data):
    """Return how the disease progresses for each row of ten features."""
    return model.predict(data).tolist()
