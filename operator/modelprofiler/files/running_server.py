"""A server that somebody else has started: its address, and what a profile or options say is sent to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import ValidationError

from modelprofiler.api.endpoint import HttpEndpoint, Tls
from modelprofiler.api.resource import API_VERSION, KIND, ModelProfile
from modelprofiler.api.spec import ModelProfileSpec
from modelprofiler.errors import InvalidInput, Problem
from modelprofiler.files.document import Document, load_document
from modelprofiler.files.overrides import Overrides

FLAG = "--url"
CA_FLAG = "--ca-bundle"
LONGEST_ADDRESS = 2048
"""Characters of an address, as of the path of an endpoint."""
LARGEST_BUNDLE = 65536
"""Bytes of a file of CA certificates, as of tls.caBundle."""

PORTS: Mapping[str, int] = {"http": 80, "https": 443}

OF_SIZES: Mapping[str, str] = {
    "cpu": "--cpu",
    "memory": "--memory",
    "strategy": "--strategy",
    "max_trials": "--max-trials",
    "repetitions": "--repetitions",
    "deadline": "--deadline",
}
"""Fields of `Overrides` that choose or search sizes, with their options."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a running server listens.

    Attributes
    ----------
    scheme, host, port
        Protocol, name or number of the host, and port.
    path
        Path and query; empty where the address has none, so that the profile's counts.
    """

    scheme: Literal["http", "https"]
    host: str
    port: int
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an address.

        Raises
        ------
        InvalidInput
            It is none, or has a name and password.
        """
        example = "write http://HOST:PORT/PATH or https://HOST:PORT/PATH"
        if len(text) > LONGEST_ADDRESS or any(c.isspace() or not c.isprintable() for c in text):
            raise InvalidInput([Problem(FLAG, f"is not an address: {text!r:.100}; {example}")])
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise InvalidInput([Problem(FLAG, f"is not an address ({error}); {example}")]) from error
        if parts.scheme not in PORTS or not host or port == 0:
            raise InvalidInput([Problem(FLAG, f"is not an address of a server: {text!r:.100}; {example}")])
        if parts.username is not None or parts.password is not None:
            message = "must not contain a name and password, which others could read; put a header into a profile"
            raise InvalidInput([Problem(FLAG, message)])
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        if path and not path.startswith("/"):
            path = f"/{path}"
        scheme: Literal["http", "https"] = "https" if parts.scheme == "https" else "http"
        return cls(scheme, host, port or PORTS[scheme], path)

    @property
    def origin(self) -> str:
        """The address without a path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that is measured as it runs, and what it is sent.

    Attributes
    ----------
    address
        Where it listens.
    document
        A profile with its endpoint, dataset, load and objectives. Without a file its server is a placeholder.
    from_file
        Whether the profile was read from a file.
    """

    address: Address
    document: Document
    from_file: bool

    @property
    def spec(self) -> ModelProfileSpec:
        """The spec of the profile."""
        return self.document.profile.spec

    @property
    def url(self) -> str:
        """The address that requests are sent to, without the query, which may contain a secret."""
        return self.address.origin + self.spec.endpoint.http.path.partition("?")[0]


def running_server(
    url: str, file: str | None, overrides: Overrides, *, name: str | None = None, ca_bundle: Path | None = None
) -> RunningServer:
    """Return what is sent to a running server.

    Parameters
    ----------
    url
        Its address.
    file
        A file with a profile; None where the options say everything.
    overrides
        The options.
    name
        The name of the profile, for a file with several.
    ca_bundle
        A file with the CA certificates by which an HTTPS server is verified.

    Raises
    ------
    InvalidInput
        With everything that is wrong.
    """
    problems = [*_useless(overrides), *(_missing(overrides) if file is None else [])]
    address, tls, document = None, None, None
    try:
        address = Address.parse(url)
    except InvalidInput as error:
        problems += error.problems
    if ca_bundle is not None:
        if address is not None and address.scheme != "https":
            problems.append(Problem(CA_FLAG, "needs an address that begins with https://"))
        tls = _tls(ca_bundle, problems)
    try:
        document = load_document(file, name=name, overrides=overrides) if file is not None else _document(overrides)
    except InvalidInput as error:
        problems += [p for p in error.problems if p not in problems]
    if problems or address is None or document is None:
        raise InvalidInput(problems)
    endpoint = _endpoint(document.profile.spec.endpoint.http, address, overrides, tls)
    return RunningServer(address, _with_endpoint(document, endpoint), file is not None)


def _useless(overrides: Overrides) -> list[Problem]:
    """Return the options that have no meaning for a server that is not limited."""
    used = [flag for field, flag in OF_SIZES.items() if getattr(overrides, field) is not None]
    problems = [
        Problem(flag, "has no effect with --url: the server is measured as it is, at no other size") for flag in used
    ]
    if overrides.port is not None:
        problems.append(Problem("--port", "has no effect with --url: the address has the port"))
    return problems


def _missing(overrides: Overrides) -> list[Problem]:
    """Return the options that are needed where no file says what is sent."""
    needed = {
        "--dataset": (overrides.dataset is not None, "a file with one request body per line"),
        "--rate": (overrides.rate is not None or overrides.concurrency is not None,
                   "requests per second; or --concurrency, a number of clients"),
        "--latency": (bool(overrides.latency), "the objective, such as p95=250ms"),
    }  # fmt: skip
    return [
        Problem(flag, f"is needed with --url where no profile is named: {what}")
        for flag, (there, what) in needed.items()
        if not there
    ]


def _document(overrides: Overrides) -> Document:
    """Return a profile that the options alone describe."""
    # The schema wants a server; nothing reads this one, because a running server is not started.
    placeholder = {"template": {"spec": {"containers": [{"name": "server", "image": "not-started"}]}}}
    metadata = {"name": "running-server", "namespace": "default"}
    bare = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": {"server": placeholder}}
    data, problems = overrides.applied(bare)
    # What is absent altogether has been named as a missing option.
    absent = [f"spec.{part}" for part in ("dataset", "load", "objectives") if part not in data["spec"]]
    try:
        profile = ModelProfile.parse(data)
    except InvalidInput as error:
        problems += [overrides.attributed(problem) for problem in error.problems if problem.path not in absent]
        raise InvalidInput(problems) from error
    if problems:
        raise InvalidInput(problems)
    return Document(path="", directory=Path.cwd(), data=data, profile=profile, config_maps={})


def _tls(file: Path, problems: list[Problem]) -> Tls | None:
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST_BUNDLE + 1)
        text = content.decode("ascii")
    except UnicodeDecodeError:
        problems.append(Problem(CA_FLAG, f"{file} is not a file of certificates in PEM, which is ASCII text"))
        return None
    except (OSError, ValueError) as error:  # a name may have a character that no file has
        reason = error.strerror if isinstance(error, OSError) else str(error)
        problems.append(Problem(CA_FLAG, f"{str(file)!r:.200} cannot be read: {reason}"))
        return None
    if len(content) > LARGEST_BUNDLE:
        problems.append(
            Problem(CA_FLAG, f"{file} has more than {LARGEST_BUNDLE:,} bytes; name the one CA that is needed")
        )
        return None
    try:
        return Tls(ca_bundle=text)
    except ValidationError:
        problems.append(Problem(CA_FLAG, f"{file} contains no certificate: it has no line -----BEGIN CERTIFICATE-----"))
        return None


def _endpoint(endpoint: HttpEndpoint, address: Address, overrides: Overrides, tls: Tls | None) -> HttpEndpoint:
    """Return the endpoint of a profile at another address; the option for the path counts more than the address."""
    secure = address.scheme == "https"
    if tls is not None and endpoint.tls is not None:
        own = {name: getattr(endpoint.tls, name) for name in ("server_name", "client_certificate")}
        tls = tls.model_copy(update=own)
    path = address.path if address.path and overrides.path is None else endpoint.path
    return endpoint.model_copy(
        update={
            "scheme": "HTTPS" if secure else "HTTP",
            "port": address.port,
            "path": path,
            "tls": (tls or endpoint.tls) if secure else None,
        }
    )


def _with_endpoint(document: Document, endpoint: HttpEndpoint) -> Document:
    spec = document.profile.spec
    spec = spec.model_copy(update={"endpoint": spec.endpoint.model_copy(update={"http": endpoint})})
    return replace(document, profile=document.profile.model_copy(update={"spec": spec}))
