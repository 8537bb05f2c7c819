"""States that have decayed to almost nothing become nothing, and then cost nothing."""

from __future__ import annotations

import pytest
import torch

from ship_engine import LI, Input, LeakySynapse, Network
from ship_engine.platform.subnormals import subnormals_are_zero, taken_as_zero

CAN = torch.set_flush_denormal(True)
torch.set_flush_denormal(False)
needs_processor = pytest.mark.skipif(not CAN, reason="this processor keeps subnormal numbers")


@needs_processor
def test_only_meanwhile():
    with subnormals_are_zero():
        assert taken_as_zero()
        with subnormals_are_zero():
            assert taken_as_zero()
        assert taken_as_zero()
    assert not taken_as_zero()


@needs_processor
def test_also_after_an_error():
    with pytest.raises(ZeroDivisionError), subnormals_are_zero():
        1 / 0  # noqa: B018
    assert not taken_as_zero()


@needs_processor
def test_what_the_user_has_set_stays():
    torch.set_flush_denormal(True)
    try:
        with subnormals_are_zero():
            pass
        assert taken_as_zero()
    finally:
        torch.set_flush_denormal(False)


@needs_processor
@pytest.mark.parametrize("executor", ["numba", "torch"])
def test_states_reach_zero(executor):
    """Rounding alone would hold them at four or five times the smallest number."""
    network = Network(executor=executor)
    network.add(Input, "I", N=1)
    network.add(LI, "N", N=1, tau_beta=10.0)
    network.add(LeakySynapse, "S", source="I", target="N", w=1.0, tau_alpha=[[10.0]])
    network.set_monitor("S", "I")
    network.set_monitor("N", "u")
    network.init(dt=1.0, nts=1200)
    spike = torch.zeros(1, 1200, 1)
    spike[0, 0] = 1.0
    network.run(spike)
    results = network.get_monitored_results()
    assert results.S.I[0, 800] > 0.0
    assert results.S.I[0, -1] == 0.0
    assert results.N.u[0, -1] == 0.0
    assert not taken_as_zero()
