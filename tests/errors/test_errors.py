"""Messages are part of the interface: the fault, its name, a remedy."""

from __future__ import annotations

import inspect

import pytest

from dlbench import errors

pytestmark = pytest.mark.untimed


def test_unknown_name_offers_near_matches_first() -> None:
    message = str(
        errors.UnknownName("plugin", "torch.transfomer", {"torch.transformer", "tf.transformer", "fake.line"})
    )
    assert message == "unknown plugin 'torch.transfomer'; did you mean torch.transformer or tf.transformer?"


def test_unknown_name_lists_what_is_known_when_nothing_is_near() -> None:
    assert str(errors.UnknownName("task", "zzz", ["text", "line"])) == "unknown task 'zzz'; known: line, text"


def test_unknown_name_says_none_when_nothing_is_known_and_ends_with_advice() -> None:
    message = str(errors.UnknownName("plugin", "jax.mlp", [], "pip install dlbench-jax"))
    assert message == "unknown plugin 'jax.mlp'; known: none; pip install dlbench-jax"


def test_a_plugin_that_cannot_be_loaded_is_named_with_distribution_and_cause() -> None:
    error = errors.PluginLoadError("tf.mlp", "dlbench-tf", "ImportError: no tensorflow")
    assert str(error) == "plugin tf.mlp of dlbench-tf cannot be loaded: ImportError: no tensorflow"


def _own_errors() -> list[type[Exception]]:
    found = vars(errors).values()
    return [kind for kind in found if inspect.isclass(kind) and issubclass(kind, Exception)]


def test_every_error_is_a_dlbench_error_with_a_line_of_its_own_in_the_drawn_tree() -> None:
    tree = [line.strip("│├└─ ").partition(" ")[0] for line in (errors.__doc__ or "").splitlines() if "──" in line]
    assert sorted(tree) == sorted(kind.__name__ for kind in _own_errors() if kind is not errors.DlbenchError)
    assert all(issubclass(kind, errors.DlbenchError) for kind in _own_errors())


@pytest.mark.parametrize("kind", _own_errors())
def test_every_error_says_when_it_is_raised(kind: type[Exception]) -> None:
    assert kind.__doc__
