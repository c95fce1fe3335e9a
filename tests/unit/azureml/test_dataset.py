"""Datasets: from uploaded files to columns, by name and version."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.unit.azureml.conftest import Tabular

from modelprofiler.azureml.core import Dataset, Datastore, Workspace
from modelprofiler.azureml.data import TabularDataset
from modelprofiler.azureml.data.datapath import DataPath
from modelprofiler.azureml.data.dataset_type_definitions import PromoteHeadersBehavior
from modelprofiler.azureml.exceptions import UserErrorException


def test_with_a_line_break_as_separator_a_line_is_a_field(tabular: Tabular) -> None:
    """Azure ML's own example uses it: commas, quotes and unusual line separators are kept."""
    rows = ['{"data": [[1, 2], [3, "a,b"]]}', '"quoted"', "\u2028 in a text"]
    table, types = tabular("\r\n".join(rows)).columns()
    assert {"Column1": rows} == table
    assert {"Column1": "string"} == types


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (PromoteHeadersBehavior.NO_HEADERS, {"Column1": ["h", "a", "h", "b"]}),
        (PromoteHeadersBehavior.ONLY_FIRST_FILE_HAS_HEADERS, {"h": ["a", "h", "b"]}),
        (PromoteHeadersBehavior.ALL_FILES_HAVE_SAME_HEADERS, {"h": ["a", "b"]}),
        (True, {"h": ["a", "b"]}),
        (False, {"Column1": ["h", "a", "h", "b"]}),
    ],
)
def test_headers_name_the_columns(
    ws: Workspace, header: bool | PromoteHeadersBehavior, expected: dict[str, list[str]]
) -> None:
    """No file, the first file or every file has a header."""
    Path("1.csv").write_text("h\na\n", encoding="utf-8")
    Path("2.csv").write_text("h\nb\n", encoding="utf-8")
    assert expected == Dataset.Tabular.from_delimited_files(["1.csv", "2.csv"], header=header).columns()[0]


def test_headers_of_all_files_can_be_combined() -> None:
    """A column that a file lacks has missing values there."""
    Path("1.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    Path("2.csv").write_text("b\n3\n", encoding="utf-8")
    both = PromoteHeadersBehavior.COMBINE_ALL_FILES_HEADERS
    table, _ = Dataset.Tabular.from_delimited_files(["1.csv", "2.csv"], header=both).columns()
    assert {"a": ["1", None], "b": ["2", "3"]} == table


def test_a_type_is_inferred_from_the_first_200_rows(tabular: Tabular) -> None:
    """Later rows do not count, as in Azure ML."""
    assert {"Column1": "long"} == tabular("1\n" * 200 + "text\n").columns()[1]
    assert {"Column1": "string"} == tabular("1\n" * 199 + "text\n").columns()[1]


def test_encodings_have_azure_ml_names() -> None:
    """The error for bytes of another encoding names the file."""
    Path("data.txt").write_bytes("é\n".encode("latin-1"))
    read = Dataset.Tabular.from_delimited_files
    assert {"Column1": ["é"]} == read("data.txt", header=False, encoding="iso88591").columns()[0]
    with pytest.raises(UserErrorException, match=r"cannot read .*data.txt as utf8"):
        read("data.txt", header=False).columns()


def test_quoted_fields_can_contain_line_breaks_with_support_multi_line() -> None:
    """Otherwise a line is a row."""
    Path("data.csv").write_text('a\n"1\n2"\n', encoding="utf-8")
    read = Dataset.Tabular.from_delimited_files
    assert {"a": ["1\n2"]} == read("data.csv", support_multi_line=True).columns()[0]


def test_json_lines_have_fields_as_columns() -> None:
    """A string that looks like a number stays a string."""
    Path("data.jsonl").write_text('{"body": "1"}\n{"body": "2", "n": 3}\n', encoding="utf-8")
    table, types = Dataset.Tabular.from_json_lines_files("data.jsonl").columns()
    assert {"body": ["1", "2"], "n": [None, "3"]} == table
    assert {"body": "string", "n": "long"} == types


def test_columns_and_rows_can_be_selected(tabular: Tabular) -> None:
    """Each selection is a new dataset."""
    dataset = tabular("a,1\nb,2\nc,3\n", separator=",")
    assert {"Column1": ["b"]} == dataset.keep_columns("Column1").skip(1).take(1).columns()[0]
    assert {"Column2": ["1", "2", "3"]} == dataset.drop_columns(["Column1"]).columns()[0]
    with pytest.raises(UserErrorException, match="there is no column Column9; there are Column1, Column2"):
        dataset.keep_columns("Column9").columns()


def test_rows_become_a_data_frame(tabular: Tabular, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call needs pandas, which is not installed with this package."""
    dataset = tabular("n,t\n1,a\n2,b\n", separator=",", header=True)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UserErrorException, match="needs pandas: pip install pandas"):
        dataset.to_pandas_dataframe()
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=dict))
    assert {"n": ["1", "2"], "t": ["a", "b"]} == dataset.to_pandas_dataframe()


def test_a_directory_or_pattern_stands_for_all_its_files(ws: Workspace) -> None:
    """The files are read in the order of their names."""
    for name in ("b", "a"):
        Path(f"{name}.txt").write_text(name, encoding="utf-8")
    store = Datastore.get_default(ws)
    store.upload_files(["a.txt", "b.txt"], target_path="in", show_progress=False)
    for path in ("in", "in/*.txt"):
        dataset = Dataset.Tabular.from_delimited_files(DataPath(store, path), header=False)
        assert {"Column1": ["a", "b"]} == dataset.columns()[0]


def test_a_missing_file_is_reported_at_once(ws: Workspace) -> None:
    """With validate=False it is not."""
    store = Datastore.get_default(ws)
    with pytest.raises(UserErrorException, match=r"there is no file x\.txt of datastore workspaceblobstore"):
        Dataset.Tabular.from_delimited_files([(store, "x.txt")])
    Dataset.Tabular.from_delimited_files([(store, "x.txt")], validate=False)
    with pytest.raises(UserErrorException, match="is a URL, and data is not downloaded"):
        Dataset.Tabular.from_delimited_files("https://example.com/x.csv")


def test_registering_adds_versions_with_create_new_version(ws: Workspace, requests: TabularDataset) -> None:
    """Otherwise the name is taken."""
    first = requests.register(ws, "requests", tags={"a": "b"})
    assert ("requests", 1, {"a": "b"}) == (first.name, first.version, first.tags)
    with pytest.raises(UserErrorException, match='already a dataset registered under name "requests"'):
        requests.register(ws, "requests")
    second = requests.take(1).register(ws, "requests", create_new_version=True)
    assert 2 == second.version
    assert second.id == Dataset.get_by_name(ws, "requests").id
    assert first.id == Dataset.get_by_name(ws, "requests", version=1).id
    assert {"requests"} == set(ws.datasets)


def test_an_unknown_dataset_is_refused_and_the_known_ones_are_named(ws: Workspace, requests: TabularDataset) -> None:
    """By name, version and id."""
    requests.register(ws, "requests")
    with pytest.raises(UserErrorException, match='registered with name "x" in the workspace; registered are requests'):
        Dataset.get_by_name(ws, "x")
    with pytest.raises(UserErrorException, match=r"\(version: 7\)"):
        Dataset.get_by_name(ws, "requests", version=7)
    with pytest.raises(UserErrorException, match='must be a number or "latest"'):
        Dataset.get_by_name(ws, "requests", version="new")
    with pytest.raises(UserErrorException, match='Cannot find dataset with id "x"'):
        Dataset.get_by_id(ws, "x")


def test_a_dataset_is_found_by_its_id(ws: Workspace, requests: TabularDataset) -> None:
    """It need not be registered."""
    saved = requests.ensure_saved(ws)
    assert saved == Dataset.get_by_id(ws, saved).id
    assert Dataset.get_by_id(ws, saved).name is None
    requests.register(ws, "requests")
    assert "requests" == Dataset.get_by_id(ws, saved).name


def test_a_dataset_prints_as_a_json_document(requests: TabularDataset) -> None:
    """The document has Azure ML's format."""
    kind, _, document = repr(requests).partition("\n")
    assert "TabularDataset" == kind
    assert ["('workspaceblobstore', 'here/data.txt')"] == json.loads(document)["source"]


def test_uploading_keeps_existing_files_without_overwrite(ws: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    """A message names the kept file."""
    store = ws.get_default_datastore()
    for text, overwrite, expected in (("1", False, "1"), ("2", False, "1"), ("3", True, "3")):
        Path("a.txt").write_text(text, encoding="utf-8")
        store.upload_files(["a.txt"], overwrite=overwrite)
        assert expected == (store.root / "a.txt").read_text(encoding="utf-8")
    assert "exists already and is kept" in capsys.readouterr().out


def test_a_directory_is_uploaded_and_downloaded_as_a_whole(ws: Workspace, tmp_path: Path) -> None:
    """Its folders are included."""
    Path("d/sub").mkdir(parents=True)
    Path("d/sub/a.txt").write_text("a", encoding="utf-8")
    store = ws.get_default_datastore()
    store.upload("d", "target", show_progress=False)
    assert 1 == store.download(tmp_path / "out", prefix="target")
    assert "a" == (tmp_path / "out/target/sub/a.txt").read_text(encoding="utf-8")


def test_nothing_is_uploaded_outside_the_datastore(ws: Workspace) -> None:
    """A file that does not exist is refused, too."""
    Path("a.txt").write_text("a", encoding="utf-8")
    with pytest.raises(UserErrorException, match="leads out of the datastore"):
        ws.get_default_datastore().upload_files(["a.txt"], target_path="../../x")
    with pytest.raises(UserErrorException, match="there is no such file"):
        ws.get_default_datastore().upload_files(["b.txt"])


def test_a_directory_can_be_a_datastore(ws: Workspace) -> None:
    """It can be the default one; Azure's storages are refused."""
    Path("mine").mkdir()
    Datastore.register_local(ws, "mine", "mine")
    assert Path("mine").absolute() == Datastore(ws, "mine").root
    ws.set_default_datastore("mine")
    assert "mine" == ws.get_default_datastore().name
    Datastore.get(ws, "mine").unregister()
    assert "workspaceblobstore" == ws.get_default_datastore().name
    with pytest.raises(UserErrorException, match="there is no datastore 'mine'; there are workspaceblobstore"):
        Datastore.get(ws, "mine")
    with pytest.raises(UserErrorException, match=r"use Datastore\.register_local"):
        Datastore.register_azure_blob_container(workspace=ws, datastore_name="x")
