"""Helpers inside the SDK. Scripts import the module now and then; nothing of it exists here."""

from __future__ import annotations

from modelprofiler.azureml.core.unsupported import stand_in


def __getattr__(name: str) -> type:
    return stand_in(name, "the helpers inside Azure ML's SDK do not exist here; leave the call out")
