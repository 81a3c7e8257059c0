"""Samples of a user's own: tasks made of arrays and of files, and the words of refusals."""

from __future__ import annotations

import numpy as np
import pytest
from samples import CLASSES, COUNT, made, opened, saved

from dlbench.api.tasks import facts
from dlbench.errors import SpecError
from dlbench.measure.describe import _with_arrays_of_task
from dlbench.plugin import ArraySpec
from dlbench.registry.references import FOLDER_VARIABLE
from dlbench.spec import ModelSource, Spec
from dlbench.tasks import TASKS, Target, TaskRequest, from_arrays, open_task

pytestmark = pytest.mark.untimed


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    return tmp_path


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
    assert task.signature.ranges == (None, 7)
    assert task.evaluate(lambda both: knows(both[0])) > 0.6


def test_each_of_several_inputs_of_integers_has_its_own_range(monkeypatch):
    users, items = np.arange(60, dtype=np.int32), np.arange(60, dtype=np.int32) % 7
    scores = np.ones((60, 1), np.float32)

    def pairs(request):
        return from_arrays(request, (users, items), scores, name="pairs")

    monkeypatch.setattr("dlbench.api.tasks.open_task", lambda _, request: pairs(request))
    monkeypatch.setattr("dlbench.api.tasks.row_of", lambda _: TASKS["line"])
    assert facts("pairs").inputs == "(batch) int32, below 60; (batch) int32, below 7"
    monkeypatch.setattr("dlbench.measure.describe.task_of", lambda _: pairs(TaskRequest("small", 8)))
    source = ModelSource(reference="a.py:Net")
    spec = Spec(plugin="a.Net", phase="train", path="eager", size="small", task="pairs", batch_size=8, threads=1)
    found = _with_arrays_of_task(spec, source)
    assert [one.below for one in found.inputs] == [60, 7]


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


@pytest.mark.parametrize(
    ("targets", "outputs", "shape"),
    [
        (made()[1][:, None], "8x3", (8,)),
        (made()[0][:, 0], "8x1", (8, 1)),
        (made()[0][:, :1], "8x1", (8, 1)),
        (np.stack([made()[1]] * 2, axis=1), "8x5x2", (8, 2)),
    ],
)
def test_targets_take_the_axes_that_the_outputs_want_where_a_single_one_is_at_stake(folder, targets, outputs, shape):
    np.savez(folder / "samples.npz", inputs=made()[0], targets=targets)
    task = opened(outputs=outputs)
    assert task.signature.targets.shape == task.batch(0, 0).targets.shape == shape


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
