"""Electrocardiograms: the files of PhysioNet, records, and single heartbeats."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ship_engine.data import (
    Electrocardiogram,
    heartbeats,
    load_mitdb,
    read_record,
)
from ship_engine.data.datasets import mitdb
from ship_engine.data.datasets.wfdb_files import (
    SYMBOLS,
    Annotations,
    read_annotations,
    read_header,
    read_signals,
)
from ship_engine.errors import (
    FileFormatError,
    InvalidValueError,
    MissingDataError,
    UnknownNameError,
)

REAL = pytest.mark.skipif("SHIP_DATA" not in os.environ, reason="SHIP_DATA names no folder")
CODES = {symbol: code for code, symbol in SYMBOLS.items()}
HEADER = """{name} 2 360 {samples}\r
{name}.dat 212 200 11 1024 0 {first} 0 MLII\r
{name}.dat 212 100(-5)/mV 11 1024 0 {second} 0 V 5\r
# 69 M 1085 1629 x1\r
# Aldomet, Inderal\r
"""


def word(code, low):
    return (code << 10 | low).to_bytes(2, "little")


def annotation_bytes(rows):
    """Annotations as the format has them: (sample, symbol, text)."""
    content, time = b"", 0
    for sample, symbol, text in rows:
        interval, time = sample - time, sample
        if not 0 <= interval < 1024:
            long = interval % 2**32
            content += word(59, 0) + (long >> 16).to_bytes(2, "little")
            content += (long & 0xFFFF).to_bytes(2, "little")
            interval = 0
        content += word(CODES[symbol], interval) + word(61, 1) + word(62, 0) + word(60, 3)
        if text:
            content += word(63, len(text)) + text.encode() + b"\0" * (len(text) % 2)
    return content + b"\0\0"


def write_record(folder, name, signals, rows):
    signals = np.asarray(signals, np.int64)
    bits = signals & 0xFFF
    both = bits[:, 0] >> 8 | bits[:, 1] >> 8 << 4
    packed = np.stack([bits[:, 0] & 0xFF, both, bits[:, 1] & 0xFF], axis=1).astype(np.uint8)
    packed.tofile(folder / f"{name}.dat")
    first, second = signals.sum(0).astype(np.int16)
    text = HEADER.format(name=name, samples=len(signals), first=first, second=second)
    (folder / f"{name}.hea").write_bytes(text.encode())
    (folder / f"{name}.atr").write_bytes(annotation_bytes(rows))


SIGNALS = [[-2048, 2047], [0, -1], [1, 255], [2047, -2048], [-256, 256]]
ROWS = [(0, "+", "(N"), (700, "N", ""), (2_000_000, "V", ""), (2_000_001, "+", "(AFIB")]


class TestFiles:
    """Files of PhysioNet."""

    @settings(deadline=None)
    @given(st.lists(st.tuples(*[st.integers(-2048, 2047)] * 2), min_size=1, max_size=30))
    def test_signals(self, tmp_path_factory, signals):
        folder = tmp_path_factory.mktemp("wfdb")
        write_record(folder, "100", signals, ROWS)
        header = read_header(folder / "100.hea")
        assert read_signals(folder / "100.dat", header).tolist() == [list(row) for row in signals]

    @settings(deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.integers(0, 2**28),
                st.sampled_from(list(SYMBOLS.values())),
                st.text("(ABN", max_size=9),
            ),
            max_size=20,
        )
    )
    def test_annotations(self, tmp_path_factory, rows):
        rows.sort(key=lambda row: row[0])
        path = tmp_path_factory.mktemp("wfdb") / "100.atr"
        path.write_bytes(annotation_bytes(rows))
        found = read_annotations(path)
        columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], []]
        assert [column.tolist() for column in found] == columns

    def test_a_record(self, tmp_path):
        write_record(tmp_path, "100", SIGNALS, ROWS)
        record = read_record(*(tmp_path / f"100.{suffix}" for suffix in ("hea", "dat", "atr")))
        assert record.name == "100"
        assert record.leads == ("MLII", "V 5")
        assert record.sample_rate == 360.0
        assert record.gains.tolist() == [200.0, 100.0]
        assert record.zeros.tolist() == [1024, -5]
        assert record.signals[0] == pytest.approx([(-2048 - 1024) / 200, (2047 + 5) / 100])
        assert record.annotations.symbols.tolist() == ["+", "N", "V", "+"]
        header = read_header(tmp_path / "100.hea")
        assert header.comments == ("69 M 1085 1629 x1", "Aldomet, Inderal")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "no header of a record"),
            ("100 2 360\n", "no header of a record"),
            ("100 2 360 5\n100.dat 212 200 11\n", "no header of a record"),
            ("100 1 360 5\n100.dat 212 200 11 1024 0 0 0 I\n", "two signals in one file"),
            (
                HEADER.format(name="9", samples=5, first=0, second=0).replace("212", "16"),
                "9.dat 16",
            ),
        ],
    )
    def test_damaged_headers(self, text, message, tmp_path):
        (tmp_path / "100.hea").write_text(text)
        with pytest.raises(FileFormatError, match=message):
            read_header(tmp_path / "100.hea")

    def test_damaged_signals(self, tmp_path):
        write_record(tmp_path, "100", SIGNALS, ROWS)
        header, path = read_header(tmp_path / "100.hea"), tmp_path / "100.dat"
        content = path.read_bytes()
        path.write_bytes(content[:-1])
        with pytest.raises(FileFormatError, match="14 bytes; 5 samples of two signals have 15"):
            read_signals(path, header)
        path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
        with pytest.raises(FileFormatError, match="its checksums are"):
            read_signals(path, header)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "ends in the middle"),
            (word(1, 5), "ends in the middle"),
            (word(1, 5) + b"\0", "ends in the middle"),
            (word(59, 0) + b"\0\0", "ends in the middle"),
            (word(1, 5) + word(63, 99) + b"(N\0\0", "ends in the middle"),
            (word(59, 0) + b"\xff\xff\xff\xff" + word(1, 0) + b"\0\0", "damaged"),
            (word(55, 5) + b"\0\0", "unknown code 55"),
        ],
    )
    def test_damaged_annotations(self, content, message, tmp_path):
        (tmp_path / "100.atr").write_bytes(content)
        with pytest.raises(FileFormatError, match=message):
            read_annotations(tmp_path / "100.atr")


class TestRecords:
    """Where records are found."""

    def test_original_files_in_a_folder(self, tmp_path):
        (tmp_path / "mitdb").mkdir()
        write_record(tmp_path / "mitdb", "100", SIGNALS, ROWS)
        (record,) = load_mitdb(["100"], folder=tmp_path)
        assert record.digital.tolist() == SIGNALS

    def test_prepared(self, tmp_path):
        (tmp_path / "mitdb").mkdir()
        np.savez(
            tmp_path / "mitdb" / "mitdb_2xx.npz",
            records=["200", "201"],
            leads=[["MLII", "V1"], ["V5", "V2"]],
            gain=np.float32([[200, 200], [200, 100]]),
            baseline=np.int16([[1024, 1024], [1024, 0]]),
            fs=360,
            sig_201=np.array(SIGNALS, np.int16).T,
            ann_sample_201=np.int32([1, 3]),
            ann_symbol_201=["N", "V"],
            ann_aux_201=["(N", ""],
        )
        (record,) = load_mitdb(["201"], folder=tmp_path)
        assert record.leads == ("V5", "V2")
        assert record.signals[1] == pytest.approx([(0 - 1024) / 200, -1 / 100])
        assert record.annotations.samples.tolist() == [1, 3]
        with pytest.raises(MissingDataError, match="has no record '202'"):
            load_mitdb(["202"], folder=tmp_path)

    def test_downloaded(self, tmp_path, monkeypatch):
        write_record(tmp_path, "100", SIGNALS, ROWS)
        asked = []

        def fetched(url, sha256, name, progress):
            asked.append((url.rpartition("/")[2], sha256))
            return tmp_path / url.rpartition("/")[2]

        monkeypatch.delenv("SHIP_DATA", raising=False)
        monkeypatch.setattr(mitdb, "fetched", fetched)
        (record,) = load_mitdb(["100"])
        assert record.digital.tolist() == SIGNALS
        assert asked == [(f"100{s}", mitdb.CHECKSUMS[f"100{s}"]) for s in (".hea", ".dat", ".atr")]

    def test_there_are_checksums_of_all_files(self):
        assert len(mitdb.RECORDS) == 48
        assert len(mitdb.CHECKSUMS) == 3 * 48
        assert {len(each) for each in mitdb.CHECKSUMS.values()} == {64}

    def test_patients_are_divided(self):
        parts = mitdb.TRAIN_PATIENTS, mitdb.TEST_PATIENTS, mitdb.PACED
        assert sorted(sum(parts, ())) == list(mitdb.RECORDS)

    def test_an_unknown_record(self):
        with pytest.raises(UnknownNameError, match="no record '110'; the records are 100, 101"):
            load_mitdb(["100", "110"])

    @REAL
    def test_real(self):
        (record,) = load_mitdb(["100"], progress=True)
        assert record.signals[0].tolist() == pytest.approx([-0.145, -0.065])
        assert np.isin(record.annotations.symbols, list("NAV")).sum() == 2273


def record_of(samples, symbols, length=100, name="100"):
    annotations = Annotations(np.array(samples), np.array(symbols), np.full(len(samples), ""))
    digital = np.stack([np.arange(length), np.zeros(length)], axis=1).astype(np.int16)
    one = np.array([1.0, 1.0]), np.array([0, 0])
    return Electrocardiogram(name, ("a", "b"), digital, *one, 360.0, annotations)


class TestHeartbeats:
    """Single heartbeats."""

    def test_beats_are_cut_midway(self):
        beats = heartbeats([record_of([10, 21, 40, 60], ["N", "+", "V", "N"])])
        assert [(int(each[0, 0]), int(each[-1, 0])) for each in beats.signals] == [
            (0, 24),
            (25, 49),
            (50, 99),
        ]
        assert beats.symbols.tolist() == ["N", "V", "N"]
        assert beats.samples.tolist() == [10, 40, 60]
        assert beats.signals[0].shape == (25, 2)

    def test_a_margin(self):
        beats = heartbeats([record_of([10, 40], ["N", "V"])], margin=30)
        assert [(int(each[0, 0]), int(each[-1, 0])) for each in beats.signals] == [(0, 54), (0, 99)]

    def test_several_records(self):
        records = [
            record_of([50], ["N"], name="100"),
            record_of([], [], name="101"),
            record_of([9], ["R"], length=10, name="102"),
        ]
        beats = heartbeats(records)
        assert [len(each) for each in beats.signals] == [100, 10]
        assert beats.records.tolist() == ["100", "102"]

    def test_chosen_symbols(self):
        beats = heartbeats([record_of([10, 40, 60], ["N", "V", "R"])], symbols="RV")
        assert beats.symbols.tolist() == ["V", "R"]
        assert [len(each) for each in beats.signals] == [50, 50]

    def test_a_negative_margin(self):
        with pytest.raises(InvalidValueError, match="margin must be at least 0"):
            heartbeats([], margin=-1)

    def test_the_papers_classes(self):
        assert len(mitdb.BEATS) == len(set(mitdb.BEATS)) == 18
        assert set("".join(mitdb.GROUPS.values())) < set(mitdb.BEATS)
