"""The bar that long runs show on a terminal."""

from __future__ import annotations

import io
from contextlib import contextmanager, redirect_stderr

import pytest

from pyNN_ship import simulator
from pyNN_ship.simulator import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@contextmanager
def watched():
    """Somebody looks at the terminal."""
    with redirect_stderr(Terminal()) as stream:
        yield stream


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(simulator, "PROGRESS_AFTER", 0.0)


def test_a_run_on_a_terminal_shows_how_far_it_is(sim):
    sim.setup(progress=True)
    sim.Population(1, sim.IF_curr_exp())
    with watched() as terminal:
        sim.run(200.0)
    assert "/200 ms" in terminal.getvalue()


def test_short_runs_show_nothing(sim, monkeypatch):
    monkeypatch.setattr(simulator, "PROGRESS_AFTER", 1000.0)
    sim.setup(progress=True)
    with watched() as terminal:
        sim.run(20.0)
    assert terminal.getvalue() == ""


def test_it_can_be_switched_off(sim):
    sim.setup(progress=False)
    with watched() as terminal:
        sim.run(200.0)
    assert terminal.getvalue() == ""


def test_nothing_is_shown_where_nobody_watches(sim, capsys):
    sim.setup(progress=True)
    sim.run(200.0)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_all_of_the_duration_is_reported():
    with watched(), Progress(10.0, True) as progress:
        advance = progress.advance(0.1)
        for steps in (30, 50, 20):
            advance(steps)
        assert progress._bar.n == pytest.approx(10.0)


def test_the_bar_is_closed_when_a_run_fails():
    with watched() as terminal, pytest.raises(KeyboardInterrupt), Progress(10.0, True) as progress:
        raise KeyboardInterrupt
    assert progress._bar.disable
    assert terminal.getvalue().endswith("\r")


def test_nobody_is_told_without_a_bar():
    with Progress(10.0, False) as progress:
        assert progress.advance(0.1) is None


def test_the_result_does_not_depend_on_it(sim, samples):
    traces = []
    for progress in (True, False):
        sim.setup(progress=progress)
        cells = sim.Population(1, sim.IF_curr_exp(i_offset=1.0))
        cells.record("v")
        with watched():
            sim.run(50.0)
        traces.append(samples(cells, "v"))
    assert (traces[0] == traces[1]).all()
