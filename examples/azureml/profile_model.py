"""A script for Azure ML's SDK v1 in which only the imports have changed."""

import json
from modelprofiler.azureml.core import Datastore, Environment, Workspace
from modelprofiler.azureml.core.dataset import Dataset
from modelprofiler.azureml.core.model import InferenceConfig, Model
from modelprofiler.azureml.data import dataset_type_definitions

ws = Workspace.local()                       # or Workspace.from_kubernetes(namespace="ml"); Workspace.from_config() reads either
model = Model.register(ws, model_path="model.joblib", model_name="diabetes")      # ten features
input_json = {"data": [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]]}
open("sample_request_data.txt", "w").write("\n".join([json.dumps(input_json)] * 100))

data_store = Datastore.get_default(ws)
data_store.upload_files(["./sample_request_data.txt"], target_path="sample_request_data")
sample_request_data = Dataset.Tabular.from_delimited_files(
    [(data_store, "sample_request_data/sample_request_data.txt")], separator="\n",
    infer_column_types=True, header=dataset_type_definitions.PromoteHeadersBehavior.NO_HEADERS)
sample_request_data = sample_request_data.register(workspace=ws, name="sample_request_data", create_new_version=True)

model = Model(ws, id=model.id)
inference_config = InferenceConfig(entry_script="score.py", environment=Environment.from_pip_requirements("env", "requirements.txt"))
profile = Model.profile(ws, "unique-name", [model], inference_config, input_dataset=Dataset.get_by_name(workspace=ws, name="sample_request_data"))
profile.wait_for_completion(True)
details = profile.get_details()
model.add_tags({"requestedCpu": details["requestedCpu"], "requestedMemoryInGb": details["requestedMemoryInGb"],
                "recommendedCpu": details["recommendedCpu"], "recommendedMemoryInGB": details["recommendedMemoryInGB"]})
