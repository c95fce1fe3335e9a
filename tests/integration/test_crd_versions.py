"""What the API server's own validation, of other versions of Kubernetes, makes of the CRD.

Only the versions that `make bench PART=crd-versions` has built here are asked: that takes minutes, this a second.
"""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def compare(repository: Path) -> ModuleType:
    """Return hack/crd-versions/compare.py."""
    spec = importlib.util.spec_from_file_location("compare", repository / "hack" / "crd-versions" / "compare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["compare"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def programs(compare: ModuleType) -> dict[str, str]:
    """Return the program of each version that is built."""
    command = [compare.BUILD, "--built", *compare.VERSIONS]
    lines = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.splitlines()
    if not lines:
        pytest.skip("the validation of no other Kubernetes version is built; make bench PART=crd-versions builds it")
    return dict(line.split(maxsplit=1) for line in lines)


def test_every_version_takes_the_crd_and_refuses_what_breaks_its_rules(
    compare: ModuleType, programs: dict[str, str]
) -> None:
    """With the same sentences as ours; and it takes what only the operator refuses."""
    for version, program in programs.items():
        assert compare.Answer(version, [], {}) == compare.ask(version, program, compare.cases())


def test_a_rule_that_costs_too_much_is_reported(
    compare: ModuleType, programs: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By every version: a rule that reads all of each of a million texts."""
    texts = {"type": "array", "items": {"type": "string"}}
    rule = {"rule": "self.all(v, v.matches('a'))", "message": "no"}
    schema = {"type": "object", "properties": {"spec": {**texts, "x-kubernetes-validations": [rule]}}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "as.b.c"},
        "spec": {
            "group": "b.c",
            "names": {"kind": "A", "listKind": "AList", "plural": "as", "singular": "a"},
            "scope": "Namespaced",
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }
    file = tmp_path / "crd.json"
    file.write_text(json.dumps(definition), encoding="utf-8")
    monkeypatch.setattr(compare, "CRD", file)
    for version, program in programs.items():
        assert "estimated rule cost" in "; ".join(compare.ask(version, program, {}).definition)


def test_a_profile_that_gets_another_sentence_is_reported(compare: ModuleType, programs: dict[str, str]) -> None:
    """Also one that is refused although it should be taken, and the other way round."""
    minimal = compare.cases()["minimal"].profile
    broken = {**minimal, "spec": {**minimal["spec"], "load": {}}}
    profiles = {
        "taken": compare.Case(minimal, "something"),
        "another": compare.Case(broken, "something"),
        "refused": compare.Case(broken),
    }
    for version, program in programs.items():
        assert profiles.keys() == compare.ask(version, program, profiles).astray.keys()


def test_a_version_that_is_none_is_refused(compare: ModuleType) -> None:
    """Before anything is built."""
    ran = subprocess.run([compare.BUILD, "--built", "1.35"], capture_output=True, text=True, timeout=30, check=False)
    assert (2, "") == (ran.returncode, ran.stdout)
    assert "1.35 is no version of Kubernetes such as 1.35.10" in ran.stderr


def test_the_table_takes_the_place_of_the_former_one(
    compare: ModuleType, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its markers, which the page has; the rest of the page stays."""
    page = tmp_path / "cluster.md"
    before = (repository / "docs" / "cluster.md").read_text(encoding="utf-8")
    page.write_text(before, encoding="utf-8")
    monkeypatch.setattr(compare, "PAGE", page)
    for answers in ([compare.Answer("1.31.14", ["costs too much"], {"minimal": ["no"]})], []):
        compare.write(compare.table(answers))
        after = page.read_text(encoding="utf-8")
        assert bool(answers) == ("| 1.31.14 | no | not all |" in after)
    assert before.partition("<!-- crd-versions begin -->")[0] == after.partition("<!-- crd-versions begin -->")[0]
    assert before.partition("<!-- crd-versions end -->")[2] == after.partition("<!-- crd-versions end -->")[2]
