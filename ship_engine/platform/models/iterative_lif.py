"""The leaky integrate-and-fire neuron of STBP."""

from __future__ import annotations

from ship_engine.models.base import Model, Parameter, State


class IterativeLIF(Model):
    """Leaky integrate-and-fire neuron that forgets a fixed share of its potential in a step.

    u(t + dt) = decay u(t) + input, and a spike where u >= thr; then u = 0, from which the next step
    goes on.  The time constant is contained in the decay, thus it does not depend on dt.

    Wu, Deng, Li, Zhu & Shi (2018), Front. Neurosci. 12:331, equations 9 to 11.
    """

    name = "IterativeLIF"
    parameters = (
        Parameter("decay", 0.2, "", minimum=0.0, maximum=1.0),
        Parameter("thr", 0.5, "", minimum=0.0, exclusive=True),
    )
    states = (State("u", 0.0, ""),)
    reset_states = ("u",)

    @staticmethod
    def time_dep():
        return ()

    @staticmethod
    def advance_timestep(u, input, decay):
        return (decay * u + input,)

    @staticmethod
    def threshold(u, thr):
        return u - thr

    @staticmethod
    def reset():
        return (0.0,)
