"""docs/coverage.md says what there is."""

from __future__ import annotations

import re

import coverage_table as coverage
import ingot.core as mx
import pytest

ROW = re.compile(r"^\| `(\w+)` \| (.*) \|$")


def rows(text: str) -> list[tuple[str, list[str]]]:
    found = [ROW.match(line) for line in text.splitlines()]
    return [(m[1], m[2].split(" | ")) for m in found if m]


def test_the_file_is_up_to_date():
    """But for the GPU's column, which a build with Metal checks."""
    text = coverage.COVERAGE.read_text()
    written, now = rows(text), rows("\n".join(coverage.lines(gpu=False)))
    assert [name for name, _ in written] == [name for name, _ in now]
    for (name, old), (_, new) in zip(written, now, strict=True):
        assert [old[0], *old[2:]] == [new[0], *new[2:]], name
    assert text.startswith(coverage.HEAD)


@pytest.mark.skipif(not mx.is_available(mx.gpu), reason="metal: there is no device")
def test_what_runs_on_the_gpu():
    written = coverage.COVERAGE.read_text()
    assert (
        written == coverage.HEAD + "\n".join(coverage.lines(gpu=True)).rstrip() + "\n"
    )
