"""Where an image is pulled from."""

from __future__ import annotations


class ContainerRegistry:
    """Address and login of an image registry.

    Only the address is used: to pull from a registry that asks for a login, a cluster needs a secret.
    """

    def __init__(self) -> None:
        self.address: str | None = None
        self.username: str | None = None
        self.password: str | None = None

    def __repr__(self) -> str:
        return f"ContainerRegistry(address={self.address!r})"
