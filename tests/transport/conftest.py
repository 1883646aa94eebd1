"""What the tests of transport share: a clock that never waits."""

from tests.core.conftest import slept

__all__ = ["slept"]
