"""What servers print when they fail, as public reports quote it, and what it says about their size.

Each was counted as "too small" before, wherever a larger size had passed.
"""

from __future__ import annotations

import pytest

from modelprofiler.api.conditions import FailureCause
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
        Cause.DEPENDENCY,
        "Kokoro-FastAPI#336",
        'ERROR:    Error loading ASGI app. Could not import module "api.src.main".',
    ),
    (Cause.DEPENDENCY, "flask", "Error: Could not import 'app'.\n\nUsage: flask run [OPTIONS]"),
    (
        Cause.DEPENDENCY,
        "gunicorn",
        "Failed to find attribute 'app' in 'main'.\n[1] [ERROR] Reason: App failed to load.",
    ),
    (Cause.DEPENDENCY, "express", "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'express' imported from /app.mjs"),
    (Cause.DEPENDENCY, "transformers", "OSError: /model does not appear to have a file named config.json."),
    (Cause.DEPENDENCY, "onnxruntime", "onnxruntime_pybind11_state.NoSuchFile: 3 : NO_SUCHFILE : Load model failed"),
    (
        Cause.DEPENDENCY,
        "scikit-learn",
        "ValueError: node array from the pickle has an incompatible dtype:\n- expected: {'names': ['left_child']}",
    ),
    (
        Cause.DEPENDENCY,
        "pytorch/serve at the level INFO",
        "2024-01-01 [INFO ] W-9000-m_1.0-stdout MODEL_LOG - ModuleNotFoundError: No module named 'transformers'",
    ),
    (
        Cause.DEVICE,
        "yunjey/pytorch-tutorial#249",
        "RuntimeError: Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False.",
    ),
    (Cause.DEVICE, "vllm", "RuntimeError: Failed to infer device type, please set the environment variable"),
    (Cause.DEVICE, "tensorflow", "The TensorFlow library was compiled to use AVX instructions, but these aren't"),
    (
        Cause.DEVICE_MEMORY,
        "pytorch",
        "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 15.78 GiB total capacity)",
    ),
    (Cause.ARGUMENTS, "argparse", "server.py: error: the following arguments are required: --model"),
    (Cause.ARGUMENTS, "flag", "flag provided but not defined: -modle"),
    (Cause.ADDRESS, "go", "listen tcp 10.0.0.5:8080: bind: cannot assign requested address"),
    (Cause.ADDRESS, "node", "Error: listen EADDRNOTAVAIL: address not available 10.1.2.3:3000"),
    (Cause.ADDRESS, "go at port 80", "listen tcp :80: bind: permission denied"),
    (Cause.LEFTOVER, "zammad/zammad#1934", "A server is already running. Check /opt/zammad/tmp/pids/server.pid."),
    (Cause.LEFTOVER, "gunicorn", "Error: Already running on PID 1 (or pid file '/tmp/gunicorn.pid' is stale)"),
    (Cause.LEFTOVER, "PiFinder#465", "FileExistsError: [Errno 17] File exists: '/cedar_detect_image'"),
    (Cause.LEFTOVER, "posix_ipc#6", "posix_ipc.ExistentialError: Shared memory with the specified name already exists"),
    (
        Cause.NETWORK,
        "redis-py",
        "redis.exceptions.ConnectionError: Error 111 connecting to redis:6379. Connection refused.",
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


_DSO = "W tensorflow/stream_executor/platform/default/dso_loader.cc:64] Could not load dynamic library 'libcuda.so.1'"
_INIT = (
    "E tensorflow/stream_executor/cuda/cuda_driver.cc:265] failed call to cuInit: no CUDA-capable device is detected"
)
MENTIONED = [
    f"the server was killed by SIGABRT: {_DSO}\n{_INIT}\nterminate called",
    "the server ended with exit code 1: UserWarning: CUDA initialization: Found no NVIDIA driver\nValueError: bad",
    "the server ended with exit code 1: WARNING: No module named 'triton'; kernels are disabled\nAssertionError",
    "the server ended with exit code 1: INFO config.yaml: No such file or directory, using defaults\nAssertionError",
]
"""What servers mention at each start, and go on without."""


@pytest.mark.parametrize(
    "text",
    [
        "the server ended with exit code 1: ValueError: could not convert string to float: 'abc'",
        "the server was killed by SIGSEGV, and printed nothing",
        "the server ended with exit code 3: [ERROR] Reason: Worker failed to boot.",
        "the server ended with exit code 1: Loaded licenses.json; the model expired its cache; AssertionError",
        "the server ended with exit code 1, and printed nothing",
        *MENTIONED,
        "the server ended with exit code 1: RuntimeError: This event loop is already running",
        "the server ended with exit code 1: dial tcp 127.0.0.1:50051: connect: connection refused",
    ],
)
def test_other_words_say_nothing(text: str) -> None:
    """The failure then counts once it is repeated."""
    assert cause_in(text, 1) is None
