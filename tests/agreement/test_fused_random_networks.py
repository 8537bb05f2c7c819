"""Networks drawn at random are the same on the executors 'fused' and 'torch' of the platform."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from test_fused_platform import SOURCES, Recipe, assert_same, loss_of, spikes
from torch import Tensor

from ship_engine import LIF, Input, LeakySynapse, delayed


@pytest.mark.parametrize("seed", range(12))
def test_random_networks(seed: int) -> None:
    """Any groups, connected at random, with loops and delays of all kinds."""
    both = []
    for executor in ("torch", "fused"):
        random = np.random.default_rng(seed)
        recipe = Recipe(executor, learn=True)
        net = recipe.net
        sizes = random.integers(1, 5, random.integers(2, 5))
        net.add(Input, "I", N=SOURCES)
        for k, size in enumerate(sizes):
            late = random.random() < 0.4
            delays = {"delay_time": torch.tensor(random.integers(0, 6, size) / 1.0)}
            net.add(delayed(LIF) if late else LIF, f"N{k}", N=int(size), is_output=True,
                    **(delays if late else {}))  # fmt: skip
            net.set_monitor(f"N{k}", "u")
        ends = [(int(a), int(b)) for a, b in random.integers(0, len(sizes), (6, 2))]
        pairs = [("I", f"N{k}") for k in range(len(sizes)) if k == 0 or random.random() < 0.5]
        pairs += [(f"N{a}", f"N{b}") for a, b in dict.fromkeys(ends)][: len(sizes) + 1]
        for k, (source, target) in enumerate(pairs):
            shape = (SOURCES if source == "I" else int(sizes[int(source[1:])]),
                     int(sizes[int(target[1:])]))  # fmt: skip
            kind, options = LeakySynapse, {}
            if random.random() < 0.4:
                kind = delayed(LeakySynapse)
                later = random.integers(0, 4, [(), (shape[1],)][random.integers(2)])
                options["delay_time"] = torch.tensor(later / 1.0)
            weight = recipe.leaf(f"w{k}", -0.1, 0.3, *shape)
            scale = 0.25 if source == "I" else 0.8
            net.add(kind, f"S{k}", source=source, target=target, w=weight, w_scale=scale, **options)
        net.init(dt=1.0)
        out = net.run(spikes(seed))
        outputs = [out] if isinstance(out, Tensor) else [*out.values()]
        potentials = [net.get_monitored_results()[f"N{k}"].u for k in range(len(sizes))]
        loss_of([*outputs, *potentials]).backward()
        found = {f"output {k}": x.detach() for k, x in enumerate([*outputs, *potentials])}
        zeros = {n: torch.zeros_like(leaf) for n, leaf in recipe.leaves.items()}
        grads = {
            n: zeros[n] if leaf.grad is None else leaf.grad for n, leaf in recipe.leaves.items()
        }
        both.append(found | grads)
    assert_same(both[1], both[0], 1e-9)
    assert both[0]["output 0"].sum() > 0.0
    assert both[0]["w0"].any()
