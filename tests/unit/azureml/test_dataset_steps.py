"""Datasets made of others and of data frames, and what is written of them."""

import sys
from pathlib import Path

import pandas as pd
import pytest
from tests.unit.azureml.conftest import Tabular

from modelprofiler.azureml.core import Dataset, Workspace
from modelprofiler.azureml.data import TabularDataset
from modelprofiler.azureml.data.datapath import DataPath
from modelprofiler.azureml.exceptions import DatasetValidationError, UserErrorException

PEOPLE = "name,age\nAnn,30\nBob,7\nCid,\nDan,100\n"


@pytest.fixture
def people(tabular: Tabular) -> TabularDataset:
    """Return a dataset with two columns; one age is missing."""
    return tabular(PEOPLE, separator=",", header=True)


def names(dataset: TabularDataset) -> list[str | None]:
    """Return the names of the rows."""
    return dataset.columns()[0]["name"]


def test_rows_are_filtered_by_conditions(people: TabularDataset) -> None:
    """Numbers are compared as numbers, texts as texts; a missing value meets no comparison."""
    age, name = people["age"], people["name"]
    assert ["Ann", "Dan"] == names(people.filter(age > 7))
    assert ["Ann", "Bob", "Dan"] == names(people.filter(age >= 7))
    assert ["Bob"] == names(people.filter((age < 50) & (name != "Ann")))
    assert ["Ann", "Bob"] == names(people.filter((name == "Ann") | (age <= 7)))
    assert ["Cid"] == names(people.filter(~(age >= 0)))
    assert ["Cid"] == names(people.filter(age == None))  # noqa: E711 - a column is compared
    assert ["Bob", "Cid", "Dan"] == names(people.filter(name != "Ann"))
    assert [] == names(people.filter(name == 5))


def test_a_filter_is_kept_with_the_dataset(ws: Workspace, people: TabularDataset) -> None:
    """It is read again under its name."""
    people.filter(people["age"] > 7).register(ws, "old")
    again = Dataset.get_by_name(ws, "old")
    assert isinstance(again, TabularDataset)
    assert ["Ann", "Dan"] == names(again)


def test_a_condition_that_cannot_be_used_is_refused(people: TabularDataset) -> None:
    """The words and, or and not would look at one condition only."""
    with pytest.raises(UserErrorException, match=r"combined with &, \| and ~"):
        people.filter(people["age"] > 7 and people["age"] < 9)
    with pytest.raises(UserErrorException, match="needs a condition on a column"):
        people.filter("age > 7")  # type: ignore[arg-type]
    with pytest.raises(UserErrorException, match="there is no column size; there are name, age"):
        people.filter(people["size"] > 7).columns()
    with pytest.raises(UserErrorException, match="a text or a number, not list"):
        people.filter(people["age"] == [1])
    with pytest.raises(TypeError):
        list(people)  # type: ignore[call-overload]


def test_a_sample_is_the_same_whenever_it_is_read(tabular: Tabular) -> None:
    """Also without a seed; the two parts of a split have every row once, in order."""
    rows = [f"r{n}" for n in range(1000)]
    dataset = tabular("\n".join(rows))

    def column(part: TabularDataset) -> list[str | None]:
        return part.columns()[0]["Column1"]

    sample = dataset.take_sample(0.2)
    assert column(sample) == column(sample)
    assert 100 < len(column(sample)) < 300
    assert column(dataset.take_sample(0.2, seed=7)) == column(dataset.take_sample(0.2, seed=7))
    first, second = (column(part) for part in dataset.random_split(0.7, seed=3))
    assert 600 < len(first) < 800
    assert rows == sorted([str(r) for r in first + second], key=lambda row: int(row[1:]))
    for wrong in (-0.1, 1.1, True):
        with pytest.raises(UserErrorException, match="from 0 to 1"):
            dataset.random_split(wrong)
    with pytest.raises(UserErrorException, match="above 0 and at most 1"):
        dataset.take_sample(0)


def test_rows_are_written_to_a_csv_file(people: TabularDataset) -> None:
    """In the default datastore; the result is a dataset of files."""
    (path,) = people.to_csv_files(separator=";").to_path()
    assert PEOPLE.replace(",", ";") == Path(path).read_text(encoding="utf-8")
    with pytest.raises(UserErrorException, match="no workspace to write files to"):
        Dataset.Tabular.from_delimited_files("data.txt").to_csv_files()


def test_a_registration_is_updated(ws: Workspace, people: TabularDataset) -> None:
    """What is not named stays."""
    registered = people.register(ws, "people", description="old", tags={"a": "1"})
    registered.update(description="new")
    again = Dataset.get_by_name(ws, "people")
    assert ("new", {"a": "1"}) == (again.description, again.tags)
    again.update(tags={"b": "2"})
    assert ("new", {"b": "2"}) == (again.description, Dataset.get_by_name(ws, "people").tags)
    with pytest.raises(UserErrorException, match="not registered"):
        people.update(description="new")


def test_lines_that_are_not_json_can_be_dropped() -> None:
    """A warning counts them; by default they are refused."""
    Path("x.jsonl").write_text('{"a": "1"}\nnot json\n[2]\n\n{"a": "3"}\n', encoding="utf-8")
    dropping = Dataset.Tabular.from_json_lines_files("x.jsonl", invalid_lines="drop")
    with pytest.warns(UserWarning, match="2 lines that are not JSON objects are left out"):
        assert ["1", "3"] == dropping.columns()[0]["a"]
    with pytest.raises(DatasetValidationError, match=r"line 2 of .* is not JSON"):
        Dataset.Tabular.from_json_lines_files("x.jsonl").columns()
    with pytest.raises(UserErrorException, match="invalid_lines must be"):
        Dataset.Tabular.from_json_lines_files("x.jsonl", invalid_lines="ignore")


def test_a_data_frame_becomes_a_registered_dataset(ws: Workspace) -> None:
    """Texts stay as they are, with quotes and line breaks; each call adds a version."""
    texts = ['{"data": [[1, "ü"]]}', "a\nb", None]
    frame = pd.DataFrame({"text": texts})
    store = ws.get_default_datastore()
    for target in (store, (store, "frames"), DataPath(store, "frames")):
        dataset = Dataset.Tabular.register_pandas_dataframe(frame, target, "frame", show_progress=False)
        assert ({"text": texts}, {"text": "string"}) == dataset.columns()
    assert 3 == Dataset.get_by_name(ws, "frame").version
    with pytest.raises(UserErrorException, match="target must be a datastore"):
        Dataset.Tabular.register_pandas_dataframe(frame, "here", "frame")  # type: ignore[arg-type]
    with pytest.raises(UserErrorException, match="must be a pandas DataFrame, not list"):
        Dataset.Tabular.register_pandas_dataframe([1], store, "frame")


def test_parquet_needs_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, the error says how to go on."""
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(UserErrorException, match=r"pip install 'modelprofiler\[parquet\]'. Otherwise write the column"):
        Dataset.Tabular.from_parquet_files("x.parquet")


def test_parquet_files_are_read_with_their_types(ws: Workspace) -> None:
    """The schema says the types; values other than text are JSON."""
    pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    frame = pd.DataFrame({"text": ["{}", None], "n": [1, 2], "x": [0.5, 1], "b": [True, False], "l": [[1], [2]]})
    frame.to_parquet("x.parquet")
    frame[["text"]].to_parquet("y.parquet")
    table, types = Dataset.Tabular.from_parquet_files(["x.parquet", "y.parquet"]).columns()
    assert ["{}", None, "{}", None] == table["text"]
    assert (["1", "2", None, None], ["[1]", "[2]", None, None]) == (table["n"], table["l"])
    assert {"text": "string", "n": "long", "x": "float", "b": "bool", "l": "string"} == types
    Path("z.parquet").write_text("no", encoding="utf-8")
    with pytest.raises(DatasetValidationError, match=r"z\.parquet as Parquet"):
        Dataset.Tabular.from_parquet_files("z.parquet").columns()
    registered = Dataset.Tabular.from_parquet_files("x.parquet").keep_columns("text").register(ws, "p")
    assert ["text"] == list(registered.columns()[0])
