"""Several workers of JAX: a batch that is sharded over processes, on the loopback interface."""

import msgspec
import pytest
from jax._src import lib, xla_bridge
from trained_together import differences, train, weights_together

from dlbench.errors import Unsupported
from dlbench.spec import Spec
from dlbench_jax import parallel

pytestmark = pytest.mark.untimed

SPEC = Spec(
    plugin="jax.mlp", phase="train", path="jit", size="small", task="synthetic", batch_size=8, threads=1, workers=2
)


@pytest.mark.slow
@pytest.mark.parametrize(("path", "steps"), [("jit", 1), ("jit", 3), ("eager", 1)])
def test_two_workers_have_equal_weights_and_listen_to_nobody_else(path, steps):
    built, closed, listening = train(msgspec.structs.replace(SPEC, path=path, steps_per_call=steps))
    assert built.info.details["workers"] == "2, sharded over processes, gloo"
    assert len({one.weights for one in closed.ranks}) == 1
    assert listening.addresses == {"127.0.0.1"}
    assert listening.elsewhere == set()


@pytest.mark.slow
@pytest.mark.parametrize(("plugin", "count"), [("jax.cnn", 2), ("jax.mlp", 4)])
def test_strong_scaling_trains_as_one_worker_does(plugin, count, tmp_path):
    spec = msgspec.structs.replace(SPEC, plugin=plugin, workers=count, scaling="strong")
    between, from_one = differences(weights_together(spec, tmp_path))
    assert between == 0.0
    assert from_one < 1e-4


def test_the_cpu_client_exchanges_by_gloo_at_the_loopback_address_whatever_the_host_is_called(monkeypatch):
    made, started, factories = [], [], {}
    monkeypatch.setattr(lib._jax, "make_gloo_tcp_collectives", lambda **said: made.append(said) or "gloo")
    monkeypatch.setattr(xla_bridge, "make_cpu_client", started.append)
    register = lambda name, factory, **_: factories.update({name: factory})  # noqa: E731
    monkeypatch.setattr(xla_bridge, "register_backend_factory", register)
    parallel.listen_on_loopback()
    factories["cpu"]()
    assert [one["hostname"] for one in made] == ["127.0.0.1"]
    assert started == ["gloo"]


@pytest.mark.parametrize(
    ("of", "name"), [(lib._jax, "make_gloo_tcp_collectives"), (xla_bridge, "register_backend_factory")]
)
def test_a_jax_that_cannot_be_told_where_to_listen_is_unsupported(monkeypatch, of, name):
    monkeypatch.setattr(lib._jax, "make_gloo_tcp_collectives", lambda **said: "gloo")
    monkeypatch.delattr(of, name)
    with pytest.raises(Unsupported, match=rf"listen on the loopback interface alone .*{name}.* leave --workers out"):
        parallel.listen_on_loopback()
