"""Settings of TensorFlow: set, read back as they are in effect, and refused on a path that has no use of them."""

from __future__ import annotations

import msgspec
import pytest
import tensorflow as tf

from dlbench.errors import SettingNotTaken
from dlbench.measure import settings as reading
from dlbench.session.variants import Misfit, fit
from dlbench.spec import Spec, Variant
from dlbench.spec.variant import variants
from dlbench_tf import readback, settings

pytestmark = pytest.mark.untimed

SPEC = Spec(plugin="tf.mlp", phase="train", path="graph", size="small", task="digits", batch_size=32, threads=1)


class Read:
    """A plugin that reads back what TensorFlow has."""

    def settings(self, spec):
        return settings.table(spec)

    def read_settings(self):
        return settings.in_effect("fp32")


def fitted(text, path="graph"):
    spec = msgspec.structs.replace(SPEC, path=path)
    return fit(spec, variants([text])[0], {one.key: one for one in settings.table(spec)})


def test_passes_of_grappler_are_read_back():
    spec = msgspec.structs.replace(SPEC, variant=fitted("a=remapper:off,layout-optimizer:on"))
    settings.set_all(spec.settings)
    try:
        assert dict(spec.variant.settings).items() <= reading.taken(spec, Read()).items()
    finally:
        tf.config.optimizer.set_experimental_options({"remapping": True})
    with pytest.raises(SettingNotTaken, match=r"asks for remapper:off, and tf\.mlp reads back remapper:on"):
        reading.taken(spec, Read())


def test_flags_of_xla_and_onednn_stand_in_the_environment_before_the_import(monkeypatch):
    found = fitted("a=fast-math:on,onednn:off", path="jit")
    assert isinstance(found, Variant)
    assert found.early == (("XLA_FLAGS", "--xla_cpu_enable_fast_math=true"), ("TF_ENABLE_ONEDNN_OPTS", "0"))
    assert "fast-math" not in settings.in_effect("fp32")


@pytest.mark.parametrize(("shown", "word"), [(True, "on"), (False, "off")])
def test_a_flag_of_xla_is_what_compiled_code_shows_whatever_the_environment_says(shown, word, monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--other=1 --xla_cpu_enable_fast_math=true")
    monkeypatch.setitem(settings.SHOWN, "fast-math", lambda: shown)
    assert settings.in_effect("fp32")["fast-math"] == word


def test_xla_keeps_the_order_of_float_arithmetic_unless_it_is_told_otherwise():
    assert not readback.reorders()


def test_a_setting_of_another_path_does_not_fit():
    assert isinstance(fitted("a=remapper:off", path="jit"), Misfit)
    assert isinstance(fitted("a=fast-math:on"), Misfit)
