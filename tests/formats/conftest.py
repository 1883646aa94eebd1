"""The fixtures and the settings of hypothesis that these tests share with those of the core."""

from __future__ import annotations

from tests.core.conftest import slept as slept
