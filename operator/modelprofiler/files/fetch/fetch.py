"""From an address to files in a folder: which part fetches what."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from modelprofiler.files.fetch import mlflow, object_store, oci
from modelprofiler.files.fetch.credentials import Credentials
from modelprofiler.files.fetch.failure import FetchFailed
from modelprofiler.files.fetch.target import Target
from modelprofiler.files.fetch.web import Web, shown


def fetch(uri: str, folder: Path, *, credentials: Path | None = None, ca_bundle: str = "") -> None:
    """Download the files of an address into a folder. Drivers read the environment of this process.

    Parameters
    ----------
    credentials
        A folder with the keys of a Secret.
    ca_bundle
        CA certificates, as PEM text, by which servers are verified.

    Raises
    ------
    FetchFailed
        There are no files, or they cannot be read.
    """
    secret = Credentials.read(credentials)
    target = Target(folder)
    scheme = urlsplit(uri).scheme
    with _ca_file(ca_bundle) as ca_file:
        if ca_file is not None:  # for the drivers of object stores
            os.environ.update(dict.fromkeys(("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"), str(ca_file)))
        os.environ.update(secret.variables())
        _fetch(uri, scheme, target, secret, ca_file)


def _fetch(uri: str, scheme: str, target: Target, secret: Credentials, ca_file: Path | None) -> None:
    try:
        if scheme == "https":
            name = PurePosixPath(unquote(urlsplit(uri).path)).name or "index"
            target.write(name, Web(secret.headers(), ca_file).download(uri))
        elif scheme in object_store.SCHEMES:
            object_store.fetch(uri, target, secret)
        elif scheme == "oci":
            oci.fetch(uri, target, secret, ca_file)
        elif scheme == "models":
            mlflow.fetch(uri, target, secret, ca_file)
        else:
            raise FetchFailed(f"{scheme or uri!r:.100} is no address that files are fetched from")
    except FetchFailed:
        raise
    except Exception as error:  # what an answer of a server may lead to; its text may have a credential in it
        raise FetchFailed(f"{shown(uri)} cannot be read: {type(error).__name__}") from error


@contextmanager
def _ca_file(text: str) -> Iterator[Path | None]:
    if not text:
        yield None
        return
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(text)
        file.flush()
        yield Path(file.name)
