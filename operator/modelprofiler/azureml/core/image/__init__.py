"""Images, which are not built here."""

from __future__ import annotations

from modelprofiler.azureml.unsupported import IMAGES, Unsupported, stand_ins


class Image(metaclass=Unsupported):
    """An image with a model, as the SDK's first versions built it."""

    instead = IMAGES


class ContainerImage(Image):
    """An image that runs as a container."""


__getattr__ = stand_ins(__name__, IMAGES)
