"""The SDK's import path of `InferenceConfig`."""

from modelprofiler.azureml.serving.inference_config import InferenceConfig

__all__ = ["InferenceConfig"]
