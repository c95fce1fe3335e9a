"""The last words of a server: the cause of its end survives any cut, and a terminal only shows them."""

import pytest

from modelprofiler.core.text import cause_of, last_words, printable

TRACEBACK = """Traceback (most recent call last):
  File "/srv/app.py", line 3, in <module>
    import torch
ModuleNotFoundError: No module named 'torch'
"""
CHAINED = """Traceback (most recent call last):
  File "/srv/load.py", line 9, in load
    open("model.onnx")
FileNotFoundError: [Errno 2] No such file or directory: 'model.onnx'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/srv/app.py", line 3, in <module>
    load()
RuntimeError: the model cannot be loaded
"""
AT = "(EngineCore_0 pid=272) ERROR 09-01 12:00:00 [core.py:718] "
VLLM = (
    f"{AT}Traceback (most recent call last):\n"
    f'{AT}  File "/vllm/core.py", line 709, in run\n{AT}    proc()\n'
    f"{AT}ValueError: No available memory for the cache blocks.\n"
    "(APIServer pid=1) Traceback (most recent call last):\n"
    '(APIServer pid=1)   File "/vllm/api.py", line 7, in serve\n'
    "(APIServer pid=1) RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}\n"
)
LOGGED = "2024-05-05T10:00:00,123 [INFO ] W-9000-m_1.0-stdout MODEL_LOG - "
TORCHSERVE = "".join(f"{LOGGED}{line}\n" for line in TRACEBACK.splitlines())
MASTER = "[1] [INFO] Worker exiting\n" * 60 + "gunicorn.errors.HaltServer: <HaltServer 'Worker failed to boot.' 3>\n"


@pytest.mark.parametrize(
    ("expected", "output"),
    [
        (['File "/srv/app.py", line 3', "ModuleNotFoundError: No module named 'torch'"], TRACEBACK),
        (['File "/srv/app.py", line 3', "ModuleNotFoundError: No module named 'torch'"], TRACEBACK + MASTER),
        (
            [
                'File "/srv/load.py", line 9',
                "FileNotFoundError: [Errno 2] No such file or directory: 'model.onnx'",
                "RuntimeError: the model cannot be loaded",
            ],
            CHAINED,
        ),
        (["gunicorn.errors.HaltServer: <HaltServer 'Worker failed to boot.' 3>"], MASTER),
        (["panic: no model"], "panic: no model\n\ngoroutine 1 [running]:\nmain.main()\n"),
        (["Caused by: java.io.IOException: no model"], "at a.b(C.java:1)\nCaused by: java.io.IOException: no model\n"),
        (['File "/vllm/core.py", line 709', "ValueError: No available memory for the cache blocks."], VLLM),
        (['File "/srv/app.py", line 3', "ModuleNotFoundError: No module named 'torch'"], TORCHSERVE),
        (
            ["Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'x'"],
            "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'x'\n" + "    at f (node:internal/modules:1)\n" * 9,
        ),
        (
            ["F0101 10:00:00.1 7 server.cc:42] Check failed: no model"],
            "F0101 10:00:00.1 7 server.cc:42] Check failed: no model\n"
            + "    @ 0x7f01  google::LogMessage::Fail()\n" * 9,
        ),
        (
            ["what():  no model"],
            "terminate called after throwing an instance of 'std::runtime_error'\n  what():  no model\n",
        ),
        ([], "loading\nready\n"),
    ],
)
def test_the_cause_of_a_failure_is_the_line_that_names_it(expected: list[str], output: str) -> None:
    """With the first frame; not the exit of a master that follows from it."""
    causes = [line.partition(", in ")[0] for line in cause_of(output)]
    assert expected == causes


def test_the_cause_survives_a_cut() -> None:
    """Whatever is printed after it."""
    excerpt = last_words(TRACEBACK + MASTER, 300)
    assert len(excerpt) <= 300
    assert "No module named 'torch'" in excerpt
    assert excerpt.endswith("'Worker failed to boot.' 3>")
    assert TRACEBACK.strip() == last_words(TRACEBACK, 300)


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("red", "\x1b[31mred\x1b[0m"),
        ("title", "\x1b]0;owned\x07title"),
        ("clip", "clip\x1b]52;c;b3duZWQ="),
        ("a\nb\tc", "a\r\nb\tc\x00\x9b\x7f"),
        ("10%\n20%", "10%\r20%"),
        ("evil", "\u202eevil"),
    ],
)
def test_control_sequences_are_left_out(expected: str, text: str) -> None:
    """A terminal would act on them instead of showing them."""
    assert expected == printable(text)
