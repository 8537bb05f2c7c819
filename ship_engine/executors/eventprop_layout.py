"""Where the functions of `ship_engine.compiled.eventprop` find their arrays.

They get the address of a table of integers, most of which are addresses.  A block is a number of
groups that are computed together; its neurons are numbered through.  A slot is a group that emits
spikes into the block: groups outside come first, those of the block follow.
"""

from __future__ import annotations

NEURONS, PARAMETERS, INITIAL, SLOT, CELL = range(5)
"""Number of neurons; float64 rows of `PARAMETER_ROW` and of 3 (v, both currents) for each neuron;
int32: each neuron's slot, and its number in its group."""
PATH_BEGIN, PATH_START, PATH_OFFSET = range(5, 8)
"""int64: the first projection of each slot; of each projection, the address of `Synapses.start`
and its first synapse in the arrays of the block."""
TARGET, WEIGHT, DELAY = range(8, 11)
"""Of each synapse: int32, twice the neuron, plus one for the second port; float64, nA and ms."""
OUTSIDE_BEGIN, OUTSIDE_TIME, OUTSIDE_SLOT, OUTSIDE_CELL = range(11, 15)
"""Spikes from outside, by sample and time: int64 the first of each sample; float64; int32."""
SCALARS, WINDOWS, BUCKETS, HEAD = range(15, 19)
"""float64: end of the simulation and length of a window (ms); how many windows there are, and for
how many of them arrivals are kept at a time; int64 [buckets, neurons]: an arrival, or -1."""
NODE_TIME, NODE_SYNAPSE, NODE_SPIKE, NODE_NEXT, NODE_CAPACITY = range(19, 24)
"""Arrivals that are to come, in lists: float64, int32, int32, int32."""
SORT_KEY, SORT_ITEM = range(24, 26)
"""float64 and int32 [2, node capacity]: what sorting takes."""
TAPE_BEGIN, TAPE_END, TAPE_NEURON, TAPE_WHAT, TAPE_SPIKE, TAPE_TIME, TAPE_CAPACITY = range(26, 33)
"""Events in the order in which they were computed: int64 the first and the last of each sample;
int32; int32: a synapse, `FIRED` or `RELEASED`; int32: which spike arrived or was fired, -1 - k for
number k from outside; float64 (ms)."""
FIRE_TIME, FIRE_SAMPLE, FIRE_NEURON, FIRE_SLOPE, RELEASE_SLOPE, FIRE_CAPACITY = range(33, 39)
"""Spikes of the block: float64 (ms), int32, int32; float64: dv/dt (mV/ms) just before it, and just
after the refractory period."""
STATE, POSITION, LAST_FIRED, STILL_HELD, COUNTERS = range(39, 44)
"""float64 [neurons, `STATE_ROW`]; int64: the next sample of v, and the last spike; uint8
[batch, neurons]: whether the refractory period outlasts the simulation; int64 `COUNTER_ROW`."""
TIMES, TIME_COUNT, OUT, OUT_STRIDE = range(44, 48)
"""float64 (ms) and how many: when v is recorded; int64: for each neuron the address of its first
recorded v, or of the gradient, or 0; and float64 from one time to the next."""
ADJOINT, GRADIENT_FIRED, GRADIENT_OUTSIDE, GRADIENT_WEIGHT, GRADIENT_DELAY = range(48, 53)
"""float64 [neurons, `ADJOINT_ROW`]; gradients of spike times, weights and delays."""
LENGTH = 53

V_INFINITY, RATE_M, ELASTANCE, RATE_EXC, RATE_INH, REFRACTORY, V_RESET, V_THRESH = range(8)
"""A neuron's parameters: mV, 1/ms, 1/nF, 1/ms, 1/ms, ms, mV, mV."""
PARAMETER_ROW = 8
V, EXC, INH, NOW, FREE_AT, WAKE, HELD = range(7)
"""A neuron's state: mV, nA, nA at the time NOW (ms); the end of the last refractory period; when
it fires if nothing arrives before; 1 if v is held."""
STATE_ROW = 8
OF_V, OF_EXC, OF_INH, UNTIL, IS_HELD, OF_RELEASE = range(6)
"""A neuron's adjoint at the time UNTIL."""
ADJOINT_ROW = 6
NODES, FREE, EVENTS, SPIKES, FULL, SAMPLE = range(6)
"""Counters: nodes in use or once used, the first unused again, events, spikes; whether something
had no room; which sample is computed."""
COUNTER_ROW = 6

FIRED, RELEASED = -1, -2
"""What an event is, if not an arrival."""
