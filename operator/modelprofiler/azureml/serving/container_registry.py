"""The registry of an image."""

from __future__ import annotations


class ContainerRegistry:
    """Address and login of an image registry.

    A run in a cluster gets a Secret with the login, which is deleted with its profile. An environment does not keep it
    when it is registered or written to a file.
    """

    def __init__(self) -> None:
        self.address: str | None = None
        self.username: str | None = None
        self.password: str | None = None

    def __repr__(self) -> str:
        return f"ContainerRegistry(address={self.address!r})"
