"""The CRD on a real API server: it is taken without complaint, loses nothing, and refuses with a person's sentence.

It is applied under a group of its own, so that nothing serves these objects and an installed chart is left alone.
"""

import copy
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.e2e.support import wait_established

from modelprofiler.api.crd import custom_resource_definition
from modelprofiler.api.resource import PLURAL, ModelProfile

CASES = Path(__file__).resolve().parents[1] / "unit" / "api"
GROUP = "schema-test.modelprofiler.io"
RESOURCE = f"{PLURAL}.{GROUP}"
Kubectl = Callable[..., subprocess.CompletedProcess[str]]
Object = dict[str, Any]

RULES, BOUNDS = "refused.yaml", "out-of-bounds.yaml"


@pytest.fixture(scope="module")
def crd(kubectl: Kubectl) -> Iterator[Object]:
    """Apply the CRD under the tests' own group, and return it as the API server then shows it."""
    definition = custom_resource_definition()
    definition["metadata"]["name"] = RESOURCE
    definition["spec"]["group"] = GROUP
    kubectl("apply", "--server-side", "--validate=strict", "-f", "-", input=json.dumps(definition))
    wait_established(kubectl, RESOURCE)
    yield json.loads(kubectl("get", "crd", RESOURCE, "-o", "json").stdout)
    kubectl("delete", "crd", RESOURCE, "--timeout=50s")


def _documents(name: str) -> list[Object]:
    return list(yaml.safe_load_all((CASES / name).read_text(encoding="utf-8")))


def _cases(name: str) -> list[Object]:
    cases: list[Object] = _documents(name)[0]  # type: ignore[assignment]
    return cases


def _minimal(changes: Object | None = None) -> str:
    """Return the minimal profile as JSON, with fields (by their paths) set, or removed by None."""
    profile = _documents("minimal.yaml")[0]
    profile["apiVersion"] = f"{GROUP}/v1alpha1"
    for path, value in (changes or {}).items():
        *parents, last = path.split(".")
        target = profile
        for name in parents:
            target = target.setdefault(name, {})
        target[last] = value
        if value is None:
            del target[last]
    return json.dumps(profile)


@pytest.fixture(scope="module")
def refusals(kubectl: Kubectl, crd: Object) -> dict[str, str]:
    """Send every bad profile at once, which is many times faster, and return the refusal of each, by its name.

    Nothing is stored.
    """
    assert crd
    profiles = []
    for file in (RULES, BOUNDS):
        for number, case in enumerate(_cases(file)):
            filled = {path: "x" * count for path, count in case.get("fill", {}).items()}
            profiles.append(_minimal(case["set"] | filled | {"metadata.name": _name(file, number)}))
    completed = kubectl(
        *("create", "--namespace", "default", "--dry-run=server", "--validate=strict", "-f", "-"),
        input="\n".join(profiles),
        check=False,
    )
    assert completed.stdout == "", "the API server took these"
    _, *messages = re.split(r'"([a-z0-9-]+)" is invalid: ', completed.stderr)
    return dict(zip(messages[::2], messages[1::2], strict=True))


def _name(file: str, number: int) -> str:
    return f"{file.removesuffix('.yaml')}-{number}"


@pytest.mark.usefixtures("crd")
def test_the_files_in_crds_and_in_the_chart_are_taken(kubectl: Kubectl, repository: Path) -> None:
    """The YAML itself passes strict validation."""
    path = repository / "crds" / "modelprofiles.modelprofiler.io.yaml"
    kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", str(path))


def test_the_schema_is_structural_and_established(crd: Object) -> None:
    """The API server would say NonStructuralSchema in a condition, and prune and default nothing."""
    conditions = {c["type"]: c["status"] for c in crd["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}


def test_the_api_server_keeps_the_whole_schema(crd: Object) -> None:
    """Nothing of what was sent was dropped on the way."""
    expected = custom_resource_definition()["spec"]["versions"][0]
    assert expected == crd["spec"]["versions"][0]


@pytest.mark.usefixtures("crd")
@pytest.mark.parametrize("document", _documents("full.yaml"), ids=lambda document: document["metadata"]["name"])
def test_every_field_comes_back_as_it_was_sent(document: Object, kubectl: Kubectl, namespace: str) -> None:
    """No field is unknown to the schema, pruned, or changed; what was left out gets the operator's own default."""
    profile = copy.deepcopy(document) | {"apiVersion": f"{GROUP}/v1alpha1"}
    create = ("create", "--namespace", namespace, "--validate=strict", "-f", "-")
    kubectl(*create, input=json.dumps(profile))
    if "status" in profile:
        profile["spec"]["suspend"] = not profile["spec"].get("suspend", False)  # not the status' to change
        replace = ("replace", "--namespace", namespace, "--subresource=status", "--validate=strict", "-f", "-")
        kubectl(*replace, input=json.dumps(profile))
    name = profile["metadata"]["name"]
    stored = json.loads(kubectl("get", RESOURCE, name, "--namespace", namespace, "-o", "json").stdout)

    assert document.get("status") == stored.get("status")
    _assert_within(document["spec"], stored["spec"], "spec")
    as_read = ModelProfile.parse(document | {"metadata": {"name": name}})
    stored["apiVersion"] = document["apiVersion"]
    assert as_read.spec == ModelProfile.parse(stored).spec


def _assert_within(expected: Any, stored: Any, path: str) -> None:
    if isinstance(expected, dict):
        for name, value in expected.items():
            assert name in stored, f"{path}.{name} was dropped"
            _assert_within(value, stored[name], f"{path}.{name}")
    else:
        assert expected == stored, path


@pytest.mark.usefixtures("crd")
def test_defaults_are_filled_in_for_everybody_to_see(kubectl: Kubectl, namespace: str) -> None:
    """`kubectl get -o yaml` shows what will be run, except inside unions."""
    kubectl("create", "--namespace", namespace, "-f", "-", input=_minimal())
    spec = json.loads(kubectl("get", RESOURCE, "minimal", "--namespace", namespace, "-o", "json").stdout)["spec"]
    expected = ModelProfile.parse(_documents("minimal.yaml")[0]).to_dict()["spec"]
    expected["server"]["entryScript"] = {"source": {"configMap": {"name": "files"}}}
    expected["load"]["openLoop"] = {"rate": "50"}
    # Empty objects and lists are not filled in.
    del expected["resources"], expected["endpoint"]["http"]["headers"]
    del expected["endpoint"]["http"]["expect"]["jsonPath"]
    assert expected == spec


@pytest.mark.parametrize("number", range(len(_cases(RULES))))
def test_what_breaks_a_rule_is_refused_with_its_sentence(number: int, refusals: dict[str, str]) -> None:
    """The same sentence as in Python: the cases are the same."""
    assert _cases(RULES)[number]["says"] in refusals[_name(RULES, number)]


@pytest.mark.parametrize("number", range(len(_cases(BOUNDS))))
def test_what_is_out_of_bounds_is_refused_at_its_path(number: int, refusals: dict[str, str]) -> None:
    """Before the operator ever sees it."""
    assert _cases(BOUNDS)[number]["at"] in refusals[_name(BOUNDS, number)]


@pytest.mark.usefixtures("crd")
def test_a_misspelt_field_is_refused(kubectl: Kubectl) -> None:
    """Kubectl validates strictly by default."""
    profile = _minimal({"spec.load.openLoop.arival": "Constant"})
    completed = kubectl("create", "--namespace", "default", "--dry-run=server", "-f", "-", input=profile, check=False)
    assert completed.returncode != 0
    assert 'unknown field "spec.load.openLoop.arival"' in completed.stderr


@pytest.mark.usefixtures("crd")
def test_the_table_shows_the_result(kubectl: Kubectl, namespace: str) -> None:
    """NAME SUCCEEDED REASON TRIALS CPU MEMORY P95 ROWS AGE, each with its value."""
    profile = _documents("full.yaml")[0] | {"apiVersion": f"{GROUP}/v1alpha1"}
    kubectl("create", "--namespace", namespace, "-f", "-", input=json.dumps(profile))
    kubectl("replace", "--namespace", namespace, "--subresource=status", "-f", "-", input=json.dumps(profile))
    header, row = kubectl("get", RESOURCE, "--namespace", namespace).stdout.splitlines()
    assert header.split() == ["NAME", "SUCCEEDED", "REASON", "TRIALS", "CPU", "MEMORY", "P95", "ROWS", "AGE"]
    assert row.split()[:-1] == [
        "full-entry-script",
        "True",
        "Verified",
        "1",
        "500m",
        "256Mi",
        "41ms",
        "234",
        "of",
        "600",
    ]


@pytest.mark.usefixtures("crd")
def test_what_is_not_measured_yet_is_blank(kubectl: Kubectl, namespace: str) -> None:
    """Never zero."""
    kubectl("create", "--namespace", namespace, "-f", "-", input=_minimal())
    _, row = kubectl("get", RESOURCE, "--namespace", namespace).stdout.splitlines()
    name, age = row.split()
    assert (name, True) == ("minimal", age.endswith("s"))


@pytest.mark.usefixtures("crd")
def test_explain_describes_the_load(kubectl: Kubectl) -> None:
    """Descriptions come from the types' docstrings."""
    explanation = " ".join(kubectl("explain", f"{RESOURCE}.spec.load").stdout.split())
    assert "How requests arrive. Exactly one of openLoop, closedLoop must be set." in explanation
    assert "A window that only has to decide whether a size passes may end earlier" in explanation
