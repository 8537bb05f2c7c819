"""What `Gemo_2024_spoken_digits.py` found, as tables and as a picture."""

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt

BLUE, RED, DARK = "#2e86ab", "#d1495b", "0.2"


def percent(values):
    """Mean and standard deviation over seeds."""
    values = 100.0 * np.asarray(values)
    return f"{values.mean():.1f} ± {values.std(ddof=1) if len(values) > 1 else 0.0:.1f}"


def tables(result):
    """The results in markdown."""
    rows, seconds = result["seeds"], {}
    for name in ("liquid", "training", "devices"):
        seconds[name] = np.mean([row["seconds"][name] for row in rows])
    machine, what = result["machine"], "validation" if result["validate"] else "test"
    lines = [
        f"# Spoken digits: {result['neurons']} neurons, {result['recordings']} recordings",
        "",
        f"{result['date']}, {machine['cpu']}, {machine['usable_cores']} cores, "
        f"{result['threads']} thread(s), {machine['system']}.",
        f"{result['seconds']:.0f} s in all, {result['ear_seconds']:.0f} s of them for the ear; a "
        f"seed took {sum(seconds.values()):.0f} s: the liquid {seconds['liquid']:.0f} s, "
        f"{result['epochs']} epochs {seconds['training']:.0f} s, devices "
        f"{seconds['devices']:.0f} s.",
        "",
        f"| seed | training (%) | {what} (%) |",
        "|---:|---:|---:|",
        *(f"| {r['seed']} | {100 * r['training']:.1f} | {100 * r['test']:.1f} |" for r in rows),
        f"| mean ± std | {percent([r['training'] for r in rows])} | "
        f"**{percent([r['test'] for r in rows])}** |",
        f"| best | {100 * max(r['training'] for r in rows):.1f} | "
        f"{100 * max(r['test'] for r in rows):.1f} |",
        "",
    ]
    if result["bits"]:
        lines += [
            f"| bits | {what}, quantised after training (%) | aware of it (%) |",
            "|---:|---:|---:|",
        ]
    for n in result["bits"]:
        after, aware = (percent([row[kind][n] for row in rows]) for kind in ("after", "aware"))
        lines.append(f"| {n} | {after} | {aware} |")
    return "\n".join(lines)


def draw(result, path):
    plt.rcParams.update(
        {
            "font.size": 9,
            "axes.titlesize": 10,
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    )
    count = 3 if result["bits"] else 2
    figure, axes = plt.subplots(1, count, figsize=(3.6 * count, 3.5), layout="constrained")
    draw_learning(axes[0], result)
    draw_confusion(figure, axes[1], result)
    if result["bits"]:
        draw_devices(axes[2], result)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def draw_learning(axis, result):
    rows = result["seeds"]
    epochs = np.arange(1, result["epochs"] + 1)
    for side, colour in (("training", DARK), ("test", BLUE)):
        courses = 100.0 * np.array([row["by_epoch"][side] for row in rows])
        axis.fill_between(epochs, courses.min(0), courses.max(0), color=colour, alpha=0.18, lw=0)
        final = 100.0 * np.mean([row[side] for row in rows])
        axis.plot(epochs, courses.mean(0), color=colour, label=f"{side}: {final:.1f} % in the end")
    lowest = min(min(row["by_epoch"]["test"]) for row in rows)
    axis.set(
        title=f"A   learning, {len(rows)} seeds (mean, range)",
        xlabel="epoch",
        ylabel="accuracy (%)",
        ylim=(10.0 * np.floor(10.0 * lowest), 101),
    )
    axis.legend(frameon=False, loc="lower right")


def draw_confusion(figure, axis, result):
    counts = np.sum([row["confusion"] for row in result["seeds"]], axis=0)
    share = 100.0 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axis.imshow(share, cmap="Blues", vmin=0, vmax=100)
    for said in range(len(share)):
        for taken in range(len(share)):
            value = share[said, taken]
            if value >= 0.5:
                colour = "white" if value > 50 else DARK
                axis.text(
                    taken, said, f"{value:.0f}", ha="center", va="center", color=colour, size=7
                )
    axis.set(
        title="B   test recordings of all seeds (%)",
        xlabel="taken for",
        ylabel="said",
        xticks=range(len(share)),
        yticks=range(len(share)),
    )
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)


def draw_devices(axis, result):
    rows, bits = result["seeds"], result["bits"]
    full = 100.0 * np.mean([row["test"] for row in rows])
    axis.axhline(full, color="0.5", lw=0.8, linestyle=(0, (4, 3)))
    axis.text(bits[0] - 0.3, full + 1, "full precision", color="0.45", size=8, va="bottom")
    axis.axhline(10.0, color="0.75", lw=0.8)
    axis.text(bits[0] - 0.3, 11, "chance", color="0.6", size=8, va="bottom")
    told = (("after", RED, "after training", -0.06), ("aware", BLUE, "aware of it", 0.06))
    for kind, colour, label, shift in told:
        found = 100.0 * np.array([[row[kind][n] for n in bits] for row in rows])
        at = np.array(bits) + shift
        axis.plot(np.broadcast_to(at, found.shape), found, ".", color=colour, alpha=0.3, mew=0)
        spread = found.std(axis=0, ddof=1) if len(rows) > 1 else None
        axis.errorbar(
            at, found.mean(axis=0), spread, color=colour, capsize=2, marker="o", ms=4, label=label
        )
    axis.set(
        title="C   weights in devices (mean, std, seeds)",
        xlabel="bits",
        ylabel="accuracy (%)",
        xticks=bits,
        xlim=(bits[0] - 0.35, bits[-1] + 0.35),
        ylim=(0, 104),
    )
    axis.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 0.12))
