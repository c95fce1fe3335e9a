"""Where pip gets packages on this machine, said in the words of uv, which does not read pip's configuration."""

from __future__ import annotations

import configparser
import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path

SECTIONS = ("global", "install")


def uv_settings(environment: Mapping[str, str], home: Path, prefix: Path = Path(sys.prefix)) -> dict[str, str]:
    """Return variables that make uv use the indexes, proxy and certificates that pip uses.

    What uv itself is told by the environment stays. Settings and files:
    https://pip.pypa.io/en/stable/topics/configuration/, https://docs.astral.sh/uv/reference/environment/

    Parameters
    ----------
    environment
        Variables of this process.
    home, prefix
        The home folder, and the folder of the Python that pip belongs to.
    """
    given = _from_files(environment, home, prefix)
    given |= {
        name.removeprefix("PIP_").lower().replace("_", "-"): value
        for name, value in environment.items()
        if name.startswith("PIP_") and value
    }
    found: dict[str, str] = {}

    def say(setting: str, *names: str, separator: str = " ") -> None:
        if setting in given and not any(environment.get(name) for name in names):
            found[names[0]] = separator.join(given[setting].split())

    say("index-url", "UV_DEFAULT_INDEX", "UV_INDEX_URL")
    say("extra-index-url", "UV_INDEX", "UV_EXTRA_INDEX_URL")
    say("find-links", "UV_FIND_LINKS")
    say("cert", "SSL_CERT_FILE")
    say("trusted-host", "UV_INSECURE_HOST")
    say("timeout", "UV_HTTP_TIMEOUT")
    say("default-timeout", "UV_HTTP_TIMEOUT")
    say("proxy", "ALL_PROXY", "HTTPS_PROXY", "https_proxy", "all_proxy")
    if given.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        found.setdefault("UV_NO_INDEX", "1")
    # pip takes the better version from whichever index has it, and trusts what the system trusts.
    if "UV_INDEX" in found:
        found.setdefault("UV_INDEX_STRATEGY", environment.get("UV_INDEX_STRATEGY", "unsafe-best-match"))
    if "SSL_CERT_FILE" not in found and not environment.get("SSL_CERT_FILE"):
        found.setdefault("UV_SYSTEM_CERTS", environment.get("UV_SYSTEM_CERTS", "1"))
    return found


def _from_files(environment: Mapping[str, str], home: Path, prefix: Path) -> dict[str, str]:
    """Return the settings of pip's files, those of later files over those of earlier ones."""
    named = environment.get("PIP_CONFIG_FILE")
    if named == "/dev/null":
        return {}
    user = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    files = [
        Path("/etc/xdg/pip/pip.conf"),
        Path("/etc/pip.conf"),
        home / ".pip/pip.conf",
        home / "Library/Application Support/pip/pip.conf",
        user / "pip/pip.conf",
        prefix / "pip.conf",
        *([Path(named)] if named else []),
    ]
    parser = configparser.RawConfigParser(strict=False)
    for file in files:
        with contextlib.suppress(configparser.Error, OSError, UnicodeDecodeError):
            parser.read(file, encoding="utf-8")
    return {
        name.replace("_", "-"): value
        for section in SECTIONS
        if parser.has_section(section)
        for name, value in parser.items(section)
    }
