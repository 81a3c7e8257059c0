"""Samples of a user's own that are refused: each in one line with a remedy."""

from __future__ import annotations

import pickle
import zipfile

import numpy as np
import pytest
from samples import made, opened

from dlbench.errors import SpecError
from dlbench.registry.references import FOLDER_VARIABLE

pytestmark = pytest.mark.untimed


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    return tmp_path


def objects(folder):
    np.savez(folder / "samples.npz", inputs=np.array([[1], [2, 3]], object), targets=np.arange(2))


def an_object(folder):
    np.save(folder / "samples.npy", np.array([object] * 3))


def a_pickle(folder):
    (folder / "samples.npz").write_bytes(pickle.dumps({"inputs": made()[0]}))


def no_such_memory(folder):
    header = np.lib.format.header_data_from_array_1_0(np.zeros(1, [("inputs", "<f4"), ("targets", "<i8")]))
    with (folder / "samples.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {**header, "shape": (10**13,)})


def with_header(header):
    """A file of NumPy's form with this text in the place of its header."""
    text = header.encode() + b"\n"

    def prepared(folder):
        (folder / "samples.npy").write_bytes(b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text + bytes(64))

    return prepared


def members(**content):
    """A zip file of text where arrays should be."""

    def prepared(folder):
        with zipfile.ZipFile(folder / "samples.npz", "w") as file:
            for name, text in content.items():
                file.writestr(name, text)

    return prepared


def changed_zip(place, value):
    """A whole file but for one byte of the entry that lists its first array."""

    def prepared(folder):
        arrays()(folder)
        content = bytearray((folder / "samples.npz").read_bytes())
        content[content.index(b"PK\1\2") + place] = value
        (folder / "samples.npz").write_bytes(content)

    return prepared


def spoilt(folder):
    """Compressed arrays, some of the bytes overwritten."""
    inputs, targets = made()
    np.savez_compressed(folder / "samples.npz", inputs=inputs, targets=targets)
    content = bytearray((folder / "samples.npz").read_bytes())
    content[200:260] = b"\xff" * 60
    (folder / "samples.npz").write_bytes(content)


def arrays(**changed):
    inputs, targets = made()
    kept = {key: value for key, value in {"inputs": inputs, "targets": targets, **changed}.items() if value is not None}
    return lambda folder: np.savez(folder / "samples.npz", **kept)


def text(content, name="samples.csv"):
    return lambda folder: (folder / name).write_text(content)


def with_value(value):
    inputs, _ = made()
    inputs[3, 2] = value
    return inputs


def nothing(folder):
    pass


@pytest.mark.parametrize(
    ("file", "prepared", "message"),
    [
        ("samples.npz", nothing, r"samples.npz cannot be read \(No such file or directory\); give the path"),
        ("samples.txt", text("1 2", "samples.txt"), r"samples.txt is no .npz, .npy or .csv; save the samples"),
        ("samples.npz", text("", "samples.npz"), r"samples.npz is empty; save inputs .* and targets"),
        ("samples.npz", text("a,b\n1,2", "samples.npz"), r"samples.npz is no file of NumPy's \(it starts with b'a,b"),
        ("samples.npz", objects, r"samples.npz holds Python objects, which are never loaded; save arrays of numbers"),
        ("samples.npy", an_object, r"samples.npy holds Python objects, which are never loaded"),
        ("samples.npz", a_pickle, r"samples.npz holds Python objects, which are never loaded"),
        ("samples.npy", no_such_memory, r"samples.npy does not fit into memory \(Unable to allocate"),
        ("samples.npy", with_header("{'descr': '<f4'" + " " * 20000), r"is no file of NumPy's \(.*Header info length"),
        (
            "samples.npy",
            with_header("{'descr': '<f4', 'shape': (3,"),
            r"is no file of NumPy's \(.*; save it with numpy",
        ),
        ("samples.npy", with_header("{'descr': '|O', 'fortran_order': False, 'shape': (3,)}"), r"holds Python objects"),
        ("samples.npz", members(inputs="a", targets="b"), r"samples.npz: inputs is no array of NumPy's; save it with"),
        ("samples.npz", changed_zip(8, 1), r"samples.npz is no file of NumPy's \(.* is encrypted"),
        ("samples.npz", changed_zip(10, 99), r"samples.npz is no file of NumPy's \(.*compression method"),
        ("samples.npz", spoilt, r"samples.npz is no file of NumPy's \("),
        ("samples.npz", arrays(targets=made()[1] + 2**31), r"targets hold 2147483650; integers must be less than 2147"),
        ("samples.npz", arrays(inputs=np.full((60, 2), 2**40)), r"inputs hold 1099511627776; integers must be less"),
        ("samples.npz", arrays(inputs=None), r"samples.npz holds targets, and no inputs; save inputs"),
        ("samples.npz", arrays(targets=None), r"samples.npz holds inputs, and no targets; save inputs"),
        ("samples.npz", arrays(inputs=None, targets=None), r"samples.npz holds nothing, and no inputs; save inputs"),
        ("samples.npz", arrays(test_inputs=made()[0]), r"holds inputs, targets, test_inputs, and no test_targets"),
        ("samples.npz", arrays(labels=made()[1]), r"samples.npz holds labels, which is not known; it may hold inputs"),
        ("samples.npz", arrays(targets=made()[1][:7]), r"inputs has 60 samples and targets 7; give every sample its"),
        ("samples.npz", arrays(inputs=with_value(np.nan)), r"samples.npz: inputs\[3, 2\] is nan; leave such samples"),
        ("samples.npz", arrays(inputs=with_value(-np.inf)), r"samples.npz: inputs\[3, 2\] is -inf; leave such samples"),
        ("samples.npz", arrays(inputs=np.float64(1e300) * made()[0]), r"inputs\[0, 0\] is -?inf; leave such samples"),
        ("samples.npz", arrays(inputs=np.full(60, "a")), r"samples.npz: inputs is of type <U1; give floating point,"),
        ("samples.npz", arrays(inputs=np.zeros((60, 2), complex)), r"inputs is of type complex128; give floating"),
        ("samples.npz", arrays(inputs=np.zeros((0, 4))), r"inputs has the shape \(0, 4\), no samples"),
        ("samples.npz", arrays(targets=np.int64(3)), r"targets has the shape \(\), no samples; the first axis counts"),
        ("samples.npz", arrays(targets=made()[1] - 1), r"samples.npz: targets hold -1; integers must be 0 or more"),
        ("samples.npz", arrays(inputs=np.zeros((1, 4)), targets=np.zeros(1)), r"1 sample is too few to hold one out"),
        (
            "samples.npz",
            arrays(test_inputs=np.zeros((5, 3), np.float32), test_targets=np.arange(5)),
            r"inputs of training are 60x4:float32, of testing 5x3:float32; make them alike",
        ),
        (
            "samples.npz",
            arrays(test_inputs_a=np.zeros((5, 4)), test_targets=np.arange(5)),
            r"training has the inputs 0, testing a",
        ),
        (
            "samples.npy",
            lambda folder: np.save(folder / "samples.npy", made()[0]),
            r"one array without fields; save an",
        ),
        ("samples.csv", text("a,targets\n"), r"samples.csv has no line below its header; give each sample a line"),
        ("samples.csv", text("a,targets\n1,2\n3\n"), r"samples.csv, line 3: 1 values, and the header has 2 columns"),
        (
            "samples.csv",
            text("a,targets\n\n1,2\n\n3\n"),
            r"samples.csv, line 5: 1 values, and the header has 2 columns",
        ),
        ("samples.csv", text("\n\n"), r"samples.csv has no line below its header"),
        ("samples.csv", text("a,targets\n1,2\nx,3\n"), r"samples.csv, line 3, column a: 'x' is no number; give one"),
        ("samples.csv", text("a,targets\n1,nan\n2,3\n"), r"samples.csv, line 2, column targets: 'nan' is no number"),
        ("samples.csv", text("a,b\n1,2\n3,4\n"), r"samples.csv has no column targets; name one column targets"),
        ("samples.csv", text("targets\n1\n2\n"), r"samples.csv has no column of inputs; name one"),
        ("samples.csv", text("a,a,targets\n1,1,2\n"), r"its header a,a,targets names a column twice"),
        ("samples.csv", text("a,test,targets\n1,0,2\n2,0,1\n"), r"column test: it must be 1 for samples that are held"),
    ],
)
def test_what_is_no_data_is_refused_in_one_line_that_says_what_to_do(folder, file, prepared, message):
    prepared(folder)
    with pytest.raises(SpecError, match=message) as caught:
        opened(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"inputs": ["8x3x4"]}, r"inputs are 54x4:float32; the model takes 8x3x4:float32, the batch first"),
        ({"inputs": ["8x4:int32<9"]}, r"inputs are 54x4:float32; the model takes 8x4:int32<9"),
        ({"inputs": ["8x4", "8x2"]}, r"there are 1 inputs, 0; the model takes 2: 8x4:float32, 8x2:float32"),
        (
            {"outputs": "8x2"},
            r"8:int64<3 are classes up to 2, and the outputs 8x2:float32 have 2 classes; give fewer",
        ),
        ({"targets": "8<2"}, r"targets hold 2; integers must be less than 2"),
        ({"loss": "mse", "outputs": "8x3"}, r"loss mse: targets 8:float32 and outputs 8x3:float32 differ in shape"),
        ({"target": "mse:0.1"}, r"--target 'mse:0.1' is not accuracy:VALUE\[:STEPS\]"),
        (
            {"target": "accuracy:1.5"},
            r"--target 'accuracy:1.5' cannot be reached: the accuracy is above 0 and at most 1",
        ),
        ({"target": "accuracy:-1"}, r"--target 'accuracy:-1' cannot be reached"),
    ],
)
def test_data_that_does_not_fit_the_model_is_refused_with_both_shapes(folder, stated, message):
    inputs, targets = made()
    np.savez(folder / "samples.npz", inputs=inputs, targets=targets)
    with pytest.raises(SpecError, match=message):
        opened(**stated)


def test_a_file_that_would_run_code_when_unpickled_does_not(folder):
    class Planted:
        def __reduce__(self):
            return (open, (str(folder / "ran"), "w"))

    np.savez(folder / "samples.npz", inputs=np.array([Planted()], object), targets=np.arange(1))
    with pytest.raises(SpecError, match="never loaded"):
        opened()
    assert not (folder / "ran").exists()
