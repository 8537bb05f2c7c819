"""The example after Bohte, Kok & La Poutré (2002), with flowers that are drawn at random."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from ship_engine.data.arrays import Floats, Integers

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "frompapers"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return importlib.import_module("Bohte_2002")


def flowers(spread: float = 0.3) -> tuple[Floats, Integers]:
    """Measures [150, 4] around those that are usual for a species, and species [150]."""
    usual = np.array([[5.0, 3.4, 1.5, 0.2], [5.9, 2.8, 4.3, 1.3], [6.6, 3.0, 5.6, 2.0]])
    classes = np.repeat([0, 1, 2], 50)
    noise = np.random.default_rng(0).normal(size=(150, 4))
    return usual[classes] + spread * noise * [0.5, 0.3, 0.5, 0.2], classes


def test_xor_converges(example: ModuleType) -> None:
    cycles = [example.train_xor(seed) for seed in range(5)]
    assert None not in cycles
    assert 10 < max(cycles) < 200


def test_xor_that_has_too_little_time(example: ModuleType) -> None:
    assert example.train_xor(0, epochs=3) is None


def test_no_flower_is_both_trained_and_tested_with(example: ModuleType) -> None:
    """What is trained does not change, whatever the flowers are that are tested."""
    features, classes = flowers()
    first = example.Flowers(features, classes, seed=1)
    rows = first.rows
    assert len(np.intersect1d(rows.train, rows.test)) == 0
    assert np.bincount(classes[rows.train]).tolist() == [25, 25, 25]
    changed = features.copy()
    changed[rows.test] *= 3.0
    second = example.Flowers(changed, classes, seed=1)
    assert torch.equal(first.train, second.train)
    assert torch.equal(first.moved(), second.moved())
    assert not torch.equal(first.test, second.test)
    assert first.train.shape == (75, 50)
    assert not torch.equal(first.train, example.Flowers(features, classes, seed=2).train)


def test_flowers_are_moved_as_those_of_a_species_differ(example: ModuleType) -> None:
    features, classes = flowers(spread=0.0)
    features[::2] += [0.3, 0.0, 0.0, 0.0]
    features += 1e-6 * np.random.default_rng(1).normal(size=features.shape)
    made = example.Flowers(features, classes, seed=1)
    fields = example.FIELDS
    still, moved = made.train, made.moved()
    assert (still[:, :fields] != moved[:, :fields]).any(1).all()
    assert torch.equal(moved[:, 4 * fields :], torch.zeros(75, example.BIASES).double())
    same = torch.isclose(still[:, fields:], moved[:, fields:], atol=1e-3)
    assert same.double().mean() > 0.99


def test_silent_outputs_are_not_right(example: ModuleType) -> None:
    def silent(times: torch.Tensor) -> torch.Tensor:
        return torch.full((len(times), 3), torch.inf)

    assert example.accuracy(silent, torch.zeros(3, 50), torch.tensor([0, 1, 2])) == 0.0


def test_flowers_are_learnt(example: ModuleType) -> None:
    features, classes = flowers()
    found = example.train_iris(example.Flowers(features, classes, 0), seed=0, epochs=20)
    assert found["train"] > 0.95
    assert found["test"] > 0.95


def test_dense_times_agree(example: ModuleType) -> None:
    found = example.compare_speed(repeats=1)
    assert 0.0 < found["apart"] <= 0.1 + 1e-9
    assert found["exact"] < found["dense"]


def test_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    features, classes = flowers()
    (tmp_path / "iris").mkdir()
    table = np.column_stack([features, classes])
    kinds = ["%.3f"] * 4 + ["%d"]
    np.savetxt(tmp_path / "iris" / "iris.csv", table, kinds, delimiter=",")
    monkeypatch.setenv("SHIP_DATA", str(tmp_path))
    command = [sys.executable, str(EXAMPLES / "Bohte_2002.py"), "xor", "iris", "--small"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "XOR: 2 of 2 converged" in run.stdout
    found = json.loads((tmp_path / "Results" / "Bohte_2002.json").read_text("utf-8"))
    assert len(found["iris"]["rows"]) == 2
    assert min(row["test"] for row in found["iris"]["rows"]) > 0.9
