"""Names of Azure ML's own images, as old scripts import them.

They cannot serve a model and are not used: `modelprofiler.azureml.profiling.environment` warns of them.
"""

DEFAULT_CPU_IMAGE = "azureml/openmpi4.1.0-ubuntu20.04"
DEFAULT_GPU_IMAGE = "azureml/openmpi4.1.0-cuda11.1-cudnn8-ubuntu20.04"
