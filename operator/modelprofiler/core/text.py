"""Texts that are too long for where they go: cut once, here, with a mark where something is missing."""

from __future__ import annotations

import re

ELLIPSIS = "…"

LONGEST_MESSAGE = 2048
"""Characters of a trial's message, and of an explanation, that the schema of the status allows."""
LONGEST_LAST_WORDS = 600
"""Characters of a program's output that a sentence quotes: the end of a traceback, some six lines, and room for the
sentence in `LONGEST_MESSAGE`."""


def head(text: str, longest: int) -> str:
    """Return the beginning of a text, at most `longest` characters of it."""
    return text if len(text) <= longest else text[: longest - len(ELLIPSIS)] + ELLIPSIS


def head_in_bytes(text: str, longest: int) -> str:
    """Return the beginning of a text, at most `longest` bytes of UTF-8, without half a character at its end."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= longest:
        return text
    return encoded[: longest - len(ELLIPSIS.encode())].decode("utf-8", "ignore") + ELLIPSIS


def row_size(size: int) -> str:
    """Return the size of a row in bytes, for people: ``980 B``, ``1.2 KiB``, ``35 MiB``."""
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= factor:
            amount = size / factor
            return f"{amount:.1f} {unit}" if amount < 9.95 else f"{amount:.0f} {unit}"
    return f"{size} B"


def tail(text: str, longest: int) -> str:
    """Return the end of what a server printed, at most `longest` characters: its last lines name the cause."""
    text = printable(text).strip()
    return text if len(text) <= longest else f"{ELLIPSIS} {text[len(text) - longest + len(ELLIPSIS) + 1 :]}"


CONTROL_SEQUENCES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor movements (ECMA-48, 5.4)
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|\Z)"  # OSC, DCS, SOS, PM and APC: titles, links, the clipboard
    r"|\x1b[ -/]*[0-~]"  # any other escape sequence
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"  # other control characters, without tab and line feed
    r"|[\u202a-\u202e\u2066-\u2069]"  # marks that change the direction of a text
    r"|[\ud800-\udfff]",  # halves of characters, by which Python keeps bytes that are not UTF-8
    re.DOTALL,
)
"""What a terminal would act on instead of showing it, and what cannot be written at all."""


def printable(text: str) -> str:
    """Return a text of a server or another tenant without control sequences, so that a terminal only shows it."""
    return CONTROL_SEQUENCES.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str) -> str:
    """Return a text that may quote others in one line, without what a terminal would act on."""
    return "".join(c for c in " ".join(printable(text).split()) if c.isprintable())


ERROR_LINE = re.compile(
    r"\s*(?:(?:fatal|fatal error|error|panic|Caused by|Exception in thread[^:]*|what\(\)): .+"
    r"|(?:[A-Za-z_]\w*\.)*\w*(?:Error|Exception|Exit|Interrupt|HaltServer)\b(?: \[\w+\])?(?:: .+)?"
    r"|F\d{4} \S+ .{0,40}\] .+|thread '[^']*' panicked at .+)$"
)
"""A line that names an error: the last of a traceback of Python, ``panic:`` of Go, ``Caused by:`` of Java, ``what():``
of C++, a failed check of glog, an error of Node with its code, or a panic of Rust."""
LOG_PREFIX = re.compile(
    r"^(?:\(\w[^()\n]{0,80}\bpid=\d+[^()\n]{0,40}\) ?|\d{4}-\d\d-\d\d[T ][\d:.,+-]+Z? +|\[[^\]\n]{1,40}\] +"
    r"|(?:ERROR|CRITICAL|FATAL|INFO|WARN(?:ING)?)\b:? +(?:\d\d-\d\d [\d:.]+ +)?|\[?\w+\.py:\d+\] ?"
    r"|[\w.-]{1,60} MODEL_LOG - )+"
)
"""What Ray, vLLM, TorchServe and loggers write before each line of a worker's traceback."""
CONSEQUENCE = re.compile(
    r"(?i:root cause above|engine core initiali[sz]ation failed|worker failed to boot|stack trace above)"
    r"|\b(?:SystemExit|KeyboardInterrupt|CancelledError|HaltServer|BrokenPipeError|ConnectionResetError)\b"
)
"""Errors that follow from another one, or from a client that went away."""
TRACEBACK = "Traceback (most recent call last)"
CHAIN = re.compile(r"(?:direct cause of the following exception|another exception occurred)")
FRAME = re.compile(r'\s*File "[^"]+", line \d+')
LONGEST_CAUSE = 2 / 3
"""Share of a message that the cause may take; the rest shows the last lines."""


def last_words(output: str, longest: int) -> str:
    """Return the end of a server's output, at most `longest` characters, with the cause of the last error in it.

    A traceback may be long, and a master may print more after the worker that failed. The line that names the cause,
    and the frame with which its traceback begins, are kept whatever is cut.

    Parameters
    ----------
    output
        What the server printed, or the end of it.
    longest
        Characters of the result.
    """
    text = printable(output).strip()
    if len(text) <= longest:
        return text
    end, cause = tail(text, longest), cause_of(text)
    if all(line in end for line in cause):
        return end
    kept = head("\n".join(cause), int(longest * LONGEST_CAUSE))
    return f"{kept}\n{tail(text, longest - len(kept) - 1)}"


def cause_of(text: str) -> list[str]:
    """Return the lines that name the cause of the last error: the first frame, and the first and the last error.

    Errors that are chained ("the direct cause of") belong to one failure, of which the first is the cause. Errors that
    only follow from another one, such as the exit of a master, are taken where there is no other. Empty without any.
    """
    chains: list[list[str]] = []
    frame, chained = "", False
    for logged in text.splitlines():
        line = LOG_PREFIX.sub("", logged)
        if CHAIN.search(line):
            chained = True
        elif TRACEBACK in line:
            if not chained:
                chains.append([])
            chained, frame = False, ""
        elif not frame and FRAME.match(line):
            frame = line.strip()
        elif ERROR_LINE.match(line):
            if not chains:
                chains.append([])
            chains[-1] += [frame, line.strip()] if frame else [line.strip()]
            frame = ""
    named = [chain for chain in chains if chain]
    causes = [chain for chain in named if not all(CONSEQUENCE.search(e) for e in chain if not FRAME.match(e))]
    if not (chosen := (causes or named)[-1:]):
        return []
    errors = [line for line in chosen[0] if not FRAME.match(line)]
    errors = [line for line in errors if not CONSEQUENCE.search(line)] or errors
    frames = [line for line in chosen[0] if FRAME.match(line)][:1]
    return list(dict.fromkeys([*frames, errors[0], errors[-1]]))
