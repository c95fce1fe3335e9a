"""Datasets and datastores: the requests that a profile replays."""

from modelprofiler.azureml.data.dataset_factory import DataType
from modelprofiler.azureml.data.file_dataset import FileDataset
from modelprofiler.azureml.data.tabular_dataset import TabularDataset
from modelprofiler.azureml.unsupported import DATA, stand_ins

__all__ = ["DataType", "FileDataset", "TabularDataset"]

__getattr__ = stand_ins(__name__, DATA)
