"""A CA bundle is checked before anything starts."""

import ssl
from pathlib import Path

import pytest
from tests.unit.core.search.simulator import spec_of

from modelprofiler.load.tls import certificate_problems


def test_a_profile_without_a_bundle_has_no_problem() -> None:
    """There is nothing to read."""
    assert [] == certificate_problems(spec_of())


def test_a_bundle_that_cannot_be_read_is_named_by_its_path() -> None:
    """The message of the TLS library says what is wrong."""
    spec = spec_of(endpoint={"http": {"scheme": "HTTPS", "tls": {"caBundle": "-----BEGIN CERTIFICATE-----\nAA=="}}})
    (problem,) = certificate_problems(spec)
    assert "spec.endpoint.http.tls.caBundle" == problem.path
    assert problem.message.startswith("contains a certificate that cannot be read: ")


def test_a_bundle_of_real_certificates_is_accepted() -> None:
    """That of this machine."""
    path = ssl.get_default_verify_paths().cafile
    if path is None:
        pytest.skip("this machine has no bundle of certificates")
    spec = spec_of(endpoint={"http": {"scheme": "HTTPS", "tls": {"caBundle": Path(path).read_text()}}})
    assert [] == certificate_problems(spec)
