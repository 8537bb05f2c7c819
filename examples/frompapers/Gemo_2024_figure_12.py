"""What a liquid has to be like to tell heartbeats: figure 12 of the SHIP paper.

The liquid state machine of Gemo_2024_heartbeats.py tells four kinds of beats (R, A, V, F), with 81
liquids: the membrane time constant goes from 10 ms to 100 s, the scaling factor phi of recurrent
weights from 0.1 to 0.9. For each the accuracy is shown against phi, the spikes of the liquid, and
the integral of the currents of its recurrent synapses, which stands for energy; both per beat.

Gemo, Spiga & Brivio (2024), Front. Neurosci. 17:1270090, section 4.3. What differs, besides what
Gemo_2024_heartbeats.py lists:

- inputs are a tenth as strong there, and phi counts twice as much, so that the grid reaches from a
  liquid that hardly fires to one that fires as often as it can. That was chosen by the number of
  spikes and by looking at such a picture, so its accuracies compare liquids and are no results;
- 250 beats of a kind are for the test, so that one accuracy is good to about 1 %;
- the read-out is trained on what each neuron contributes to scores, which is what the whole
  network comes to: scores are linear in the weights.

Liquids of 100 ms or more turn out equally good, 86 to 87 % at small phi, with 80 to 300 spikes per
beat; the more recurrence makes of that, the worse (80 % above 8,000 spikes). Those of 30 ms fire
too little (74 %), those of 10 ms hardly at all (38 %). In the paper the best have a large phi,
3,000 to 6,000 spikes and short time constants. Both say that a liquid can fire too little and too
much.

Usage: python Gemo_2024_figure_12.py [--seeds 1] [--small]

A seed takes ten minutes. `--small` takes 9 liquids and little data; see there.
"""

import argparse
import datetime
import time

import matplotlib
import numpy as np
import torch
from Gemo_2024_heartbeats import (
    BATCH,
    DECAY,
    DT,
    INPUT_WEIGHT,
    STEPS,
    STYLE,
    TAU_SYNAPSE,
    contributions,
    describe_machine,
    divide,
    liquid,
    load,
    save,
    simulate,
    spikes_of,
    where,
    whitening,
)

matplotlib.use("Agg")
import matplotlib.pyplot as plt

NAME = "Gemo_2024_figure_12"
KINDS = ("R", "A", "V", "F")
TAUS = (10.0, 30.0, 100.0, 330.0, 1e3, 3.3e3, 1e4, 3.3e4, 1e5)  # ms
PHIS = tuple(k / 10.0 for k in range(1, 10))
WEAK, STRONG = 0.1, 2.0  # inputs and recurrence, of those in the other file
TRAIN, TEST = 500, 250  # beats of a kind
EPOCHS, RATE = 20, 0.03
SHOWN = 18.0  # percent below the best


def arguments():
    parser = argparse.ArgumentParser(description="Figure 12 of the SHIP paper.")
    parser.add_argument("--seeds", type=int, default=1, help="how many (1)")
    parser.add_argument("--small", action="store_true", help="few liquids, little data")
    return parser.parse_args()


# === A liquid =====================================================================================


def linear_read_out(features, labels, seed, epochs):
    """Weights [neuron, kind], trained nearly as in the other file."""
    to_weights = whitening(features).forward
    free = torch.zeros(features.shape[1], len(KINDS), requires_grad=True)
    optimizer = torch.optim.AdamW([free], lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        for batch in torch.randperm(len(labels), generator=generator).split(BATCH):
            scores = features[batch] @ to_weights(free)
            loss = torch.nn.functional.cross_entropy(scores, labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
    return to_weights(free.detach())


def integrated_currents(net, spikes):
    """Integrals of the recurrent currents' absolute values: [beat].

    That is what the monitor `integrated_current` adds up; from spikes it takes a fiftieth of the
    time, since what a spike adds depends only on how much time is left, and on weights.
    """
    left = DT * torch.arange(STEPS, 0, -1)
    weights = (net["RR"].w * net["RR"].w_scale).abs().sum(dim=2)[0]
    adds = TAU_SYNAPSE * (1.0 - torch.exp(-left / TAU_SYNAPSE))
    return torch.cat([adds @ part.float() @ weights for part in spikes.split(500)])


def measure(seed, tau_beta, phi, encoded, labels, trained, epochs):
    """Accuracy, spikes and integrated current of a liquid."""
    net = liquid(seed, tau_beta, STRONG * phi, WEAK * INPUT_WEIGHT)
    spikes = simulate(net, encoded)
    features, count = contributions(spikes), len(labels) - trained
    weights = linear_read_out(features[:trained], labels[:trained], seed, epochs)
    found = (features[trained:] @ weights).argmax(dim=1)
    return {
        "seed": seed,
        "tau_beta": tau_beta,
        "phi": phi,
        "accuracy": int((found == labels[trained:]).sum()) / count,
        "spikes": float(spikes.sum(dtype=torch.float64) / len(spikes)),
        "current": float(integrated_currents(net, spikes).mean()),
    }


def check_currents(encoded):
    """Compare with the monitor, for a few beats and one liquid."""
    net = liquid(0, 1000.0, STRONG * 0.4, WEAK * INPUT_WEIGHT)
    mine = integrated_currents(net, simulate(net, encoded))
    net.set_monitor("RR", "integrated_current")
    simulate(net, encoded)
    monitored = net.get_monitored_results().RR.integrated_current
    np.testing.assert_allclose(mine, monitored, rtol=1e-3)


def grid(seed, small):
    """Measure liquids that differ in both parameters."""
    beats, begun = load(small), time.perf_counter()
    of_kinds = np.flatnonzero(np.isin(beats.symbols, KINDS))
    most, taus, phis, epochs = TRAIN + TEST, TAUS, PHIS, EPOCHS
    if small:
        most, taus, phis, epochs = 60, TAUS[::4], PHIS[::4], 5
    rng = np.random.default_rng(seed)
    sides = divide(beats.symbols, of_kinds, rng, TEST / (TRAIN + TEST), most)
    chosen = np.concatenate(sides)
    encoded = spikes_of(beats, chosen)
    labels = torch.tensor([KINDS.index(symbol) for symbol in beats.symbols[chosen]])
    check_currents(encoded[:: len(encoded) // 10])
    rows = []
    for tau in taus:
        rows += [measure(seed, tau, phi, encoded, labels, len(sides[0]), epochs) for phi in phis]
        told = " ".join(f"{100.0 * row['accuracy']:.1f}" for row in rows[-len(phis) :])
        print(f"tau = {tau:g} ms: {told} %, {time.perf_counter() - begun:.0f} s", flush=True)
    return rows


def means(rows, name):
    """Means over seeds: [tau, phi]."""
    taus, phis = axes_of(rows)
    found = [
        [np.mean([r[name] for r in rows if (r["tau_beta"], r["phi"]) == (t, p)]) for p in phis]
        for t in taus
    ]
    return np.array(found)


def axes_of(rows):
    return sorted({row["tau_beta"] for row in rows}), sorted({row["phi"] for row in rows})


# === Tell =========================================================================================


def table(result):
    """The results in markdown."""
    rows = result["rows"]
    (taus, phis), accuracy = axes_of(rows), 100.0 * means(rows, "accuracy")
    spikes, current = means(rows, "spikes"), means(rows, "current")
    best = accuracy.argmax(axis=1)
    lines = [
        f"# Accuracy (%) by time constant and phi, {len(KINDS)} kinds of beats",
        "",
        where(result["machine"], result["threads"]),
        f"{result['seconds']:.0f} s in all, seeds: {result['seeds']}.",
        "",
        f"| tau (ms) | {' | '.join(map(str, phis))} | spikes at the best | current at the best |",
        "|---:|" + "---:|" * (len(phis) + 2),
    ]
    for i, tau in enumerate(taus):
        numbers = " | ".join(f"{value:.1f}" for value in accuracy[i])
        at = i, best[i]
        lines.append(f"| {tau:g} | {numbers} | {spikes[at]:.0f} | {current[at]:.0f} |")
    numbers = " | ".join(f"{value:.1f}" for value in accuracy.max(axis=0))
    return "\n".join([*lines, f"| best | {numbers} | | |"])


# === Draw =========================================================================================


def draw(result, path):
    plt.rcParams.update(STYLE)
    rows = result["rows"]
    (taus, phis), accuracy = axes_of(rows), 100.0 * means(rows, "accuracy")
    shades = matplotlib.colormaps["viridis_r"](np.linspace(0.08, 1.0, len(taus)))
    figure, axes = plt.subplots(2, 3, figsize=(9.6, 5.8), layout="constrained", sharey=True)
    across = (
        ("A   by the scaling factor", r"$\varphi$", np.broadcast_to(phis, accuracy.shape)),
        ("B   by spikes", "spikes of the liquid per beat", means(rows, "spikes")),
        ("C   by current", "integral of recurrent currents per beat", means(rows, "current")),
    )
    for axis, (title, label, values) in zip(axes[0], across, strict=True):
        for i, tau in enumerate(taus):
            told = f"{tau:g} ms" if tau < 1000.0 else f"{tau / 1000.0:g} s"
            axis.plot(values[i], accuracy[i], "o-", ms=3, lw=1, color=shades[i], label=told)
        axis.set(title=title, xlabel=label)
    for axis in (*axes[0, 1:], axes[1, 0]):
        axis.set_xscale("log")
    axes[1, 0].plot(taus, accuracy.max(axis=1), color="0.6", lw=1, zorder=1)
    axes[1, 0].scatter(taus, accuracy.max(axis=1), c=shades, s=24)
    axes[1, 0].set(title="D   best of each time constant", xlabel=r"$\tau_\beta$ (ms)")
    axes[1, 1].plot(phis, accuracy.max(axis=0), "o-", ms=4, lw=1, color="0.2")
    axes[1, 1].set(title="E   best of each scaling factor", xlabel=r"$\varphi$")
    lowest = accuracy.max() - SHOWN
    hidden = [i for i in range(len(taus)) if accuracy[i].max() < lowest]
    told = [f"{taus[i]:g} ms: at most {accuracy[i].max():.0f} %" for i in hidden]
    axes[0, 0].text(0.02, 0.03, "\n".join(told), transform=axes[0, 0].transAxes, color="0.45")
    axes[0, 0].set_ylim(lowest, accuracy.max() + 2.0)
    for axis in axes[:, 0]:
        axis.set_ylabel("accuracy (%)")
    axes[1, 2].axis("off")
    handles = axes[0, 0].get_legend_handles_labels()
    axes[1, 2].legend(
        *handles, title=r"$\tau_\beta$ of the liquid", frameon=False, loc="center left", ncols=2
    )
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main():
    given, start = arguments(), time.perf_counter()
    rows = [row for seed in range(given.seeds) for row in grid(seed, given.small)]
    result = {
        "date": datetime.date.today().isoformat(),
        "machine": describe_machine(),
        "threads": torch.get_num_threads(),
        "seconds": time.perf_counter() - start,
        **vars(given),
        "rows": rows,
    }
    save(result, NAME, table(result), draw)


if __name__ == "__main__":
    main()
