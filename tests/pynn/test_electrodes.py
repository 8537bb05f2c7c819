"""Current sources: their time courses, what they do to cells, recording, and mistakes."""

from __future__ import annotations

import numpy as np
import pytest
import quantities as pq
from numpy.testing import assert_allclose, assert_array_equal
from pyNN import errors


@pytest.fixture
def cells(sim):
    population = sim.Population(4, sim.IF_curr_exp(v_thresh=1e6))
    population.record("v")
    return population


NAMES = ["DCSource", "StepCurrentSource", "ACSource", "NoisyCurrentSource"]
EXAMPLES = {
    "DCSource": {"amplitude": 0.5, "start": 1.0, "stop": 8.0},
    "StepCurrentSource": {"times": [1.0, 4.0, 8.0], "amplitudes": [0.5, -0.5, 0.0]},
    "ACSource": {"amplitude": 0.5, "offset": 0.1, "frequency": 100.0, "start": 1.0, "stop": 8.0},
    "NoisyCurrentSource": {"mean": 0.2, "stdev": 0.1, "start": 1.0, "stop": 8.0, "dt": 0.2},
}


def example(sim, name, **changes):
    return getattr(sim, name)(**(EXAMPLES[name] | changes))


def driven(current, tau=20.0, cm=1.0, dt=0.1):
    """Membrane potential for a current that is constant during each time step."""
    v = [-65.0]
    for value in current[:-1]:
        final = -65.0 + value * tau / cm
        v.append(final + (v[-1] - final) * np.exp(-dt / tau))
    return np.array(v)


@pytest.mark.parametrize("name", NAMES)
def test_the_recorded_current_is_what_the_cell_receives(sim, cells, samples, name):
    source = example(sim, name)
    source.inject_into(cells)
    source.record()
    sim.run(4.0)
    sim.run(6.0)
    times, current = source._get_data()
    signal = source.get_data()
    assert_array_equal(signal.magnitude[:, 0], current)
    assert signal.sampling_period == 0.1 * pq.ms
    assert signal.units == pq.nA
    assert_allclose(times, np.arange(101) / 10)
    assert (current[:10] == 0).all()
    assert current[10] != 0
    assert (current[80:] == 0).all()
    for column in samples(cells, "v").T:
        assert_allclose(column, driven(current), rtol=1e-12)


def test_dc(sim, cells):
    source = sim.DCSource(amplitude=0.5, start=2.0, stop=5.0)
    source.inject_into(cells)
    source.record()
    sim.run(6.0)
    times, current = source._get_data()
    assert_array_equal(current, np.where((times >= 2.0) & (times < 5.0), 0.5, 0.0))


def test_dc_is_a_step_current(sim, samples):
    first, second = (sim.Population(1, sim.IF_curr_exp(v_thresh=1e6)) for _ in range(2))
    first.record("v")
    second.record("v")
    sim.DCSource(amplitude=0.5, start=0.0, stop=5.0).inject_into(first)
    sim.StepCurrentSource(times=[0.0, 5.0], amplitudes=[0.5, 0.0]).inject_into(second)
    sim.run(10.0)
    assert_array_equal(samples(first, "v"), samples(second, "v"))


def test_the_membrane_moves_one_step_after_the_current(sim, cells, samples):
    cells.inject(sim.DCSource(amplitude=0.5, start=2.0, stop=5.0))
    sim.run(6.0)
    v = samples(cells, "v")[:, 0]
    assert (v[:21] == -65.0).all()
    assert v[21] > -65.0
    assert np.argmax(v) == 50


def test_step_times_are_rounded_and_the_last_of_several_counts(sim, cells):
    source = sim.StepCurrentSource(times=[0.41, 0.6, 0.86], amplitudes=[0.5, 1.0, -1.0])
    source.inject_into(cells)
    source.record()
    same = sim.StepCurrentSource(times=[0.4, 0.41, 0.44], amplitudes=[1.0, 2.0, 3.0])
    same.inject_into(cells)
    same.record()
    sim.run(1.2)
    current = source._get_data()[1]
    assert_array_equal(current, [0] * 4 + [0.5] * 2 + [1.0] * 3 + [-1.0] * 4)
    assert_array_equal(same._get_data()[1], [0] * 4 + [3.0] * 9)
    assert_array_equal(same.get_parameters()["times"], [0.4])


def test_ac(sim, cells):
    parameters = {"amplitude": 0.5, "offset": 0.1, "frequency": 50.0, "phase": 30.0,
                  "start": 2.0, "stop": 25.0}  # fmt: skip
    source = sim.ACSource(**parameters)
    source.inject_into(cells)
    source.record()
    sim.run(30.0)
    t, current = source._get_data()
    wave = 0.1 + 0.5 * np.sin(2 * np.pi * 0.05 * (t - 2.0) + np.pi / 6)
    assert_allclose(current, np.where((t >= 2.0) & (t < 25.0), wave, 0.0), rtol=1e-12, atol=1e-14)
    assert current[20] == pytest.approx(0.1 + 0.5 * 0.5)


def test_noise(sim, cells):
    source = sim.NoisyCurrentSource(mean=0.5, stdev=0.2, start=0.0, stop=2000.0, dt=0.5)
    source.inject_into(cells)
    source.record()
    sim.run(2000.0)
    current = source._get_data()[1][:-1].reshape(-1, 5)
    assert (current == current[:, :1]).all()
    values = current[:, 0]
    assert np.unique(values).size == 4000
    assert values.mean() == pytest.approx(0.5, abs=4 * 0.2 / np.sqrt(4000))
    assert values.std() == pytest.approx(0.2, rel=0.05)
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 0.07


def test_noise_is_drawn_every_step_unless_told(sim):
    source = sim.NoisyCurrentSource(mean=0.0, stdev=1.0)
    assert source.dt == 0.1
    sim.setup(timestep=0.5)
    assert sim.NoisyCurrentSource(mean=0.0, stdev=1.0).dt == 0.5


def test_noise_differs_between_sources_and_segments_but_not_between_scripts(sim):
    def script(seed=0):
        sim.setup(seed=seed)
        cell = sim.Population(1, sim.IF_curr_exp())
        sources = [sim.NoisyCurrentSource(mean=0.0, stdev=1.0) for _ in range(2)]
        for source in sources:
            cell.inject(source)
            source.record()
        sim.run(5.0)
        found = [s._get_data()[1] for s in sources]
        sim.reset()
        sim.run(5.0)
        return [*found, sources[0]._get_data()[1]]

    first, second, later = script()
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, later)
    assert_array_equal(script()[0], first)
    assert_array_equal(script()[2], later)
    assert not np.array_equal(script(seed=1)[0], first)


@pytest.mark.parametrize("name", ["DCSource", "StepCurrentSource", "ACSource"])
def test_reset_repeats_the_current(sim, cells, samples, name):
    source = example(sim, name)
    source.inject_into(cells)
    source.record()
    traces = []
    for _ in range(2):
        sim.run(10.0)
        traces.append((samples(cells, "v"), source._get_data()[1]))
        sim.reset()
    for one, other in zip(*traces, strict=True):
        assert_array_equal(one, other)


# --- where it goes -------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["population", "view", "cell", "list", "assembly", "inject",
                                 "inject one", "a cell alone"])  # fmt: skip
def test_where_a_current_goes(sim, cells, samples, how):
    source, wanted = sim.DCSource(amplitude=0.5), [0, 1, 2, 3]
    if how == "population":
        source.inject_into(cells)
    elif how == "view":
        source.inject_into(cells[1:3])
        wanted = [1, 2]
    elif how == "cell":
        source.inject_into([cells[2]])
        wanted = [2]
    elif how == "list":
        source.inject_into([cells[0], cells[3]])
        wanted = [0, 3]
    elif how == "assembly":
        other = sim.Population(2, sim.IF_cond_exp())
        other.record("v")
        source.inject_into(sim.Assembly(cells[2:], other))
        wanted = [2, 3]
    elif how == "inject":
        cells.inject(source)
    elif how == "inject one":
        cells[1].inject(source)
        wanted = [1]
    else:
        source.inject_into(cells[1])
        wanted = [1]
    sim.run(2.0)
    assert_array_equal(np.flatnonzero(samples(cells, "v")[-1] > -65.0), wanted)
    if how == "assembly":
        assert (samples(other, "v")[-1] > -65.0).all()


def test_several_currents_add_up(sim, cells, samples):
    for amplitude in (0.1, 0.2, 0.3, 0.4):
        sim.DCSource(amplitude=amplitude).inject_into(cells[0:2])
    sim.DCSource(amplitude=1.0).inject_into(cells[2:3])
    sim.run(5.0)
    v = samples(cells, "v")
    assert_allclose(v[:, 0], v[:, 2], rtol=1e-13)
    assert (v[:, 3] == -65.0).all()


def test_a_source_without_a_name_stays(sim, cells, samples):
    import gc

    sim.DCSource(amplitude=0.5).inject_into(cells)
    gc.collect()
    sim.run(2.0)
    assert (samples(cells, "v")[-1] > -65.0).all()


def test_injection_after_a_run(sim, cells, samples):
    sim.run(3.0)
    sim.DCSource(amplitude=0.5).inject_into(cells)
    sim.run(3.0)
    v = samples(cells, "v")[:, 0]
    assert (v[:31] == -65.0).all()
    assert v[31] > -65.0


# --- parameters ----------------------------------------------------------------------------------


def test_parameters_are_read_and_changed(sim, cells, samples):
    source = sim.DCSource(amplitude=0.5)
    source.inject_into(cells)
    source.record()
    assert (source.amplitude, source.start, source.stop) == (0.5, 0.0, 1e12)
    sim.run(2.0)
    source.amplitude = -0.5
    assert source.get_parameters()["amplitude"] == -0.5
    sim.run(2.0)
    source.set_parameters(amplitude=0.0, start=0.0)
    sim.run(2.0)
    current = source._get_data()[1]
    assert_array_equal(current, [0.5] * 20 + [-0.5] * 20 + [0.0] * 21)
    assert_allclose(samples(cells, "v")[:, 0], driven(current), rtol=1e-12)


def test_steps_are_changed_together(sim, cells):
    source = sim.StepCurrentSource(times=[1.0], amplitudes=[0.5])
    source.inject_into(cells)
    source.set_parameters(times=[0.5, 1.5], amplitudes=[1.0, 2.0])
    assert_array_equal(source.times, [0.5, 1.5])
    assert_array_equal(source.amplitudes, [1.0, 2.0])
    with pytest.raises(ValueError, match="3 times and 2 amplitudes"):
        source.times = [1.0, 2.0, 3.0]
    assert_array_equal(source.times, [0.5, 1.5])
    sim.run(1.0)


def test_quantities(sim):
    source = sim.DCSource(amplitude=100 * pq.pA, start=0.001 * pq.s)
    assert (source.amplitude, source.start) == (pytest.approx(0.1), 1.0)
    source.amplitude = 200 * pq.pA
    assert source.amplitude == pytest.approx(0.2)
    step = sim.StepCurrentSource(times=[0.001, 0.002] * pq.s, amplitudes=[1, 2] * pq.pA)
    assert_allclose(step.times, [1.0, 2.0])
    assert_allclose(step.amplitudes, [0.001, 0.002])
    wave = sim.ACSource(frequency=0.05 * pq.kHz, phase=np.pi / 2 * pq.radian)
    assert (wave.frequency, wave.phase) == (pytest.approx(50.0), pytest.approx(90.0))
    with pytest.raises(errors.InvalidParameterValueError, match=r"amplitude = 1.0 mV cannot be"):
        sim.DCSource(amplitude=1 * pq.mV)
    with pytest.raises(errors.InvalidParameterValueError, match=r"amplitude = 1.0 mV cannot be"):
        source.set_parameters(amplitude=1 * pq.mV)


# --- mistakes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_unknown_parameters(sim, network, name):
    source = example(sim, name)
    before = network()
    with pytest.raises(errors.NonExistentParameterError, match=f"foo .*{name}"):
        example(sim, name, foo=1.0)
    with pytest.raises(errors.NonExistentParameterError, match=f"foo .*{name}"):
        source.set_parameters(foo=1.0)
    with pytest.raises(errors.NonExistentParameterError, match="foo"):
        source.foo  # noqa: B018
    assert network() == before


@pytest.mark.parametrize("name", NAMES)
def test_misspelt_attributes_are_refused(sim, name):
    source = example(sim, name)
    with pytest.raises((AttributeError, errors.NonExistentParameterError), match="amplitud_"):
        source.amplitud_ = 1.0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_must_be_finite(sim, network, name, value):
    source = example(sim, name)
    before = network()
    for parameter in EXAMPLES[name]:
        wrong = [value] * 3 if name == "StepCurrentSource" else value
        with pytest.raises(ValueError, match=f"{parameter} of {name} .* must be finite"):
            example(sim, name, **{parameter: wrong})
        with pytest.raises(ValueError, match=f"{parameter} of {name} .* must be finite"):
            source.set_parameters(**{parameter: wrong})
    assert network() == before
    sim.run(1.0)


@pytest.mark.parametrize("name", ["DCSource", "ACSource", "NoisyCurrentSource"])
@pytest.mark.parametrize("value", [None, "x", [1.0, 2.0]])
def test_parameters_are_single_numbers(sim, name, value):
    for parameter in EXAMPLES[name]:
        with pytest.raises((ValueError, errors.InvalidDimensionsError)):
            example(sim, name, **{parameter: value})


def test_impossible_steps(sim):
    for times, amplitudes, message in (
        ([2.0, 1.0], [1.0, 2.0], "monotonically increasing"),
        ([1.0, 1.0], [1.0, 2.0], "monotonically increasing"),
        ([-1.0, 1.0], [1.0, 2.0], "negative timestamps"),
        ([1.0, 2.0], [1.0], "2 times and 1 amplitudes; give one amplitude"),
        (None, [1.0], "times of StepCurrentSource|None"),
        ("x", [1.0], "times|could not convert"),
    ):
        with pytest.raises(ValueError, match=message):
            sim.StepCurrentSource(times=times, amplitudes=amplitudes)


@pytest.mark.parametrize("dt", [0.25, 0.05, 0.0, -0.1])
def test_noise_changes_on_the_grid(sim, dt):
    with pytest.raises(ValueError, match=r"multiple of the time step, 0.1 ms"):
        sim.NoisyCurrentSource(mean=0.0, stdev=1.0, dt=dt)


def test_noise_has_a_deviation(sim):
    with pytest.raises(ValueError, match="stdev = -1 nA; it must be >= 0"):
        sim.NoisyCurrentSource(mean=0.0, stdev=-1.0)


def test_spike_sources_take_no_current(sim, cells, network):
    source, spikes = sim.DCSource(), sim.Population(1, sim.SpikeSourceArray())
    before = network()
    for call in (
        lambda: source.inject_into(spikes),
        lambda: source.inject_into(cells + spikes),
        lambda: source.inject_into([cells[0], spikes[0]]),
        lambda: spikes.inject(source),
        lambda: spikes[0].inject(source),
    ):
        with pytest.raises(TypeError, match="Can't inject current into a spike source"):
            call()
    assert network() == before


@pytest.mark.parametrize("what", [None, [0, 1], 3])
def test_only_cells_take_a_current(sim, what):
    with pytest.raises(TypeError, match="cells"):
        sim.DCSource().inject_into(what)


def test_cells_have_one_compartment(sim, cells):
    source = sim.DCSource()
    with pytest.raises((NotImplementedError, TypeError), match="location"):
        source.inject_into(cells, location="soma")
    with pytest.raises((NotImplementedError, TypeError), match="location"):
        cells[0].inject(source, location="soma")


@pytest.mark.parametrize("name", NAMES)
def test_describe_names_the_parameters(sim, name):
    source = example(sim, name)
    context = source.describe(template=None)
    assert context["name"] == name
    assert set(context["parameters"]) == set(source.get_parameter_names())
    assert name in source.describe()


def test_cells_that_setup_has_forgotten_take_no_current(sim):
    forgotten = sim.Population(2, sim.IF_curr_exp())
    sim.setup()
    with pytest.raises(RuntimeError, match="before the last setup"):
        sim.DCSource(amplitude=1.0).inject_into(forgotten)
