"""Bodies with which servers report errors with status 200, and answers that only look so; from public reports."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import ANY

import pytest

from modelprofiler.load.http.bodies import Body, body_of

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
    ("SeldonIO/seldon-core", '{"status": {"code": -1, "info": "bad type", "reason": "BAD_DATA", "status": 1}}'),
    ("PaddlePaddle/Serving", '{"err_no": 8, "err_msg": "(data_id=0) Failed to postprocess", "key": [], "value": []}'),
    ("a code, a message and no data", '{"code": 1001, "msg": "the parameter is wrong", "data": null}'),
    ("an envelope of a proxy", '{"statusCode": 500, "body": "{\\"error\\": \\"x\\"}"}'),
    ("one error for each instance", '{"predictions": [{"error": "bad"}, {"error": "bad"}]}'),
    ("one of a batch", '[{"label": "a", "score": 0.4}, {"error": "bad"}]'),
    ("in the place of a prediction", '{"prediction": "Error: model not loaded"}'),
    ("JSON-RPC", '{"jsonrpc": "2.0", "error": {"code": -32700}, "id": null}'),
    ("a flag", '{"isError": true, "content": [{"text": "no"}]}'),
    ("a KeyError as Azure ML's scripts return it", "\"'data'\""),
    ("an error of scikit-learn", '"X has 3 features, but StandardScaler is expecting 4 features as input."'),
    ("an error of NumPy", '"shapes (1,3) and (4,) not aligned: 3 (dim 1) != 4 (dim 0)"'),
    ("opencivicdata/docs#9", "<h1>Server Error (500)</h1>"),
    ("a page after a comment", "<!-- proxy -->\n<html><body>Log in</body></html>"),
    ("SOAP", '<?xml version="1.0"?><soap:Envelope><soap:Body><soap:Fault><faultcode>x</faultcode></soap:Fault>'),
    ("an array with a text", '["Expecting value: line 1 column 1 (char 0)"]'),
    ("vllm-project/guidellm#743", 'data: {"error": {"message": "TimeoutError", "code": 504}}\n\ndata: [DONE]\n\n'),
    ("mozilla-ai/any-llm#847", 'data: {"choices": [{"delta": {}}]}\n\ndata: {"error": {"message": "x"}}\n\n'),
    ("ggml-org/llama.cpp#16109", 'error: {"code": 400, "message": "exceeds the context size"}\n\n'),
    ("an event", 'event: error\ndata: {"message": "boom"}\n\n'),
    ("ollama", '{"response": "a", "done": false}\n{"error": "an unknown error was encountered"}\n'),
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


UNFINISHED = [
    ("Celery", '{"task_id": "d4b1", "status": "PENDING"}'),
    ("a queue", '{"id": "7", "state": "queued", "queue_position": 3, "status_url": "/jobs/7"}'),
    ("ggml-org/llama.cpp#4860", '{"status": "loading model"}'),
    ("a message", '{"message": "The model is still loading, please try again", "estimated_time": 20.0}'),
    ("a text", "Model is warming up"),
]
"""Receipts, and what servers say whose model is not loaded."""


@pytest.mark.parametrize(("name", "body"), UNFINISHED, ids=[name for name, _ in UNFINISHED])
def test_a_receipt_is_no_answer(name: str, body: str) -> None:
    """The work is done later, or cannot be done yet."""
    assert "Pending" == body_of(body.encode(), "application/json").lack, name


@pytest.mark.parametrize(
    ("content", "lack"),
    [
        (b'{"predictions": [NaN, 1.0]}', "NotJson"),
        (b"{'predictions': [1.0]}", "NotJson"),
        (b'{"predictions": [1.0', "NotJson"),
        (b'{"text": "it says NaN here"}', None),
        (b'{"predictions": [1.0]}', None),
        (b'{"text": "' + b"x" * 5000, None),
    ],
)
def test_what_is_called_json_and_is_none_is_told(content: bytes, lack: str | None) -> None:
    """pytorch/serve#1304, openvinotoolkit/model_server#4337: NaN; and dictionaries as Python prints them."""
    assert lack == body_of(content[:4096], "application/json").lack


@pytest.mark.parametrize(("name", "body"), ANSWERS, ids=[name for name, _ in ANSWERS])
def test_an_answer_is_no_report_of_an_error(name: str, body: str) -> None:
    """A size would not be verified for it."""
    assert Body(ANY) == replace(body_of(body.encode()), shape=ANY), name
