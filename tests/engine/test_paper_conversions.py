"""The examples of conversion, after three papers, run on digits that they draw."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "frompapers"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Hunsberger_2015", "Diehl_2015_conversion", "Sengupta_2019"])
def test_conversion(name: str, tmp_path: Path) -> None:
    """Spikes come to what rate units do."""
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), "--small"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    found = json.loads((tmp_path / "Results" / f"{name}.json").read_text("utf-8"))
    told = [found] if "rate_units" in found else [v for v in found.values() if isinstance(v, dict)]
    assert told
    for one in told:
        assert min(one["rate_units"]) > 90.0
        for rate_units, spiking in zip(one["rate_units"], one["spiking"], strict=True):
            assert rate_units - spiking[-1] < 2.0
            assert spiking[0] < spiking[-1] + 1.0
