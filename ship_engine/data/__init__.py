"""Data for networks: encoders, batches, splits, event files and data sets.

Everything is NumPy at the core; tensors of torch come back as tensors, and torch is imported only
where tensors are made.  Time is in ms, rates are in Hz, and arrays are [batch, time, component].
"""

from __future__ import annotations

from ship_engine.data.batches import Batch, Batches, Padded, pad_sequences
from ship_engine.data.datasets.braille import BrailleLetters, load_braille, read_braille
from ship_engine.data.datasets.iris import Iris, load_iris
from ship_engine.data.datasets.mitdb import (
    Electrocardiogram,
    Heartbeats,
    heartbeats,
    load_mitdb,
    read_record,
)
from ship_engine.data.datasets.mnist import HandwrittenDigits, load_mnist
from ship_engine.data.datasets.nmnist import EventDigits, load_small_nmnist
from ship_engine.data.datasets.spoken_digits import SpokenDigits, load_spoken_digits
from ship_engine.data.encoders.cochlea import cochleagrams, encode_cochlea, least_maximum
from ship_engine.data.encoders.delta import decode_delta, encode_delta
from ship_engine.data.encoders.latency import encode_latency, latencies
from ship_engine.data.encoders.lyon_ear import LyonEar
from ship_engine.data.encoders.population import encode_population, receptive_fields
from ship_engine.data.encoders.rate import (
    encode_poisson,
    encode_rate,
    random_spikes_of_rates,
    spikes_of_rates,
)
from ship_engine.data.event_files import (
    SpikeCounts,
    read_events,
    read_spike_counts,
    write_events,
    write_spike_counts,
)
from ship_engine.data.events import Events, events_to_batch
from ship_engine.data.interpolation import interpolate, resample, stretch
from ship_engine.data.splits import Split, duplicate_groups, limit_per_class, split

__all__ = [
    "Batch",
    "Batches",
    "BrailleLetters",
    "Electrocardiogram",
    "EventDigits",
    "Events",
    "HandwrittenDigits",
    "Heartbeats",
    "Iris",
    "LyonEar",
    "Padded",
    "SpikeCounts",
    "Split",
    "SpokenDigits",
    "cochleagrams",
    "decode_delta",
    "duplicate_groups",
    "encode_cochlea",
    "encode_delta",
    "encode_latency",
    "encode_poisson",
    "encode_population",
    "encode_rate",
    "events_to_batch",
    "heartbeats",
    "interpolate",
    "latencies",
    "least_maximum",
    "limit_per_class",
    "load_braille",
    "load_iris",
    "load_mitdb",
    "load_mnist",
    "load_small_nmnist",
    "load_spoken_digits",
    "pad_sequences",
    "random_spikes_of_rates",
    "read_braille",
    "read_events",
    "read_record",
    "read_spike_counts",
    "receptive_fields",
    "resample",
    "spikes_of_rates",
    "split",
    "stretch",
    "write_events",
    "write_spike_counts",
]
