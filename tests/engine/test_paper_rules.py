"""Examples of learning rules named after papers run, with little data of their own making."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "frompapers"


def told_by(script: str, *arguments: str) -> str:
    """What an example prints."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(FOLDER / script), *arguments],
        env=environment, capture_output=True, text=True, timeout=600.0,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_exclusive_or_is_solved_by_bp_stdp() -> None:
    assert re.search(r"here 100\.00 ± 0\.00 % \(2 seeds\)", told_by("Tavanaei_2019.py", "xor",
                                                                    "--seeds", "2"))  # fmt: skip


@pytest.mark.slow
def test_functions_are_decoded_by_pes() -> None:
    rows = [line.split() for line in told_by("Voelker_2015.py", "--small").splitlines()]
    square = next(row for row in rows if row[0] == "x^2")
    before, after = float(square[2]), float(square[4])
    assert before > 0.9
    assert after < 0.35
    measured, formula = (float(number) for number in rows[-1][2:4])
    assert measured == pytest.approx(formula, rel=0.1)


@pytest.mark.slow
def test_spike_times_are_learned_by_resume() -> None:
    rows = [line.split() for line in told_by("Ponulak_2010.py", "--small").splitlines()]
    learned, control = rows[1], rows[2]
    assert float(learned[2]) == 0.0
    assert float(learned[5]) == 100.0
    assert float(control[2]) > float(control[1])
