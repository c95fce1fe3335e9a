"""Helpers inside the SDK. Scripts import the module now and then; nothing of it exists here."""

from __future__ import annotations

from modelprofiler.azureml.unsupported import INSIDE, stand_ins

__getattr__ = stand_ins(__name__, INSIDE)
