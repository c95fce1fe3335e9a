"""Why files could not be copied onto a claim."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.cluster.objects import now
from tests.unit.cluster.standin import StandIn

from modelprofiler.cluster.act.upload import VolumeSettings, filled_claim
from modelprofiler.cluster.act.upload_files import Volume
from modelprofiler.cluster.adapter import CLAIMS, Kind
from modelprofiler.errors import ModelProfilerError, QuotaExceeded, Refused, UploadFailed


@pytest.mark.parametrize(
    ("error", "expected", "message"),
    [
        (Refused("you may not create persistentvolumeclaims", 403), UploadFailed, "needs the right to get, create"),
        (QuotaExceeded("exceeded quota: q"), QuotaExceeded, "^exceeded quota: q$"),
    ],
)
async def test_a_claim_that_is_refused_is_a_matter_of_rights_unless_a_quota_is_exceeded(
    tmp_path: Path, error: ModelProfilerError, expected: type[Exception], message: str
) -> None:
    """Both are 403 to the API server."""
    (tmp_path / "model").write_bytes(b"weights")
    cluster = StandIn(lambda: now(0))

    def refuse(verb: str, kind: Kind, name: str) -> None:
        if (verb, kind) == ("create", CLAIMS):
            raise error

    cluster.before = refuse
    with pytest.raises(expected, match=message):
        await filled_claim(cluster, "team", Volume({"model": tmp_path / "model"}), VolumeSettings())
