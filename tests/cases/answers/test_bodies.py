"""Bodies with which servers report errors with status 200, and answers that only look so; from public reports."""

from __future__ import annotations

import pytest

from modelprofiler.load.kinds import body_of

ERRORS = [
    ("Azure/InferenceSchema#57", '{"error": "\'features\'"}'),
    (
        "amirziai/sklearnflask#5",
        '{"error": "0 is not JSON serializable", "trace": "Traceback (most recent call last):"}',
    ),
    (
        "IBM/MAX-Chinese-Phonetic-Similarity-Estimator#8",
        '{"message": "Invalid input to Pinyin converter, please check!"}',
    ),
    (
        "IBM/MAX-Chinese-Phonetic-Similarity-Estimator#8 errors",
        '{"errors": {"theta": "invalid literal for int()"}, "message": "Input payload validation failed"}',
    ),
    ("pytorch/serve#410", '{"code": 503, "type": "InternalServerException", "message": "Prediction failed"}'),
    ("pytorch/serve#2035", '{"code": 400, "type": "BadRequestException", "message": "Parameter url is required."}'),
    (
        "fastapi/fastapi#207",
        '{"detail": [{"loc": ["body", "item"], "msg": "field required", "type": "value_error.missing"}]}',
    ),
    ("SeldonIO/MLServer#1134", '{"error": "Model iris is not ready yet."}'),
    ("vllm-project/vllm", '{"object": "error", "message": "max_tokens must be at least 1", "type": "BadRequestError"}'),
    ("a text", "Internal Server Error"),
    ("a traceback as a text", '"Traceback (most recent call last):\\n  File \\"score.py\\", line 9\\nKeyError: 1"'),
]
ANSWERS = [
    ("a number", "0.83"),
    ("a list", "[[0.1, 0.9], [0.7, 0.3]]"),
    ("an object", '{"prediction": [1, 0], "model": "digits"}'),
    ("an empty error beside an answer", '{"error": null, "prediction": 1}'),
    ("KServe v1", '{"predictions": [[5.1, 3.5]]}'),
    ("KServe v2", '{"model_name": "iris", "id": "1", "outputs": [{"name": "p", "shape": [1], "data": [1]}]}'),
    ("a message that is the answer", '{"message": "hello there", "tokens": 12}'),
    (
        "text that a model wrote",
        '{"choices": [{"text": "An error has occurred, he said."}], "usage": {"total_tokens": 9}}',
    ),
]


@pytest.mark.parametrize(("report", "body"), ERRORS, ids=[report for report, _ in ERRORS])
def test_the_report_of_an_error_is_no_answer(report: str, body: str) -> None:
    """Its status says success."""
    kind = "text/plain" if report == "a text" else "application/json"
    assert body_of(body.encode(), kind).is_error, report


@pytest.mark.parametrize(("name", "body"), ANSWERS, ids=[name for name, _ in ANSWERS])
def test_an_answer_is_no_report_of_an_error(name: str, body: str) -> None:
    """A size would not be verified for it."""
    assert not body_of(body.encode(), "application/json").is_error, name
