"""The names that a profile contains: of Kubernetes objects, of containers, of keys, and of an index of packages.

The operator asks the API server for these objects with its own rights, so that a name must never be a path, such as
``../../other-namespace/configmaps/x``. The patterns are those that the API server itself demands of the objects.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"

OBJECT_PATTERN = rf"^{_LABEL}(\.{_LABEL})*$"
"""A DNS subdomain (RFC 1123), as the name of a ConfigMap, a Secret or a PersistentVolumeClaim."""

LONGEST_OBJECT_NAME = 253
"""Characters of such a name (RFC 1123)."""

CONTAINER_PATTERN = f"^{_LABEL}$"
"""A DNS label (RFC 1123)."""

KEY_PATTERN = r"^([-_a-zA-Z0-9]|\.[-_a-zA-Z0-9])[-._a-zA-Z0-9]*$"
"""A key of a ConfigMap. One that begins with two dots could lead out of a folder, and so could a single dot."""

API_VERSION_PATTERN = rf"^({_LABEL}(\.{_LABEL})*/)?v[0-9][a-z0-9]*$"
"""A group and a version, or only a version."""

INDEX_PATTERN = r"^https?://[^/@?#\s]+(/[^@?#\s]*)?$"
"""The address of an index of packages, without a name and password, which a Secret is for, and without a query."""

NO_INDEX = (
    "url must be the address of an index, such as https://packages.example/simple, and have no name and password: "
    "secretRef names a Secret that has them"
)
"""Does not repeat the address, which may have a password."""

KIND_PATTERN = r"^[A-Z][A-Za-z0-9]*$"
"""A kind, in camel case."""

ObjectName = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_OBJECT_NAME, pattern=OBJECT_PATTERN)]
ContainerName = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=CONTAINER_PATTERN)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=KEY_PATTERN)]

SENTENCES: dict[str, str] = {
    OBJECT_PATTERN: (
        "is not the name of a Kubernetes object; write lower-case letters, digits, '-' and '.', with a letter or a "
        "digit at both ends"
    ),
    CONTAINER_PATTERN: (
        "is not the name of a container; write lower-case letters, digits and '-', with a letter or a digit at "
        "both ends"
    ),
    API_VERSION_PATTERN: "is not an API version; write a group and a version, such as apps/v1",
    KIND_PATTERN: "is not a kind; write it as in a manifest, such as Deployment",
    KEY_PATTERN: (
        "is not a key of a ConfigMap; write letters, digits, '-', '_' and '.', and neither '.' alone nor '..' first"
    ),
}
"""Pattern to error message."""
