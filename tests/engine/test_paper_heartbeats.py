"""The examples on heartbeats, after the SHIP paper, run on little data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "frompapers"


def results_of(name: str, folder: Path) -> dict[str, Any]:
    """Run an example with signals that it makes itself, and return its results."""
    environment = {k: v for k, v in os.environ.items() if k != "SHIP_DATA"}
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), "--small"]
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    results = folder / "Results"
    assert (results / f"{name}.png").stat().st_size > 10_000
    assert (results / f"{name}.md").read_text("utf-8") in run.stdout
    found: dict[str, Any] = json.loads((results / f"{name}.json").read_text("utf-8"))
    return found


def test_heartbeats(tmp_path: Path) -> None:
    found = results_of("Gemo_2024_heartbeats", tmp_path)
    (row,) = found["rows"]
    assert found["kinds"] == ["N", "R", "V"]
    assert row["test"] > 0.9
    assert sum(map(sum, row["confusion"])) == row["beats"][1]
    assert len(row["by_epoch"]["test"]) == found["epochs"]


def test_figure_12(tmp_path: Path) -> None:
    rows = results_of("Gemo_2024_figure_12", tmp_path)["rows"]
    spikes = {(row["tau_beta"], row["phi"]): row["spikes"] for row in rows}
    assert len(spikes) == 9
    assert spikes[1000.0, 0.9] > spikes[1000.0, 0.1]
    assert spikes[1000.0, 0.9] > spikes[10.0, 0.9]
    assert max(row["accuracy"] for row in rows) > 0.8
