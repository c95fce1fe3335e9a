"""pip's configuration translated for uv, which does not read it: where this machine gets its packages."""

from __future__ import annotations

import configparser
import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path

SECTIONS = ("global", "install")


def uv_settings(environment: Mapping[str, str], home: Path, prefix: Path = Path(sys.prefix)) -> dict[str, str]:
    """Return variables that make uv use the indexes, proxy and certificates that pip uses.

    Variables of uv that are set already take precedence. Settings and files:
    https://pip.pypa.io/en/stable/topics/configuration/, https://docs.astral.sh/uv/reference/environment/

    Parameters
    ----------
    environment
        The environment variables of this process.
    home, prefix
        The home folder, and the folder of the Python that pip belongs to.
    """
    settings = _from_files(environment, home, prefix)
    settings |= {
        name.removeprefix("PIP_").lower().replace("_", "-"): value
        for name, value in environment.items()
        if name.startswith("PIP_") and value
    }
    variables: dict[str, str] = {}

    def translate(setting: str, *names: str) -> None:
        if setting in settings and not any(environment.get(name) for name in names):
            variables[names[0]] = " ".join(settings[setting].split())

    translate("index-url", "UV_DEFAULT_INDEX", "UV_INDEX_URL")
    translate("extra-index-url", "UV_INDEX", "UV_EXTRA_INDEX_URL")
    translate("find-links", "UV_FIND_LINKS")
    translate("cert", "SSL_CERT_FILE")
    translate("trusted-host", "UV_INSECURE_HOST")
    translate("timeout", "UV_HTTP_TIMEOUT")
    translate("default-timeout", "UV_HTTP_TIMEOUT")
    translate("proxy", "ALL_PROXY", "HTTPS_PROXY", "https_proxy", "all_proxy")
    if settings.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        variables.setdefault("UV_NO_INDEX", "1")
    # Like pip: take the best version of all indexes, and trust the certificates of the system.
    if "UV_INDEX" in variables:
        variables.setdefault("UV_INDEX_STRATEGY", environment.get("UV_INDEX_STRATEGY", "unsafe-best-match"))
    if "SSL_CERT_FILE" not in variables and not environment.get("SSL_CERT_FILE"):
        variables.setdefault("UV_SYSTEM_CERTS", environment.get("UV_SYSTEM_CERTS", "1"))
    return variables


def _from_files(environment: Mapping[str, str], home: Path, prefix: Path) -> dict[str, str]:
    """Return the settings in pip's configuration files; a later file takes precedence over an earlier one."""
    config_file = environment.get("PIP_CONFIG_FILE")
    if config_file == "/dev/null":
        return {}
    user = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    files = [
        Path("/etc/xdg/pip/pip.conf"),
        Path("/etc/pip.conf"),
        home / ".pip/pip.conf",
        home / "Library/Application Support/pip/pip.conf",
        user / "pip/pip.conf",
        prefix / "pip.conf",
        *([Path(config_file)] if config_file else []),
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
