"""What a server's own words say about why it failed: causes that no size can fix, and the one that more memory can.

Only words that a runtime, a kernel or a common server prints for exactly one cause are taken; any other failure counts
as evidence about its size.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from modelprofiler.api.conditions import FailureCause


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a cause means.

    Attributes
    ----------
    title
        The failure in a line, for the headline of a report.
    advice
        What helps, as a clause.
    of_size
        Whether a larger size may help.
    """

    title: str
    advice: str
    of_size: bool = False


MEANINGS: Mapping[FailureCause, Meaning] = {
    FailureCause.OUT_OF_MEMORY: Meaning(
        "The server runs out of memory even at the largest size",
        "its runtime could not allocate memory: raise resources.memory.max, or the runtime's own limit (-Xmx)",
        of_size=True,
    ),
    FailureCause.WORKERS_ENDED: Meaning(
        "The server's workers are ended by their master",
        "its master ended workers that took too long: raise their timeout (gunicorn: --timeout), or resources.cpu.max",
        of_size=True,
    ),
    FailureCause.PORT_IN_USE: Meaning(
        "A port that the server binds is in use",
        "another program, or another part of the server, has a port that it binds; no size can fix that",
    ),
    FailureCause.ADDRESS: Meaning(
        "The server cannot bind its address",
        "the address that it binds is not one of this machine, or may not be bound; no size can fix that",
    ),
    FailureCause.LEFTOVER: Meaning(
        "Something that an earlier server left behind is in the way",
        "a file, socket, lock or memory segment that an earlier server left behind keeps it from starting, which no "
        "size can fix: have the command remove it first",
    ),
    FailureCause.OPEN_FILES: Meaning(
        "The server runs out of file descriptors",
        "its limit of open files (ulimit -n) is reached, which no size can fix",
    ),
    FailureCause.PROCESSES: Meaning(
        "The server may not start more threads or processes",
        "its limit of processes and threads (ulimit -u, or the pids limit of the container) is reached, which no size "
        "can fix",
    ),
    FailureCause.DISK_FULL: Meaning(
        "The server runs out of disk space",
        "a file system, or /dev/shm, is full, which no size can fix",
    ),
    FailureCause.PERMISSION: Meaning(
        "The server may not read or write what it needs",
        "it lacks a permission, or a file system is read-only; no size can fix that",
    ),
    FailureCause.DEPENDENCY: Meaning(
        "The server lacks a file or library that it needs",
        "a module, class, library or file is missing, which no size can fix",
    ),
    FailureCause.ARGUMENTS: Meaning(
        "The server does not accept its arguments or its code",
        "it refuses its command line, its configuration or its own code, which no size can fix",
    ),
    FailureCause.LICENCE: Meaning(
        "The server's licence is not accepted",
        "its licence is missing, expired or in use elsewhere, which no size can fix",
    ),
    FailureCause.DEVICE: Meaning(
        "The server needs a device that is not there",
        "it asks for a GPU, a driver or instructions of the CPU that are not there, which no size can fix",
    ),
    FailureCause.DEVICE_MEMORY: Meaning(
        "The GPU's memory is too small",
        "the memory of its GPU is exhausted, which no size can fix",
    ),
    FailureCause.ARCHITECTURE: Meaning(
        "The server's program is built for another machine",
        "its program is built for another CPU architecture or C library, which no size can fix",
    ),
    FailureCause.NETWORK: Meaning(
        "The server cannot reach another service that it needs",
        "it does not reach another host, such as a store of models or a database; no size can fix that",
    ),
    FailureCause.ENDED_BY_ITSELF: Meaning(
        "The server ends by itself",
        "it ended by itself, so a larger size would not help; remove its limit of requests or of time for the run",
    ),
}

# The order matters: Java calls a lack of threads OutOfMemoryError, and who lacks memory may say what it could not do.
_PATTERNS: Mapping[FailureCause, tuple[str, ...]] = {
    FailureCause.PROCESSES: (
        r"can't start new thread",
        r"unable to create (?:new )?native thread",
        r"pthread_create(?: failed|: Resource temporarily unavailable)",
        r"fork: (?:retry: )?Resource temporarily unavailable",
        r"newosproc|failed to create new OS thread",
    ),
    FailureCause.DEVICE_MEMORY: (
        r"CUDA(?: error:)? out of memory|\bCUDA_ERROR_OUT_OF_MEMORY\b|cudaErrorMemoryAllocation|HIP out of memory",
        r"cudaMalloc failed: out of memory|No available memory for the cache blocks",
    ),
    FailureCause.OUT_OF_MEMORY: (
        r"\bMemoryError\b|OutOfMemoryError|heap out of memory|std::bad_alloc|\bENOMEM\b",
        r"Cannot allocate memory|Unable to allocate \S+ [KMGT]i?B|memory allocation of \d+ bytes",
        r"DefaultCPUAllocator: (?:can't|not enough)|\bOOM when allocating",
        r"ggml_\w+: insufficient memory|fatal error: (?:runtime: )?out of memory|runtime: cannot allocate memory",
        r"insufficient memory for the Java Runtime|Could not reserve enough space for|OutOfMemoryException",
    ),
    FailureCause.PORT_IN_USE: (
        r"[Aa]ddress already in use|\bEADDRINUSE\b|[Ff]ailed to bind to|No address added out of total",
        r"is trying to start at \S+ but is already running",
        r"[Pp]ort \d+ (?:is|was) (?:already )?in use|Socket '\S+' already in use|Connection in use: \(",
    ),
    FailureCause.LEFTOVER: (
        r"\bFileExistsError\b|\bEEXIST\b|\bExistentialError\b|: file exists\b|Shared memory .{0,40}already exists",
        r"(?<!loop is )\b[Aa]lready running|another (?:instance|server) is running",
        r"pid ?file .{0,80}exists",
        r"could not (?:acquire|obtain|get) (?:an? |the )?(?:\w+ )?lock|database is locked|Unable to lock\b",
    ),
    FailureCause.ADDRESS: (
        r"[Cc]annot assign requested address|\bEADDRNOTAVAIL\b|\[ERROR\] Can't connect to \(",
        r"bind: permission denied|attempting to bind on address .{0,80}permission denied",
    ),
    FailureCause.WORKERS_ENDED: (
        r"WORKER TIMEOUT|[Ww]orker \S+ (?:timed out|was killed after a timeout)",
        r"Backend worker (?:did not respond|startup time out)",
    ),
    FailureCause.OPEN_FILES: (r"[Tt]oo many open files|\bEMFILE\b|\bENFILE\b",),
    FailureCause.DISK_FULL: (
        r"No space left on device|\bENOSPC\b|Disk quota exceeded|insufficient shared memory \(shm\)",
        r"Unable to increase the shared memory pool size",
    ),
    FailureCause.LICENCE: (
        r"(?i:licen[sc]e\b[^\n]{0,60}\b(?:expired|invalid|not (?:valid|active|found)|missing|denied|exceeded))",
        r"(?i:\b(?:invalid|expired|missing|no valid|no) (?:[\w-]+ )?licen[sc]e\b)",
    ),
    FailureCause.DEVICE: (
        r"CUDA driver (?:version is insufficient|initialization failed)|no CUDA-capable device",
        r"No CUDA GPUs are available|torch\.cuda\.is_available\(\) is False|Failed to infer device type",
        r"CUDA (?:unknown error|error: (?:no kernel image|no CUDA|init|invalid device))|NVMLError|NVML Shared",
        r"libonnxruntime_providers_cuda|libcu(?:blas|dnn|dart|fft)\w*\.so|Torch not compiled with CUDA",
        r"NVIDIA driver on your system|Found no NVIDIA driver|libcuda\.so|compiled to use \w+ instructions",
        r"\bSIGILL\b|[Ii]llegal instruction",
    ),
    FailureCause.ARCHITECTURE: (r"[Ee]xec format error|wrong ELF class|version `GLIBC(?:XX)?_[\d.]+' not found",),
    FailureCause.DEPENDENCY: (
        r"\bModuleNotFoundError\b|\bImportError\b|No module named|cannot open shared object file|Can't get attribute",
        r"ClassNotFoundException|NoClassDefFoundError|Could not find or load main class|Unable to access jarfile",
        r"Error loading ASGI app|Could not import ['\"]|Failed to find (?:Flask|attribute)|App failed to load",
        r"ERR_MODULE_NOT_FOUND|cannot load such file|there is no package called|UnsupportedClassVersionError",
        r"SavedModel file does not exist|File not found: filepath=|\bNO_SUCHFILE\b|ModelNotFoundException",
        r"[Cc]ould not find (?:an? )?(?:base path|[\"']MLmodel)",
        r"does not appear to have a file named|Incorrect path_or_model_id",
        r"unable to find 'lib|failed to load all models|executable file not found|incompatible dtype",
        r"size changed, may indicate binary incompatibility",
        r"Cannot find module|\bFileNotFoundError\b|No such file or directory|\bENOENT\b|command not found",
    ),
    FailureCause.ARGUMENTS: (
        r"error: (?:the following arguments are required|unrecognized arguments|argument \S+ )",
        r"[Uu]nknown (?:flag|option)\b|flag provided but not defined|Unrecognized (?:VM )?option|[Nn]o such option",
        r"Could not create the Java Virtual|\b(?:SyntaxError|IndentationError|ScannerError|ParserError)\b",
    ),
    FailureCause.PERMISSION: (
        r"[Pp]ermission denied|\bPermissionError\b|\bEACCES\b|\bEPERM\b|Operation not permitted",
        r"Read-only file system|GatedRepoError|40[13] Client Error",
    ),
    FailureCause.NETWORK: (
        r"Temporary failure in name resolution|Name or service not known|Could not resolve host|\bENOTFOUND\b",
        r"getaddrinfo (?:failed|EAI_AGAIN)|No route to host|Network is unreachable|UnknownHostException",
        # Of this machine it may be a part of the server that a small size lets start too late.
        r"(?:^|\n)(?i:(?![^\n]*(?:localhost|127\.0\.0\.|::1))[^\n]*\bconnect[^\n]{0,80}connection refused)",
        r"[Mm]ax retries exceeded",
        r"couldn't connect to 'https?:|\bConnectTimeout\b",
    ),
}
_MENTIONED = re.compile(
    r"^[^\n]{0,70}(?:\b(?:WARN(?:ING)?|INFO|DEBUG|NOTICE)\b|\[(?:warn(?:ing)?|info|debug|notice)\]"
    r"|\blevel\"?[=:] ?\"?(?:warn|info|debug)|\b[IWD]\d{4} |\b[IWD] \w+/|\w+Warning: )"
    r"|(?:stream_executor|cuda_driver|dso_loader|cuda_diagnostics)\b"
)
"""Lines that mention what the server goes on without: of a level below that of errors, and of TensorFlow's search for a
GPU. Frameworks print them at each start on a machine without one."""
_EXCEPTION = re.compile(r"\b\w+(?:Error|Exception)\b")
"""Errors of a worker, which TorchServe logs at the level INFO, are no such lines."""
_CAUSES = [(cause, re.compile("|".join(patterns))) for cause, patterns in _PATTERNS.items()]

WHILE_IT_RUNS = frozenset(
    {
        FailureCause.OUT_OF_MEMORY,
        FailureCause.WORKERS_ENDED,
        FailureCause.PORT_IN_USE,
        FailureCause.OPEN_FILES,
        FailureCause.PROCESSES,
        FailureCause.DISK_FULL,
    }
)
"""Causes that a server may name and run on. The others are taken from a server that ended: one that runs may have gone
on without a file that it lacked."""


def no_size_can_fix(cause: FailureCause | None) -> bool:
    """Whether a failure has a cause that no size can fix."""
    return cause is not None and not MEANINGS[cause].of_size


def cause_in(output: str, exit_code: int | None = None) -> FailureCause | None:
    """Return the cause that a failed server names; None where it names none of those that are known.

    Parameters
    ----------
    output
        What it printed last.
    exit_code
        How it ended; None while it runs.
    """
    stated = "\n".join(e for e in output.splitlines() if _EXCEPTION.search(e) or not _MENTIONED.search(e))
    for cause, pattern in _CAUSES:
        text = output if cause in WHILE_IT_RUNS else stated
        if (exit_code is not None or cause in WHILE_IT_RUNS) and pattern.search(text):
            return cause
    return FailureCause.ENDED_BY_ITSELF if exit_code == 0 else None
