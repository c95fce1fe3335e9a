"""Files of rows as editors, Excel and PowerShell write them: Badgerati/Pode#1604 and #1677, and variations of it."""

import json
from pathlib import Path

import pytest

from modelprofiler.cli import main

PROFILE = Path(__file__).resolve().parent / "encodings.yaml"
ROWS = [json.dumps({"text": f"row {number}", "n": number}) for number in range(50)]
LINES = "\n".join(ROWS) + "\n"
ODD = [f'{{"text": "a{character}b", "n": {number}}}' for number, character in enumerate("\u2028\u2029\u0085")]

READ = {
    "a byte order mark": b"\xef\xbb\xbf" + LINES.encode(),
    "CR alone": LINES.replace("\n", "\r").encode(),
    "CRLF": LINES.replace("\n", "\r\n").encode(),
    "blank lines": (" \t \n\n".join(ROWS) + "\n\xa0\n\x0c\n").encode(),
    "line separators in texts": "\n".join([*ROWS[:47], *ODD]).encode(),
}
REFUSED = {
    "UTF-16": (LINES.replace("\n", "\r\n").encode("utf-16"), "spec.dataset: the dataset is UTF-16; write UTF-8"),
    "UTF-16 without a mark": (LINES.encode("utf-16-le"), "spec.dataset: the dataset is UTF-16; write UTF-8"),
    "an array": (
        ("[\n" + ",\n".join(ROWS) + "\n]\n").encode(),
        "one JSON array of 50 items on 52 lines",
    ),
    "commas": ((",\n".join(ROWS) + ",\n").encode(), "none of the 50 rows is JSON, although endpoint.http.contentType"),
}


def _dataset(folder: Path, content: bytes) -> str:
    file = folder / "rows.jsonl"
    file.write_bytes(content)
    return str(file)


@pytest.mark.parametrize("case", READ)
def test_fifty_rows_are_fifty_rows(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """However the file was written."""
    assert 0 == main(["plan", str(PROFILE), "-o", "json", "--dataset", _dataset(tmp_path, READ[case])])
    dataset = json.loads(capsys.readouterr().out)["dataset"]
    assert (50, 50, None) == (dataset["rows"], dataset["distinctRows"], dataset.get("warnings"))


@pytest.mark.parametrize("case", REFUSED)
def test_what_are_no_rows_is_refused(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before a server starts."""
    content, message = REFUSED[case]
    assert 2 == main(["validate", str(PROFILE), "--dataset", _dataset(tmp_path, content)])
    assert message in capsys.readouterr().err


def test_rows_in_latin_1_are_pointed_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bytes are bytes, and sent as they are."""
    rows = "\n".join(f'{{"text": "Grüße {number}"}}' for number in range(50)).encode("latin-1")
    assert 0 == main(["validate", str(PROFILE), "--dataset", _dataset(tmp_path, rows)])
    assert "none of the 50 rows is UTF-8, although endpoint.http.contentType is" in capsys.readouterr().err
