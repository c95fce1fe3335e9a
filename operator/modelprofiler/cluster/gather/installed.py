"""What the container has left that installs the packages of an entry script, in its termination message. Pure.

The image may be the user's, and packages run code of their own while they are built: nothing in the message is believed
that is not the name and version of a package, or a sentence of bounded length.
"""

from __future__ import annotations

import json
import re

from modelprofiler.api.objects import Object
from modelprofiler.api.quantities import Quantity
from modelprofiler.cluster.gather.pods import how_ended
from modelprofiler.cluster.manifests.packages import LEAST
from modelprofiler.core import requirements
from modelprofiler.core.text import LONGEST_LAST_WORDS, LONGEST_MESSAGE, head, printable, tail
from modelprofiler.host.packages import decoded

REASON = "PackagesNotInstalled"
PATH = f"{requirements.PATH}.requirements"

FIELDS = ("requirements", "pythonVersion", "packageIndex.secretRef", "image")
"""Fields of the environment that may be to blame."""
PACKAGE = re.compile(r"[a-z0-9][a-z0-9-]{0,126}==[A-Za-z0-9.!+_-]{1,126}")
MOST_PACKAGES = 512
"""As many as the status has room for."""
LONGEST_LIST = 16384
"""Characters of all packages: as many as 512 of the usual length have. See `requirements.LONGEST_REQUIREMENTS`."""


def read(ended: Object) -> tuple[list[str], str]:
    """Return what was installed, as NAME==VERSION, and what is wrong, empty where nothing is.

    Parameters
    ----------
    ended
        How the container has ended: its ContainerStateTerminated.
    """
    message = str(ended.get("message") or "")
    try:
        result = json.loads(message)
        if "message" in result:
            field = result["field"] if result["field"] in FIELDS else "requirements"
            return [], f"{requirements.PATH}.{field}: {head(printable(str(result['message'])), LONGEST_MESSAGE)}"
        return _packages(result["packages"]), ""
    except (ValueError, KeyError, TypeError, RecursionError):
        return [], f"{PATH}: {_failure(ended, message)}"


def _packages(text: object) -> list[str]:
    if not isinstance(text, str):
        raise ValueError("no list of packages")
    packages = decoded(text, LONGEST_LIST)
    if len(packages) > MOST_PACKAGES or not all(PACKAGE.fullmatch(package) for package in packages):
        raise ValueError("not a list of packages")
    return packages


def _failure(ended: Object, message: str) -> str:
    if ended.get("reason") == "OOMKilled":
        memory = Quantity.memory(LEAST.memory)
        return f"installing the packages takes more than {memory} of memory; build an image that has them"
    last_words = tail(message, LONGEST_LAST_WORDS)
    failure = f"the container that installs the packages left no result ({how_ended(ended)})"
    return f"{failure}: {last_words}" if last_words else failure
