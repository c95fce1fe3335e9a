"""The handlers that kopf calls: a profile that changes is looked at. The only module that knows kopf.

Only ``on.event`` is used. It needs no finalizer, so a profile can be deleted when the operator is gone, and it leaves
no annotations on what it watches.
"""

from __future__ import annotations

import logging
from typing import Any

import kopf

from modelprofiler.api.resource import GROUP, PLURAL, VERSION
from modelprofiler.cluster.operator import Operator
from modelprofiler.cluster.settings import Settings

LISTED_AT_ONCE = 25
"""Profiles that kopf requests at a time. It does not bound their bytes, and one may have 1.5 MiB (etcd's limit); 5,000
are 200 requests after a start."""


def build(operator: Operator) -> kopf.OperatorRegistry:
    """Return the handlers of an operator."""
    registry = kopf.OperatorRegistry()

    @kopf.on.startup(registry=registry)
    async def start(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.posting.enabled = False  # events are recorded once each, by name, not for every log line
        settings.scanning.disabled = operator.confined  # a Role in a namespace may not list namespaces and CRDs
        settings.networking.request_timeout = 30
        settings.watching.server_timeout = 240
        settings.watching.chunk_size = LISTED_AT_ONCE  # what is listed is not to be in memory all at once,
        settings.queueing.idle_timeout = 0.2  # and kopf keeps an event in memory for this long after it was handled
        await operator.start()

    @kopf.on.login(registry=registry)
    async def log_in(**_: Any) -> kopf.ConnectionInfo:
        # kopf's own logins look for the API server by its DNS name, which not every cluster resolves.
        login = await operator.credentials()
        return kopf.ConnectionInfo(
            server=login.server,
            ca_path=login.ca_file,
            scheme="Bearer" if login.token else None,
            token=login.token,
            certificate_path=login.certificate_file,
            private_key_path=login.key_file,
        )

    @kopf.on.cleanup(registry=registry)
    async def stop(**_: Any) -> None:
        await operator.stop()

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def changed(event: kopf.RawEvent, **_: Any) -> None:
        operator.changed(event["type"], dict(event["object"]))

    return registry


def run(settings: Settings) -> None:
    """Run the operator until it is stopped."""
    operator = Operator(settings)
    for chatty in ("kopf", "aiohttp.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    kopf.run(
        registry=build(operator),
        standalone=True,
        clusterwide=not settings.namespaces,
        namespaces=settings.namespaces,
    )
