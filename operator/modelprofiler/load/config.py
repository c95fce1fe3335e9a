"""The configuration of a load: one JSON file, written by the operator or by ``modelprofiler run``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from modelprofiler.api.endpoint import HttpEndpoint
from modelprofiler.api.load import Load
from modelprofiler.api.model import ApiModel
from modelprofiler.errors import InvalidInput, LoadError, Problem
from modelprofiler.load.rows.format import RowFormat

Metric = Literal["mean", "p50", "p90", "p95", "p99", "p999", "max"]
STANDARD_INPUT = Path("-")
"""In place of a file: a container may have no /dev/stdin."""


class DatasetFile(RowFormat):
    """The file with the rows, or the folder whose files are the rows, and how they are read."""

    path: str
    """Path of the file or folder."""
    digest: str | None = None
    """Digest that the rows must have; None where any will do."""
    order: Literal["Shuffled", "Sequential"] = "Shuffled"
    """Shuffled with a fixed seed, or in the order written."""


class StopRules(ApiModel):
    """When the window may end before its time."""

    decide: bool = False
    """Whether it ends as soon as it is certain on which side of every threshold the server is."""
    thresholds: dict[Metric, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    """Upper bounds on latency, in seconds."""
    max_error_percent: Annotated[float, Field(ge=0, le=100)] | None = None
    """The share of requests that may fail."""


class FileConfig(ApiModel):
    """The configuration of one of our pods, as a JSON file."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the configuration from its file, or from standard input where that is ``-``.

        Raises
        ------
        LoadError
            When the file cannot be read.
        InvalidInput
            When its content is not a configuration.
        """
        try:
            text = _standard_input() if path == STANDARD_INPUT else path.read_bytes()
        except OSError as e:
            raise LoadError(f"the configuration cannot be read: {e}") from e
        try:
            return cls.model_validate_json(text)
        except ValidationError as e:
            problems = [Problem(".".join(map(str, p["loc"])), p["msg"]) for p in e.errors(include_url=False)]
            raise InvalidInput(problems) from e


def _standard_input() -> bytes:
    if sys.stdin is None:  # Python's own answer to a descriptor that is closed
        raise OSError("standard input is closed")
    return sys.stdin.buffer.read()


LONGEST_PROBLEM = 160
"""Characters of why there is no node reader; the load repeats them in its result, with a few words before them."""


class NodeReaderConfig(ApiModel):
    """Where the reader on the server's node answers, or why there is none."""

    host: Annotated[str, Field(max_length=255)] = ""
    """Its address; empty where there is none."""
    port: Annotated[int, Field(ge=1, le=65535)]
    """Its port."""
    problem: Annotated[str, Field(max_length=LONGEST_PROBLEM)] = ""
    """Why there is none; empty where there is one."""


class RendezvousConfig(ApiModel):
    """Where generators that run side by side meet: the first of them listens, and the others connect to it."""

    host: Annotated[str, Field(max_length=255)] = ""
    """Address of the first generator; empty for the first itself."""
    port: Annotated[int, Field(ge=1, le=65535)]
    """The port that it listens on."""
    key: Annotated[str, Field(min_length=1, max_length=64, pattern="^[0-9A-Za-z]+$")]
    """What the others say first; who does not know it is not of this load."""
    patience: Annotated[float, Field(gt=0, le=86_400)]
    """Longest wait, in seconds, of the first generator until the others are ready, and of these until it answers."""


class LoadConfig(FileConfig):
    """One load: the server, the requests, how they arrive, and when the window ends."""

    host: str
    """Address to connect to: a numeric IP or a name."""
    port: Annotated[int, Field(ge=1, le=65535)]
    """Port to connect to."""
    endpoint: HttpEndpoint
    """The request and the response that is expected."""
    header_values: dict[str, str] | None = Field(default=None, repr=False)
    """Values of headers that are in Secrets, by the number of the header; in a pod they are in its variables instead.
    """
    client_certificate: dict[str, str] | None = Field(default=None, repr=False)
    """The client's certificate and its key as PEM text, by the keys of their Secret (tls.crt, tls.key); in a pod they
    are in its variables instead."""
    dataset: DatasetFile
    """The requests that are replayed."""
    load: Load
    """How requests arrive, and for how long."""
    stop: StopRules = Field(default_factory=StopRules)
    """When the window may end before its time."""
    probe_latency: Annotated[float, Field(gt=0)] | None = None
    """Latency of a single request in the reference trial, in seconds. The load begins when a request takes at most
    twice as long, or when waiting no longer makes it faster."""
    connect_timeout: Annotated[float, Field(gt=0, le=600)] = 30.0
    """Longest wait, in seconds, until something listens. By default as long as `trial_config.LONGEST_CONNECT`."""
    first_request_timeout: Annotated[float, Field(gt=0, le=86_400)] | None = None
    """Longest wait, in seconds, until the first request is answered as expected; it is sent again for as long. By
    default as long as the timeout of a request."""
    refusal_timeout: Annotated[float, Field(gt=0, le=86_400)] | None = None
    """Longest wait, in seconds, for a server that refuses the first request ("503") and does not say that its model is
    being loaded. By default as long as for the first request."""
    required_percentiles: list[Literal["p50", "p90", "p95", "p99", "p999"]] = Field(default_factory=list)
    """Percentiles for which the window is extended, up to four times its length, when there are too few requests."""
    max_in_flight: Annotated[int, Field(ge=1, le=20_000)] = 1000
    """Requests in flight at most; any more are not sent and count as dropped. The default was chosen, not fitted: it is
    what 33 requests/s leave in flight when a server stands still for the default timeout of 30 s. The upper bound is
    below the 28,232 local ports that Linux has by default."""
    sub_window: Annotated[float, Field(gt=0, le=60)] | None = None
    """Length of a sub-window, in seconds; a verdict can be certain after ten of them. By default a second, or less in a
    short window."""
    seed: int = 0
    """Seed of the arrival times."""
    cover_rows: bool = False
    """Whether every row is sent once where the bounds allow."""
    heaviest_first: bool = False
    """Whether the heaviest rows are sent first."""
    most_requests: Annotated[int, Field(ge=1)] | None = None
    """Requests after which the load ends, whatever else it waits for: for a server that somebody else runs. They are
    counted ten times a second, so that a few more may be sent."""
    system_authorities: bool = False
    """Whether the certificate of an HTTPS server without tls.caBundle is verified by the authorities that this system
    trusts. By default it is not verified."""
    server_cpus: Annotated[list[Annotated[int, Field(ge=0)]], Field(max_length=4096)] = Field(default_factory=list)
    """CPUs of the server, where they are known: the reference loop runs on these."""
    node_reader: NodeReaderConfig | None = None
    """The reader on the server's node; absent where the load sees that node itself, or nothing is to be known of it."""
    rendezvous: RendezvousConfig | None = None
    """Where the generators of this load meet; absent where there is one, or none is to wait for another."""
    index: Annotated[int, Field(ge=0, le=63)] = 0
    """Number of this generator among load.parallelism, from 0; each generates its share of the load."""

    @property
    def first_request_patience(self) -> float:
        """How long the first request may take, in seconds."""
        return max(self.first_request_timeout or 0.0, self.endpoint.timeout.seconds)

    @property
    def refusal_patience(self) -> float:
        """How long a server may refuse the first request, in seconds."""
        return min(self.refusal_timeout or self.first_request_patience, self.first_request_patience)

    def numbered(self, completion_index: int) -> Self:
        """Return the configuration of one pod of the Job that has it: the pods of a Job share one configuration.

        Raises
        ------
        InvalidInput
            When there are fewer generators.
        """
        index = self.index + completion_index
        if not 0 <= index < self.load.parallelism:
            raise InvalidInput(
                [Problem("index", f"{index} must be less than load.parallelism, {self.load.parallelism}")]
            )
        return self.model_copy(update={"index": index})

    @model_validator(mode="after")
    def _check_index(self) -> Self:
        if self.index >= self.load.parallelism:
            raise ValueError(f"index must be less than load.parallelism, {self.load.parallelism}")
        return self
