"""Functions on their path: as they are, or compiled whole by XLA; and what a jaxpr says of a function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jax

from dlbench.errors import Unsupported
from dlbench.plugin import CacheState, Part, cache_state
from dlbench.plugin_kit import flops_of_hlo

CALLBACKS = ("pure_callback", "io_callback", "debug_callback", "debug_print")
"""Operations of a program that call Python."""
BREAK = "the program calls Python (a callback or jax.debug.print)"


class Program:
    """A function that XLA compiles whole; JAX compiles again, and counts it, for arguments of another shape or type."""

    def __init__(self, body: Callable[..., Any], parts: Sequence[Part] = (), donated: tuple[int, ...] = ()) -> None:
        self.parts, self.calls = parts, 0
        self.cache: CacheState = ""
        self._jitted: Any = jax.jit(body, donate_argnums=donated)
        self._traced: Any = None

    def __call__(self, *arguments: Any) -> Any:
        """Run; the first call traces and compiles, and JAX keeps both for the call itself."""
        self.calls += 1
        if self._traced is None:
            self.cache = cache_state(filter(None, [jax.config.values["jax_compilation_cache_dir"]]))
            self._traced = self._jitted.trace(*arguments)
            self._compiled = self._traced.lower().compile()
        return self._jitted(*arguments)

    @property
    def breaks(self) -> int:
        """Places in the program that call Python."""
        return sum(one.primitive.name in CALLBACKS for one in equations(self._traced.jaxpr.jaxpr))

    @property
    def donates(self) -> bool:
        """True if the compiled program writes results over arguments."""
        return "input_output_alias" in self.text.partition("\n")[0]

    @property
    def text(self) -> str:
        """The program as XLA has optimized it."""
        return str(self._compiled.as_text())

    @property
    def traces(self) -> int:
        """Number of programs that JAX has held for this function."""
        return max(1, int(self._jitted._cache_size())) if self.calls else 0


def equations(jaxpr: Any) -> Iterator[Any]:
    """All equations of a jaxpr and of inner ones."""
    for equation in jaxpr.eqns:
        yield equation
        for inner in jax.tree.leaves(list(equation.params.values()), is_leaf=_is_jaxpr):
            if _is_jaxpr(inner):
                yield from equations(getattr(inner, "jaxpr", inner))


def flops(traced: Any) -> float | None:
    """FLOPs of the products of a traced function; None for products in a loop of unknown length (`lax.while_loop`)."""
    loops = [one.params["body_jaxpr"] for one in equations(traced.jaxpr.jaxpr) if one.primitive.name == "while"]
    if any(_is_product(one) for loop in loops for one in equations(loop.jaxpr)):
        return None
    return flops_of_hlo(traced.lower().compiler_ir("hlo").as_hlo_module().to_string())


def operands(jaxpr: Any, *, gpu: bool) -> set[str]:
    """Precisions to which the products of a function round their operands."""
    found = set()
    for one in filter(_is_product, equations(jaxpr)):
        kind = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}.get(str(one.invars[0].aval.dtype), "other")
        exact = "HIGHEST" in str(one.params["precision"])
        found.add("tf32" if gpu and kind == "fp32" and not exact else kind)
    return found


def require_eager(jaxpr: Any, plugin: str) -> None:
    """Raise Unsupported for a function that compiles a part of itself; JAX's own library is as it is."""
    for one in equations(jaxpr):
        if one.primitive.name == "jit":
            of = one.params["jaxpr"].jaxpr.debug_info.func_filename
            if of and not Path(of).is_relative_to(Path(jax.__file__).parent):
                raise Unsupported(
                    f"{plugin} compiles a part of itself, {one.params['name']} (jax.jit), so that its path eager would "
                    "not be eager; leave that out of the model, or choose --path jit, which compiles the whole step"
                )


def _is_jaxpr(found: Any) -> bool:
    return hasattr(found, "eqns") or hasattr(found, "jaxpr")


def _is_product(equation: Any) -> bool:
    return equation.primitive.name in ("dot_general", "conv_general_dilated")
