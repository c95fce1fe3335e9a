"""What YAML reads as something else than text is refused where a Pod needs text, as by the API server."""

from typing import Any

import pytest

from modelprofiler.api.pod_template import misshapen
from modelprofiler.api.template_schema import SCHEMA

AT = "spec.server.template.spec.containers[0]"


def _problems(**container: Any) -> list[str]:
    return [str(p) for p in misshapen({"spec": {"containers": [{"name": "s", "image": "i", **container}]}})]


def test_all_variables_without_quotes_are_reported_at_once() -> None:
    """0, false, 0.5 and 1.10 are four problems; no value is changed into another."""
    values = {"A": 0, "B": False, "C": 0.5, "D": 1.10, "E": "0", "F": None}
    expected = [
        f"{AT}.env[0].value: must be text, and 0 is a number: write it in quotes",
        f"{AT}.env[1].value: must be text, and false is a boolean: write it in quotes",
        f"{AT}.env[2].value: must be text, and 0.5 is a number: write it in quotes",
        f"{AT}.env[3].value: must be text, and 1.1 is a number: write it in quotes",
    ]
    assert expected == _problems(env=[{"name": name, "value": value} for name, value in values.items()])


def test_a_command_as_one_text_must_be_a_list() -> None:
    """The message shows the list."""
    expected = f'{AT}.command: must be a list, such as ["python3", "app.py"], not \'python3 app.py\''
    assert [expected] == _problems(command="python3 app.py")


@pytest.mark.parametrize("field", ["command", "args"])
def test_a_number_in_a_command_is_text_in_quotes(field: str) -> None:
    """A port, mostly."""
    expected = f"{AT}.{field}[1]: must be text, and 80 is a number: write it in quotes"
    assert [expected] == _problems(**{field: ["--port", 80]})


def test_a_field_without_a_value_is_absent() -> None:
    """YAML reads it as null, and a Pod takes it."""
    assert [] == _problems(env=[{"name": "A", "value": None}], command=None, args=None)
    container = SCHEMA["spec"]["properties"]["containers"]["items"]["properties"]
    fields = (
        container["command"],
        container["args"],
        container["env"],
        container["env"]["items"]["properties"]["value"],
    )
    assert [True] * 4 == [field["nullable"] for field in fields]
