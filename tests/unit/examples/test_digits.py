"""The digits example is what its generator makes of its parts, and fits through `kubectl apply`."""

import base64
import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from modelprofiler.api.resource import ModelProfile

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture(scope="module")
def documents() -> list[dict[str, Any]]:
    """Return the documents of the committed examples/digits.yaml."""
    return list(yaml.safe_load_all((EXAMPLES / "digits.yaml").read_text()))


@pytest.fixture(scope="module")
def make() -> ModuleType:
    """Return examples/digits/make.py, which is a script and in no package."""
    spec = importlib.util.spec_from_file_location("digits_make", EXAMPLES / "digits" / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_file_is_what_the_generator_writes(make: ModuleType) -> None:
    """A change of a part needs a run of the generator."""
    assert make.render() == (EXAMPLES / "digits.yaml").read_text(), "stale: run python examples/digits/make.py"


def test_the_files_arrive_byte_for_byte(documents: list[dict[str, Any]]) -> None:
    """What a pod reads from the ConfigMaps is what lies in the folder."""
    model, files, _ = documents
    parts = EXAMPLES / "digits"
    assert (parts / "model.joblib").read_bytes() == base64.b64decode(model["binaryData"]["model.joblib"])
    assert (parts / "score.py").read_text() == files["data"]["score.py"]
    assert (parts / "requests.txt").read_text() == files["data"]["requests.txt"]


def test_there_are_more_than_600_different_requests_of_64_pixels(documents: list[dict[str, Any]]) -> None:
    """Each line is a JSON body with one image whose pixels are integers from 0 to 16."""
    lines = documents[1]["data"]["requests.txt"].splitlines()
    assert len(lines) == len(set(lines))
    assert len(lines) >= 600
    for line in lines:
        (image,) = json.loads(line)["data"]
        assert len(image) == 64
        assert all(type(pixel) is int and 0 <= pixel <= 16 for pixel in image)


def test_each_config_map_fits_into_the_annotation_of_kubectl_apply(documents: list[dict[str, Any]]) -> None:
    """Client-side apply keeps the whole object in an annotation of at most 256 KiB."""
    for document in documents[:2]:
        assert len(json.dumps(document)) < 256 * 1024


def test_a_config_map_that_kubectl_could_not_apply_is_refused(make: ModuleType) -> None:
    """The sentence comes from the generator, not from a user's kubectl."""
    with pytest.raises(ValueError, match="more than kubectl apply can carry"):
        make.config_map("large", data={}, binary_data={"model": bytes(200 * 1024)})


@pytest.mark.parametrize("text", ["no newline", "two\n\n", " indented\n", "tab\there\n"])
def test_a_text_that_yaml_would_change_is_refused(make: ModuleType, text: str) -> None:
    """A literal block keeps exactly one final newline and takes its indentation from the first line."""
    with pytest.raises(ValueError, match="literal block"):
        make.config_map("files", data={"file": text}, binary_data={})


@pytest.mark.parametrize("name", ["digits", "template"])
def test_the_profile_of_each_example_is_valid_and_names_only_what_its_file_holds(name: str) -> None:
    """The types accept it, and every ConfigMap it refers to, with its key, is in the same file."""
    documents = list(yaml.safe_load_all((EXAMPLES / f"{name}.yaml").read_text()))
    keys = {
        document["metadata"]["name"]: {*document.get("data", {}), *document.get("binaryData", {})}
        for document in documents
        if document["kind"] == "ConfigMap"
    }
    profile = ModelProfile.parse(documents[-1])
    for reference in _config_maps(profile.spec.to_dict()):
        assert reference["name"] in keys
        assert reference.get("key") is None or reference["key"] in keys[reference["name"]]


def _config_maps(value: Any) -> list[dict[str, Any]]:
    """Return every ``configMap`` member found anywhere inside a JSON value."""
    if isinstance(value, list):
        return [config_map for item in value for config_map in _config_maps(item)]
    if not isinstance(value, dict):
        return []
    references = [value["configMap"]] if "configMap" in value else []
    return references + [config_map for item in value.values() for config_map in _config_maps(item)]
