"""Recording: what, how often, in how many runs; writing it to files and reading them back.

Twenty neurons run three times, with a growing current. ``reset()`` starts the time anew and the
recording goes on in a new segment. The spikes are recorded from all neurons and the voltage from
three, every millisecond; both go to files that Neo can read without any simulator.

Usage: python 04_recording_to_files.py SIMULATOR        (ship, nest, neuron or brian2)
"""

from pathlib import Path

import numpy as np
from neo.io import PickleIO
from pyNN.utility import get_simulator, normalized_filename

sim, options = get_simulator()

# t_flush is for NEST, whose reset() needs some time to forget what was under way
sim.setup(timestep=0.1, min_delay=0.1, t_flush=10.0)
cells = sim.Population(20, sim.IF_cond_exp(i_offset=np.linspace(0.5, 1.0, 20)), label="cells")
cells.annotate(layer="4")
cells.record("spikes")
cells[0, 10, 19].record("v", sampling_interval=1.0)

for factor in (1.0, 1.5, 2.0):
    cells.set(i_offset=np.linspace(0.5, 1.0, 20) * factor)
    sim.run(200.0)
    sim.reset(annotations={"factor": factor})  # ends the segment, and says what it was

# Data in memory: a Neo block with a segment for each run
block = cells.get_data()
for number, segment in enumerate(block.segments):
    voltage = segment.filter(name="v")[0]
    print(
        f"segment {number}: {sum(len(train) for train in segment.spiketrains):3d} spikes, "
        f"v of {voltage.shape[1]} neurons at {voltage.shape[0]} times, "
        f"every {voltage.sampling_period.rescale('ms')}"
    )

# Data in files: the ending of the name says the format
path = Path(normalized_filename("Results", "recording", "pkl", options.simulator))
path.parent.mkdir(parents=True, exist_ok=True)
cells.write_data(str(path), annotations={"script": Path(__file__).name})
written = [path]
try:
    import scipy  # noqa: F401
except ImportError:
    print("no scipy, hence no .mat file")
else:
    written.append(path.with_suffix(".mat"))
    cells.write_data(str(written[-1]), clear=True)  # with clear=True the memory is freed
sim.end()
for file in written:
    print(f"{file}: {file.stat().st_size / 1e3:.0f} kB")

# Back again, by anyone who has Neo
again = PickleIO(str(path)).read_block()
facts = again.annotations
print(f"read back: {again.name}, {facts['size']} neurons, layer {facts['layer']}")
for number, (before, after) in enumerate(zip(block.segments, again.segments, strict=True)):
    pairs = zip(before.spiketrains, after.spiketrains, strict=True)
    same = all(np.array_equal(one, other) for one, other in pairs)
    print(f"segment {number}: {'the same' if same else 'other'} spike times, {after.annotations}")
