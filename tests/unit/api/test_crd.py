"""The CustomResourceDefinition: it is structural, says what Python says, and its files are fresh."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from modelprofiler.api.crd import custom_resource_definition
from modelprofiler.api.ranges import CPU_TEXTS, MEMORY_TEXTS, CpuRange, MemoryRange
from modelprofiler.api.resource import ModelProfile

HERE = Path(__file__).resolve().parent
Node = dict[str, Any]

TEMPLATE = "spec.server.template."
"""Beginning of the paths of which the CRD describes some fields only, and the rest is as in a Pod."""

SCHEMA = custom_resource_definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def _walk(node: Node, path: str = "") -> Iterator[tuple[str, Node]]:
    """Yield every value of the schema with its path."""
    yield path, node
    for name, value in node.get("properties", {}).items():
        yield from _walk(value, f"{path}.{name}".strip("."))
    if "items" in node:
        yield from _walk(node["items"], f"{path}[]")


NODES = dict(_walk(SCHEMA))


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    """Return hack/crds.py, which `make generate` runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(HERE.parents[2] / "hack")
        return importlib.import_module("crds")


def test_the_files_are_what_the_types_say(writer: ModuleType) -> None:
    """crds/ and the chart's copy are written by `make generate`, never by hand."""
    for path, text in writer.render().items():
        assert text == path.read_text(encoding="utf-8"), f"{path} is stale: run `make generate`"


def test_the_charts_copy_differs_in_nothing_but_its_guard_and_the_keep_policy(writer: ModuleType) -> None:
    """Helm and kubectl install the same thing."""
    chart = writer.CHART_CRD.read_text(encoding="utf-8")
    assert chart.startswith("{{- if .Values.crds.install }}\n")
    assert chart.endswith("{{- end }}\n")
    inside = chart.removeprefix(writer.GUARD).removesuffix(writer.END)
    assert "helm.sh/resource-policy: keep" in inside
    assert "{{" not in inside
    assert writer.CRD.read_text(encoding="utf-8") == inside.replace(writer.KEPT, writer.NAME)


def test_every_link_of_the_reference_leads_to_a_heading(writer: ModuleType) -> None:
    """docs/resource.md is read in a browser."""
    page = writer.DOCS.read_text(encoding="utf-8")
    headings = {re.sub(r"[^a-z0-9]", "", line.lower()) for line in re.findall(r"^## (.*)$", page, re.MULTILINE)}
    assert headings
    assert set(re.findall(r"\(#([^)]*)\)", page)) <= headings


def test_the_file_says_how_it_is_made(writer: ModuleType) -> None:
    """The first line says so to everyone who is about to edit it."""
    assert "run `make generate`" in writer.CRD.read_text(encoding="utf-8").splitlines()[0]


def test_the_columns_are_those_the_readme_shows() -> None:
    """Kubectl prints the name first, by itself."""
    columns = custom_resource_definition()["spec"]["versions"][0]["additionalPrinterColumns"]
    assert ["Succeeded", "Reason", "Trials", "CPU", "Memory", "P95", "Rows", "Age"] == [c["name"] for c in columns]


def test_every_column_shows_a_field_that_exists() -> None:
    """A JSONPath that points nowhere prints an empty column, and nobody notices."""
    for column in custom_resource_definition()["spec"]["versions"][0]["additionalPrinterColumns"]:
        path = re.sub(r"\[[^]]*\]", "[]", column["jsonPath"]).removeprefix(".")
        assert path == "metadata.creationTimestamp" or path in NODES


def test_every_value_has_one_type() -> None:
    """Structural: a type, or a whole number or text, and nothing that the API server does not know."""
    for path, node in NODES.items():
        if node.get("x-kubernetes-int-or-string"):
            assert [{"type": "integer"}, {"type": "string"}] == node["anyOf"], path
        else:
            assert node["type"] in ("object", "array", "string", "integer", "boolean"), path
        assert not {"$ref", "title", "allOf", "oneOf", "const"} & node.keys(), path
        assert isinstance(node.get("additionalProperties", {}), dict), path


def test_there_are_no_floats() -> None:
    """A float does not survive a round trip through JSON, YAML and Go alike."""
    assert [] == [path for path, node in NODES.items() if node.get("type") == "number"]


def test_every_field_is_described() -> None:
    """`kubectl explain` leaves nothing unsaid."""
    silent = [p for p, n in NODES.items() if not n.get("description") and p != "metadata" and not p.endswith("[]")]
    assert [] == silent


def test_every_pattern_is_one_that_go_understands_too() -> None:
    """RE2 knows no lookaround, backreferences or possessive quantifiers."""
    for path, node in NODES.items():
        if pattern := node.get("pattern"):
            outside_classes = re.sub(r"\[[^]]*\]", "", pattern)
            assert not re.search(r"\(\?[=!<P]|\\[1-9]|[*+?}]\+|\\[ZAz]", outside_classes), path


def test_what_a_user_writes_is_bounded() -> None:
    """An unbounded list or text in the spec could fill the API server's store, and makes CEL too costly."""
    for path, node in NODES.items():
        if not path.startswith("spec") or "enum" in node or path.startswith(TEMPLATE):
            continue  # of a template the API server knows some fields only, and bounds none
        if node.get("type") == "array":
            assert "maxItems" in node, path
        if node.get("type") == "string":
            assert "maxLength" in node or path.endswith("pythonVersion"), path


def test_there_is_no_default_inside_a_union() -> None:
    """It would remain when the user later chooses another member."""
    members = ["entryScript", "template", "workloadRef", "openLoop", "closedLoop", "source", "latency"]
    inside = [p for p, n in NODES.items() if "default" in n and any(f".{m}." in p for m in members)]
    assert [] == inside


def test_a_default_inside_a_union_is_described_instead() -> None:
    """`kubectl explain` says what happens without the field."""
    assert NODES["spec.server.entryScript.file"]["description"].endswith("Default: score.py.")
    assert NODES["spec.load.openLoop.arrival"]["description"].endswith("Default: Poisson.")


def test_there_is_no_default_in_the_status() -> None:
    """What was not measured is absent; a zero filled in would look measured."""
    assert [] == [p for p, n in NODES.items() if "default" in n and p.startswith("status")]


def test_the_defaults_are_those_of_python(minimal: dict[str, Any]) -> None:
    """What the API server fills in and what the operator assumes are one."""
    spec = ModelProfile.parse(minimal).to_dict()["spec"]
    filled = {p: n["default"] for p, n in NODES.items() if "default" in n}
    assert filled
    for path, default in filled.items():
        value: Any = {"spec": spec}
        for name in path.split("."):
            value = value[name]
        assert default == _same_fields(value, default), path


def _same_fields(value: Any, default: Any) -> Any:
    """Return of the value what the default speaks of: Python also writes empty lists."""
    return {n: _same_fields(value[n], default[n]) for n in default} if isinstance(default, dict) else value


def test_an_objects_default_is_written_out() -> None:
    """The API server checks a type's rules against the default exactly as it is written."""
    expected = {"strategy": "Adaptive", "maxTrials": 20, "repetitions": 2, "resize": "Auto", "threads": "None"}
    expected |= {"deadline": "1h", "soak": "10m"}
    assert expected == NODES["spec.search"]["default"]


def test_a_union_is_one_rule_with_pythons_sentence() -> None:
    """Python and the API server say the same."""
    expected = {
        "rule": "[has(self.openLoop), has(self.closedLoop)].filter(present, present).size() == 1",
        "message": "exactly one of openLoop and closedLoop must be set",
    }
    assert expected == NODES["spec.load"]["x-kubernetes-validations"][0]


def test_the_status_has_no_rules() -> None:
    """Only the operator writes it, and rules of both parts together would cost more than older API servers allow."""
    assert [] == [p for p, n in NODES.items() if p.startswith("status") and "x-kubernetes-validations" in n]


def test_no_rule_reads_all_of_each_of_many_quantities() -> None:
    """API servers before 1.34 reckon with texts as long as a request, and refuse the CRD; see hack/crd-versions."""
    lists = [p for p, n in NODES.items() if "pattern" in n.get("items", {}) and p.startswith("spec")]
    assert ["spec.resources.cpu.values", "spec.resources.memory.values"] == lists
    for path in lists:
        assert "x-kubernetes-validations" not in NODES[f"{path}[]"], path
        above = NODES[path.rpartition(".")[0]]["x-kubernetes-validations"]
        rules = [
            rule["rule"] for rule in (*NODES[path]["x-kubernetes-validations"], *above) if ".all(v," in rule["rule"]
        ]
        assert len(rules) == 2, path
        assert not [rule for rule in rules if re.search(r"string\(|[qQ]uantity\(|matches|contains|substring", rule)], (
            path
        )


@pytest.mark.parametrize(("kind", "texts"), [(CpuRange, CPU_TEXTS), (MemoryRange, MEMORY_TEXTS)])
def test_the_api_server_refuses_no_listed_size_that_python_takes(
    kind: type[CpuRange] | type[MemoryRange], texts: str
) -> None:
    """What it knows of a text is how long it is and how it ends: every short number with every unit."""
    in_python = texts.replace("&&", "and").replace("||", "or").replace("endsWith", "endswith")
    refuses = eval(f"lambda v: {in_python.replace('v.size()', 'len(v)')}")
    units = ("", *"numkMGT", "Ki", "Mi", "Gi", "Ti", "e1", "e3", "e9")
    refused = [text for number in _numbers() for unit in units if refuses(text := f"{number}{unit}")]
    assert refused
    for text in refused:
        with pytest.raises(ValidationError):
            kind.model_validate({"values": [text]})


def _numbers() -> Iterator[str]:
    """Yield the largest and the smallest numbers of each length and each place of the point."""
    for length in range(1, 14):
        for digits in ("9" * length, "0" * (length - 1) + "1", "1" + "0" * (length - 1)):
            yield digits
            yield from (f"{digits[:place]}.{digits[place:]}" for place in range(length + 1))


def test_every_rule_has_a_case_that_breaks_it() -> None:
    """refused.yaml is complete, so the end-to-end tests try every rule on a real API server."""
    cases = yaml.safe_load((HERE / "refused.yaml").read_text(encoding="utf-8"))
    rules = {rule["message"] for node in NODES.values() for rule in node.get("x-kubernetes-validations", [])}
    assert rules == {case["says"] for case in cases}


def test_every_field_is_in_the_full_example() -> None:
    """full.yaml is complete, so the round trip through a real API server misses no field."""
    paths: set[str] = set()
    for document in yaml.safe_load_all((HERE / "full.yaml").read_text(encoding="utf-8")):
        for part in ("spec", "status"):
            paths |= set(_paths(document.get(part, {}), SCHEMA["properties"][part], part))
    expected = {p for p in NODES if p.split(".")[0] in ("spec", "status")}
    assert set() == {_once(p) for p in expected if not p.startswith(TEMPLATE)} - {_once(p) for p in paths}


def _once(path: str) -> str:
    """Return the path with a source counted once, wherever it is: it is one type."""
    return re.sub(r"^.*\.source\.", "source.", path)


def _paths(value: Any, node: Node, path: str) -> Iterator[str]:
    yield path
    if isinstance(value, list):
        for item in value:
            yield from _paths(item, node["items"], f"{path}[]")
    elif isinstance(value, dict) and "properties" in node and not f"{path}.".startswith(TEMPLATE):
        for name, inner in value.items():
            yield from _paths(inner, node["properties"][name], f"{path}.{name}")


@pytest.mark.parametrize("path", ["spec.server.template", "spec.server.entryScript.environment.env[].valueFrom"])
def test_parts_of_a_pod_are_kept_as_they_are(path: str) -> None:
    """The API server that creates the pod is the one that checks them."""
    assert NODES[path]["x-kubernetes-preserve-unknown-fields"] is True
    assert NODES[path]["type"] == "object"


@pytest.mark.parametrize(
    ("path", "key"),
    [("status.conditions", "type"), ("status.trials", "index"), ("status.recommendations", "containerName")],
)
def test_lists_with_a_key_are_merged_by_it(path: str, key: str) -> None:
    """Server-side apply replaces an item, not the list."""
    assert ("map", [key]) == (NODES[path]["x-kubernetes-list-type"], NODES[path]["x-kubernetes-list-map-keys"])
    assert key in NODES[f"{path}[]"]["required"]


def test_the_status_is_a_subresource() -> None:
    """Who may write a spec may not write results, and the other way round."""
    assert {"status": {}} == custom_resource_definition()["spec"]["versions"][0]["subresources"]
