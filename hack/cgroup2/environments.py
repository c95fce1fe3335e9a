"""Build the environments of the entry scripts in tests/local, as `modelprofiler run` does: the guest has no network.

Run once, while the root file system is made. An environment that is missing here shows as a failed test.
"""

from modelprofiler.api.server import Environment
from modelprofiler.local.environment import build

REQUIREMENTS: tuple[list[str], ...] = (
    [],  # tests/local/test_first_steps.py: the packages of the scoring-server image
)

for requirements in REQUIREMENTS:
    build(Environment.model_validate({"requirements": requirements} if requirements else {}), notify=print)
