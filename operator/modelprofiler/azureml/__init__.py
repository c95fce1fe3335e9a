"""Azure Machine Learning's SDK v1 as far as it profiles models: the same module paths, names, checks and result.

An old script runs when ``azureml`` in its imports becomes ``modelprofiler.azureml``. `core`, `data` and `exceptions`
mirror Azure ML's modules; `registry`, `profiling` and `store` are what stands behind them here.
"""
