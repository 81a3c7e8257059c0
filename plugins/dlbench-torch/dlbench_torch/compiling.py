"""Inductor as a variant wants it: its mode, its switches, and their values read while it compiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

from dlbench_torch import loop, openxla

Compiler = Callable[[Any, Any], Any]
"""A backend of Dynamo: a graph and examples to what computes it."""
Row = tuple[str, str, tuple[str, ...], str, dict[str, str]]
"""Key, meaning, values, how it is read back, and the values that are missing here."""

MODES = {
    "default": "2.0",
    "reduce-overhead": "2.0",
    "max-autotune": "2.0",
    "max-autotune-no-cudagraphs": "2.1",
    "lite": "2.10",
}
"""Modes of torch.compile, each with the first version of PyTorch that has it."""
WITH_GRAPHS = ("reduce-overhead", "max-autotune")
"""Modes that record CUDA graphs; without them the first is the default, and the second has a mode of its own."""
SWITCHES = {
    "cudagraphs": ("triton.cudagraphs", "CUDA graphs of what is compiled"),
    "unsafe-math": ("cpp.enable_unsafe_math_opt_flag", "the C++ compiler may reorder float arithmetic"),
    "pattern-matcher": ("pattern_matcher", "passes that replace patterns of operations"),
    "epilogue-fusion": ("epilogue_fusion", "pointwise operations fused behind products"),
}
"""Options of torch._inductor.config by key, and their meaning."""
_BACKENDS: Mapping[str, Callable[..., Any]] = {openxla.NAME: openxla.compiled}
_READ = "torch._inductor.config while it compiles"


def rows(*, cpu: bool) -> Iterator[Row]:
    """Rows of the table for the path jit."""
    graphs = "it records CUDA graphs, and the device is the CPU; "
    missing = dict.fromkeys(WITH_GRAPHS, f"{graphs}choose default or max-autotune-no-cudagraphs") if cpu else {}
    known = _modes()
    missing |= {mode: _older(since) for mode, since in MODES.items() if mode not in known}
    yield "mode", "mode of torch.compile", tuple(MODES), _READ, missing
    yield "dynamic", "shapes that are no constants of the code", ("on", "off"), "symbols in the compiled graph", {}
    for key, (_, meaning) in SWITCHES.items():
        lacks = {"on": f"{graphs}choose off"} if cpu and key == "cudagraphs" else {}
        yield key, meaning, ("on", "off"), _READ, lacks


class Compiling:
    """A compiler of the path jit for the settings of a variant, and what was in effect when it compiled last."""

    def __init__(self, name: str, own: Mapping[str, str]) -> None:
        self.name = name
        self.dynamic = own.get("dynamic") == "on"
        self._switched = _switched(own)
        self._patches = {**_modes().get(own.get("mode", "default"), {}), **self._switched}
        self._symbols = False
        self._seen: dict[str, Any] = {}

    def __call__(self, graph: torch.fx.GraphModule, examples: Any) -> Any:
        """The backend of Dynamo."""
        self._symbols = any(isinstance(one, torch.SymInt) for one in examples)
        if self.name in _BACKENDS:
            return _BACKENDS[self.name](graph, examples)
        return loop.compiled(graph, examples, patches=self._patches, inner=self._compiled)

    def in_effect(self) -> dict[str, str]:
        """Values by key; empty before anything was compiled."""
        if not self._seen:
            return {}
        found = {key: "on" if self._seen[name] else "off" for key, (name, _) in SWITCHES.items()}
        return {"mode": self._mode(), "dynamic": "on" if self._symbols else "off", **found}

    def _mode(self) -> str:
        """The mode whose options hold, the one with most of them; one of its own options may be switched apart."""
        known = _modes()
        apart = self._switched
        fits = [
            name
            for name, options in known.items()
            if all(self._seen.get(option) == value for option, value in options.items() if option not in apart)
        ]
        return max(fits, key=lambda name: (len(known[name]), name))

    def _compiled(self, *arguments: Any, **keywords: Any) -> Any:
        """Compilation of one graph, in which the options that hold are read."""
        names = {name for name, _ in SWITCHES.values()}
        names |= {name for options in _modes().values() for name in options}
        from torch._inductor.compile_fx import compile_fx_inner

        self._seen = {name: _option(name) for name in names}
        return compile_fx_inner(*arguments, **keywords)


def _modes() -> dict[str, dict[str, Any]]:
    """Modes of this version with their options; imported when they are asked for, as eager steps have no use of it."""
    from torch import _inductor

    return _inductor.list_mode_options()


def _switched(own: Mapping[str, str]) -> dict[str, bool]:
    return {name: own[key] == "on" for key, (name, _) in SWITCHES.items() if key in own}


def _option(name: str) -> Any:
    """An option of Inductor's configuration, which has sections."""
    from torch._inductor import config

    found: Any = config
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _older(since: str) -> str:
    return f"PyTorch {since} and later have it, this is {torch.__version__}"
