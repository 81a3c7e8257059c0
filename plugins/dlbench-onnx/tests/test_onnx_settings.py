"""Settings of both runtimes: set, read back as they are in effect, refused with a reason where they are not."""

from __future__ import annotations

import msgspec
import pytest

from dlbench import registry
from dlbench.errors import SpecError, Unsupported
from dlbench.measure import settings as reading
from dlbench.measure.build import build_checked, prepare
from dlbench.session.variants import fit
from dlbench.spec import Spec, Variant
from dlbench.spec.variant import variants

pytestmark = [pytest.mark.untimed, pytest.mark.xdist_group("one export")]

SPEC = Spec(plugin="ort.mlp", phase="predict", path="graph", size="small", task="synthetic", batch_size=512, threads=1)
OPENVINO = msgspec.structs.replace(SPEC, plugin="openvino.mlp")


def fitted(spec, text):
    return fit(spec, variants([text])[0], {one.key: one for one in reading.list_settings(spec)})


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (SPEC, "a=optimization:disable,spinning:off"),
        (SPEC, "b=optimization:basic,arena:off,denormals:keep"),
        (SPEC, "c=optimization:extended,provider:cpu"),
        (OPENVINO, "d=pinning:off,execution:accuracy"),
        (OPENVINO, "e=denormals:keep"),
    ],
)
def test_a_variant_is_in_effect(spec, text):
    found = fitted(spec, text)
    assert isinstance(found, Variant), found
    spec = msgspec.structs.replace(spec, variant=msgspec.structs.replace(found, early=()))
    prepared = prepare(spec, registry.load(spec.plugin))
    info = build_checked(prepared.plugin, prepared.request)
    assert dict(found.settings).items() <= info.settings.items()


def test_what_is_in_effect_without_a_variant_is_the_stated_default():
    found = {}
    for spec in (SPEC, OPENVINO):
        prepared = prepare(spec, registry.load(spec.plugin))
        build_checked(prepared.plugin, prepared.request)
        found[spec.framework] = prepared.plugin.read_settings()
    assert (found["ort"]["optimization"], found["ort"]["denormals"]) == ("all", "flush")
    assert (found["openvino"]["amp"], found["openvino"]["denormals"], found["openvino"]["pinning"]) == (
        *("off", "flush"),
        "off",
    )


def test_a_provider_that_the_build_lacks_is_refused_with_those_that_it_has():
    with pytest.raises(SpecError, match=r"was built with .*CPUExecutionProvider"):
        fitted(SPEC, "a=provider:cuda")


@pytest.mark.parametrize("precision", ["fp16", "tf32"])
def test_a_precision_that_is_not_there_is_refused(precision):
    for spec in (SPEC, OPENVINO):
        asked = msgspec.structs.replace(spec, precision=precision)
        prepared = prepare(asked, registry.load(spec.plugin))
        with pytest.raises(Unsupported, match=f"precision {precision}"):
            build_checked(prepared.plugin, prepared.request)
