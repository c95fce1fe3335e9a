"""Paths of the API server. Pure."""

from __future__ import annotations

from urllib.parse import quote

from modelprofiler.errors import Refused


def path_of(prefix: str, plural: str, namespace: str | None, name: str | None = None) -> str:
    """Return the path of an object, or of a list of objects.

    Parameters
    ----------
    prefix, plural
        Where its kind is served, such as ``/api/v1``, ``pods``.
    namespace
        None: of all namespaces, or of an object that has none.
    name
        None: the list.

    Raises
    ------
    Refused
        When something is not a name.
    """
    scope = f"/namespaces/{_segment(namespace)}" if namespace is not None else ""
    return f"{prefix}{scope}/{plural}" + (f"/{_segment(name)}" if name is not None else "")


def _segment(name: str) -> str:
    """Return a name as one segment of a path.

    Names come from profiles, and the client resolves ``..``. What the API server takes for the name of no object
    (IsValidPathSegmentName in apimachinery) is never sent.
    """
    if name in ("", ".", "..") or "/" in name or "%" in name:
        raise Refused(f"{name[:80]!r} is not the name of a Kubernetes object", 400)
    return quote(name, safe="")
