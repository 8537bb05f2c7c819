"""Events, their files, and the way to tensors and back."""

from __future__ import annotations

import builtins
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ship_engine.data import (
    Events,
    SpikeCounts,
    events_to_batch,
    read_events,
    read_spike_counts,
    write_events,
    write_spike_counts,
)
from ship_engine.errors import (
    FileFormatError,
    InvalidValueError,
    NotInstalledError,
    UnknownNameError,
)

REFERENCE = Path(__file__).resolve().parent.parent / "reference" / "events"
LIMITS = {  # columns, rows, polarities, µs
    "bs1": (2**16, 1, 2, 2**23),
    "bs2": (2**8, 2**8, 2, 2**23),
    "bs3": (2**12, 2**12, 2**8, 2**24),
    "npy": (2**16, 2**16, 2**16, 2**40),
}


@st.composite
def recordings(draw, kind):
    """Events that a format can hold, in the order of time, its extremes among them."""
    limits = [st.integers(0, limit - 1) for limit in LIMITS[kind]]
    rows = draw(st.lists(st.tuples(*limits), max_size=20))
    if draw(st.booleans()):
        rows.append(tuple(limit - 1 for limit in LIMITS[kind]))
    rows.sort(key=lambda row: row[3])
    x, y, polarity, time = np.array(rows, np.int64).reshape(-1, 4).T
    return Events(x, y, polarity, time / 1000.0)


def same(first, second):
    return all(
        np.array_equal(getattr(first, name), getattr(second, name))
        for name in ("x", "y", "polarity", "time")
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("events")


class TestFiles:
    """Files of events."""

    @pytest.mark.parametrize("kind", LIMITS)
    @settings(deadline=None)
    @given(data=st.data())
    def test_round_trip(self, kind, data, folder):
        events = data.draw(recordings(kind))
        path = folder / f"round_trip.{kind}"
        write_events(path, events)
        assert same(read_events(path), events)

    def test_bytes_of_bs1(self, folder):
        # component 0x0102 ON at 0x030405 µs: the highest bit of the third byte is the polarity
        path = folder / "known.bs1"
        path.write_bytes(bytes([0x01, 0x02, 0x83, 0x04, 0x05]))
        events = read_events(path)
        assert [events.x[0], events.y[0], events.polarity[0]] == [0x0102, 0, 1]
        assert events.time[0] == 0x030405 / 1000.0
        write_events(path, events)
        assert path.read_bytes() == bytes([0x01, 0x02, 0x83, 0x04, 0x05])

    def test_bytes_of_bs2(self, folder):
        path = folder / "known.bs2"
        path.write_bytes(bytes([0x21, 0x0A, 0x00, 0x00, 0xFF, 0x05, 0x06, 0xFF, 0xFF, 0xFF]))
        events = read_events(path, width=34, height=34)
        assert events.x.tolist() == [33, 5]
        assert events.y.tolist() == [10, 6]
        assert events.polarity.tolist() == [0, 1]
        assert events.time.tolist() == [0.255, 8388.607]
        assert (events.width, events.height, events.polarities) == (34, 34, 2)

    def test_bytes_of_bs3(self, folder):
        # x = 0x123, y = 0x456: the second byte is shared
        path = folder / "known.bs3"
        content = bytes([0x12, 0x34, 0x56, 0x07, 0x00, 0x03, 0xE8])
        path.write_bytes(content)
        events = read_events(path)
        assert [events.x[0], events.y[0], events.polarity[0]] == [0x123, 0x456, 7]
        assert events.time.tolist() == [1.0]
        write_events(path, events)
        assert path.read_bytes() == content

    def test_bytes_of_bsn(self, folder):
        path = folder / "known.bsn"
        content = bytes([0x01, 0x02, 0x00, 0x03, 0xE8, 0x04, 0x93, 0xE0, 0x00, 0x3C])
        path.write_bytes(content)
        counts = read_spike_counts(path)
        assert [column.tolist() for column in counts] == [[0x0102], [1.0], [300.0], [60]]
        write_spike_counts(path, counts)
        assert path.read_bytes() == content

    def test_npy_of_three_columns(self, folder):
        path = folder / "three.npy"
        np.save(path, [[3, 1, 0.5], [4, 0, 2.0]])
        events = read_events(path)
        assert events.x.tolist() == [3, 4]
        assert events.polarity.tolist() == [1, 0]
        assert not events.y.any()

    def test_the_format_may_be_said(self, folder):
        events = Events([1], [2], [0], [3.0])
        write_events(folder / "0001.bin", events, format="bs2")
        assert same(read_events(folder / "0001.bin", format="bs2"), events)

    def test_an_empty_file_has_no_events(self, folder):
        (folder / "empty.bs2").write_bytes(b"")
        events = read_events(folder / "empty.bs2")
        assert len(events) == 0
        assert repr(events) == "Events(0 events, width=1, height=1, polarities=2)"

    def test_time_that_goes_backwards(self, folder):
        write_events(folder / "backwards.bs2", Events([0, 0], [0, 0], [0, 0], [2.0, 1.0]))
        with pytest.raises(FileFormatError, match="from 2 to 1 ms at event 1"):
            read_events(folder / "backwards.bs2")
        events = read_events(folder / "backwards.bs2", ordered=False)
        assert events.time.tolist() == [2.0, 1.0]
        assert events.ordered().time.tolist() == [1.0, 2.0]


class TestAedat:
    """AEDAT 4, of which the reference was written by dv-processing 2.0.4."""

    def expected(self):
        """The numbers that were drawn for the reference."""
        random, ticks, rows = np.random.default_rng(0), 0, []
        for _ in range(40):
            ticks += int(random.integers(0, 900))
            rows.append([*(int(random.integers(0, limit)) for limit in (64, 48, 2)), ticks])
        x, y, polarity, time = np.array(rows).T
        return Events(x, y, polarity, (time - time[0]) / 1000.0)

    def test_reference(self):
        events = read_events(REFERENCE / "small.aedat4")
        assert same(events, self.expected())
        assert (events.width, events.height) == (64, 48)

    def test_damaged(self, folder):
        path = folder / "damaged.aedat4"
        path.write_bytes(b"#!AER-DAT2.0\r\nsomething else")
        with pytest.raises(FileFormatError, match=r"no AEDAT 4 file, or damaged: .*magic number"):
            read_events(path)

    def test_several_streams(self, folder, monkeypatch):
        import aedat

        class Decoder:
            def __init__(self, path):
                pass

            def id_to_stream(self):
                return {0: {"type": "events"}, 1: {"type": "events"}, 2: {"type": "imus"}}

            def __iter__(self):
                return iter(())

        monkeypatch.setattr(aedat, "Decoder", Decoder)
        with pytest.raises(FileFormatError, match="it has 2 among events, events, imus"):
            read_events(folder / "several.aedat4")

    def test_without_the_package(self, folder, monkeypatch):
        original = builtins.__import__

        def without(name, *arguments, **options):
            if name == "aedat":
                raise ImportError(name)
            return original(name, *arguments, **options)

        monkeypatch.setattr(builtins, "__import__", without)
        monkeypatch.delitem(sys.modules, "aedat", raising=False)
        with pytest.raises(NotInstalledError, match=r"pynn-ship\[events\]"):
            read_events(folder / "any.aedat4")


class TestTensors:
    """Events on a grid of time steps."""

    @settings(deadline=None)
    @given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 2), st.integers(1, 9), st.data())
    def test_round_trip(self, width, height, polarities, steps, data):
        count = steps * polarities * height * width
        numbers = data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))
        counts = torch.tensor(numbers).reshape(steps, polarities, height, width)
        events = Events.from_tensor(counts, 0.3)
        assert len(events) == counts.sum()
        assert torch.equal(events.to_tensor(0.3, steps, count=True, as_image=True), counts)
        flat = counts.reshape(steps, -1)
        again = Events.from_tensor(flat, 0.3, width=width, height=height, polarities=polarities)
        assert same(again, events)
        assert torch.equal(again.to_tensor(0.3, steps), flat.bool())

    def test_components(self):
        events = Events([3], [1], [1], [0.0], width=5, height=2)
        assert events.component.tolist() == [(1 * 2 + 1) * 5 + 3]
        assert events.components == 20
        assert events.to_tensor(1.0).nonzero().tolist() == [[0, 18]]

    @pytest.mark.parametrize(
        ("binning", "expected"), [("floor", [0, 0, 1, 2, 3]), ("nearest", [0, 1, 1, 2, 4])]
    )
    def test_binning(self, binning, expected):
        events = Events([0, 1, 2, 3, 4], None, [0] * 5, [0.1, 0.29999, 0.3, 0.6, 1.1])
        tensor = events.to_tensor(0.3, binning=binning)
        assert tensor.nonzero()[:, 0].tolist() == sorted(expected)
        assert tensor.shape[0] == max(expected) + 1

    def test_as_slayer_bins(self):
        """round(t / Ts), with events at the end dropped, as SLAYER's toSpikeTensor does."""
        random = np.random.default_rng(1)
        time = np.sort(random.integers(0, 330_000, 500)) / 1000.0
        events = Events(random.integers(0, 34, 500), random.integers(0, 34, 500),
                        random.integers(0, 2, 500), time, width=34, height=34)  # fmt: skip
        expected = np.zeros((300, 2, 34, 34), bool)
        step = np.round(time).astype(int)
        kept = step < 300
        expected[step[kept], events.polarity[kept], events.y[kept], events.x[kept]] = True
        made = events.to_tensor(1.0, 300, binning="nearest", outside="drop", as_image=True)
        assert np.array_equal(made.numpy(), expected)

    def test_several(self):
        events = [Events([x], None, [0], [1.0], width=3) for x in range(3)]
        batch = events_to_batch(events, 1.0, 2)
        assert tuple(batch.shape) == (3, 2, 6)
        assert batch[:, 1].nonzero().tolist() == [[0, 0], [1, 1], [2, 2]]

    def test_parts_and_shifts(self):
        events = Events([0, 1, 2], None, [0, 0, 0], [1.0, 2.0, 3.0], width=9)
        assert events.between(1.0, 3.0).x.tolist() == [0, 1]
        assert events.shifted(-2.0).time.tolist() == [0.0, 1.0]
        assert events.shifted(1.5).time.tolist() == [2.5, 3.5, 4.5]
        assert events.shifted(1.5).width == 9
        assert repr(events) == "Events(3 events, 1 to 3 ms, width=9, height=1, polarities=2)"


def written(name, content):
    def call(folder):
        (folder / name).write_bytes(content)
        return read_events(folder / name, width=34, height=34)

    return call


def saved(array, **options):
    def call(folder):
        np.save(folder / "rows.npy", array, **options)
        return read_events(folder / "rows.npy")

    return call


def kept(name, *columns):
    return lambda folder: write_events(folder / name, Events(*columns))


def counted(*columns):
    return lambda folder: write_spike_counts(folder / "x.bsn", SpikeCounts(*map(np.array, columns)))


def backwards(folder):
    (folder / "backwards.bsn").write_bytes(bytes([0, 1, 0, 0, 9, 0, 0, 5, 0, 1]))
    return read_spike_counts(folder / "backwards.bsn")


ONE = Events([0], None, [0], [5.0])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (written("a.bs2", bytes(11)), FileFormatError, "11 bytes, not a multiple of the 5"),
        (written("a.bs3", bytes(15)), FileFormatError, "15 bytes, not a multiple of the 7"),
        (written("a.bs2", bytes([34, 0, 0, 0, 0])), FileFormatError, "a.bs2': x = 34 .*= 33"),
        (written("a.bs2", bytes([0, 99, 0, 0, 0])), FileFormatError, "y = 99 .* height - 1"),
        (written("a.wav", b""), UnknownNameError, "'wav' is not one of the formats bs1, bs2"),
        (written("a.bsn", bytes(10)), UnknownNameError, "use read_spike_counts"),
        (kept("a.bsn", [0], [0], [0], [0.0]), UnknownNameError, "and write_spike_counts"),
        (written("a.npy", b"words"), FileFormatError, "no array of numbers"),
        (written("a.npy", b""), FileFormatError, "no array of numbers"),
        (saved(np.zeros(4)), FileFormatError, r"it holds the shape \(4,\)"),
        (saved(np.zeros((2, 5))), FileFormatError, r"it holds the shape \(2, 5\)"),
        (saved(np.array([{}]), allow_pickle=True), FileFormatError, "no array of numbers"),
        (saved(np.array([[0.5, 0, 0]])), FileFormatError, "x must be whole numbers; got 0.5"),
        (saved(np.array([[0, 0, np.nan]])), FileFormatError, "time must be finite"),
        (kept("a.bs1", [0], [1], [0], [0.0]), FileFormatError, "a file bs1 has no y"),
        (kept("a.bs1", [2**16], None, [0], [0.0]), FileFormatError, "16 bits .* up to 65535"),
        (kept("a.bs2", [256], [0], [0], [0.0]), FileFormatError, "x = 256 does not fit"),
        (kept("a.bs2", [0], [0], [2], [0.0]), FileFormatError, "polarity = 2 .* the 1 bits"),
        (kept("a.bs2", [0], [0], [0], [8388.608]), FileFormatError, "time = 8388608 µs"),
        (kept("a.aedat4", [0], [0], [0], [0.0]), UnknownNameError, "bs1, bs2, bs3, npy"),
        (counted([0], [2.0], [1.0], [3]), FileFormatError, "span 0 ends at 1 ms, before"),
        (counted([0], [1.0], [2.0], [2**16]), FileFormatError, "spikes = 65536"),
        (backwards, FileFormatError, "backwards.bsn': span 0 ends at 0.005 ms"),
    ],
)
def test_refused_files(call, error, message, folder):
    with pytest.raises(error, match=message):
        call(folder)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Events([0], [0], [0], [[0.0]]), "time must have one axis"),
        (lambda: Events([0], [0], [0], [-1.0]), "time must not be negative; got -1 ms"),
        (lambda: Events([0, 1], [0], [0], [1.0]), r"each of the 1 times; got the shape \(2,\)"),
        (lambda: Events([-1], [0], [0], [1.0]), "x = -1 of an event"),
        (lambda: Events([0], [0], [1], [1.0], polarities=1), "polarity = 1 .* polarities - 1 = 0"),
        (lambda: ONE.to_tensor(1.0, 5), "1 of 1 events .* last of 5 time steps .* take 6 steps"),
        (lambda: ONE.to_tensor(1.0, 5, outside="clip"), "refuse, drop"),
        (lambda: ONE.to_tensor(1.0, binning="ceil"), "floor, nearest"),
        (lambda: ONE.to_tensor(0.0), "dt must be > 0"),
        (lambda: Events.from_tensor(np.zeros(3), 1.0), r"got the shape \(3,\)"),
        (lambda: Events.from_tensor([[0.5]], 1.0), "numbers of events, 0, 1, 2"),
        (lambda: Events.from_tensor([[-1]], 1.0), "numbers of events, 0, 1, 2"),
        (lambda: Events.from_tensor(np.zeros((3, 5)), 1.0, height=2), "5 components are not 1"),
        (lambda: events_to_batch([], 1.0, 1), "no recordings"),
        (lambda: events_to_batch([ONE, Events([7], None, [0], [1.0])], 1.0, 9), "(2, 1, 8)"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InvalidValueError, match=message):
        call()
