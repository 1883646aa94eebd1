"""The table of mutations fits the code. Trying them takes minutes: python3 -m tests.mutations."""

from __future__ import annotations

from tests.mutations import MUTATIONS, ROOT
from tests.test_house import ROOMS


def test_every_mutation_still_changes_one_place_and_has_its_tests() -> None:
    """A mutation that changes nothing would prove nothing, and nobody would see it."""
    for number, mutation in enumerate(MUTATIONS, 1):
        source = (ROOT / mutation.file).read_text(encoding="utf-8")
        assert source.count(mutation.old) == 1, f"{number}: {mutation.old!r} in {mutation.file}"
        assert mutation.new != mutation.old, number
        assert mutation.tests, number
        for test in mutation.tests:
            file, _, name = test.partition("::")
            file, _, name = test.partition("::")
            assert f"def {name}" in (ROOT / file).read_text(encoding="utf-8"), f"{number}: {test}"


def test_forty_mutations_reach_every_room() -> None:
    """A room without one could lose its tests unnoticed."""
    assert len(MUTATIONS) >= 40
    changed = {mutation.file.with_suffix("").parts[1] for mutation in MUTATIONS}
    assert {room.removeprefix("llmlab.") for room in ROOMS} - {"errors"} <= changed
