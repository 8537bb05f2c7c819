"""Decoders that learn online from an error: PES, the prescribed error sensitivity rule.

An ensemble of leaky integrate-and-fire neurons is given a signal x(t). What is decoded from its
spikes shall become f(x(t)): x itself (a communication channel), its square, or sin(pi x). Decoders
begin at zero and change in every time step against the error, as long as the signal is shown; then
they are tested with signals that were never shown. The signals are white noise up to 2 Hz.

The second table is Voelker's result: to a constant input, the error decays as exp(-t / tau) with
1 / tau = rate a², where a² is the squared length of the filtered activity.

What is not the papers': targets pass through the same filter as the spikes, since no decoders make
up for its delay; what is decoded is a value, not the input of another ensemble.

MacNeil & Eliasmith (2011), PLoS ONE 6:e22885; Voelker (2015), Technical report, Centre for
Theoretical Neuroscience, University of Waterloo.

Usage: python Voelker_2015.py [--seeds 5] [--seconds 40] [--neurons 25 50 100 200 400] [--small]
"""

import argparse
import math

import numpy as np
import torch

from ship_engine import LI, Input, Network
from ship_engine.learning.pes import PES, squared_error
from ship_engine.learning.rules import Course, filtered
from ship_engine.platform.models.integrate_and_fire import LIFWithinStep
from ship_engine.platform.models.synapses import Wire
from ship_engine.training.platform_module import PlatformModule
from ship_engine.training.trainer import Trainer

TAU, TAU_RC, TAU_REF = 20.0, 20.0, 2.0  # ms: of the filter, the membrane, the refractory period
FUNCTIONS = {"x": lambda x: x, "x^2": lambda x: x**2, "sin(pi x)": lambda x: np.sin(np.pi * x)}
RATE = 5e-3  # of learning, in 1/ms, of all neurons together
SAMPLE = 2000  # time steps of 1 ms in which a signal is shown


def ensemble(neurons, random):
    """Encoders, gains and biases: rates of 100 to 200 Hz at most, beginning anywhere in -1 to 1."""
    encoder = random.choice([-1.0, 1.0], neurons)
    begin, most = random.uniform(-0.95, 0.95, neurons), random.uniform(0.1, 0.2, neurons)  # 1/ms
    highest = 1.0 / -np.expm1((TAU_REF - 1.0 / most) / TAU_RC)
    gain = (highest - 1.0) / (1.0 - begin)
    return gain * encoder, 1.0 - gain * begin


def channel(neurons, random):
    """The network: a signal, the ensemble, and what is decoded."""
    weight, bias = ensemble(neurons, random)
    net = Network(executor="fused", dtype=torch.float64)
    net.add(Input, "I", N=1)
    net.add(LIFWithinStep, "H", N=neurons, tau_rc=TAU_RC, tau_ref=TAU_REF, bias=torch.tensor(bias))
    net.add(LI, "O", N=1, tau_beta=TAU, u_min=-math.inf)
    net.add(Wire, "IH", source="I", target="H", w=torch.tensor(weight)[None])
    net.add(Wire, "HO", source="H", target="O", w=torch.zeros(neurons, 1))
    net.init(dt=1.0)
    return PlatformModule(net, ["HO"])


def signals(count, random, highest=2.0):
    """White noise up to `highest` Hz, between -1 and 1: [sample, time, 1]."""
    amplitude = random.normal(size=(count, SAMPLE // 2 + 1)) + 1j * random.normal(
        size=(count, SAMPLE // 2 + 1)
    )
    frequency = np.fft.rfftfreq(SAMPLE, 1e-3)
    x = np.fft.irfft(amplitude * ((frequency > 0.0) & (frequency <= highest)), SAMPLE)
    return (x / np.abs(x).max(1, keepdims=True))[..., None]


def targets(x, function):
    """f(x), as the filter of the output passes it on."""
    decay = math.exp(-1.0 / TAU)
    return ((1.0 - decay) * filtered(torch.as_tensor(FUNCTIONS[function](x)), decay)).numpy()


def nrmse(trainer, x, target):
    """The error of signals that were not shown, in units of the target's standard deviation."""
    return math.sqrt(trainer.evaluate(x, target).loss) / target.std()


def learned(function, neurons, seed, samples):
    """Errors when nothing, a quarter, and all was shown, and milliseconds for each second shown."""
    random = np.random.default_rng(seed)
    trainer = Trainer(
        channel(neurons, random),
        Course(),
        squared_error,
        rule=PES(rate=RATE / neurons, tau=TAU),
        learning_rate=1.0,
        seed=seed,
    )
    x, unseen = signals(samples, random), signals(5, random)
    shown, wanted = targets(x, function), targets(unseen, function)
    found, took = [nrmse(trainer, unseen, wanted)], 0.0
    for epoch, part in enumerate((slice(0, samples // 4), slice(samples // 4, None)), start=1):
        trainer.fit(x[part], shown[part], epoch, batch_size=1, progress=False)
        took += trainer.history["seconds"][-1]
        found.append(nrmse(trainer, unseen, wanted))
    return found, 1e3 * took / (samples * SAMPLE * 1e-3)


def decay_of_error(neurons, seed, rate):
    """How fast an error to a constant input decays (ms): measured, and by Voelker's formula."""
    random = np.random.default_rng(seed)
    module = channel(neurons, random)
    x = np.full((1, 400, 1), 0.5)
    module.watch(["H"])
    with torch.no_grad():
        spikes = module(torch.as_tensor(x)).spikes["H"]
    decay = math.exp(-1.0 / TAU)
    activity = filtered(spikes, decay)[0, 200:]  # the membrane and the filter have settled
    error = np.empty(200)
    decoders = torch.zeros(neurons, dtype=torch.float64)
    for step, a in enumerate(activity):
        error[step] = float(decoders @ a) - 1.0
        decoders -= rate * a * error[step]
    squared = float(activity.square().sum(1).mean())
    fit = np.polyfit(np.arange(60), np.log(np.abs(error[:60])), 1)
    return -1.0 / fit[0], 1.0 / (rate * squared)


def main():
    """Learn, and tell."""
    parser = argparse.ArgumentParser(description="Decoders that learn online by PES.")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=40.0, help="of signals that are shown")
    parser.add_argument("--neurons", type=int, nargs="+", default=[25, 50, 100, 200, 400])
    parser.add_argument("--small", action="store_true", help="a minute or less, to see it work")
    chosen = parser.parse_args()
    if chosen.small:
        chosen.seeds, chosen.seconds, chosen.neurons = 1, 16.0, [50]
    torch.set_num_threads(1)
    samples = round(chosen.seconds * 1e3 / SAMPLE)
    print("f(x)       neurons  NRMSE before  after 1/4   after all        ms per second shown")
    for function in FUNCTIONS:
        for neurons in chosen.neurons:
            made = [learned(function, neurons, seed, samples) for seed in range(chosen.seeds)]
            errors, took = np.array([one[0] for one in made]), np.mean([one[1] for one in made])
            (before, quarter, end), spread = errors.mean(0), errors[:, 2].std()
            print(
                f"{function:10s} {neurons:7d}  {before:12.3f}  {quarter:9.3f}   {end:.3f} ± "
                f"{spread:.3f}    {took:8.0f}",
                flush=True,
            )
    print("neurons   rate (1/ms)   decay of the error (ms): measured, rate a²")
    for neurons in chosen.neurons:
        for rate in (0.5 * RATE / neurons, RATE / neurons):
            made = [decay_of_error(neurons, seed, rate) for seed in range(chosen.seeds)]
            measured, formula = np.mean(made, axis=0)
            print(f"{neurons:7d}   {rate:11.2e}   {measured:8.1f}   {formula:8.1f}")


if __name__ == "__main__":
    main()
