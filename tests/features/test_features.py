"""Every feature of PyNN is there, or refused where that is meant."""

from __future__ import annotations

import pyNN.ship as sim
import pytest

from .table import REFUSED, REMARKS, SECTIONS, ask

ROWS = [(name, probe) for rows in SECTIONS.values() for name, probe in rows.items()]


@pytest.mark.parametrize(("name", "probe"), ROWS, ids=[name for name, _ in ROWS])
def test_feature(name, probe):
    answer = ask(sim, name, probe)
    expected = "refused" if name in REFUSED else "yes"
    assert answer.word == expected, answer.why


def test_the_table_has_a_row_for_each_feature():
    assert len(ROWS) == len({name for name, _ in ROWS}) == 130
    assert {name for name, _ in ROWS} >= REFUSED | REMARKS.keys()
