"""Variants: the words of the option, the arms that take them, and the words that a misfit gets."""

from __future__ import annotations

import msgspec
import pytest
from built import built, of_line
from msgspec import UNSET

from dlbench.errors import ContractViolation, SettingNotTaken, SpecError, Unsupported
from dlbench.measure import settings
from dlbench.plugin import Setting
from dlbench.record.encoding import encode
from dlbench.record.reading import from_json
from dlbench.registry import variables
from dlbench.session import models, variants
from dlbench.session.models import Subjects
from dlbench.session.variants import misfit_of_model
from dlbench.spec import Policy, Spec, Variant
from dlbench.spec.variant import variants as read
from dlbench.workers.backends import Starter
from dlbench.workers.protocol import Build, Built
from dlbench_fake.linear import LinearPlugin
from dlbench_fake.minimal import Minimal
from dlbench_fake.settings import EARLY_VARIABLE, FLAGS_VARIABLE

pytestmark = [pytest.mark.untimed, pytest.mark.xdist_group("children with variants")]


def row(key, *values, **more):
    return Setting(key=key, meaning="", values=values, read_back="", **more)


TABLES = {
    "torch": {
        "mode": row("mode", "fast", "slow", "lite", paths=("jit",), missing={"lite": "PyTorch 2.20 has it"}),
        "onednn": row("onednn", "on", "off", variable="ONEDNN", texts={"on": "1", "off": ""}),
        "products": row("products", "high", "low", rounding={"low": "bf16"}),
    },
    "tf": {"onednn": row("onednn", "on", "off"), "grappler": row("grappler", "on", "off")},
    "bare": {},
}


def table_of(spec):
    """The table of a framework; a strategy is for several workers."""
    alone = TABLES[spec.framework]
    return {**alone, "strategy": row("strategy", "one")} if alone and spec.together else alone


def arms(*plugins, path=("eager",), variant=()):
    """The labels of the arms that take these variants, and the notes."""
    asked = [of_line(one, path=at, variant=found) for one in plugins for at in path for found in read(variant)]
    found = variants.fitted(asked, table_of, lambda: TABLES)
    return [spec.label for spec in found], list(variants.notes(found)), found


@pytest.mark.parametrize(
    ("text", "settings_"),
    [("a=k:v", (("k", "v"),)), ("b = y:2, x:1", (("x", "1"), ("y", "2"))), ("plain=", ()), ("m=mode:a-b_c.d", None)],
)
def test_a_variant_is_a_name_and_settings_sorted_by_key(text, settings_):
    (found,) = read([text])
    assert settings_ is None or found.settings == settings_
    assert read([found.text]) == [found]


@pytest.mark.parametrize("text", ["a", "=k:v", "a=k", "a=k:", "a=:v", "a=k:v,", "a=k:v,,x:y", "a b=k:v", "a=k:v w", ""])
def test_a_text_that_is_no_variant_is_shown_with_its_form(text):
    with pytest.raises(SpecError, match=r"--variant .* is not NAME=KEY:VALUE"):
        read([text])


def test_two_variants_of_one_name_and_a_key_said_twice_are_refused():
    with pytest.raises(SpecError, match=r"--variant a=k:v and --variant a=k:w have one name; give each"):
        read(["a=k:v", "a=k:w"])
    with pytest.raises(SpecError, match="sets k 2 times; give it one value"):
        read(["a=k:v,k:w"])
    assert len(read(["a=k:v", "b=k:v"])) == 2, "the same settings under two names show what noise does"


def test_a_variant_is_written_and_read_and_a_number_of_older_files_stays_an_origin():
    spec = of_line(variant=Variant("a", (("k", "v"),), (("X", "1"),), "bf16"))
    raw = encode(spec)
    assert from_json(raw, Spec) == spec
    assert b"variant" not in encode(of_line()), "a record without one is what it was"
    older = raw.replace(raw[raw.index(b'"variant"') : raw.index(b"}") + 1], b'"variant":3')
    assert (from_json(older, Spec).origin, from_json(older, Spec).variant) == (3, UNSET)


def test_each_variant_is_an_arm_with_what_follows_from_its_settings():
    labels, notes, found = arms("torch.a", variant=["x=onednn:on,products:low", "y=onednn:off", "plain="])
    assert labels == ["torch.a eager [x]", "torch.a eager [y]", "torch.a eager [plain]"]
    assert [(one.variant.early, one.variant.rounding) for one in found] == [
        ((("ONEDNN", "1"),), "bf16"),
        ((), ""),
        ((), ""),
    ]
    assert notes == []


def test_an_arm_whose_plugin_knows_none_of_the_settings_is_measured_once_and_that_is_said():
    labels, notes, _ = arms("torch.a", "tf.a", variant=["x=products:low", "y=products:high"])
    assert labels == ["torch.a eager [x]", "torch.a eager [y]", "tf.a eager"]
    assert notes == ["variants x, y set what tf.a eager does not have: it is measured as it is"]
    labels, notes, _ = arms("torch.a", "tf.a", variant=["x=products:low", "o=onednn:on"])
    assert labels == ["torch.a eager [x]", "torch.a eager [o]", "tf.a eager [o]"]
    assert notes == ["variant x sets what tf.a eager does not have: only its other variants are measured"]


def test_a_setting_of_one_path_makes_arms_of_that_path_alone():
    labels, notes, _ = arms("torch.a", path=("eager", "jit"), variant=["f=mode:fast", "s=mode:slow"])
    assert labels == ["torch.a jit [f]", "torch.a jit [s]", "torch.a eager"]
    assert notes == ["variants f, s set what torch.a eager does not have: it is measured as it is"]


@pytest.mark.parametrize(
    ("plugin", "variant", "text"),
    [
        ("torch.a", "x=mode:fast", "mode has no meaning on the path eager; add --path jit"),
        ("torch.a", "x=onedn:on", r"torch\.a has no onedn; did you mean onednn\?"),
        ("torch.a", "x=grappler:on", r"torch\.a has no grappler; it is a setting of tf"),
        ("torch.a", "x=strategy:one", r"torch\.a has no strategy with one worker; give --workers 2 or more$"),
        ("torch.a", "x=mode:fast,zzz:on", r"torch\.a has no zzz; its"),
        ("bare.a", "x=strategy:one", r"bare\.a takes no settings; leave --variant out"),
        ("torch.a", "x=zzz:on", r"torch\.a has no zzz; its settings are mode, onednn, products"),
        (
            "torch.a",
            "x=products:lowest",
            r"products:lowest is none of its values; did you mean low\? products is one of",
        ),
        ("torch.a", "x=mode:lite", "mode:lite cannot be had here: PyTorch 2.20 has it"),
        ("bare.a", "x=onednn:on", r"bare\.a takes no settings; it is a setting of torch and tf"),
        ("bare.a", "x=zzz:on", r"bare\.a takes no settings; leave --variant out"),
    ],
)
def test_a_variant_that_no_arm_takes_is_refused_with_what_would_do(plugin, variant, text):
    with pytest.raises(SpecError, match=text):
        arms(plugin, variant=[variant])


def test_settings_are_asked_of_the_plugins_themselves():
    def labels(plugin, *variant, isolation="fresh"):
        selection = {"plugin": [plugin], "phase": ["train"], "variant": list(variant)}
        return [one.label for one in models.expand(Subjects(selection), Policy(isolation=isolation))]

    assert labels("fake.linear", "a=early:on", "b=") == ["fake.linear eager [a]", "fake.linear eager [b]"]
    with pytest.raises(SpecError, match=r"fake\.linear has no sped; did you mean speed\?"):
        labels("fake.linear", "a=sped:fast")
    with pytest.raises(SpecError, match="shares one process, and a variant needs its own"):
        labels("fake.linear", "a=speed:fast", isolation="none")


def test_a_plugin_without_settings_refuses_them_and_takes_the_base():
    with pytest.raises(Unsupported, match=r"fake\.minimal takes no settings; leave --variant a=speed:fast out"):
        built(Minimal(), plugin="fake.minimal", variant=Variant("a", (("speed", "fast"),)))
    built(Minimal(), plugin="fake.minimal", variant=Variant("plain"))


def test_what_is_in_effect_is_read_back_for_a_variant_alone():
    plugin = LinearPlugin()
    asked = built(plugin, variant=Variant("a", (("speed", "fast"),))).request.spec
    assert settings.taken(asked, plugin)["speed"] == "fast"
    assert settings.taken(of_line(), plugin) == {}


def test_a_setting_that_does_not_take_is_an_error_and_so_is_one_that_is_lost():
    with pytest.raises(SettingNotTaken, match=r"variant a asks for stuck:on, and fake\.linear reads back stuck:off"):
        built(LinearPlugin(), variant=Variant("a", (("stuck", "on"),)))
    plugin = LinearPlugin()
    found = built(plugin, variant=Variant("a", (("fading", "on"),)))
    for step in range(2):
        settings.taken(found.request.spec, plugin)
        plugin.train_step(found.task.batch(0, step))
    with pytest.raises(SettingNotTaken, match="reads back fading:off"):
        settings.taken(found.request.spec, plugin)


def test_a_setting_that_is_not_known_before_a_step_is_asked_for_after_it():
    class Later(LinearPlugin):
        def read_settings(self):
            return super().read_settings() if self._step else {}

    plugin = Later()
    found = built(plugin, variant=Variant("a", (("speed", "fast"),)))
    with pytest.raises(SettingNotTaken, match=r"asks for speed:fast, and fake\.linear does not say what is in effect"):
        settings.taken(found.request.spec, plugin)
    plugin.train_step(found.task.batch(0, 0))
    assert settings.taken(found.request.spec, plugin)["speed"] == "fast"


def test_a_variant_that_changes_the_model_is_refused_by_name():
    with pytest.raises(ContractViolation, match="parameter count 10; variant w changes the model, and may change sett"):
        built(LinearPlugin(), variant=Variant("w", (("wide", "on"),)))
    one, other = (of_line(variant=Variant(name)) for name in ("a", "b"))
    programs = {}
    assert [misfit_of_model(spec, count, programs) for spec, count in ((one, 9), (other, 9), (of_line(), 7))] == [
        ""
    ] * 3
    why = misfit_of_model(other, 10, programs)
    assert "variant b changes the model of fake.linear: 10 parameters, and 9 in the variant a" in why


EARLY = Variant("on", (("early", "on"), ("level", "2")), ((EARLY_VARIABLE, "1"), (FLAGS_VARIABLE, "--level=2")))


@pytest.mark.parametrize("isolation", ["fresh", "fork"])
def test_what_must_be_set_before_the_import_is_set_in_the_child_alone(isolation, monkeypatch):
    monkeypatch.setenv(FLAGS_VARIABLE, "--level=1 --fast_math=on")
    specs = [of_line(variant=EARLY), of_line(variant=Variant("plain"))]
    found = []
    with Starter() as start:
        for spec in specs:
            child = start(spec, Policy(isolation=isolation))
            found.append(child.request(Build(spec=spec), Built).info.settings)
            child.close()
    assert [(one["early"], one["level"], one["fast-math"]) for one in found] == [("on", "2", "on"), ("off", "1", "on")]


def test_a_process_that_has_imported_the_framework_refuses_what_comes_too_late(monkeypatch):
    monkeypatch.delenv(EARLY_VARIABLE, raising=False)
    monkeypatch.setattr(variables, "_imported", {"fake"})
    with pytest.raises(
        Unsupported, match=f"needs {EARLY_VARIABLE}=1 before fake is imported, .* use --isolation fresh"
    ):
        variables.prepare(of_line(variant=EARLY))
    variables.prepare(msgspec.structs.replace(of_line(), variant=Variant("plain")))
