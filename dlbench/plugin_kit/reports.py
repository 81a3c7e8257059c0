"""Reports of a plugin: the model that it built, its compiled programs, its table of settings, and its machine."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

from dlbench import precision as arithmetic
from dlbench.plugin import PARTS, CacheState, Compilation, ModelInfo, Part, Setting
from dlbench.spec import Spec

SWITCH = ("on", "off")
"""Values of a setting that is a switch."""
TASKS = Path("/proc/self/task")
"""The threads of this process, by their numbers."""


def model_info(spec: Spec, *, device: str, devices: Mapping[str, str], compiler: str = "", **read: Any) -> ModelInfo:
    """The ModelInfo of a model whose path, steps per call and place of data are the Spec's, or it was not built.

    `device` is its word, or several with a slash between, and `devices` describe them. `compiler` is that of the path
    jit. `read` are the other fields, among them all that was read back: `precision`, `threads`.
    """
    return ModelInfo(
        device=device,
        device_name="/".join(devices[word] for word in device.split("/")),
        path=spec.path,
        compiler=compiler if spec.path == "jit" and compiler else None,
        steps_per_call=spec.steps_per_call,
        data=spec.data,
        **read,
    )


def versions_of(*packages: str) -> dict[str, str]:
    """Installed versions of distributions, by name."""
    return {name: metadata.version(name) for name in packages}


class Program(Protocol):
    """A function that a compiler takes whole: the parts of a step in it, its calls, and what became of it.

    `traces` counts the programs that were made of it, `breaks` the places that its compiler left to Python. `cache` is
    the state of the compiler's cache before the first of them.
    """

    parts: Sequence[Part]
    calls: int
    cache: CacheState

    @property
    def traces(self) -> int:
        """Programs so far."""
        ...

    @property
    def breaks(self) -> int:
        """Breaks in them."""
        ...


def compilation_of(programs: Sequence[Program], reason: str) -> Compilation:
    """The account of all programs that were traced; `reason` is that of a break."""
    made = [one for one in programs if one.traces]
    breaks = sum(one.breaks for one in made)
    return Compilation(
        graphs=len(made),
        breaks=breaks,
        recompilations=sum(one.traces - 1 for one in made),
        parts=tuple(part for part in PARTS if any(part in one.parts for one in made)),
        reasons=(reason,) if breaks else (),
        calls=sum(one.calls for one in made),
        cache=made[0].cache if made else "",
    )


def setting(key: str, meaning: str, read_back: str, values: Iterable[str] = SWITCH, **more: Any) -> Setting:
    """A row; a switch unless it has other values. `more` are further fields of a Setting."""
    return Setting(key=key, meaning=meaning, read_back=read_back, values=tuple(values), **more)


def amp(spec: Spec, read_back: str, how: str = "") -> Setting:
    """The row of products in bfloat16, which a CPU may lack."""
    missing = arithmetic.lacking("bf16") if spec.device == "cpu" else {}
    meaning = f"products in bfloat16{how and f', {how}'}"
    return setting("amp", meaning, read_back, ("off", "bf16"), rounding={"bf16": "bf16"}, missing=missing)


def tf32(spec: Spec, meaning: str, read_back: str) -> Setting:
    """The row of TF32, which no other device has than a GPU."""
    why = f"a mode of NVIDIA's tensor cores, and the device is {spec.device}; add --device gpu"
    missing = {} if spec.device.startswith(("gpu", "auto")) else dict.fromkeys(SWITCH, why)
    return setting("tf32", meaning, read_back, rounding={"on": "tf32"}, missing=missing)


def xla_flag(key: str, flag: str, meaning: str, read_back: str, **more: Any) -> Setting:
    """The row of a flag of XLA, which it reads from the environment; `more` are further fields of a Setting."""
    texts = {one: f"--{flag}={one == 'on'}".lower() for one in SWITCH}
    return setting(key, meaning, read_back, variable="XLA_FLAGS", texts=texts, **more)


def on_off(holds: bool) -> str:
    """The value of a switch."""
    return "on" if holds else "off"


def cpu_name() -> str:
    """The description of the processor in a list of devices."""
    return platform.processor() or platform.machine()


def threads_named(name: str) -> frozenset[str] | None:
    """Numbers of the threads of this process that have a name, as the kernel tells it; None where it does not (macOS).

    Two libraries may give theirs one name: what came with one of them is what was not there before.
    """
    if not TASKS.is_dir():
        return None
    return frozenset(one.parent.name for one in TASKS.glob("*/comm") if one.read_text().strip() == name)
