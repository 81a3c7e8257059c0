"""Samples of a user's own: what is made of arrays and of files, and what is refused in which words."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from dlbench.errors import SpecError
from dlbench.plugin import ArraySpec
from dlbench.registry.references import FOLDER_VARIABLE
from dlbench.spec.source import input_spec
from dlbench.tasks import Target, TaskRequest, from_arrays, open_task, random_stream

pytestmark = pytest.mark.untimed

COUNT, CLASSES = 60, 3


def made(count=COUNT, classes=CLASSES):
    """Points of three kinds (n, 4), each kind about a corner of its own."""
    generator = random_stream(3)
    labels = generator.integers(0, classes, count)
    labels[:classes] = range(classes)
    corners = 3.0 * np.eye(4)[labels]
    return (corners + generator.normal(size=(count, 4))).astype(np.float32), labels


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    return tmp_path


def opened(file="samples.npz", batch_size=8, **more):
    for name in more.keys() & {"outputs", "targets"}:
        more[name] = input_spec(more[name])
    if "inputs" in more:
        more["inputs"] = tuple(map(input_spec, more["inputs"]))
    return open_task("data", TaskRequest("small", batch_size, data=file, **more))


def saved(folder, name="samples.npz", **arrays):
    np.savez(folder / name, **arrays)
    return opened(name)


def knows(inputs):
    """The corner that a point is near."""
    return inputs[:, :CLASSES]


def test_the_last_tenth_is_held_out_and_a_model_that_knows_the_classes_is_right(folder):
    inputs, targets = made()
    task = saved(folder, inputs=inputs, targets=targets)
    assert task.info.data == "samples.npz: 54 samples, 6 held out"
    assert (task.info.name, task.info.metric, task.info.target) == ("data", "accuracy", 0.9)
    assert task.evaluate(knows) == np.mean(knows(inputs[54:]).argmax(-1) == targets[54:])
    assert task.evaluate(lambda seen: -knows(seen)) < 0.2
    assert task.signature.inputs == ArraySpec((8, 4), "float32")
    assert task.signature.outputs == ArraySpec((8, CLASSES), "float32")
    assert task.signature.loss == "cross_entropy"


def test_batches_are_training_samples_with_their_targets_by_seed_and_step(folder):
    inputs, targets = made()
    task = saved(folder, inputs=inputs, targets=targets)
    rows = {row.tobytes(): label for row, label in zip(inputs[:54], targets[:54], strict=True)}
    for step in range(20):
        batch = task.batch(0, step)
        assert [rows[row.tobytes()] for row in batch.inputs] == batch.targets.tolist()
    np.testing.assert_array_equal(task.batch(1, 2).inputs, opened().batch(1, 2).inputs)
    assert task.batch(1, 2).inputs.tobytes() != task.batch(2, 2).inputs.tobytes()


def test_a_part_of_its_own_is_held_out(folder):
    inputs, targets = made()
    task = saved(folder, inputs=inputs, targets=targets, test_inputs=inputs[:7], test_targets=targets[:7])
    assert task.info.data == "samples.npz: 60 samples, 7 held out"
    asked = []
    task.evaluate(lambda seen: (asked.append(seen), knows(seen))[1])
    np.testing.assert_array_equal(np.concatenate(asked)[:7], inputs[:7])


def test_the_checksum_is_that_of_the_data(folder):
    inputs, targets = made()
    one = saved(folder, inputs=inputs, targets=targets).info.sha256
    assert saved(folder, inputs=inputs, targets=targets).info.sha256 == one
    targets[0] = (targets[0] + 1) % CLASSES
    assert saved(folder, inputs=inputs, targets=targets).info.sha256 != one


@pytest.mark.parametrize("keys", [("inputs_0", "inputs_1"), ("inputs_pixels", "inputs_ids")])
def test_several_inputs_come_as_a_tuple_by_place_or_by_name(folder, keys):
    inputs, targets = made()
    tokens = (targets[:, None] + np.arange(5)).astype(np.int64)
    task = saved(folder, **dict(zip(keys, (inputs, tokens), strict=True)), targets=targets)
    first, second = task.batch(0, 0).inputs
    assert (first.shape, second.shape, second.dtype) == ((8, 4), (8, 5), np.int64)
    assert task.signature.further == (ArraySpec((8, 5), "int64"),)
    assert task.signature.names == (() if keys[0] == "inputs_0" else ("pixels", "ids"))
    assert task.signature.vocabulary == 7
    assert task.evaluate(lambda both: knows(both[0])) > 0.6


def test_ten_inputs_keep_their_places(folder):
    arrays = {
        f"inputs_{place}": np.full((4, place + 1), place, np.float32) for place in (10, 9, 2, 0, 1, 3, 4, 5, 6, 7, 8)
    }
    inputs = saved(folder, **arrays, targets=np.arange(4)).batch(0, 0).inputs
    assert [array.shape[1] for array in inputs] == list(range(1, 12))


def test_numbers_are_predicted_and_judged_by_their_squared_error(folder):
    inputs, _ = made()
    task = saved(folder, inputs=inputs.astype(np.float64), targets=inputs[:, :1] * 2.0)
    assert (task.signature.loss, task.info.metric, task.info.higher_is_better) == ("mse", "mean squared error", False)
    assert task.batch(0, 0).inputs.dtype == task.batch(0, 0).targets.dtype == np.float32
    assert task.evaluate(lambda seen: seen[:, :1] * 2.0) == pytest.approx(0.0, abs=1e-12)
    assert task.evaluate(lambda seen: seen[:, :1] * 2.0 + 0.5) == pytest.approx(0.25, rel=1e-5)


def test_whole_numbers_are_no_classes_for_a_loss_that_wants_numbers(folder):
    inputs, targets = made()
    np.savez(folder / "samples.npz", inputs=inputs, targets=targets[:, None])
    task = opened(loss="mse")
    assert task.signature.targets == task.signature.outputs == ArraySpec((8, 1), "float32")


def test_what_a_model_takes_and_gives_is_held_against_the_data(folder):
    inputs, targets = made()
    np.savez(folder / "samples.npz", inputs=(10 * inputs).astype(np.uint8), targets=targets.astype(np.uint8))
    task = opened(inputs=["32x4"], outputs="32x5")
    assert task.signature.inputs == ArraySpec((8, 4), "float32")
    assert task.signature.targets == ArraySpec((8,), "int32")
    assert task.signature.outputs == ArraySpec((8, 5), "float32")
    assert opened(inputs=["x=32x4:int64<256"]).signature.names == ("x",)


def test_a_target_and_a_budget_may_be_stated(folder):
    inputs, targets = made()
    np.savez(folder / "samples.npz", inputs=inputs, targets=targets)
    task = opened(target="accuracy:0.95:220")
    assert (task.info.target, task.info.budget_steps, task.evaluate_every) == (0.95, 250, 50)


CSV = "a,b,c,d,targets\n" + "\n".join(
    ",".join([*(f"{value:.6f}" for value in row), str(label)]) for row, label in zip(*made(), strict=True)
)


def test_a_table_has_features_and_targets_by_its_header(folder):
    (folder / "samples.csv").write_text(CSV)
    task = opened("samples.csv")
    assert (task.signature.inputs, task.signature.loss) == (ArraySpec((8, 4), "float32"), "cross_entropy")
    assert task.evaluate(knows) > 0.6
    (folder / "samples.csv").write_text("test,x,targets\n" + "\n".join(f"{n % 2},{n},{n / 4}" for n in range(8)))
    task = opened("samples.csv")
    assert (task.info.data, task.signature.loss) == ("samples.csv: 4 samples, 4 held out", "mse")


def test_an_array_with_fields_is_a_file_of_samples(folder):
    inputs, targets = made()
    array = np.zeros(COUNT, [("inputs", "f4", (4,)), ("targets", "i4")])
    array["inputs"], array["targets"] = inputs, targets
    np.save(folder / "samples.npy", array)
    assert opened("samples.npy").evaluate(knows) > 0.6


def objects(folder):
    np.savez(folder / "samples.npz", inputs=np.array([[1], [2, 3]], object), targets=np.arange(2))


def an_object(folder):
    np.save(folder / "samples.npy", np.array([object] * 3))


def a_pickle(folder):
    (folder / "samples.npz").write_bytes(pickle.dumps({"inputs": made()[0]}))


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
        ("samples.npz", text("abc", "samples.npz"), r"samples.npz (holds Python objects|is no file of NumPy's)"),
        ("samples.npz", objects, r"samples.npz holds Python objects, which are never loaded; save arrays of numbers"),
        ("samples.npy", an_object, r"samples.npy holds Python objects, which are never loaded"),
        ("samples.npz", a_pickle, r"samples.npz holds Python objects, which are never loaded"),
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
            r"inputs of training are 60x4:float32, those of testing 5x3:float32; make them alike",
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
        ({"outputs": "8x2"}, r"3 classes, and the outputs 8x2:float32 have 2"),
        ({"targets": "8<2"}, r"targets hold 2; integers must be less than 2"),
        ({"loss": "mse", "outputs": "8x3"}, r"loss mse: targets 8:float32 and outputs 8x3:float32 differ in shape"),
        ({"target": "mse:0.1"}, r"--target 'mse:0.1' is not accuracy:VALUE\[:STEPS\]"),
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


def test_without_a_file_one_line_says_so():
    with pytest.raises(SpecError, match=r"task data: no file was named; give --data FILE.npz, .npy or .csv"):
        open_task("data", TaskRequest("small", 4))


def test_arrays_are_a_task_by_themselves():
    inputs, targets = made()
    goal = Target(target=0.8, learning_rate=1e-2, budget_steps=60, evaluate_every=20)
    task = from_arrays(TaskRequest("small", 4), {"x": inputs}, targets, name="corners", goal=goal)
    assert (task.info.name, task.info.target, task.info.budget_steps) == ("corners", 0.8, 60)
    assert task.signature.names == ("x",)
    assert task.evaluate(knows) > 0.6
