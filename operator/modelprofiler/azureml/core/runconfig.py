"""Names of Azure ML's own images, as old scripts import them.

They serve nothing by themselves and are left out with a warning: see `modelprofiler.azureml.profiling.environment`.
"""

DEFAULT_CPU_IMAGE = "azureml/openmpi4.1.0-ubuntu20.04"
DEFAULT_GPU_IMAGE = "azureml/openmpi4.1.0-cuda11.1-cudnn8-ubuntu20.04"
