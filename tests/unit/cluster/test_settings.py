"""Settings come from the environment that the chart sets."""

import pytest

from modelprofiler.cluster.settings import Settings
from modelprofiler.errors import InvalidInput


def test_an_empty_environment_gives_the_defaults() -> None:
    """So do empty values, which a chart writes for what is not set, and names that are not ours."""
    assert Settings() == Settings.from_environment({})
    assert Settings() == Settings.from_environment({"MODELPROFILER_PROMETHEUS_URL": "", "HOME": "/", "NAMESPACES": "x"})


def test_each_setting_is_a_variable() -> None:
    """Lists are separated by commas or spaces."""
    settings = Settings.from_environment(
        {
            "MODELPROFILER_NAMESPACES": "a, b c",
            "MODELPROFILER_IMAGE_PULL_SECRETS": "one,two",
            "MODELPROFILER_PROMETHEUS_URL": "http://198.18.0.1:9090",
            "MODELPROFILER_KUBELET_INSECURE_TLS": "true",
            "MODELPROFILER_READY_TIMEOUT_SECONDS": "60",
            "MODELPROFILER_LOAD_CPU": "250m",
        }
    )
    assert (("a", "b", "c"), ("one", "two"), True, 60.0, "250m") == (
        settings.namespaces,
        settings.image_pull_secrets,
        settings.kubelet_insecure_tls,
        settings.ready_timeout_seconds,
        settings.load_cpu,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("READY_TIMEOUT_SECONDS", "soon"),
        ("READY_TIMEOUT_SECONDS", "0"),
        ("SAMPLES_TIMEOUT_SECONDS", "-1"),
        ("LIVENESS_PORT", "70000"),
        ("ALLOW_PRIVILEGED", "perhaps"),
        ("LOAD_CPU", "half a core"),
        ("LOAD_CPU_LIMIT", "one"),
        ("LOAD_MEMORY", "1 GB"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_by_its_variable(name: str, value: str) -> None:
    """Before anything starts."""
    with pytest.raises(InvalidInput) as error:
        Settings.from_environment({f"MODELPROFILER_{name}": value})
    assert [f"MODELPROFILER_{name}"] == [p.path for p in error.value.problems]


def test_headers_for_prometheus_are_those_of_a_request() -> None:
    """JSON, as the chart writes it; a line end in one would begin another header."""
    variable = "MODELPROFILER_PROMETHEUS_HEADERS"
    read = Settings.from_environment({variable: '{"X-Scope-OrgID": "team-a"}'})
    assert {"X-Scope-OrgID": "team-a"} == read.prometheus_headers
    for wrong in ('{"X Scope": "a"}', '{"X-Scope-OrgID": "a\\nb: c"}'):
        with pytest.raises(InvalidInput, match=variable):
            Settings.from_environment({variable: wrong})
