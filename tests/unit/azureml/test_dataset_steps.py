"""Datasets made of others and of data frames, and what is written of them."""

import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
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
    with pytest.raises(UserErrorException, match="a text, a number or a time, not list"):
        people.filter(people["age"] == [1])
    with pytest.raises(TypeError):
        list(people)  # type: ignore[call-overload]


def test_rows_are_filtered_by_values_of_numpy_times_and_truth(tabular: Tabular) -> None:
    """A time is compared in UTC; a text that is no time meets no comparison."""
    text = "name,at,ok\nAnn,2021-03-04,True\nBob,2021-03-04T13:00:00+01:00,false\nCid,soon,\n"
    dataset = tabular(text, separator=",", header=True)
    at = dataset["at"]
    assert ["Bob"] == names(dataset.filter(at >= datetime(2021, 3, 4, 12)))
    assert ["Bob"] == names(dataset.filter(at == datetime(2021, 3, 4, 12, tzinfo=UTC)))
    assert ["Ann"] == names(dataset.filter(at < pd.Timestamp("2021-03-04 11:59")))
    assert ["Ann", "Bob"] == names(dataset.filter(at >= date(2021, 3, 4)))
    assert ["Bob", "Cid"] == names(dataset.filter(at != date(2021, 3, 4)))
    assert ["Ann"] == names(dataset.filter(dataset["ok"] == np.bool_(True)))
    assert ["Bob"] == names(dataset.filter(dataset["ok"] == False))  # noqa: E712 - a column is compared
    people = tabular(PEOPLE, separator=",", header=True)
    assert ["Ann", "Dan"] == names(people.filter(people["age"] > np.int64(7)))
    assert ["Dan"] == names(people.filter(30.5 < people["age"]))


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
    for wrong in (-0.1, 1.1, True, "0.5", float("nan")):
        with pytest.raises(UserErrorException, match="from 0 to 1"):
            dataset.random_split(wrong)  # type: ignore[arg-type]  # texts among them
    with pytest.raises(UserErrorException, match="above 0 and at most 1"):
        dataset.take_sample(0)


def test_tags_are_names_and_values(ws: Workspace, people: TabularDataset) -> None:
    """Anything else is refused."""
    with pytest.raises(UserErrorException, match="tags must be names and values, not list"):
        people.register(ws, "people").update(tags=["a"])  # type: ignore[arg-type]


def test_files_of_other_separators_are_other_files(ws: Workspace, people: TabularDataset) -> None:
    """What one call wrote, another leaves alone."""
    registered = people.register(ws, "people")
    (commas,), (tabs,) = registered.to_csv_files().to_path(), registered.to_csv_files("\t").to_path()
    assert PEOPLE == Path(commas).read_text(encoding="utf-8")
    assert PEOPLE.replace(",", "\t") == Path(tabs).read_text(encoding="utf-8")
    for wrong in ("", ", ", "\n", None):
        with pytest.raises(UserErrorException, match="separator must be one character"):
            registered.to_csv_files(wrong)  # type: ignore[arg-type]


def test_numbers_of_numpy_are_kept_with_the_dataset(ws: Workspace, people: TabularDataset) -> None:
    """A definition is JSON; a number that is none is refused at the call."""
    taken = people.take(np.int64(3)).skip(np.int32(1)).take_sample(np.float64(1), seed=np.int64(5))
    assert ["Bob", "Cid"] == names(taken)
    taken.register(ws, "taken")
    for wrong in (-1, 1.5, "2", True):
        with pytest.raises(UserErrorException, match="count must be a whole number from 0 on"):
            people.take(wrong)  # type: ignore[arg-type]
    with pytest.raises(UserErrorException, match="seed must be a whole number"):
        people.random_split(0.5, seed="x")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "advice"),
    [
        ("to_parquet_files", "to_csv_files writes"),
        ("to_spark_dataframe", "to_pandas_dataframe"),
        ("time_after", r"dataset\.filter\("),
        ("as_named_input", "from_delimited_files"),
        ("mount", "from_delimited_files"),
        ("get_profile", "describe"),
    ],
)
def test_what_a_dataset_does_not_do_says_what_to_do(people: TabularDataset, method: str, advice: str) -> None:
    """The message begins with the method."""
    with pytest.raises(UserErrorException, match=f"^{method}: .*{advice}"):
        getattr(people, method)("x")


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
    with pytest.warns(UserWarning, match=r"not JSON objects: 2 of 4, the first is line 2 of .*x\.jsonl"):
        assert ["1", "3"] == dropping.columns()[0]["a"]
    with pytest.raises(DatasetValidationError, match=r"line 2 of .* is not JSON"):
        Dataset.Tabular.from_json_lines_files("x.jsonl").columns()
    Path("y.jsonl").write_bytes(b'{"a": "\xe4"}\n{"a": "4"}\n{"a": "\\ud800"}\n')
    dropping = Dataset.Tabular.from_json_lines_files("y.jsonl", invalid_lines="drop")
    with pytest.warns(UserWarning, match=r"1 of 3, the first is line 1 of .*y\.jsonl"):
        assert ["4", "\ud800"] == dropping.columns()[0]["a"]
    with pytest.raises(DatasetValidationError, match=r"y\.jsonl as utf8"):
        Dataset.Tabular.from_json_lines_files("y.jsonl").columns()
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
    numbers = pd.DataFrame({"x": [1e-12]})
    assert ["1e-12"] == Dataset.Tabular.register_pandas_dataframe(numbers, store, "n").columns()[0]["x"]
    with pytest.raises(UserErrorException, match=r"'a/b' cannot be the name of a dataset"):
        Dataset.Tabular.register_pandas_dataframe(frame, store, "a/b")
    twice = pd.DataFrame([["1", "2"]], columns=["a", "a"])
    with pytest.raises(UserErrorException, match="the dataframe cannot be written as JSON"):
        Dataset.Tabular.register_pandas_dataframe(twice, store, "twice")
    with pytest.raises(UserErrorException, match="must be a pandas DataFrame, not list"):
        Dataset.Tabular.register_pandas_dataframe([1], store, "frame")


def test_parquet_needs_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, the error says how to go on."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
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
    with pytest.raises(DatasetValidationError, match=r"z\.parquet is not a Parquet file"):
        Dataset.Tabular.from_parquet_files("z.parquet").columns()
    registered = Dataset.Tabular.from_parquet_files("x.parquet").keep_columns("text").register(ws, "p")
    assert ["text"] == list(registered.columns()[0])


def test_parquet_of_other_programs_is_read(tmp_path: Path) -> None:
    """Spark writes a folder with more than Parquet; times and decimals are texts, categories what they stand for."""
    pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    folder = tmp_path / "spark"
    folder.mkdir()
    frame = pd.DataFrame(
        {
            "at": pd.to_datetime(["2021-03-04"]),
            "price": [Decimal("1.50")],
            "kind": pd.Categorical(["big"]),
            "body": [b'{"a": 1}'],
            "image": [b"\xff\xd8"],
            "row": [{"a": 1}],
        }
    )
    frame.to_parquet(folder / "part-0.parquet")
    (folder / "_SUCCESS").write_bytes(b"")
    (folder / ".part-0.parquet.crc").write_bytes(b"crc")
    dataset = Dataset.Tabular.from_parquet_files(str(folder))
    table, types = dataset.columns()
    assert (["2021-03-04T00:00:00"], ["1.50"], ["big"]) == (table["at"], table["price"], table["kind"])
    assert (['{"a": 1}'], ['{"a": 1}'], ["/9g="]) == (table["body"], table["row"], table["image"])
    expected = {"at": "datetime", "price": "float", "kind": "string", "body": "string", "image": "stream"}
    assert {**expected, "row": "string"} == types
    assert ["big"] == dataset.filter(dataset["at"] == date(2021, 3, 4)).columns()[0]["kind"]


def test_parquet_that_is_cut_off_or_ambiguous_is_refused() -> None:
    """The message names the file."""
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    parquet.write_table(arrow.table([["1"], ["2"]], names=["a", "a"]), "twice.parquet")
    with pytest.raises(DatasetValidationError, match=r"twice\.parquet has several columns a; name them differently"):
        Dataset.Tabular.from_parquet_files("twice.parquet").columns()
    parquet.write_table(arrow.table({"a": ["1"]}), "whole.parquet")
    Path("cut.parquet").write_bytes(Path("whole.parquet").read_bytes()[:-20])
    with pytest.raises(DatasetValidationError, match=r"cut\.parquet is not a Parquet file"):
        Dataset.Tabular.from_parquet_files("cut.parquet").columns()
