"""What is sent to the API server and comes back, by verb and resource: the operator's own account of what it costs."""

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

    @property
    def reads(self) -> int:
        """Requests that change nothing."""
        return sum(count for what, count in self._requests.items() if what.partition(" ")[0] in READS)

    @property
    def writes(self) -> int:
        """Requests that change something."""
        return self._requests.total() - self.reads

    def begin(self, what: str, size: int) -> None:
        """Count a request, with a body of so many bytes."""
        self._requests[what] += 1
        self._sent[what] += size

    def receive(self, what: str, size: int) -> None:
        """Count bytes of an answer."""
        self._received[what] += size

    def to_dict(self) -> dict[str, dict[str, int]]:
        """Return requests, bytes sent and bytes received of each verb and resource."""
        return {
            what: {"requests": count, "sent": self._sent[what], "received": self._received[what]}
            for what, count in sorted(self._requests.items())
        }


def name_of(method: str, path: str, query: dict[str, str]) -> str:
    """Return verb and resource of a request, as RBAC has them: ``update modelprofiles/status``.

    A dry run, which changes nothing, is a verb of its own.
    """
    parts = path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
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
