"""The examples after Shrestha & Orchard (2018) and Wu et al. (2018), on little data."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from ship_engine.data.datasets.nmnist import EventDigits
from ship_engine.data.events import Events

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "frompapers"


@pytest.fixture
def slayer(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return importlib.import_module("Shrestha_2018")


def bars(count: int, seed: int) -> EventDigits:
    """Events of bars that lie or stand, each jittering about a place of its own."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    events = []
    for label in labels:
        along, across = random.integers(4, 30, 2500), random.integers(10, 24)
        x, y = (along, across + random.integers(-1, 2, 2500))[:: 1 if label else -1]
        time = np.sort(random.uniform(0.0, 299.0, 2500))
        events.append(Events(x, y, random.integers(0, 2, 2500), time, width=34, height=34))
    is_test = np.arange(count) >= count * 3 // 4
    return EventDigits(events, labels, is_test, np.arange(count))


class TestShrestha:
    @pytest.mark.parametrize(
        "network", ["dense", pytest.param("convolutional", marks=pytest.mark.slow)]
    )
    def test_learns(self, slayer: ModuleType, network: str) -> None:
        epochs = 20 if network == "dense" else 4
        options: dict[str, Any] = {"dt": 6.0, "epochs": epochs, "batch": 8, "rate": 0.01}
        options |= {"verbose": False, "validate": False, "amsgrad": False}
        given = argparse.Namespace(vary=0.2, dropout=0.1, gain=10.0, **options)
        accuracy, seconds = slayer.trained(network, bars(64, 1), 0, given)
        assert accuracy > 0.9
        assert seconds > 0.0

    def test_recordings(self, slayer: ModuleType) -> None:
        """Events lie where they occur, varied at random; what leaves the image is lost."""
        events = Events([0, 33, 5], [0, 10, 6], [0, 1, 1], [0.2, 1.6, 290.0], width=34, height=34)
        (still,) = [slayer.Recordings([events], 1.0)[0]]
        places = [(int(t), int(c)) for t, c in still.nonzero()]
        assert places == [(0, 0), (2, (34 + 10) * 34 + 33), (290, (34 + 6) * 34 + 5)]
        moved = slayer.Recordings([events] * 200, 1.0, vary=1.0, seed=3)
        sizes = {int(moved[number].sum()) for number in range(200)}
        assert {2, 3} <= sizes <= {1, 2, 3}


class TestWu:
    @pytest.mark.parametrize("network", ["dense", "convolutional"])
    def test_learns(self, network: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Three digits of seven segments are learnt in a few epochs."""
        monkeypatch.syspath_prepend(str(EXAMPLES))
        wu, classifiers = map(importlib.import_module, ("Wu_2018", "digit_classifiers"))
        sets = []
        for seed in (0, 1):
            images, labels = classifiers.drawn_digits(400, seed)
            sets.append((images[labels < 3], labels[labels < 3]))
        options = {"epochs": 8, "steps": 4, "test_steps": 8, "batch": 10, "rate": 0.002}
        given = argparse.Namespace(shift=0, dropout=0.1, verbose=False, **options)
        accuracy, _ = wu.trained(network, sets, 0, given)
        assert accuracy > 0.85
