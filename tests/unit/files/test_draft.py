"""A written profile is one that can be run, in a cluster too when it carries its files."""

from dataclasses import replace
from pathlib import Path

import pytest

from modelprofiler.core.support import unsupported
from modelprofiler.errors import InvalidInput
from modelprofiler.files.bundle import requirements_in
from modelprofiler.files.document import Document, load_document
from modelprofiler.files.draft import Draft, write
from modelprofiler.files.inputs import Resolved, resolve

SCRIPT = "def init(): pass\ndef run(data): return data\n"
DRAFT = Draft(
    name="test", dataset="rows.txt", entry_script="score.py", model="model.bin", rate="5", latency=("p95=1s",)
)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("score.py").write_text(SCRIPT)
    Path("rows.txt").write_text("1\n  2\n\n3")
    Path("model.bin").write_bytes(bytes(range(256)))


def written(draft: Draft) -> Document:
    """Return the file that a draft becomes."""
    path = Path("out.yaml")
    path.write_text(write(draft, Path.cwd()))
    return load_document(path)


def content(document: Document) -> Resolved:
    """Return what is behind the sources of a file."""
    resolved = resolve(document)
    assert isinstance(resolved, Resolved)
    return resolved


def test_paths_start_from_the_folder_of_the_file() -> None:
    """Wherever the command is run."""
    Path("sub").mkdir()
    Path("sub/profile.yaml").write_text(write(DRAFT, Path("sub")))
    spec = load_document("sub/profile.yaml").profile.spec
    assert "../rows.txt" == spec.dataset.source.path
    assert {"p95": "1s"} == spec.to_dict()["objectives"]["latency"]
    assert isinstance(resolve(load_document("sub/profile.yaml")), Resolved)


def test_a_bundle_holds_the_very_same_files() -> None:
    """Text as text where it is read back as it is, anything else in Base64; a cluster takes it."""
    bundled, plain = written(replace(DRAFT, bundle=True)), written(DRAFT)
    assert [] == unsupported(bundled.profile.spec, "Cluster")
    one, other = content(bundled), content(plain)
    assert one.dataset == other.dataset
    assert (one.code, one.model) != (None, None)
    assert [other.code and other.code.digest, other.model and other.model.digest] == [
        one.code and one.code.digest,
        one.model and one.model.digest,
    ]


@pytest.mark.parametrize("text", ["a", "a\n", "a\n\n", " a\n", "\ta\r\nb", "\n", "é: [\n", "# x\n---\n", "a \n b\n"])
def test_any_text_survives_a_bundle(text: str) -> None:
    """Spaces, tabs, line ends, YAML's own signs."""
    Path("rows.txt").write_bytes((text + "x").encode())
    maps = written(replace(DRAFT, bundle=True)).config_maps
    assert (text + "x").encode() == maps["test-dataset"]["rows.txt"]


def test_a_script_that_imports_from_its_folder_brings_the_folder() -> None:
    """Else it is the only file."""
    Path("src").mkdir()
    Path("src/score.py").write_text("import helper\n" + SCRIPT)
    Path("src/helper.py").write_text("")
    spec = written(replace(DRAFT, entry_script="src/score.py")).profile.spec
    assert spec.server.entry_script is not None
    assert ("src", "score.py") == (spec.server.entry_script.source.path, spec.server.entry_script.file)


def test_a_command_becomes_a_template() -> None:
    """With the port that it listens on."""
    draft = Draft(name="test", dataset="rows.txt", command="sh -c 'a b'", port=8080, concurrency=2)
    spec = written(draft).profile.spec
    assert spec.server.template is not None
    assert ["sh", "-c", "a b"] == spec.server.template["spec"]["containers"][0]["command"]
    assert 8080 == spec.endpoint.http.port
    assert spec.objectives.max_slowdown_percent is not None


def test_requirements_and_python_are_written_as_given() -> None:
    """A file of requirements becomes a list."""
    Path("requirements.txt").write_text("# a comment\nscikit-learn==1.9.1  # why\n\nnumpy>=2; python_version > '3'\n")
    packages = requirements_in(Path("requirements.txt"))
    assert ("scikit-learn==1.9.1", "numpy>=2; python_version > '3'") == packages
    script = written(replace(DRAFT, requirements=packages, python_version="3.12")).profile.spec.server.entry_script
    assert script is not None
    assert list(packages) == script.environment.requirements
    assert "3.12" == script.environment.python_version


def messages_of(draft: Draft) -> str:
    """Return the problems of a draft, a line each."""
    with pytest.raises(InvalidInput) as error:
        write(draft, Path.cwd())
    return "\n".join(map(str, error.value.problems))


def test_contradictions_and_missing_files_are_reported_together() -> None:
    """By their flags."""
    messages = messages_of(replace(DRAFT, command="x", concurrency=1, model="none", latency=("fast",)))
    for flag in (
        "--entry-script: give exactly one",
        "--rate: give exactly one",
        "--model: there is no none",
        "--latency",
    ):
        assert flag in messages


def test_what_no_config_map_holds_is_refused_with_what_to_do() -> None:
    """More than a mebibyte."""
    Path("model.bin").write_bytes(bytes(2**20 + 1))
    assert "--model: model.bin has 1.0 MiB and a ConfigMap can hold 1 MiB: put it into the image" in messages_of(
        replace(DRAFT, bundle=True)
    )


def test_a_script_without_init_and_run_is_none() -> None:
    """The contract has both."""
    Path("score.py").write_text("def run(data): pass\n")
    assert "has no function init()" in messages_of(DRAFT)


def test_values_are_checked_as_in_any_file() -> None:
    """A rate that is none."""
    assert "spec.load.openLoop" in messages_of(replace(DRAFT, rate="0"))
