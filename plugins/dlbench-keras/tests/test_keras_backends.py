"""A backend is chosen before Keras is imported, for a whole process, whatever the environment says."""

from __future__ import annotations

import importlib.util

import pytest
from backend_programs import BUILT, run

from dlbench.errors import Unsupported
from dlbench_keras import backends

pytestmark = pytest.mark.untimed

REFUSED = """
from dlbench.errors import Unsupported
def refused(work):
    try:
        work()
    except Unsupported as error:
        return str(error)
"""


def test_the_package_imports_no_framework_until_a_plugin_is_made():
    said = run("import sys, dlbench_keras; print(sorted({'keras', 'tensorflow', 'torch', 'jax'} & set(sys.modules)))")
    assert said.strip() == "[]"


def test_a_backend_that_is_not_installed_is_refused_with_its_package(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Unsupported, match=r"keras-tf needs tensorflow, .* pip install 'dlbench-keras\[tf\]'"):
        backends.use("tf")


def test_ours_wins_over_the_environment_and_nothing_else_is_imported():
    """One process for all of it: importing Keras and PyTorch takes seconds."""
    said = run(
        BUILT
        + REFUSED
        + """
spec, made, info = build("keras-torch.mlp", "eager")
batch = stage(made.plugin, spec, batch_of_call(made.task, spec, 0))
made.plugin.train_step(batch), made.plugin.predict(batch.inputs), made.plugin.gradients(batch)
print(info.details["KERAS_BACKEND"])
print("tensorflow" in sys.modules)
print(refused(lambda: build("keras-tf.mlp", "eager")))
print(refused(lambda: build("keras-torch.mlp", "graph")))
print(refused(lambda: build("keras-torch.mlp", "eager", steps_per_call=4)))
print(refused(lambda: build("keras-torch.gan", "eager", task="synthetic")))
print(refused(lambda: build("keras-torch.mlp", "eager", device="gpu")))
""",
        KERAS_BACKEND="jax",
    ).splitlines()
    assert said == [
        "torch; the environment's jax was set aside for keras-torch",
        "False",
        "keras-tf: Keras runs on torch in this process and cannot change to tensorflow; "
        "use a process for each, as --isolation fresh does",
        "path graph: the plugins of keras-torch have eager, jit; choose one of them",
        "4 steps a call: Keras has no steps_per_execution on PyTorch; leave --steps-per-call out",
        "keras-torch.gan generates images and task synthetic has none to learn; "
        "choose --task synthetic_gan or digits_gan",
        "device gpu: the plugins keras-torch.* have the cpu alone; --device cpu",
    ]


STEPS = (
    BUILT
    + """
spec, made, info = build(sys.argv[1], "eager")
batches = [stage(made.plugin, spec, batch_of_call(made.task, spec, number)) for number in range(3)]
outputs, asked = np.asarray(made.plugin.predict(batches[0].inputs)), made.request
wanted = asked.configuration.forward(asked.parameters, made.task.batch(0, 0).inputs, asked.signature)
print(float(abs(outputs - wanted).max()), *(made.plugin.train_step(one) for one in batches))
"""
)


def test_every_backend_takes_the_steps_of_the_same_model():
    here = [word for word, one in backends.BACKENDS.items() if importlib.util.find_spec(one.module)]
    found = [[float(one) for one in run(STEPS, f"keras-{word}.mlp").split()] for word in here]
    assert max(error for error, *_ in found) < 5e-6
    for _, *losses in found:
        assert losses == pytest.approx(found[0][1:], rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "path"), [("tf", "graph"), ("tf", "jit"), ("jax", "jit")])
def test_a_step_is_traced_once_for_each_function_and_not_again(backend, path):
    said = run(
        BUILT
        + f"""
spec, made, info = build("keras-{backend}.mlp", "{path}")
batch = stage(made.plugin, spec, batch_of_call(made.task, spec, 0))
made.plugin.train_step(batch)
first = made.plugin.compilation()
for _ in range(5):
    made.plugin.train_step(batch)
made.plugin.predict(batch.inputs)
last = made.plugin.compilation()
print(first.graphs, last.graphs, last.breaks, last.recompilations - first.recompilations, len(last.parts))
""",
    )
    assert said.split() == ["1", "2", "0", "0", "3"]


@pytest.mark.slow
def test_torch_compile_breaks_the_step_of_keras_and_the_row_says_so():
    program = (
        BUILT
        + REFUSED
        + """
def step(**more):
    spec, made, info = build("keras-torch.mlp", "jit", **more)
    made.plugin.train_step(stage(made.plugin, spec, batch_of_call(made.task, spec, 0)))
    return made.plugin.compilation()
print(refused(step))
found = step(allow_breaks=True)
print(found.graphs > 0, found.breaks > 0, found.parts)
"""
    )
    refused, allowed = run(program).splitlines()
    assert "torch.compile breaks Keras's train_step into" in refused
    assert refused.endswith("--allow-breaks measures it anyway")
    assert allowed == "True True ()"


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tf", "torch", "jax"])
def test_mixed_precision_is_read_back_and_data_on_the_host_gives_the_same_losses(backend):
    said = run(
        BUILT
        + f"""
from dlbench import precision
from dlbench.errors import Unsupported
losses = []
for more in ({{}}, {{"data": "host"}}):
    spec, made, info = build("keras-{backend}.mlp", "eager", **more)
    losses.append([made.plugin.train_step(stage(made.plugin, spec, batch_of_call(made.task, spec, n))) for n in (0, 1)])
print(losses[0] == losses[1])
try:
    precision.require("bf16")
except Unsupported:
    print("bf16 True")
else:
    spec, made, info = build("keras-{backend}.mlp", "eager", precision="bf16")
    batch = batch_of_call(made.task, spec, 0)
    loss = made.plugin.train_step(stage(made.plugin, spec, batch))
    print(info.precision, 0 < abs(loss / losses[0][0] - 1) < 2e-2)
""",
    )
    assert said.split() == ["True", "bf16", "True"]


SETTINGS = (
    BUILT
    + """
from dlbench import precision
from dlbench.conformance.examine import examine_clause
precision.cpu_flags = lambda: {"avx512_bf16"}  # the backends compute in bf16 on any CPU, slowly
spec, made, info = build("keras-jax.mlp", "eager")
print(examine_clause(spec, "settings_take_effect").verdict)
print(made.plugin.read_settings())
from dlbench.spec import Variant
spec, made, info = build("keras-jax.mlp", "eager", variant=Variant("a", (("amp", "bf16"),), rounding="bf16"))
print(info.precision, info.settings)
"""
)


def test_settings_of_a_variant_take_effect():
    said = run(SETTINGS).splitlines()
    assert said == ["holds", "{'amp': 'off'}", "bf16 {'amp': 'bf16'}"]


def test_integers_beyond_an_embedding_are_refused_on_jax_too():
    """JAX reads past an array's end in silence."""
    said = run(
        """
from dlbench.errors import SpecError
from dlbench.plugin import InputSpec
from dlbench.plugin_kit import Recipe
from dlbench.spec import Spec
from dlbench_keras import backends
backend = backends.use("jax")
import keras
from dlbench_keras.own import OwnModel
def make():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((5,), dtype="int32"), keras.layers.Embedding(10, 4), keras.layers.Flatten()])
spec = Spec(plugin="keras-jax.net", phase="train", path="eager", size="default", task="any", batch_size=2, threads=1)
for below in (10, 11):
    recipe = Recipe(make=make, inputs=(InputSpec((2, 5), "int32", below),))
    try:
        print(OwnModel(recipe, backend).describe(spec).outputs.shape)
    except SpecError as error:
        print(error)
"""
    ).splitlines()
    assert said[0] == "(2, 20)"
    assert "do not fit" in said[1]
    assert "index 10 is out of bounds" in said[1]
