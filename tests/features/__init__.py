"""
One probe for each feature that PyNN 0.13 can express.

A probe is a function of the simulator. It exercises the feature through PyNN's interface alone and
checks numbers: it raises if something is wrong, returns None if the answer is yes, and returns the
simulator's own words where it refuses. ``python -m tests.features`` prints the table.
"""
