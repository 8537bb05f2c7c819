"""Data sets: from prepared files, from downloads (which are stood in for), and the real ones.

The last need the environment variable SHIP_DATA, and are left out without it.
"""

from __future__ import annotations

import builtins
import gzip
import hashlib
import os
import wave
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ship_engine.data import (
    load_braille,
    load_mnist,
    load_small_nmnist,
    load_spoken_digits,
    read_braille,
    write_events,
)
from ship_engine.data.datasets import fetching, mnist, nmnist, spoken_digits
from ship_engine.data.datasets.fetching import content_digest, fetched
from ship_engine.errors import FileFormatError, MissingDataError, NotInstalledError

REAL = pytest.mark.skipif("SHIP_DATA" not in os.environ, reason="SHIP_DATA names no folder")


@pytest.fixture
def nowhere(monkeypatch):
    """No folder of prepared files."""
    monkeypatch.delenv("SHIP_DATA", raising=False)


@pytest.fixture
def internet(monkeypatch, nowhere):
    """What stands for the internet: files by their addresses."""
    import pooch

    files: dict[str, Path] = {}

    def retrieve(url, known_hash, fname, path, progressbar):
        assert Path(path).parent == Path(pooch.os_cache("pynn-ship"))
        if url not in files:
            raise OSError("no route to host")
        if known_hash not in (None, hashlib.sha256(files[url].read_bytes()).hexdigest()):
            raise ValueError("SHA256 hash does not match")
        return str(files[url])

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    return files


def without(monkeypatch, package):
    original = builtins.__import__

    def refuse(name, *arguments, **options):
        if name == package:
            raise ImportError(name)
        return original(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)


def prepare(folder, name, **arrays):
    (folder / name).mkdir()
    np.savez(folder / name / f"{name}.npz", **arrays)


class TestSpokenDigits:
    SOUNDS = {
        "0_theo_4": [100, -200],
        "0_theo_5": [1],
        "1_george_0": [-32768, 32767, 0],
    }

    def check(self, digits):
        assert [(each * 32768).tolist() for each in digits.waves] == list(self.SOUNDS.values())
        assert digits.waves[0].dtype == np.float32
        assert digits.labels.tolist() == [0, 0, 1]
        assert digits.speakers.tolist() == ["theo", "theo", "george"]
        assert digits.takes.tolist() == [4, 5, 0]
        assert digits.is_test.tolist() == [True, False, True]
        assert digits.sample_rate == 8000.0

    def test_prepared(self, tmp_path):
        prepare(
            tmp_path,
            "fsdd",
            samples=np.concatenate(list(self.SOUNDS.values())).astype(np.int16),
            offsets=[0, 2, 3, 6],
            labels=np.array([0, 0, 1], np.uint8),
            speaker=np.array([1, 1, 0], np.uint8),
            speaker_names=["george", "theo"],
            take=np.array([4, 5, 0], np.uint8),
        )
        self.check(load_spoken_digits(folder=tmp_path))

    def archive(self, path):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("digits-1.0.10/README.md", "not a recording")
            for name, samples in reversed(self.SOUNDS.items()):
                with wave.open(str(path.with_suffix(".wav")), "wb") as file:
                    file.setparams((1, 2, 8000, 0, "NONE", ""))
                    file.writeframes(np.array(samples, "<i2").tobytes())
                member = f"digits-1.0.10/recordings/{name}.wav"
                archive.writestr(member, path.with_suffix(".wav").read_bytes())

    def test_downloaded(self, tmp_path, internet, monkeypatch):
        internet[spoken_digits.URL] = path = tmp_path / "v1.0.10.zip"
        self.archive(path)
        samples = np.array([100, -200, 1, -32768, 32767, 0], np.int16)
        digest = content_digest([samples, np.array([0, 2, 3, 6])])
        monkeypatch.setattr(spoken_digits, "CONTENT", digest)
        self.check(load_spoken_digits())

    def test_other_recordings_are_refused_and_deleted(self, tmp_path, internet):
        internet[spoken_digits.URL] = path = tmp_path / "v1.0.10.zip"
        self.archive(path)
        with pytest.raises(MissingDataError, match="is deleted"):
            load_spoken_digits()
        assert not path.exists()

    @pytest.mark.parametrize(
        "member", [None, "digits/recordings/seven.wav", "digits/recordings/7_theo_0.wav"]
    )
    def test_no_archive_of_recordings(self, tmp_path, internet, member):
        internet[spoken_digits.URL] = path = tmp_path / "v1.0.10.zip"
        path.write_bytes(b"something else")
        if member:
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr(member, b"")
        with pytest.raises(FileFormatError, match="no archive of recordings"):
            load_spoken_digits()

    @REAL
    def test_real(self):
        digits = load_spoken_digits()
        assert np.bincount(digits.labels).tolist() == [300] * 10
        assert set(np.unique(digits.speakers, return_counts=True)[1]) == {500}
        assert digits.is_test.sum() == 300
        seconds = np.array([len(each) for each in digits.waves]) / digits.sample_rate
        assert seconds.sum() == pytest.approx(1312.0, abs=1.0)


class TestMnist:
    IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    LABELS = np.array([7, 2], np.uint8)

    def idx(self, array):
        sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
        return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()

    def check(self, digits):
        assert np.array_equal(digits.train_images, self.IMAGES)
        assert np.array_equal(digits.test_images, self.IMAGES)
        assert digits.train_labels.tolist() == digits.test_labels.tolist() == [7, 2]
        assert digits.test_labels.dtype == np.int64

    def test_prepared(self, tmp_path):
        arrays = dict(zip(("x_train", "y_train", "x_test", "y_test"),
                          (self.IMAGES, self.LABELS) * 2, strict=True))  # fmt: skip
        prepare(tmp_path, "mnist", **arrays)
        self.check(load_mnist(folder=tmp_path))

    def test_downloaded(self, tmp_path, internet, monkeypatch):
        sums = {}
        for name, array in zip(mnist.FILES, (self.IMAGES, self.LABELS) * 2, strict=True):
            internet[mnist.URL + name] = path = tmp_path / name
            path.write_bytes(gzip.compress(self.idx(array)))
            sums[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        monkeypatch.setattr(mnist, "FILES", sums)
        self.check(load_mnist())

    def test_another_file_is_refused(self, tmp_path, internet):
        internet[mnist.URL + "train-images-idx3-ubyte.gz"] = path = tmp_path / "other"
        path.write_bytes(b"other")
        with pytest.raises(MissingDataError, match="not the file that it should be"):
            load_mnist()

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"\0\0\x08\x01\0\0\0\x02\x07\x02", None),
            (b"", "no IDX file"),
            (b"\0\0\x0d\x01\0\0\0\0", "no IDX file"),
            (b"\0\0\x08\x01\0\0\0\x03\x07\x02", r"holds 2 values, .* shape \[3\]"),
            (b"\0\0\x08\x02\0\0\0\x01", r"holds 0 values"),
        ],
    )
    def test_idx(self, content, message, tmp_path):
        path = tmp_path / "idx"
        path.write_bytes(content)
        if message is None:
            assert mnist.read_idx(path).tolist() == [7, 2]
        else:
            with pytest.raises(FileFormatError, match=message):
                mnist.read_idx(path)

    def test_not_compressed(self, tmp_path):
        (tmp_path / "idx.gz").write_bytes(b"not compressed")
        with pytest.raises(FileFormatError, match="not compressed by gzip"):
            mnist.read_idx(tmp_path / "idx.gz")

    @REAL
    def test_real(self):
        digits = load_mnist()
        assert (digits.train_images / 255).mean() == pytest.approx(0.1307, abs=1e-4)
        assert np.bincount(digits.test_labels).tolist()[:3] == [980, 1135, 1032]
        raw = self.idx(digits.train_images)
        published = "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
        assert hashlib.sha256(raw).hexdigest() == published


class TestSmallNmnist:
    def check(self, digits):
        assert [each.time.tolist() for each in digits.events] == [[1.5, 2.0], [3.0]]
        assert digits.events[0].x.tolist() == [33, 1]
        assert (digits.events[1].width, digits.events[1].height) == (34, 34)
        assert digits.labels.tolist() == [5, 7]
        assert digits.is_test.tolist() == [False, True]
        assert digits.sample_ids.tolist() == [1, 60001]

    ARRAYS = (
        np.array([33, 1, 2], np.uint8),
        np.array([0, 5, 6], np.uint8),
        np.array([1, 0, 1], np.uint8),
        np.array([1500, 2000, 3000], np.uint32),
        np.array([0, 2, 3]),
    )

    def test_prepared(self, tmp_path):
        names = "x", "y", "p", "t_us", "offsets"
        prepare(
            tmp_path,
            "nmnist_small",
            **dict(zip(names, self.ARRAYS, strict=True)),
            labels=np.array([5, 7], np.uint8),
            sample_id=np.array([1, 60001], np.int32),
            test_index=[1],
        )
        self.check(load_small_nmnist(folder=tmp_path))

    def archive(self, path, tmp_path):
        x, y, p, t, offsets = self.ARRAYS
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("NMNISTsmall/train1K.txt", "#sample #class\n1\t5\n")
            archive.writestr("NMNISTsmall/test100.txt", "#sample #class\n60001\t7\n")
            for sample, start, stop in zip((1, 60001), offsets, offsets[1:], strict=False):
                part = slice(start, stop)
                events = nmnist._recording(x[part], y[part], p[part], t[part] / 1000.0)
                write_events(tmp_path / "one.bs2", events)
                archive.writestr(f"NMNISTsmall/{sample}.bs2", (tmp_path / "one.bs2").read_bytes())

    def test_downloaded(self, tmp_path, internet, monkeypatch):
        internet[nmnist.URL] = path = tmp_path / "NMNISTsmall.zip"
        self.archive(path, tmp_path)
        monkeypatch.setattr(nmnist, "CONTENT", content_digest(list(self.ARRAYS)))
        self.check(load_small_nmnist())

    def test_other_recordings_are_refused(self, tmp_path, internet):
        internet[nmnist.URL] = path = tmp_path / "NMNISTsmall.zip"
        self.archive(path, tmp_path)
        with pytest.raises(MissingDataError, match="is deleted"):
            load_small_nmnist()

    def test_no_archive(self, tmp_path, internet):
        internet[nmnist.URL] = path = tmp_path / "NMNISTsmall.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("train1K.txt", "#sample #class\n1\t5\n")
        with pytest.raises(FileFormatError, match=r"no archive of N-MNIST .*1\.bs2.*delete it"):
            load_small_nmnist()

    @REAL
    def test_real(self):
        digits = load_small_nmnist()
        assert digits.is_test.sum() == 100
        assert sum(map(len, digits.events)) == 4_518_827
        assert np.bincount(digits.labels[digits.is_test])[8] == 2
        arrays = nmnist._as_prepared(digits.events)
        assert content_digest(arrays) == nmnist.CONTENT


class TestBraille:
    def test_prepared(self, tmp_path):
        prepare(
            tmp_path,
            "braille",
            images=np.zeros((2, 28, 28), np.uint8),
            labels=np.array([0, 25], np.uint8),
            augmentation=np.array([1, 0], np.uint8),
            augmentation_names=["dim", "rot"],
        )
        letters = load_braille(folder=tmp_path)
        assert letters.labels.tolist() == [0, 25]
        assert letters.variations.tolist() == ["rot", "dim"]

    def test_images(self, tmp_path):
        image = pytest.importorskip("PIL.Image")
        names = ["b1.JPG0rot.jpg", "a1.JPG10dim.jpg", "a1.JPG2dim.jpg", "readme.jpg"]
        for i, name in enumerate(names):
            image.fromarray(np.full((28, 28), 50 * i, np.uint8)).save(tmp_path / name)
        letters = read_braille(tmp_path)
        assert letters.labels.tolist() == [0, 0, 1]
        assert letters.variations.tolist() == ["dim", "dim", "rot"]
        assert letters.images[:, 0, 0].tolist() == [100, 50, 0]

    def test_images_of_another_size(self, tmp_path):
        image = pytest.importorskip("PIL.Image")
        image.fromarray(np.zeros((20, 30), np.uint8)).save(tmp_path / "a1.JPG0dim.jpg")
        with pytest.raises(FileFormatError, match="30 by 20 pixels, not 28 by 28"):
            read_braille(tmp_path)

    def test_no_images(self, tmp_path):
        pytest.importorskip("PIL")
        with pytest.raises(MissingDataError, match="no image such as"):
            read_braille(tmp_path)

    def test_without_pillow(self, tmp_path, monkeypatch):
        without(monkeypatch, "PIL")
        with pytest.raises(NotInstalledError, match=r"pynn-ship\[data\]"):
            read_braille(tmp_path)

    def test_nothing_is_downloaded(self, nowhere):
        with pytest.raises(MissingDataError, match=r"Kaggle .* asks for an account"):
            load_braille()

    @REAL
    def test_real(self):
        letters = load_braille()
        assert np.bincount(letters.labels).tolist() == [60] * 26
        assert letters.images.mean() > 190


class TestFetching:
    def test_the_folder_may_be_named_by_a_variable(self, tmp_path, monkeypatch):
        monkeypatch.setenv("SHIP_DATA", str(tmp_path))
        assert fetching.prepared_file("mnist", ["mnist.npz"], None) is None
        prepare(tmp_path, "mnist", x=0)
        found = fetching.prepared_file("mnist", ["other", "mnist.npz"], None)
        assert found == tmp_path / "mnist" / "mnist.npz"

    def test_a_folder_that_is_given_must_have_it(self, tmp_path):
        with pytest.raises(MissingDataError, match=r"there is no file .*fsdd\.npz"):
            load_spoken_digits(folder=tmp_path)

    def test_without_internet(self, internet):
        with pytest.raises(MissingDataError, match=r"no route to host.*SHIP_DATA"):
            load_mnist()

    def test_without_pooch(self, nowhere, monkeypatch):
        without(monkeypatch, "pooch")
        with pytest.raises(NotInstalledError, match=r"pynn-ship\[data\]"):
            fetched("https://example.org/file", None, "any", False)

    @pytest.mark.parametrize("content", [b"", b"something else", b"PK\x03\x04 damaged"])
    def test_a_damaged_file(self, content, tmp_path):
        (tmp_path / "mnist").mkdir()
        (tmp_path / "mnist" / "mnist.npz").write_bytes(content)
        with pytest.raises(FileFormatError, match="no file npz, or damaged"):
            load_mnist(folder=tmp_path)

    def test_an_array_that_is_no_archive(self, tmp_path):
        (tmp_path / "mnist").mkdir()
        with (tmp_path / "mnist" / "mnist.npz").open("wb") as file:
            np.save(file, np.zeros(3))
        with pytest.raises(FileFormatError, match="no file npz, or damaged"):
            load_mnist(folder=tmp_path)

    def test_any_damaged_byte(self, tmp_path):
        arrays = dict.fromkeys(("x_train", "y_train", "x_test", "y_test"), np.arange(200) % 7)
        (tmp_path / "mnist").mkdir()
        path = tmp_path / "mnist" / "mnist.npz"
        np.savez_compressed(path, **arrays)
        content = path.read_bytes()
        for place in range(0, len(content), 5):
            path.write_bytes(
                content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]
            )
            try:
                digits = load_mnist(folder=tmp_path)
            except FileFormatError:
                continue
            assert all(np.array_equal(each, np.arange(200) % 7) for each in digits)

    def test_a_file_that_lacks_an_array(self, tmp_path):
        prepare(tmp_path, "mnist", x_train=0)
        with pytest.raises(FileFormatError, match="y_train"):
            load_mnist(folder=tmp_path)

    def test_objects_are_not_loaded(self, tmp_path):
        prepare(tmp_path, "mnist", x_train=np.array([{}]), y_train=0, x_test=0, y_test=0)
        with pytest.raises(FileFormatError, match="damaged: Object arrays cannot be loaded"):
            load_mnist(folder=tmp_path)
