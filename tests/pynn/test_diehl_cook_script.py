"""The network of Diehl & Cook (2015) learns patterns, on ship and as it does on NEST."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyNN.ship as ship
import pytest

from ship_engine.learning.assignment import UNASSIGNED, assign_labels, predict

FOLDER = Path(__file__).parents[2] / "examples" / "frompapers"
PIXELS, CLASSES, NEURONS = 64, 4, 12
RATE = 400.0  # Hz, of a pixel
IMAGES, ASKED, ASSIGNED_BY = 160, 100, 80
THRESHOLD_STEP = 0.1  # mV
OPTIONS = {"shown": 100.0, "rest": 60.0, "total": 12.0}


@pytest.fixture(scope="module")
def digit_network():
    """The module beside the example, which is no package."""
    sys.path.insert(0, str(FOLDER))
    try:
        return importlib.import_module("diehl_network")
    finally:
        sys.path.remove(str(FOLDER))


def patterns(count, seed):
    """Rates [image, pixel] of noisy patterns, and their classes."""
    own = [np.random.default_rng(100 + c).choice(PIXELS, 16, replace=False) for c in range(CLASSES)]
    random = np.random.default_rng(seed)
    labels = random.integers(0, CLASSES, count)
    images = random.random((count, PIXELS)) < 0.15
    for image, label in zip(images, labels, strict=True):
        image[own[label]] = random.random(16) < 0.9
    return RATE * images, labels


def learn(module, sim, potentiation, images=IMAGES, seed=3):
    """Show images once: weights, thresholds, and how often each neuron spiked."""
    amplitudes = {"potentiation": potentiation, "depression": 0.01 * potentiation}
    network = module.DigitNetwork(sim, PIXELS, NEURONS, seed=seed, **amplitudes, **OPTIONS)
    counts = []
    for k, image in enumerate(patterns(images, 1)[0]):
        if k % 5 == 0:
            network.normalise()
        counts.append(network.respond(image))
        network.adapt(counts[-1], THRESHOLD_STEP, 1.0)
    network.normalise()
    learnt = {"weights": network.weights, "thresholds": network.thresholds}
    return learnt, np.array(counts)


def accuracy(module, sim, learnt, counts):
    """Share of patterns never shown before that are recognised."""
    labels = patterns(IMAGES, 1)[1]
    assignment = assign_labels(counts[-ASSIGNED_BY:], labels[-ASSIGNED_BY:], CLASSES)
    network = module.DigitNetwork(sim, PIXELS, NEURONS, seed=4, **learnt, **OPTIONS)
    images, answers = patterns(ASKED, 2)
    asked = np.array([network.respond(image) for image in images])
    assert np.allclose(network.weights, learnt["weights"])
    return np.mean(predict(asked, assignment, CLASSES) == answers), assignment


def test_patterns_are_learnt_without_labels(digit_network):
    learnt, counts = learn(digit_network, ship, 2e-3)
    found, assignment = accuracy(digit_network, ship, learnt, counts)
    control, _ = accuracy(digit_network, ship, *learn(digit_network, ship, 0.0))
    assert found > 0.93
    assert control < 0.75
    assert set(assignment) - {UNASSIGNED} == set(range(CLASSES))


def test_what_is_done_between_images(digit_network):
    network = digit_network.DigitNetwork(ship, PIXELS, NEURONS, **OPTIONS)
    network.normalise(0.5)
    assert network.weights.sum(0) == pytest.approx(np.full(NEURONS, 12.0))
    assert (network.learning.get("A_plus", format="array") == 2.5e-3).all()
    assert (network.learning.get("A_minus", format="array") == 2.5e-5).all()
    counts = network.respond(patterns(1, 1)[0][0])
    network.adapt(counts, 0.2, 0.5)
    network.adapt(counts, 0.2, 0.5)
    assert network.thresholds == pytest.approx(0.3 * counts)
    thresholds = network.excitatory.get("v_thresh", simplify=False)
    assert thresholds == pytest.approx(-52.0 + 0.3 * counts)


def test_each_image_is_shown_to_neurons_at_rest(digit_network):
    network = digit_network.DigitNetwork(ship, PIXELS, NEURONS, **OPTIONS | {"rest": 10.0})
    network.normalise()
    network.excitatory.record("v")
    network.respond(patterns(1, 1)[0][0])
    ship.run(0.5)
    v = network.excitatory.get_data("v").segments[0].analogsignals[0].magnitude
    assert np.abs(v[-2] + 65.0).max() > 5.0
    assert v[-1] == pytest.approx(-65.0, abs=0.5)


def test_dark_images_are_shown_again_brighter(digit_network):
    network = digit_network.DigitNetwork(ship, PIXELS, NEURONS, **OPTIONS)
    network.normalise()
    image = patterns(1, 1)[0][0]
    network.respond(image)
    assert ship.get_current_time() == 160.0
    network.respond(0.15 * image)
    again = (ship.get_current_time() - 160.0) / 160.0
    assert 1 < again <= 7
    network.respond(0.0 * image)
    assert ship.get_current_time() == 160.0 * (1 + again + 7)


def test_script_tells_how_it_went(tmp_path):
    random = np.random.default_rng(5)
    sets = {}
    for name, count in (("train", 30), ("test", 10)):
        sets[f"x_{name}"] = random.integers(0, 256, (count, 28, 28), np.uint8)
        sets[f"y_{name}"] = random.integers(0, 10, count, np.uint8)
    (tmp_path / "mnist").mkdir()
    np.savez(tmp_path / "mnist" / "mnist.npz", **sets)
    arguments = ["ship", "--neurons=5", "--shown=40", "--report=10", "--write=learnt.npz"]
    done = subprocess.run(
        [sys.executable, str(FOLDER / "Diehl_2015.py"), *arguments],
        cwd=tmp_path,
        env=os.environ | {"SHIP_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300.0,
    )
    assert done.returncode == 0, done.stderr
    reports = [line for line in done.stdout.splitlines() if " images: " in line]
    assert [int(line.split()[0]) for line in reports] == [10, 20, 30]
    assert "ship, the paper's vote: " in done.stdout.splitlines()[-2]
    with np.load(tmp_path / "learnt.npz") as learnt:
        assert learnt["weights"].sum(0) == pytest.approx(np.full(5, 78.4))
        assert learnt["counts"].shape == (30, 5)
        assert learnt["thresholds"].min() >= 0.0


@pytest.mark.peers
def test_nest_learns_the_same_way(digit_network):
    nest = pytest.importorskip("pyNN.nest")
    ours, counts = learn(digit_network, ship, 4e-3)
    theirs, their_counts = learn(digit_network, nest, 4e-3)
    assert accuracy(digit_network, nest, theirs, their_counts)[0] > 0.93
    assert their_counts.sum() == pytest.approx(counts.sum(), rel=0.05)
    assert theirs["weights"].sum(0) == pytest.approx(np.full(NEURONS, 12.0))
    # Poisson spikes differ, and with them which neuron learns what; how much it learns does not.
    untrained = learn(digit_network, ship, 0.0, images=1)[0]
    profiles = [np.sort(one["weights"], axis=0).mean(1) for one in (ours, theirs, untrained)]
    difference = [np.abs(profiles[0] - other).max() for other in profiles[1:]]
    assert difference[0] < 0.2 * difference[1]
