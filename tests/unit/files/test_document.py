"""A file is read as kubectl reads it, and everything that is wrong with it is reported together."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from modelprofiler.errors import InvalidInput
from modelprofiler.files.document import load_document, overridden
from modelprofiler.files.overrides import Overrides
from modelprofiler.files.yaml_objects import read_objects

Write = Callable[[str], Path]

PROFILE = """\
apiVersion: modelprofiler.io/v1alpha1
kind: ModelProfile
metadata: {name: digits}
spec:
  server: {entryScript: {source: {path: .}}}
  dataset: {source: {path: rows.txt}}
  load: {openLoop: {rate: "50"}}
  objectives: {latency: {p95: 250ms}}
"""
CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: files}
data:
  rows.txt: |
    one
    two
binaryData:
  model.bin: |
    AAEC
    AwQ=
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a file and gives its path."""

    def written(text: str) -> Path:
        path = tmp_path / "profile.yaml"
        path.write_text(text)
        return path

    return written


def messages_of(error: pytest.ExceptionInfo[InvalidInput]) -> list[str]:
    """Return the problems of an error as messages."""
    return [str(problem) for problem in error.value.problems]


@pytest.mark.parametrize("example", ["digits.yaml", "template.yaml"])
def test_the_examples_are_read(example: str, repository: Path) -> None:
    """The very files that kubectl applies."""
    document = load_document(repository / "examples" / example)
    assert document.config_maps
    assert () == document.warnings


def test_config_maps_become_files(write: Write, tmp_path: Path) -> None:
    """Text unchanged, binary data decoded, line ends in it skipped."""
    document = load_document(write(f"{CONFIG_MAP}---\n{PROFILE}"))
    assert {"files": {"rows.txt": b"one\ntwo\n", "model.bin": bytes(range(5))}} == document.config_maps
    assert tmp_path == document.directory
    assert "digits" == document.profile.metadata.name


def test_json_and_lists_are_read(write: Write) -> None:
    """As `kubectl get -o json` writes them."""
    items = read_objects(f"{CONFIG_MAP}---\n{PROFILE}", "x")
    document = load_document(write(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent="\t")))
    assert ["files"] == list(document.config_maps)


def test_other_kinds_are_named_in_a_warning(write: Write) -> None:
    """They are for the cluster."""
    other = "apiVersion: v1\nkind: Service\nmetadata: {name: x}\n---\n"
    (warning,) = load_document(write(other + other + PROFILE)).warnings
    assert "2 Service" in warning


def test_secrets_become_files_and_stay_out_of_texts(write: Write) -> None:
    """Of data in Base64, of stringData as it is, which wins; messages have the key and never the value."""
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: b25l, b: b25l}\nstringData: {b: two}\n---\n"
    document = load_document(write(secret + PROFILE))
    assert {"s": {"a": b"one", "b": b"two"}} == document.secrets
    assert "two" not in repr(document)
    with pytest.raises(InvalidInput) as error:
        load_document(write(secret.replace("a: b25l", "a: hunter2!").replace("b: two", "b: 7654321") + PROFILE))
    messages = messages_of(error)
    assert 2 == len(messages)
    assert not any("hunter2" in message or "7654321" in message for message in messages)


def test_of_several_profiles_one_must_be_named(write: Write) -> None:
    """The error names them."""
    path = write(PROFILE + "---\n" + PROFILE.replace("name: digits", "name: letters"))
    with pytest.raises(InvalidInput) as error:
        load_document(path)
    assert "digits, letters" in messages_of(error)[0]
    assert "letters" == load_document(path, name="letters").profile.metadata.name
    with pytest.raises(InvalidInput, match="no ModelProfile named 'words'; it has digits, letters"):
        load_document(path, name="words")


@pytest.mark.parametrize(
    ("sentence", "text", "message"),
    [
        ("the line is named", "kind: ModelProfile\nspec: {a: [}\n", "line 2, column"),
        ("a key that comes twice", "kind: ModelProfile\nspec: {}\nspec: {}\n", "line 3, column 1: is not YAML: 'spec'"),
        ("nothing", "", "has no ModelProfile (modelprofiler.io/v1alpha1); it is empty"),
        ("no profile", CONFIG_MAP, "has no ModelProfile (modelprofiler.io/v1alpha1); it has ConfigMap"),
        ("no object", "- 1\n", "must be a Kubernetes object"),
        ("no kind", "spec: {}\n", "has no kind"),
        ("another version", PROFILE.replace("v1alpha1", "v2"), "not a modelprofiler.io/v1alpha1 ModelProfile"),
        ("an unknown field", PROFILE.replace("openLoop", "openLop"), "spec.load.openLop: is not a field"),
    ],
)
def test_a_problem_is_reported_with_its_place(write: Write, sentence: str, text: str, message: str) -> None:
    """One clear sentence each."""
    with pytest.raises(InvalidInput) as error:
        load_document(write(text))
    assert message in "\n".join(messages_of(error)), sentence


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    """With the reason that the system gives."""
    with pytest.raises(InvalidInput, match=r"none\.yaml: cannot be read: No such file"):
        load_document(tmp_path / "none.yaml")
    (tmp_path / "model.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInput, match="is not text in UTF-8"):
        load_document(tmp_path / "model.yaml")


def test_problems_of_config_maps_and_profile_come_together(write: Write) -> None:
    """Not one after the other."""
    maps = "kind: ConfigMap\nmetadata: {name: a}\ndata: {x: 1}\nbinaryData: {y: '?'}\n---\nkind: ConfigMap\n---\n"
    with pytest.raises(InvalidInput) as error:
        load_document(write(maps + PROFILE.replace("250ms", "soon")))
    messages = "\n".join(messages_of(error))
    assert "ConfigMap 'a' data.x: must be text, not 1; put it in quotes" in messages
    assert "ConfigMap 'a' binaryData.y: is not Base64" in messages
    assert "ConfigMap metadata.name: is required" in messages
    assert "spec.objectives.latency.p95" in messages


def test_yaml_means_what_it_means_to_kubectl() -> None:
    """Dates and 12:30 are text, as a ConfigMap would hold them."""
    assert [{"kind": "x", "a": "2026-01-01", "b": "12:30", "c": 7, "d": 1.5, "e": True}] == read_objects(
        "{kind: x, a: 2026-01-01, b: 12:30, c: 7, d: 1.5, e: yes}", "x"
    )


@pytest.mark.parametrize("text", ["[" * 99_999, "- " * 99_999, "{a: " * 999 + "}" * 999, '{"a":' * 9999])
def test_deep_nesting_is_a_problem(text: str) -> None:
    """The parser of libyaml would end the process without a word."""
    with pytest.raises(InvalidInput, match="is nested more than 100 levels deep"):
        read_objects(text, "x.yaml")


def test_flags_replace_fields(write: Write) -> None:
    """What the file says about them is gone; the rest stays."""
    flags = Overrides(
        dataset="other.txt",
        concurrency=3,
        cpu="100m:1:50m",
        memory="64Mi,128Mi",
        latency=("p95=100ms", "p99=1s"),
        max_trials=5,
        duration="10s",
    )
    spec = load_document(write(PROFILE), overrides=flags).profile.spec.to_dict()
    assert {"path": str(Path("other.txt").absolute())} == spec["dataset"]["source"]
    assert {"concurrency": 3} == spec["load"]["closedLoop"]
    assert "openLoop" not in spec["load"]
    assert {"min": "100m", "max": "1", "step": "50m"} == spec["resources"]["cpu"]
    assert {"values": ["64Mi", "128Mi"]} == spec["resources"]["memory"]
    assert {"p95": "100ms", "p99": "1s"} == spec["objectives"]["latency"]
    assert 5 == spec["search"]["maxTrials"]


def test_what_a_flag_breaks_names_the_flag(write: Write) -> None:
    """And the path, and everything at once."""
    document = load_document(write(PROFILE))
    with pytest.raises(InvalidInput) as error:
        overridden(document, Overrides(rate="0", cpu="1:2", latency=("p95",), memory="1Gi:1Mi:1Mi", max_trials=1))
    messages = "\n".join(messages_of(error))
    assert "--cpu: must be MIN:MAX:STEP, such as 100m:1:50m" in messages
    assert "--latency: must be METRIC=DURATION, such as p95=250ms" in messages
    assert "spec.load.openLoop: rate must be greater than 0 and at most 100k (from --rate)" in messages
    assert "(from --memory)" in messages
    assert "(from --max-trials)" in messages


def test_rate_and_concurrency_exclude_each_other(write: Write) -> None:
    """Arrivals, or clients."""
    with pytest.raises(InvalidInput, match="--rate: and --concurrency exclude each other"):
        overridden(load_document(write(PROFILE)), Overrides(rate="1", concurrency=1))


def test_binary_data_may_have_any_size(write: Write) -> None:
    """A model of a mebibyte is read."""
    text = base64.b64encode(bytes(2**20)).decode()
    maps = f"kind: ConfigMap\nmetadata: {{name: a}}\nbinaryData: {{y: {text}}}\n---\n"
    assert bytes(2**20) == load_document(write(maps + PROFILE)).config_maps["a"]["y"]


@pytest.mark.parametrize("name", ["A b", "a_b", "-a", "a" * 254, "Ä"])
def test_a_name_that_kubernetes_does_not_take_is_refused(tmp_path: Path, name: str) -> None:
    """As the API server would, with a name that it takes where there is a near one."""
    file = tmp_path / "profile.yaml"
    file.write_text(
        json.dumps({"apiVersion": "modelprofiler.io/v1alpha1", "kind": "ModelProfile", "metadata": {"name": name}})
    )
    with pytest.raises(InvalidInput) as caught:
        load_document(file)
    (problem,) = [p for p in caught.value.problems if p.path == "metadata.name"]
    assert "is not the name of a Kubernetes object" in problem.message
    assert (", such as a-b" in problem.message) == (name in ("A b", "a_b"))


class TestHostileText:
    """What is small as text may mean anything."""

    BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in ("ab", "bc", "cd", "de", "ef")
    )

    def problems(self, text: str) -> list[str]:
        """Return why a text is refused."""
        with pytest.raises(InvalidInput) as caught:
            read_objects(text, "x.yaml")
        return messages_of(caught)

    def test_aliases_of_aliases_are_refused_before_they_are_written_out(self) -> None:
        """A million values in six lines; three lines stand for some thousand and are taken."""
        assert self.problems(self.BOMB) == [
            "x.yaml, line 6: has more than 1,000,000 values once its aliases are written out"
        ]
        assert read_objects("kind: A\n" + "".join(self.BOMB.splitlines(keepends=True)[:3]), "x.yaml")

    def test_only_a_text_with_aliases_is_said_to_have_some(self) -> None:
        """What is long is not taken for a trick."""
        assert self.problems("kind: A\nx: [" + "1," * 1_000_001 + "]") == [
            "x.yaml, line 2: has more than 1,000,000 values"
        ]

    @pytest.mark.parametrize("number", ["0x" + "f" * 5000, "0b" + "1" * 20_000, "-" + "7" * 4000])
    def test_a_number_that_python_could_not_write_is_refused(self, number: str, write: Write) -> None:
        """It reads one in another base, however long, and messages show what is wrong."""
        with pytest.raises(InvalidInput) as caught:
            load_document(write(PROFILE.replace("spec:", f"spec:\n  search: {{maxTrials: {number}}}", 1)))
        (message,) = messages_of(caught)
        assert message.endswith(": is not YAML: this is not a valid !!int")

    @pytest.mark.parametrize("text", ["kind: &a [*a]", "kind: A\nspec: &a {b: [*a]}", "&a {kind: A, <<: *a}"])
    def test_a_value_that_contains_itself_is_refused(self, text: str) -> None:
        """It has no end."""
        (problem,) = self.problems(text)
        assert problem.startswith("x.yaml, line ")
        assert problem.endswith(": the value of the anchor &a contains itself")

    def test_an_alias_of_what_is_complete_is_taken(self) -> None:
        """As kubectl takes it."""
        (item,) = read_objects("kind: A\nx: &x {y: [1]}\nz: *x", "x.yaml")
        assert {"kind": "A", "x": {"y": [1]}, "z": {"y": [1]}} == item

    def test_a_character_that_yaml_does_not_allow_is_named_with_its_line(self) -> None:
        """An editor finds the line."""
        assert ["x.yaml, line 2: is not YAML: the character U+0007 is not allowed in it"] == self.problems(
            "a: 1\nb: \x07"
        )

    def test_half_a_character_in_json_is_refused(self) -> None:
        """No file can hold it; a whole one in two halves is taken."""
        assert self.problems(r'{"kind": "A", "x": "\ud83d!"}') == [
            r"x.yaml: has \ud83d, which is half of a character: write the character itself, or both halves"
        ]
        (item,) = read_objects(r'{"kind": "A", "x": "\ud83d\ude00"}', "x.yaml")
        assert "\U0001f600" == item["x"]


def test_a_key_that_is_no_word_is_quoted_in_its_path(write: Write) -> None:
    """It may hold anything, an end of a line or a colour among them."""
    with pytest.raises(InvalidInput) as caught:
        load_document(write(PROFILE + "---\n" + CONFIG_MAP.replace("rows.txt", '"a b\\e[31m"')))
    key = '["a b\\u001b[31m"]'
    message = "is not a valid key: use letters, digits, '-', '_' and '.'"
    assert [f"ConfigMap 'files' data{key}: {message}"] == messages_of(caught)
