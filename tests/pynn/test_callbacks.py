"""Functions that a run calls from time to time."""

from __future__ import annotations

import numpy as np
import pytest
import quantities as pq
from pyNN import errors


def every(interval, calls):
    def callback(t):
        calls.append(t)
        return t + interval

    return callback


def test_callbacks_are_called_at_start_in_between_and_at_the_end(sim):
    calls = []
    sim.run(10.0, callbacks=[every(2.5, calls)])
    assert calls == pytest.approx([0, 2.5, 5, 7.5, 10])


def test_several_callbacks(sim):
    often, seldom = [], []
    sim.run_until(9.0, callbacks=[every(2.0, often), every(3.0, seldom)])
    assert often == pytest.approx([0, 2, 4, 6, 8])
    assert seldom == pytest.approx([0, 3, 6, 9])


def test_a_callback_that_wants_no_more_calls(sim):
    calls = []

    def once(t):
        calls.append(t)
        return float("inf")

    sim.run(5.0, callbacks=[once])
    assert calls == pytest.approx([0.0, 5.0])


@pytest.mark.parametrize("ahead", [0.0, 0.04, -1.0])
def test_a_callback_that_asks_for_now_is_called_at_the_next_step(sim, ahead):
    calls = []

    def impatient(t):
        calls.append(t)
        if len(calls) > 100:
            raise RecursionError("the simulation does not go on")
        return t + ahead

    sim.run(1.0, callbacks=[impatient])
    assert calls == pytest.approx(np.arange(11) / 10)


@pytest.mark.parametrize(
    "callbacks", [3.0, True, "abc", [3.0], [None], {"a": 1}, lambda t: t + 1, [lambda t: t, 1]]
)
def test_callbacks_are_functions(sim, callbacks):
    for run in (sim.run, sim.run_until):
        with pytest.raises(TypeError, match=r"callbacks = .*; give a list of functions"):
            run(1.0, callbacks=callbacks)
    assert sim.get_current_time() == 0.0


@pytest.mark.parametrize("returned", [None, "a", [1.0], np.array([1.0, 2.0]), True, 1j])
def test_a_callback_returns_a_time(sim, returned):
    with pytest.raises(TypeError, match=r"The callback .* returned .*; it must return the time"):
        sim.run(1.0, callbacks=[lambda t: returned])
    assert sim.run(1.0) == 1.0


@pytest.mark.parametrize("kind", [list, tuple, iter])
def test_callbacks_may_come_one_after_the_other(sim, kind):
    calls = []
    sim.run(2.0, callbacks=kind([every(1.0, calls)]))
    assert calls == pytest.approx([0.0, 1.0, 2.0])


def test_callbacks_may_return_quantities(sim):
    calls = []

    def callback(t):
        calls.append(t)
        return (t + 1.0) * 1e-3 * pq.s

    sim.run(2.0, callbacks=[callback])
    assert calls == pytest.approx([0.0, 1.0, 2.0])
    with pytest.raises(errors.InvalidParameterValueError, match=r"callback = .* to ms"):
        sim.run(1.0, callbacks=[lambda t: 1 * pq.mV])


@pytest.mark.parametrize("restart", ["reset", "setup"])
def test_time_does_not_go_back_in_a_callback(sim, restart):
    def callback(t):
        if t > 0.0:
            getattr(sim, restart)()
        return t + 1.0

    with pytest.raises(RuntimeError, match="between runs"):
        sim.run(3.0, callbacks=[callback])
    assert sim.run(1.0) == 1.0


def test_a_callback_says_when_it_wants_to_be_called(sim):
    with pytest.raises(ValueError, match="nan"):
        sim.run(1.0, callbacks=[lambda t: np.nan])


def test_a_callback_may_change_parameters(sim, samples):
    cells = sim.Population(1, sim.IF_curr_exp())
    cells.record("v")

    def switch(t):
        cells.set(i_offset=0.1 if t >= 5.0 else 0.0)
        return t + 5.0

    sim.run(10.0, callbacks=[switch])
    v = samples(cells, "v")[:, 0]
    assert (v[:51] == -65.0).all()
    np.testing.assert_allclose(v[-1], -65 + 2.0 * (1 - np.exp(-5.0 / 20)), rtol=1e-12)
