"""A scoring script that unpacks the user's files and models, and then runs the user's script.

It is put into the ConfigMap that contains files.zip. It uses the standard library only.
"""

import importlib.util
import os
import sys
import tempfile
import zipfile
from pathlib import Path

_here = Path(__file__).resolve().parent
_root = Path(tempfile.mkdtemp(prefix="modelprofiler-"))


def _unpack(archive: Path, target: Path) -> Path:
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(target)
    return target


_code = _unpack(_here / "files.zip", _root / "code")
_models = Path(os.environ.get("AZUREML_MODEL_DIR", ""), "files.zip")
if _models.is_file():
    os.environ["AZUREML_MODEL_DIR"] = os.environ["MODEL_DIR"] = str(_unpack(_models, _root / "azureml-models"))

_script = _code / os.environ["MODELPROFILER_ENTRY_SCRIPT"]
sys.path[:0] = list(dict.fromkeys([str(_code), str(_script.parent)]))
_spec = importlib.util.spec_from_file_location(_script.stem, _script)
assert _spec is not None
assert _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
sys.modules[_script.stem] = _module
_spec.loader.exec_module(_module)

init = _module.init
run = _module.run
