"""The inputs of a profile are located and put in place as a cluster mounts them, or reported together as missing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.files.documents import FILES, container, document

from modelprofiler.core.sources import digest
from modelprofiler.core.support import ignored
from modelprofiler.errors import InvalidInput
from modelprofiler.files.inputs import place_inputs, resolve, server_variables


def messages_of(tmp_path: Path, **changes: Any) -> str:
    """Return the problems of a file, a line each."""
    with pytest.raises(InvalidInput) as error:
        place_inputs(document(tmp_path, **changes), tmp_path / "run")
    return "\n".join(map(str, error.value.problems))


def test_config_maps_are_written_as_a_cluster_mounts_them(tmp_path: Path) -> None:
    """A key that is named is the only file."""
    inputs = place_inputs(
        document(tmp_path, model={"name": "m", "source": {"configMap": {"name": "files"}}}), tmp_path / "run"
    )
    assert inputs.script is not None
    assert inputs.code_dir is not None
    assert inputs.model_dir is not None
    assert FILES["score.py"] == inputs.script.read_text()
    assert ["score.py"] == [p.name for p in inputs.code_dir.iterdir()]
    assert sorted(FILES) == sorted(p.name for p in inputs.model_dir.iterdir())
    assert b"1\n2\n" == inputs.dataset_file.read_bytes()
    assert 2 == inputs.dataset.rows


def test_files_of_this_machine_have_the_digest_of_the_same_files_in_a_config_map(tmp_path: Path) -> None:
    """Where content comes from does not make another run of it."""
    folder = tmp_path / "code"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    inputs = place_inputs(
        document(
            tmp_path,
            server={"entryScript": {"source": {"path": "code"}}},
            model={"name": "m", "source": {"path": "code/rows.txt"}},
            dataset={"source": {"path": str(folder / "rows.txt")}},
        ),
        tmp_path / "run",
    )
    assert folder == inputs.code_dir
    assert digest({name: text.encode() for name, text in FILES.items()}) == inputs.code_digest
    assert digest({"rows.txt": FILES["rows.txt"].encode()}) == inputs.model_digest


def test_what_tools_leave_in_a_folder_is_no_code(tmp_path: Path) -> None:
    """Caches, hidden folders and virtual environments."""
    folder = tmp_path / "code"
    for name in ("score.py", "lib/x.py", "__pycache__/x.pyc", ".git/config", "venv/pyvenv.cfg", "venv/lib/y.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    inputs = place_inputs(document(tmp_path, server={"entryScript": {"source": {"path": "code"}}}), tmp_path / "run")
    assert digest({name: name.encode() for name in ("score.py", "lib/x.py")}) == inputs.code_digest


def test_inline_content_is_written_to_files(tmp_path: Path) -> None:
    """With the digest that a cluster gives it."""
    inputs = place_inputs(
        document(
            tmp_path,
            server={"entryScript": {"source": {"inline": "x = 1"}, "file": "main.py"}},
            dataset={"source": {"inline": "a\nb\nc"}},
        ),
        tmp_path / "run",
    )
    assert inputs.script is not None
    assert ("main.py", "x = 1") == (inputs.script.name, inputs.script.read_text())
    assert digest({"": b"x = 1"}) == inputs.code_digest
    assert 3 == inputs.dataset.rows


def test_everything_that_is_missing_is_reported_together(tmp_path: Path) -> None:
    """With its path, and what there is instead."""
    messages = messages_of(
        tmp_path,
        server={"entryScript": {"source": {"configMap": {"name": "files"}}, "file": "main.py"}},
        model={"name": "m", "source": {"path": "nowhere"}},
        dataset={"source": {"configMap": {"name": "files", "key": "lines.txt"}}},
    )
    assert "entryScript.file: the source has no file 'main.py'; it has rows.txt, score.py" in messages
    assert "spec.model.source.path: nowhere cannot be read: No such file or directory" in messages
    assert "dataset.source.configMap.key: ConfigMap 'files' has no key 'lines.txt'; it has" in messages


@pytest.mark.parametrize(
    ("sentence", "dataset", "message"),
    [
        (
            "no such ConfigMap",
            {"configMap": {"name": "other"}},
            "there is no ConfigMap 'other' in the file; it has files",
        ),
        ("several keys", {"configMap": {"name": "files"}}, "name the key with the rows"),
        ("a folder", {"path": "."}, "is a folder; name the file with the rows"),
        ("only empty lines", {"inline": "\n \n"}, "spec.dataset: the dataset has only empty lines"),
    ],
)
def test_a_dataset_that_is_none(tmp_path: Path, sentence: str, dataset: dict[str, Any], message: str) -> None:
    """The sentence says what would be right."""
    assert message in messages_of(tmp_path, dataset={"source": dataset}), sentence


def test_the_config_maps_of_a_template_become_folders(tmp_path: Path) -> None:
    """With the keys that it picks; a path never leads out of its folder."""
    server = container(
        volumeMounts=[{"name": "code", "mountPath": "/srv/"}, {"name": "scratch", "mountPath": "/scratch"}]
    )
    server["template"]["spec"]["volumes"] = [
        {
            "name": "code",
            "configMap": {
                "name": "files",
                "items": [{"key": "score.py", "path": "lib/a.py"}, {"key": "rows.txt", "path": "../../out"}],
            },
        },
        {"name": "scratch", "emptyDir": {}},
        {"name": "unused", "configMap": {"name": "not there"}},
    ]
    inputs = place_inputs(document(tmp_path, server=server), tmp_path / "run")
    assert ["/scratch", "/srv"] == sorted(inputs.mounts)
    assert FILES["score.py"] == (inputs.mounts["/srv"] / "lib/a.py").read_text()
    assert [] == list(tmp_path.rglob("out"))
    assert inputs.mounts["/scratch"].is_dir()


def test_variables_come_from_values_and_from_the_config_maps_of_the_file(tmp_path: Path) -> None:
    """References that cannot be resolved are problems."""
    server = container(
        env=[
            {"name": "A", "value": "1"},
            {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "files", "key": "rows.txt"}}},
            {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "files", "key": "none"}}},
        ],
        envFrom=[{"configMapRef": {"name": "none"}}],
    )
    values, problems = server_variables(document(tmp_path, server=server))
    assert {"A": "1", "B": "1\n2\n"} == values
    at = "spec.server.template.spec.containers[0]"
    assert [f"{at}.envFrom[0].configMapRef", f"{at}.env[2].valueFrom.configMapKeyRef"] == [p.path for p in problems]


def test_files_and_variables_come_from_secrets_of_the_file(tmp_path: Path) -> None:
    """As from ConfigMaps; one that the file does not have is named."""
    server = container(
        env=[{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "rows"}}},
             {"name": "B", "valueFrom": {"secretKeyRef": {"name": "none", "key": "rows", "optional": True}}}],
        envFrom=[{"secretRef": {"name": "s"}, "prefix": "P_"}, {"secretRef": {"name": "none"}}],
    )  # fmt: skip
    written = document(tmp_path, server=server, dataset={"source": {"secret": {"name": "s"}}})
    (problem,) = [p for p in resolve(written) if p.path.startswith("spec.dataset")]  # type: ignore[union-attr]
    assert ("spec.dataset.source.secret.name", "there is no Secret 's' in the file") == (
        problem.path,
        problem.message.partition(";")[0],
    )
    with_secret = replace(written, secrets={"s": {"rows": b"1\n2\n"}})
    inputs = place_inputs(with_secret, tmp_path / "run")
    assert (2, "1\n2\n") == (inputs.dataset.rows, inputs.dataset_file.read_text())
    values, problems = server_variables(with_secret)
    assert {"A": "1\n2\n", "P_rows": "1\n2\n"} == values
    assert ["spec.server.template.spec.containers[0].envFrom[1].secretRef"] == [p.path for p in problems]


def test_a_secret_of_the_file_is_mounted_and_another_one_is_left_out(tmp_path: Path) -> None:
    """With a note for the one that is left out."""
    server = container(volumeMounts=[{"name": "keys", "mountPath": "/keys"}, {"name": "other", "mountPath": "/other"}])
    server["template"]["spec"]["volumes"] = [
        {"name": "keys", "secret": {"secretName": "s", "items": [{"key": "k", "path": "sub/key"}]}},
        {"name": "other", "secret": {"secretName": "none"}},
    ]
    with_secrets = replace(document(tmp_path, server=server), secrets={"s": {"k": b"1", "l": b"2"}})
    inputs = place_inputs(with_secrets, tmp_path / "run")
    assert ["/keys"] == list(inputs.mounts)
    assert {"sub/key": b"1"} == {
        path.relative_to(inputs.mounts["/keys"]).as_posix(): path.read_bytes()
        for path in inputs.mounts["/keys"].rglob("*")
        if path.is_file()
    }
    notes = [note for note in ignored(with_secrets.profile.spec, with_secrets.secrets) if note.startswith("volume ")]
    assert 1 == len(notes)
    assert "volume other is not mounted" in notes[0]


def test_an_entry_script_has_variables_of_whole_config_maps_too(tmp_path: Path) -> None:
    """Those of env take precedence, as in a pod; keys get the prefix of their group."""
    environment = {
        "env": [{"name": "P_score.py", "value": "1"}],
        "envFrom": [{"prefix": "P_", "configMapRef": {"name": "files"}}, {"configMapRef": {"name": "none"}}],
    }
    script = {"source": {"configMap": {"name": "files"}}, "environment": environment}
    values, problems = server_variables(document(tmp_path, server={"entryScript": script}))
    assert ("1", "1\n2\n") == (values["P_score.py"], values["P_rows.txt"])
    assert ["spec.server.entryScript.environment.envFrom[1].configMapRef"] == [p.path for p in problems]
