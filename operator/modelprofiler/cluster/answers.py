"""What the answers of the API server mean. Pure."""

from __future__ import annotations

import json

from modelprofiler.api.objects import Object, controller_of
from modelprofiler.errors import (
    AlreadyExists,
    ClusterUnavailable,
    Conflict,
    ModelProfilerError,
    NameTaken,
    NotAllowed,
    NotFound,
    QuotaExceeded,
    Refused,
    WebhookFailed,
)

DEEPEST = 10_000
"""Levels of nesting in what the API server takes and gives (maxNestingDepth in Go's encoding/json)."""

RECURSION_LIMIT = 2 * DEEPEST + 2000
"""Python's, with which such an answer can be read, and kopf can copy it (two calls a level).

A profile's pod template may be nested this deep. With Python's usual limit, 1,000, no list of profiles could be read
that has one like that. Whatever is read elsewhere may be nested as deeply as this limit; that takes less than 4 MiB of
the stack, which has 8."""

TOO_LARGE = "etcdserver: request is too large"
"""What the API server passes on from etcd as an internal error: trying again does not help (ErrRequestTooLarge)."""

NO_WEBHOOK = "failed calling webhook "
"""What the API server calls, in an internal error, an admission webhook that did not answer (ErrCallingWebhook):
https://github.com/kubernetes/apiserver/blob/master/pkg/util/webhook/webhook.go"""

NO_RIGHT = 'is forbidden: User "'
"""How the API server begins to say which right an account lacks; admission plugins answer 403, too, in other words."""

UNREADABLE = (ValueError, RecursionError, LookupError, TypeError, AttributeError)
"""What reading JSON raises that is not what it should be."""


def object_of(data: bytes, what: str) -> Object:
    """Return the object of an answer.

    Parameters
    ----------
    what
        The request, for messages.

    Raises
    ------
    ClusterUnavailable
        When it is no JSON that an API server gives.
    """
    try:
        result = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ClusterUnavailable(f"what answers {what} is no API server: {data[:200]!r}") from error
    if not isinstance(result, dict):
        raise ClusterUnavailable(f"what answers {what} is no API server: {data[:200]!r}")
    return result


def with_status_only(body: Object) -> Object:
    """Return what the API server needs of an object whose status is replaced: it keeps the spec as it is.

    Labels, annotations and owners count as removed where they are missing, and whoever applied them server-side would
    lose them: they would stay for good when Flux or Argo CD removes them from its manifests.
    """
    meta = {name: value for name, value in body["metadata"].items() if name != "managedFields"}
    return {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": meta, "status": body["status"]}


def check_controller(plural: str, desired: Object, existing: Object) -> None:
    """Refuse an object of the desired name that has another controller.

    Raises
    ------
    NameTaken
        When it has.
    """
    mine = controller_of(desired).get("uid")
    if mine is not None and controller_of(existing).get("uid") != mine:
        name = existing["metadata"]["name"]
        raise NameTaken(f"{plural} {name!r} exists already and does not belong to this profile")


def error_of(status: int, body: bytes | str | None) -> ModelProfilerError:
    """Translate an answer of the API server."""
    try:
        message = str(json.loads(body or b"{}").get("message") or "")
    except (ValueError, RecursionError, AttributeError):
        message = (body if isinstance(body, str) else (body or b"").decode(errors="replace"))[:500]
    message = message or f"the API server answered {status}"
    if status == 404:
        return NotFound(message)
    if status == 409:
        return AlreadyExists(message) if message.endswith("already exists") else Conflict(message)
    if status >= 500 and message.endswith(TOO_LARGE):
        return Refused(message, 413)
    if status >= 500 and NO_WEBHOOK in message:
        return WebhookFailed(message)
    if status in (408, 410, 429) or status >= 500:
        return ClusterUnavailable(message)
    # The admission plugin for ResourceQuotas answers 403 with the reason Forbidden, like every other, and gives no
    # cause in the details: that a quota is exceeded is in the message alone.
    # https://github.com/kubernetes/apiserver/blob/master/pkg/admission/plugin/resourcequota/controller.go
    if status == 403 and "exceeded quota: " in message:
        return QuotaExceeded(message)
    if status == 403 and NO_RIGHT in message:
        return NotAllowed(message)
    return Refused(message, status)
