"""Images, which are not built here."""

from __future__ import annotations

from modelprofiler.azureml.core.unsupported import Unsupported


class Image(metaclass=Unsupported):
    """An image with a model, as the SDK's first versions built it."""

    instead = (
        "modelprofiler builds no images: put the script into an InferenceConfig, and name an image that you have built "
        "with Environment.from_docker_image(name, image)"
    )


class ContainerImage(Image):
    """An image that runs as a container."""
