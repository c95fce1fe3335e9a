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


def test_a_bundle_with_comments_in_other_letters_is_refused_with_advice() -> None:
    """OpenSSL would raise a TypeError when the load begins."""
    bundle = "# Société\n-----BEGIN CERTIFICATE-----"
    (problem,) = certificate_problems(spec_of(endpoint={"http": {"scheme": "HTTPS", "tls": {"caBundle": bundle}}}))
    assert problem.message.startswith("contains characters other than ASCII")


def test_a_real_certificate_is_accepted() -> None:
    """The first of this machine's bundle."""
    path = ssl.get_default_verify_paths().cafile
    if path is None:
        pytest.skip("this machine has no bundle of certificates")
    end = "-----END CERTIFICATE-----\n"
    text = Path(path).read_text().partition(end)[0] + end
    spec = spec_of(endpoint={"http": {"scheme": "HTTPS", "tls": {"caBundle": text}}})
    assert [] == certificate_problems(spec)
