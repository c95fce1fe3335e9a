"""Counts requests to the API server by verb and resource: the load that the operator puts on it."""

from __future__ import annotations

from collections import Counter

VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
READS = frozenset({"get", "list", "watch", "dry-run"})
"""Verbs of requests that change nothing."""


class Traffic:
    """Counts requests and the bytes of their bodies; headers and encryption are not counted."""

    def __init__(self) -> None:
        self._requests: Counter[str] = Counter()
        self._sent: Counter[str] = Counter()
        self._received: Counter[str] = Counter()
        self.failures: Counter[tuple[str, str]] = Counter()
        """Requests that failed, by (verb and resource, status); status 0: no answer."""

    @property
    def reads(self) -> int:
        """Requests that change nothing."""
        return sum(count for name, count in self._requests.items() if name.partition(" ")[0] in READS)

    @property
    def writes(self) -> int:
        """Requests that change something."""
        return self._requests.total() - self.reads

    def begin(self, name: str, size: int) -> None:
        """Count a request, and the bytes of its body."""
        self._requests[name] += 1
        self._sent[name] += size

    def receive(self, name: str, size: int) -> None:
        """Count bytes of an answer."""
        self._received[name] += size

    def fail(self, name: str, status: int) -> None:
        """Count a request that failed, with the status of the answer; 0: there was none."""
        self.failures[name, str(status)] += 1

    def to_dict(self) -> dict[str, dict[str, int]]:
        """Return the number of requests, bytes sent and bytes received for each verb and resource."""
        return {
            name: {"requests": count, "sent": self._sent[name], "received": self._received[name]}
            for name, count in sorted(self._requests.items())
        }


def name_of(method: str, path: str, query: dict[str, str]) -> str:
    """Return verb and resource of a request, as RBAC has them: ``update modelprofiles/status``.

    A dry run, which changes nothing, is a verb of its own.
    """
    parts = path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    if not parts:
        return "get api"  # the discovery of the core group
    if parts[0] == "namespaces" and len(parts) > 2:
        parts = parts[2:]
    resource = "/".join([parts[0], *parts[2:]])
    if "dryRun" in query:
        return f"dry-run {resource}"
    if method != "GET":
        return f"{VERBS[method]} {resource}"
    if query.get("watch"):
        return f"watch {resource}"
    return f"{'get' if len(parts) > 1 else 'list'} {resource}"
