"""What the profile carries inline is in one ConfigMap of the run."""

from __future__ import annotations

from typing import Any

from tests.unit.cluster.expected import (
    LIMITS,
    OWNER,
    SETTINGS,
)
from tests.unit.cluster.objects import Object, profile

from modelprofiler.api.trial import Purpose
from modelprofiler.cluster import names
from modelprofiler.cluster.manifests.config_maps import inline_files
from modelprofiler.cluster.manifests.load import load_job
from modelprofiler.cluster.manifests.server import deployment
from modelprofiler.cluster.settings import Settings
from modelprofiler.load.config import DatasetFile, LoadConfig


def deployed(host: str | None = None, **spec: Any) -> Object:
    """Return the Deployment of the third trial's server."""
    return deployment(profile(**spec), "abc", SETTINGS, incarnation=3, limits=LIMITS, host=host)


def config(**changes: Any) -> LoadConfig:
    """Return what a load is configured with."""
    p = profile()
    return LoadConfig(
        host="198.19.0.7",
        port=5001,
        endpoint=p.spec.endpoint.http,
        dataset=DatasetFile(path="/var/modelprofiler/dataset/requests.txt"),
        load=p.spec.load,
        **changes,
    )


def job(server_host: str | None = None, settings: Settings = SETTINGS, **spec: Any) -> Object:
    """Return the load Job of the fourth trial."""
    return load_job(
        profile(**spec),
        "abc",
        settings,
        config(),
        trial=4,
        purpose=Purpose.BRACKET,
        limits=LIMITS,
        window="Decide",
        incarnation=3,
        server_pod="pod-uid",
        server_host=server_host,
        deadline_seconds=300,
    )


def test_what_the_profile_carries_inline_is_one_config_map_that_volumes_name() -> None:
    """Model, code and rows; the files keep the names that the server looks for."""
    spec: dict[str, Any] = {
        "model": {"name": "m", "source": {"inline": "weights"}},
        "server": {"entryScript": {"source": {"inline": "def init(): ..."}, "file": "main.py"}},
        "dataset": {"source": {"inline": "[1]\n"}},
    }
    p = profile(**spec)
    config_map = inline_files(p, "abc")
    assert config_map is not None
    data = {
        "modelprofiler-model": "weights",
        "modelprofiler-code": "def init(): ...",
        "modelprofiler-dataset": "[1]\n",
    }
    assert (names.files(p, "abc"), data, [OWNER]) == (
        config_map["metadata"]["name"],
        config_map["data"],
        config_map["metadata"]["ownerReferences"],
    )
    volumes = [
        *deployed(**spec)["spec"]["template"]["spec"]["volumes"],
        *job(**spec)["spec"]["template"]["spec"]["volumes"],
    ]
    mounted = {
        v["name"]: (v["configMap"]["name"], v["configMap"]["items"][0]["path"]) for v in volumes if "configMap" in v
    }
    assert {
        "modelprofiler-model": (names.files(p, "abc"), "model"),
        "modelprofiler-code": (names.files(p, "abc"), "main.py"),
        "modelprofiler-dataset": (names.files(p, "abc"), "dataset"),
    } == mounted


def test_a_profile_that_carries_nothing_inline_needs_no_config_map() -> None:
    """Its sources are ConfigMaps already."""
    assert None is inline_files(profile(), "abc")
