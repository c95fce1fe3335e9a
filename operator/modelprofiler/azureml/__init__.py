"""The part of Azure Machine Learning's SDK v1 that profiles models: the same module paths, names, checks and results.

An old script runs when ``azureml`` in its imports becomes ``modelprofiler.azureml``. `core`, `data` and `exceptions`
mirror the SDK's modules; other modules of the SDK can be imported, and say on use what to do instead. From the top
down::

    commands            ``modelprofiler ml`` and ``modelprofiler tag``
    core                the SDK's classes: Workspace, Model, ModelProfile and so on
    profiling           the work of Model.profile, here or in a cluster
    registry            registered models, in the store or in MLflow
    data, serving       datasets; environments and inference configurations
    workspace_settings  where a workspace keeps things and runs profiles
    store               the directory
    sdk_modules         the SDK's modules that nothing here does
    unsupported         names that say on use what to do instead
    exceptions
"""

from modelprofiler.azureml import sdk_modules

sdk_modules.install()
