"""What servers print when they fail, as public reports quote it, and what it says about their size.

Each was counted as "too small" before, wherever a larger size had passed.
"""

from __future__ import annotations

import pytest

from modelprofiler.api.trial import FailureCause
from modelprofiler.core.answers.causes import cause_in, no_size_can_fix
from modelprofiler.core.text import last_words

Cause = FailureCause

ENDED: list[tuple[Cause, str, str]] = [
    (Cause.PORT_IN_USE, "benoitc/gunicorn#286", "[ERROR] Connection in use: ('127.0.0.1', 8000)"),
    (
        Cause.PORT_IN_USE,
        "jonaswinkler/paperless-ng#230",
        "[159] [ERROR] Connection in use: ('localhost', 8000)\n[159] [ERROR] Can't connect to ('localhost', 8000)",
    ),
    (
        Cause.PORT_IN_USE,
        "triton-inference-server/pytriton#1",
        "E0118 main.cc:257] failed to start HTTP service: Unavailable - Socket '0.0.0.0:1111' already in use",
    ),
    (
        Cause.PORT_IN_USE,
        "triton-inference-server/tensorrtllm_backend#275",
        "UNKNOWN:No address added out of total 1 resolved for '0.0.0.0:5001'",
    ),
    (Cause.PORT_IN_USE, "mrniko/netty-socketio#490", "java.net.BindException: Address already in use"),
    (
        Cause.PORT_IN_USE,
        "Tribler/tribler#5437",
        "OSError: [Errno 98] error while attempting to bind on address ('127.0.0.1', 45777): address already in use",
    ),
    (Cause.PORT_IN_USE, "hhvm/hsl-experimental#101", "Error: listen EADDRINUSE: address already in use :::8080"),
    (Cause.OPEN_FILES, "twitter/twemproxy#7", "nc_proxy.c:290 accept on p 7 failed: Too many open files"),
    (
        Cause.OPEN_FILES,
        "vitessio/arewefastyet#253",
        "http: Accept error: accept tcp [::]:8080: accept4: too many open files; retrying in 1s",
    ),
    (Cause.OPEN_FILES, "libevent/libevent#500", "[warn] Error from accept() call: Too many open files"),
    (
        Cause.PROCESSES,
        "OpenMathLib/OpenBLAS#1668",
        "OpenBLAS blas_thread_init: pthread_create: Resource temporarily unavailable",
    ),
    (
        Cause.PROCESSES,
        "infiniflow/ragflow#654",
        "OpenBLAS blas_thread_init: pthread_create failed for thread 1 of 64: Operation not permitted",
    ),
    (Cause.PROCESSES, "OpenBMB/XAgent#266", "RuntimeError: can't start new thread"),
    (
        Cause.DISK_FULL,
        "triton-inference-server/server#6195",
        "Unable to initialize shared memory key 'triton_python_backend_shm_region_3': Error: No space left on device",
    ),
    (
        Cause.DEVICE,
        "tensorflow/serving#1342",
        "/usr/bin/tf_serving_entrypoint.sh: line 3: 6 Illegal instruction (core dumped)",
    ),
    (Cause.DEVICE, "tensorflow/tensorflow#45744", "the server was killed by SIGILL, and printed nothing"),
    (Cause.DEPENDENCY, "kserve/kserve#2059", "ModuleNotFoundError: No module named 'sklearn.svm.classes'"),
    (Cause.DEPENDENCY, "SeldonIO/seldon-core#4497", "ModuleNotFoundError: No module named 'sklearn'"),
    (
        Cause.DEPENDENCY,
        "mlflow/mlflow#727",
        "AttributeError: Can't get attribute 'Scaler' on <module '__main__' from 'test33.py'>",
    ),
    (Cause.LICENCE, "mbentley/docker-teamspeak#23", "|ERROR | | |Error creating ephemeral license: EXPIRED"),
    (
        Cause.LICENCE,
        "plesk/docker#13",
        "ERR [1] Token validation failed: The license key 'PLSK.04122247' is not active.",
    ),
    (
        Cause.NETWORK,
        "OpenBMB/XAgent#266",
        "urllib3.exceptions.MaxRetryError: HTTPSConnectionPool(host='blob.example', port=443): Max retries exceeded",
    ),
]
"""The cause, where it was reported, and the words of a server that ended with an exit code other than 0."""

OF_SIZE: list[tuple[Cause, str, str]] = [
    (Cause.WORKERS_ENDED, "tiangolo/uvicorn-gunicorn-starlette-docker#11", "[1] [CRITICAL] WORKER TIMEOUT (pid:999)"),
    (
        Cause.WORKERS_ENDED,
        "pytorch/serve#2452",
        "org.pytorch.serve.wlm.WorkerInitializationException: Backend worker did not respond in given time",
    ),
    (
        Cause.WORKERS_ENDED,
        "pytorch/serve#3315",
        "org.pytorch.serve.wlm.WorkerInitializationException: Backend worker startup time out.",
    ),
]
"""The same of servers that run: more CPU, or more patience of their master, helps."""


@pytest.mark.parametrize(("cause", "report", "text"), ENDED, ids=[report for _, report, _ in ENDED])
def test_a_server_that_names_such_a_cause_is_not_too_small(cause: FailureCause, report: str, text: str) -> None:
    """Also where the words are at the beginning of a long log."""
    log = f"starting\n{text}\n" + "\n".join(f"stopping part {number}" for number in range(8))
    sentence = f"the server ended with exit code 1: {last_words(log, 600)}"
    assert cause is cause_in(sentence, 1), report
    assert no_size_can_fix(cause)


@pytest.mark.parametrize(("cause", "report", "text"), OF_SIZE, ids=[report for _, report, _ in OF_SIZE])
def test_a_server_whose_workers_are_ended_may_be_too_small(cause: FailureCause, report: str, text: str) -> None:
    """It runs, and starts new workers for ever."""
    assert cause is cause_in(f"the server runs: {text}", None), report
    assert not no_size_can_fix(cause)


@pytest.mark.parametrize(
    "text",
    [
        "the server ended with exit code 1: ValueError: could not convert string to float: 'abc'",
        "the server was killed by SIGSEGV, and printed nothing",
        "the server ended with exit code 3: [ERROR] Reason: Worker failed to boot.",
        "the server ended with exit code 1: Loaded licenses.json; the model expired its cache; AssertionError",
        "the server ended with exit code 1, and printed nothing",
    ],
)
def test_other_words_say_nothing(text: str) -> None:
    """The failure then counts once it is repeated."""
    assert cause_in(text, 1) is None
