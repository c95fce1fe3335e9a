"""How generators that run side by side begin, open their windows and end together: over connections to the first."""

from __future__ import annotations

from collections.abc import Callable

from modelprofiler.load.config import LoadConfig
from modelprofiler.load.rendezvous.company import Company
from modelprofiler.load.rendezvous.hub import Hub
from modelprofiler.load.rendezvous.member import Member


def company_of(config: LoadConfig, say: Callable[[str], None]) -> Company:
    """Return what a generator agrees with the others through; one without a rendezvous waits for nobody."""
    if config.rendezvous is None:
        return Company()
    if config.index == 0:
        return Hub(config.rendezvous, config.load.parallelism, say)
    longest = config.connect_timeout + config.first_request_patience
    return Member(config.rendezvous, config.index, longest, say)
