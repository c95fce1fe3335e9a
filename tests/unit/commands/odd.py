"""Values and pieces of text that a profile should not have, many of them nearly right."""

from typing import Any

WORDS = (
    *("", " ", "\n", "0", "-1", "+1", "1.", ".5", "1e3", "1E3", "1e99", "0x10", "1_000", "٣", "²", "½", "NaN", "inf"),
    *("0s", "1d", "8 s", "250", "1h1h", "1m30", "-5s", "1us", "1µs", "1μs", "0.0000001ms", "9" * 30 + "h", "1e3ms"),
    *("256m", "1Mi", "1mi", "1MI", "1GB", "1 Gi", "100%", "0.1Gi", "1.1Gi", "1e-9", "1n", "1E", "9" * 31, "9" * 40),
    *(
        "\x00",
        "\ud800",
        "\x1b[31m",
        "\u2028",
        "\u202e",
        "\ufeff",
        "😀",
        "é" * 200,
        "x" * 70_000,
        "..",
        "../../etc",
        "/",
        "//x",
    ),
    *(
        "a/b",
        "A b",
        "a_b",
        "-a",
        "$(A)",
        "$(",
        "%s",
        "{}",
        "{0}",
        "'",
        '"',
        "`",
        "<script>",
        "true",
        "yes",
        "null",
        "~",
    ),
    *("adaptive", "GRID", "Poisson ", "p95", "server", "s3://", "s3://b", "http://[", "https://u:p@h/x", "file:///x"),
    *("(a+)+$", "(", "[", "*", "$.", "$[?(@)]", "$..a", "application/json; charset=", "a\r\nb: c", "1.2.3", "None"),
)
NUMBERS = (
    0,
    1,
    -1,
    2,
    255,
    65_535,
    65_536,
    2**31,
    2**63,
    10**30,
    -(10**30),
    0.5,
    -0.0,
    1e308,
    float("inf"),
    float("nan"),
)
OTHERS: tuple[Any, ...] = (
    *(None, True, False, [], {}, [None], [[]], [{}], {"": None}, {"a": None}, {"a": {"b": []}}, {"name": 1}),
    *(["a"] * 300, [1] * 3000, ["a", "a"], [{"name": "a"}, {"name": "a"}], {"a/b/c": 1}, {"x" * 400: "y"}, {1: 2}),
)


PIECES = (
    *(
        "&a ",
        "*a",
        "*b",
        "<<: *a",
        "&a [*a]",
        "!!binary ",
        "!!python/object:os.system ",
        "!!set ",
        "!x ",
        "!!str ",
        "? ",
    ),
    *(
        "\t",
        "\r",
        "\x00",
        "\ufeff",
        "\u2028",
        "\x85",
        "%YAML 9.9\n---\n",
        "---\n",
        "...\n",
        "- ",
        ": ",
        "#",
        "|\n",
        ">-\n",
    ),
    *(
        "{",
        "}",
        "[",
        "]",
        "@",
        "`",
        "\U0001f600",
        "0o17",
        "1:30",
        "2026-11-30",
        "=",
        "null: ",
        "true: ",
        "~: ",
        "1.5: ",
    ),
)


BOMB = "x1: &x1 [a, a, a, a, a, a, a, a, a]\n" + "".join(
    f"x{i}: &x{i} [{', '.join([f'*x{i - 1}'] * 9)}]\n" for i in range(2, 9)
)
"""Aliases of aliases, which mean hundreds of millions of values (the "billion laughs")."""
