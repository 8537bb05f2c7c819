"""Examples named after papers run, with little data of their own making."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "frompapers"


@pytest.mark.slow
def test_spoken_digits_are_learnt_and_survive_devices(tmp_path):
    pytest.importorskip("matplotlib")
    environment = {name: value for name, value in os.environ.items() if name != "SHIP_DATA"}
    command = [sys.executable, str(FOLDER / "Gemo_2024_spoken_digits.py"), "--small"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300.0
    )
    assert done.returncode == 0, done.stderr
    found = tmp_path / "Results" / "Gemo_2024_spoken_digits"
    result = json.loads(found.with_suffix(".json").read_text("utf-8"))
    assert found.with_suffix(".md").read_text("utf-8").strip() in done.stdout
    assert found.with_suffix(".png").stat().st_size > 10_000
    assert [row["seed"] for row in result["seeds"]] == [0, 1]
    for row in result["seeds"]:
        assert row["test"] > 0.9
        assert row["aware"]["3"] > 0.9
