"""The commands of ``modelprofiler ml`` and ``modelprofiler tag``.

Each command returns a result, which is printed as JSON, and an exit code.
"""
