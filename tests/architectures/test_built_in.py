"""The built-in architectures: parameters, initial values and outputs, each against a second implementation."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np
import pytest

from dlbench import architectures
from dlbench.architectures.recurrent import Cell, Recurrent
from dlbench.architectures.transformer import Transformer
from dlbench.errors import UnknownName, Unsupported
from dlbench.plugin import ArraySpec, Signature
from dlbench.tasks import TaskRequest, fitting, open_task

pytestmark = pytest.mark.untimed

Parameters = Mapping[str, np.ndarray]


def _signature(batch: int = 3, sequence: int = 64, vocabulary: int = 94, causal: bool = True) -> Signature:
    tokens = ArraySpec((batch, sequence), "int32")
    outputs = ArraySpec((batch, sequence, vocabulary), "float32")
    return Signature(
        inputs=tokens, targets=tokens, outputs=outputs, loss="cross_entropy", vocabulary=vocabulary, causal=causal
    )


TINY = Transformer(blocks=2, width=6, heads=3, key_dim=4, feed_forward=5, sequence=7, batch_size=2)
TINY_SIGNATURE = _signature(batch=2, sequence=7, vocabulary=11)
TOKENS = np.random.default_rng(0).integers(0, 11, (2, 7)).astype(np.int32)


def _scattered(architecture: Transformer | Recurrent, signature: Signature) -> dict[str, np.ndarray]:
    """Parameters other than zero and one: a scale, an offset or a bias that is left out shows."""
    generator = np.random.default_rng(1)
    shapes = {name: value.shape for name, value in architecture.initial_parameters(signature, 0).items()}
    return {name: generator.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.mark.parametrize(
    ("architecture", "size", "signature", "count"),
    [
        # 94*32 + 64*32 embeddings; q, k, v: 3*(32*64 + 64); projection 64*32 + 32; two norms 4*32; feed-forward
        # 2*(32*32 + 32); output 32*94 + 94.
        ("transformer", "small", _signature(), 3008 + 2048 + 6336 + 2080 + 128 + 2112 + 3102),
        # 94*256 + 128*256; 4 blocks of 4*(256*256 + 256) + 4*256 + (256*1024 + 1024) + (1024*256 + 256); 256*94 + 94.
        (
            "transformer",
            "base",
            _signature(sequence=128),
            24064 + 32768 + 4 * (263168 + 1024 + 263168 + 262400) + 24158,
        ),
        ("linear", "small", open_task("line", TaskRequest("small", 32)).signature, 9),
    ],
)
def test_the_number_of_parameters_is_that_of_the_table(
    architecture: str, size: str, signature: Signature, count: int
) -> None:
    parameters = architectures.configuration(architecture, size).initial_parameters(signature, 0)
    assert sum(value.size for value in parameters.values()) == count
    assert {value.dtype.name for value in parameters.values()} == {"float32"}


def test_the_small_transformer_is_the_block_of_the_source_article() -> None:
    small = architectures.configuration("transformer", "small")
    assert msgspec.to_builtins(small) | {"sequence": 64} == {
        "blocks": 1,
        "width": 32,
        "heads": 2,
        "key_dim": 32,
        "feed_forward": 32,
        "dropout": 0.1,
        "norm_epsilon": 1e-6,
        "batch_size": 32,
        "sequence": 64,
    }


def test_parameters_have_the_names_and_shapes_that_the_description_states() -> None:
    shapes = {name: value.shape for name, value in TINY.initial_parameters(TINY_SIGNATURE, 0).items()}
    block = {
        **{f"{name}/kernel": (6, 12) for name in ("query", "key", "value")},
        **{f"{name}/bias": (12,) for name in ("query", "key", "value")},
        "projection/kernel": (12, 6),
        "projection/bias": (6,),
        "expand/kernel": (6, 5),
        "expand/bias": (5,),
        "contract/kernel": (5, 6),
        "contract/bias": (6,),
        **{f"norm{number}/{name}": (6,) for number in (1, 2) for name in ("scale", "offset")},
    }
    blocks = {f"block{number}/{name}": shape for number in (0, 1) for name, shape in block.items()}
    ends = {"embedding/tokens": (11, 6), "embedding/positions": (7, 6), "output/kernel": (6, 11), "output/bias": (11,)}
    assert shapes == blocks | ends


def _torch_forward(architecture: Transformer, parameters: Parameters, tokens: np.ndarray, causal: bool) -> np.ndarray:
    """The same network out of torch's own functions in float64: attention, normalisation and all."""
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    p = {name: torch.tensor(value, dtype=torch.float64) for name, value in parameters.items()}

    def dense(name: str, h: object) -> object:
        return functional.linear(h, p[f"{name}/kernel"].T, p[f"{name}/bias"])

    def norm(name: str, h: object) -> object:
        return functional.layer_norm(h, (architecture.width,), p[f"{name}/scale"], p[f"{name}/offset"], eps=1e-6)

    h = functional.embedding(torch.tensor(tokens, dtype=torch.int64), p["embedding/tokens"])
    h = h + p["embedding/positions"][None]
    for block in range(architecture.blocks):
        heads = [
            dense(f"block{block}/{name}", h).unflatten(-1, (architecture.heads, -1)).transpose(1, 2)
            for name in ("query", "key", "value")
        ]
        mixed = functional.scaled_dot_product_attention(*heads, is_causal=causal).transpose(1, 2).flatten(-2)
        h = norm(f"block{block}/norm1", h + dense(f"block{block}/projection", mixed))
        fed = dense(f"block{block}/contract", functional.relu(dense(f"block{block}/expand", h)))
        h = norm(f"block{block}/norm2", h + fed)
    return dense("output", h).numpy()


@pytest.mark.parametrize("causal", [True, False])
def test_the_forward_pass_is_that_of_torch(causal: bool) -> None:
    signature = msgspec.structs.replace(TINY_SIGNATURE, causal=causal)
    parameters = _scattered(TINY, signature)
    outputs = TINY.forward(parameters, TOKENS, signature)
    assert (outputs.shape, outputs.dtype.name) == ((2, 7, 11), "float32")
    np.testing.assert_allclose(outputs, _torch_forward(TINY, parameters, TOKENS, causal), rtol=1e-6, atol=1e-6)


def _one_number_at_a_time(architecture: Transformer, p: Parameters, tokens: np.ndarray) -> np.ndarray:
    """The formula of the docstring for one sequence, token by token, head by head, causal by construction."""

    def dense(name: str, vector: np.ndarray) -> np.ndarray:
        return np.einsum("i,ij->j", vector, p[f"{name}/kernel"], dtype=np.float64) + p[f"{name}/bias"]

    def norm(name: str, vector: np.ndarray) -> np.ndarray:
        return (vector - np.mean(vector)) / np.sqrt(np.var(vector) + 1e-6) * p[f"{name}/scale"] + p[f"{name}/offset"]

    def attend(query: np.ndarray, keys: list[np.ndarray], values: list[np.ndarray]) -> np.ndarray:
        size, parts = architecture.key_dim, []
        for head in range(architecture.heads):
            cut = slice(head * size, (head + 1) * size)
            scores = [float(np.dot(query[cut], key[cut])) / size**0.5 for key in keys]
            weights = np.exp(np.array(scores) - np.logaddexp.reduce(scores))
            parts.append(sum(weight * value[cut] for weight, value in zip(weights, values, strict=True)))
        return np.concatenate(parts)

    h = [p["embedding/tokens"][token] + p["embedding/positions"][at].astype(float) for at, token in enumerate(tokens)]
    for block in (f"block{number}" for number in range(architecture.blocks)):
        q, k, v = ([dense(f"{block}/{name}", x) for x in h] for name in ("query", "key", "value"))
        mixed = [attend(q[at], k[: at + 1], v[: at + 1]) for at in range(len(h))]
        h = [norm(f"{block}/norm1", x + dense(f"{block}/projection", m)) for x, m in zip(h, mixed, strict=True)]
        fed = [dense(f"{block}/contract", np.clip(dense(f"{block}/expand", x), 0, None)) for x in h]
        h = [norm(f"{block}/norm2", x + f) for x, f in zip(h, fed, strict=True)]
    return np.array([dense("output", x) for x in h])


def test_the_forward_pass_is_that_of_the_formula_one_number_at_a_time() -> None:
    parameters = _scattered(TINY, TINY_SIGNATURE)
    outputs = TINY.forward(parameters, TOKENS, TINY_SIGNATURE)
    expected = [_one_number_at_a_time(TINY, parameters, tokens) for tokens in TOKENS]
    np.testing.assert_allclose(outputs, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("place", [0, 3, 6])
def test_a_token_changes_no_earlier_output_and_every_later_one_where_causal(place: int) -> None:
    parameters, changed = _scattered(TINY, TINY_SIGNATURE), TOKENS.copy()
    changed[:, place] = (changed[:, place] + 1) % 11
    for causal in (True, False):
        signature = msgspec.structs.replace(TINY_SIGNATURE, causal=causal)
        before, after = (TINY.forward(parameters, tokens, signature) for tokens in (TOKENS, changed))
        same = (before == after).all(axis=-1)
        assert not same[:, place:].any()
        assert same[:, :place].all() == (causal or place == 0)


def test_every_parameter_matters_but_the_biases_of_the_keys() -> None:
    """A key bias adds the same to all scores of a query, and softmax takes it away again."""
    parameters = _scattered(TINY, TINY_SIGNATURE)
    before = TINY.forward(parameters, np.arange(14).reshape(2, 7) % 11, TINY_SIGNATURE)
    for name, value in parameters.items():
        changed = parameters | {name: value + np.linspace(0.5, 1.0, value.size).reshape(value.shape)}
        after = TINY.forward(changed, np.arange(14).reshape(2, 7) % 11, TINY_SIGNATURE)
        assert np.allclose(before, after, atol=1e-6) == name.endswith("key/bias"), name


FEATURES = Signature(
    inputs=ArraySpec((2, 7, 11), "float32"),
    targets=ArraySpec((2,), "int32"),
    outputs=ArraySpec((2, 11), "float32"),
    loss="cross_entropy",
)
POOLED = msgspec.structs.replace(TINY_SIGNATURE, outputs=FEATURES.outputs, causal=False)
ONE_HOT = np.eye(11, dtype=np.float32)[TOKENS]


def test_outputs_of_a_whole_sequence_are_the_mean_of_those_of_its_steps() -> None:
    """The last layer is affine, so that it may come before the mean or after it."""
    parameters = _scattered(TINY, TINY_SIGNATURE)
    steps = TINY.forward(parameters, TOKENS, msgspec.structs.replace(TINY_SIGNATURE, causal=False))
    np.testing.assert_allclose(TINY.forward(parameters, TOKENS, POOLED), steps.mean(axis=1), rtol=1e-5, atol=1e-6)


def test_features_that_are_one_hot_go_in_like_tokens() -> None:
    parameters = _scattered(TINY, FEATURES)
    as_tokens = {name: value for name, value in parameters.items() if not name.startswith("embedding")}
    as_tokens["embedding/tokens"] = parameters["embedding/kernel"]
    as_tokens["embedding/positions"] = parameters["embedding/positions"] + parameters["embedding/bias"]
    expected = TINY.forward(as_tokens, TOKENS, POOLED)
    np.testing.assert_allclose(TINY.forward(parameters, ONE_HOT, FEATURES), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_tokens_go_into_a_recurrent_layer_as_rows_of_the_table(cell: Cell) -> None:
    model = Recurrent(cell=cell, units=5, batch_size=2)
    parameters = _scattered(model, POOLED)
    assert parameters["embedding/tokens"].shape == (11, 5)
    rows = parameters["embedding/tokens"][TOKENS]
    given = msgspec.structs.replace(POOLED, inputs=ArraySpec((2, 7, 5), "float32"), vocabulary=None)
    without = {name: value for name, value in parameters.items() if name != "embedding/tokens"}
    assert without.keys() == model.initial_parameters(given, 0).keys()
    expected = model.forward(without, rows, given)
    np.testing.assert_array_equal(model.forward(parameters, TOKENS, POOLED), expected)
    assert model.flops_per_step(POOLED) == model.flops_per_step(given)


def test_the_flops_of_other_ends_are_counted_by_hand() -> None:
    """Per sequence of 7: projection 11 to 6; per block q, k, v, projection, two products, feed-forward; one row out."""
    block = 4 * 6 * 12 + 2 * 7 * 12 + 2 * 6 * 5
    assert TINY.flops_per_step(POOLED) == 3 * 2 * 2 * (7 * 2 * block + 6 * 11)
    assert TINY.flops_per_step(FEATURES) == 3 * 2 * 2 * (7 * (11 * 6 + 2 * block) + 6 * 11)


def test_the_flops_of_a_prediction_of_the_gan_are_those_of_its_generator() -> None:
    gan = architectures.configuration("gan", "small")
    signature = open_task("digits_gan", TaskRequest("small", 32)).signature
    assert architectures.flops(gan, signature, "predict") == 2 * 32 * (100 * 128 + 128 * 784)
    line = architectures.configuration("linear", "small")
    of_line = open_task("line", TaskRequest("small", 32)).signature
    assert architectures.flops(line, of_line, "predict") == 2 * 32 * 8 * 1
    assert architectures.flops(line, of_line, "train") == 3 * 2 * 32 * 8 * 1


def test_the_flops_of_the_line_are_counted_by_hand() -> None:
    line = architectures.configuration("linear", "small")
    assert line.flops_per_step(open_task("line", TaskRequest("small", 32)).signature) == 3 * 2 * 32 * 8 * 1


@pytest.mark.parametrize("architecture", [TINY, architectures.configuration("transformer", "small")])
def test_the_flops_of_a_step_are_three_times_those_that_torch_counts_in_a_forward_pass(
    architecture: Transformer,
) -> None:
    torch = pytest.importorskip("torch")
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    signature = _signature(batch=2, sequence=architecture.sequence, vocabulary=11)
    parameters = _scattered(architecture, signature)
    tokens = np.zeros((2, architecture.sequence), np.int32)
    # The fused attention of a CPU is one operation whose work torch does not count; MATH's is two products.
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        _torch_forward(architecture, parameters, tokens, causal=False)
    assert architecture.flops_per_step(signature) == 3 * counter.get_total_flops()


@pytest.mark.parametrize("name", architectures._MODULES)
def test_every_architecture_has_its_sizes_and_tasks_that_close_it(name: str) -> None:
    assert architectures.is_builtin(name)
    assert architectures.default_task(name) in fitting(name)
    for size, task_name in [("base", architectures.default_task(name)), *(("small", task) for task in fitting(name))]:
        architecture = architectures.configuration(name, size)
        request = TaskRequest(size=size, batch_size=2, input_shape=architecture.input_shape)
        task = open_task(task_name, request)
        parameters = architecture.initial_parameters(task.signature, 0)
        outputs = architecture.forward(parameters, task.batch(0, 0).inputs, task.signature)
        assert (outputs.shape, outputs.dtype.name) == (task.signature.outputs.shape, task.signature.outputs.dtype)
        assert architecture.flops_per_step(task.signature) > 0


def test_unknown_architectures_and_sizes_offer_near_ones() -> None:
    assert not architectures.is_builtin("transfomer")
    for ask in (
        lambda: architectures.default_task("transfomer"),
        lambda: architectures.configuration("transfomer", "x"),
    ):
        with pytest.raises(UnknownName, match="unknown architecture 'transfomer'; did you mean transformer"):
            ask()
    with pytest.raises(UnknownName, match="unknown size of transformer 'bas'; did you mean base"):
        architectures.configuration("transformer", "bas")


def test_a_cnn_says_that_it_takes_images():
    signature = open_task("line", TaskRequest("small", 4)).signature
    with pytest.raises(Unsupported, match=r"a cnn takes images .*, and the task has float32 \(4, 8\)"):
        architectures.configuration("cnn", "small").initials(signature)
