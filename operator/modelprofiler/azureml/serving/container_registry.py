"""The registry of an image."""

from __future__ import annotations


class ContainerRegistry:
    """Address and login of an image registry.

    Only the address is used. A cluster pulls from a registry with a login by a secret of its namespace.
    """

    def __init__(self) -> None:
        self.address: str | None = None
        self.username: str | None = None
        self.password: str | None = None

    def __repr__(self) -> str:
        return f"ContainerRegistry(address={self.address!r})"
