"""Settings of the fake framework: those that take effect, those to set early, and spoilt ones on request.

`DLBENCH_FAKE_SETTINGS="NAME ..."` adds spoilt ones to the table: `stuck`, `fading`, `fragile`, `wide`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from dlbench.plugin import Setting, Spec

if TYPE_CHECKING:
    from dlbench.plugin import Array

EARLY_VARIABLE = "DLBENCH_FAKE_EARLY"
FLAGS_VARIABLE = "DLBENCH_FAKE_FLAGS"
EARLY = os.environ.get(EARLY_VARIABLE, "0")
"""As it was when this module was imported, like a framework that reads it once."""
SPOILT_VARIABLE = "DLBENCH_FAKE_SETTINGS"
SWITCH = ("on", "off")
DEFAULTS = {"speed": "slow", "stuck": "off", "fading": "off", "fragile": "off", "wide": "off", "products": "fp32"}
"""Values without a variant. `early`, `fast-math` and `level` stand in the environment."""
SPOILT = {
    "stuck": "never takes effect",
    "fading": "is off again after the first steps",
    "fragile": "ends the process when it is on",
    "wide": "adds a parameter",
}
"""Settings that no plugin should have, and their faults."""


def table(spec: Spec, *spoilt: str) -> list[Setting]:
    """The settings of a Spec, with these spoilt ones and those of the environment."""
    gone = {"z": f"only version 2.0 of the fake framework has it, not on {spec.device}"}
    early = {"variable": EARLY_VARIABLE, "texts": {"on": "1", "off": "0"}}
    return [
        _setting("speed", "nothing", ("slow", "fast")),
        _setting("products", "of inputs", ("fp32", "bf16"), rounding={"bf16": "bf16"}),
        _setting("mode", "of the compiler", ("a", "b", "z"), missing=gone, paths=("jit",)),
        _setting("early", "read when imported", read_back="as imported", **early),
        _setting("fast-math", "a flag", **_flag("fast_math", SWITCH)),
        _setting("level", "a flag", ("1", "2"), **_flag("level", ("1", "2"))),
        *([_setting("place", "of workers", ("devices",), devices=("devices",))] if spec.together else ()),
        *(_setting(key, SPOILT[key]) for key in (*spoilt, *os.environ.get(SPOILT_VARIABLE, "").split())),
    ]


def _setting(key: str, meaning: str, values: tuple[str, ...] = SWITCH, **more: Any) -> Setting:
    return Setting(**{"key": key, "meaning": meaning, "values": values, "read_back": "as it was set", **more})


def _flag(name: str, values: tuple[str, ...]) -> dict[str, Any]:
    return {"variable": FLAGS_VARIABLE, "texts": {value: f"--{name}={value}" for value in values}}


def in_effect(asked: Mapping[str, str], steps: int) -> dict[str, str]:
    """Settings as read back after this number of steps."""
    flags = dict(flag.removeprefix("--").split("=") for flag in os.environ.get(FLAGS_VARIABLE, "").split())
    return {
        **DEFAULTS,
        **asked,
        "stuck": "off",
        "fading": asked.get("fading", "off") if steps < 2 else "off",
        "early": "on" if EARLY == "1" else "off",
        **{key: flags[flag] for key, flag in (("fast-math", "fast_math"), ("level", "level")) if flag in flags},
    }


def set_all(asked: Mapping[str, str]) -> None:
    """Set what a variant asks for."""
    if asked.get("fragile") == "on":
        os._exit(9)


def product(left: Array, right: Array, asked: Mapping[str, str]) -> Array:
    """In float32, or from operands cut off to bfloat16."""
    return _cut(left) @ _cut(right) if asked.get("products") == "bf16" else left @ right


def _cut(values: Array) -> Array:
    return (np.array(values, np.float32).view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
