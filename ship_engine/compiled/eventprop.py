"""Leaky neurons from event to event: exact spike times, and the adjoint of all of them.

`ship_engine.executors.eventprop` states the equations.  Both functions take the address of a table
(`ship_engine.executors.eventprop_layout`) and the range of samples that they compute.

Time is divided into windows shorter than any delay inside a block, so that in a window each neuron
can be computed by itself: all that reaches it was emitted in windows before, by groups outside, or,
without delay, by groups that come before its own.  Whatever happens is written on a tape, which the
adjoint follows backwards.
"""

from __future__ import annotations

