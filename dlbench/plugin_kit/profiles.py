"""Profiles: the files of a profiler, and categories of the names in them, by a package's table, by patterns and by HLO.

HLO is the language of a compiler, XLA, that several frameworks share. An operation in it has the scopes in which it was
traced, and so its layer. XLA's threads share the work of an operation (a thunk) without spans of their own; the last of
them to finish records its end.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import resources
from itertools import accumulate, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec

from dlbench.plugin import CATEGORIES, STEP, UNATTRIBUTED, Category, ProfileEvent
from dlbench.plugin_kit.hlo_contents import Contents, Shapes, contents_by_instruction
from dlbench.plugin_kit.hlo_flops import flops_by_instruction
from dlbench.plugin_kit.requirements import unsupported_by

TABLE = "categories.toml"
CONSTITUENTS: tuple[tuple[str, Category], ...] = (
    (r"dot|matmul|gemm|ynn", "matrix product"),
    (r"convolution|conv2d|conv", "convolution"),
    (r"gather|scatter", "embedding"),
    (r"rng|random|threefry", "random"),
    (r"reduce|sort|cumsum|sum|argmax", "reduction"),
    (
        r"add|subtract|multiply|divide|power|sqrt|rsqrt|exponential|log|tanh|logistic|maximum|minimum|compare|select|"
        r"negate|abs|clamp|convert|and|or|not|xor|shift|floor|sign|is|max|min|relu|exp|sine|cosine|erf|remainder",
        "elementwise",
    ),
    (
        r"copy|transpose|bitcast|broadcast|concat|concatenate|slice|dynamic|pad|reverse|iota|reshape|tuple",
        "data movement",
    ),
)
"""Words of an operation's name, by weight: a fusion is what its heaviest part is, as far as the name says."""
OPCODES: Mapping[str, Category] = {
    "reduce-precision": "elementwise",
    "reduce-window": "reduction",
    "select-and-scatter": "reduction",
    "ceil": "elementwise",
    "cbrt": "elementwise",
    "atan2": "elementwise",
    "round-nearest-even": "elementwise",
    "round-nearest-afz": "elementwise",
}
"""Operations of HLO whose words would say something else, or nothing (openxla.org/xla/operation_semantics)."""

UNTOLD = {"fusion", "ynn", "wrapped", "loop", "input", "clone", "remat"}
"""Words of the names of fusions that do not tell what is in them; a library of products (ynn) has reductions too."""
ENDS = "end: "
"""Beginning of the name of the event at a thunk's end, before the name of its instruction."""
_TRACED = re.compile(
    r'^\s+(?:ROOT )?%?(?P<name>[\w.\-]+) = .*\bmetadata=\{[^}]*\bop_name="(?P<scopes>[^"]*)"', re.MULTILINE
)
LayerOf = Callable[[str], str]
"""The name of an operation with its scopes, `jit(step)/jvp(dense0)/dot_general`, to its layer; "" for one of none."""


def category_table(package: str) -> dict[str, Category]:
    """Categories by name, from the file `categories.toml` in a package: a line a category, names with spaces between.

        "matrix product" = "MatMul Gemm Einsum"

    Raises ValueError for a word that is no category, and for a name that has two.
    """
    found: dict[str, Category] = {}
    table = tomllib.loads(resources.files(package).joinpath(TABLE).read_text("utf-8"))
    if wrong := table.keys() - set(CATEGORIES):
        raise ValueError(f"{TABLE} of {package}: {min(wrong)} is no category; choose of {', '.join(CATEGORIES)}")
    for kind in (one for one in CATEGORIES if one in table):
        for name in table[kind].split():
            if found.setdefault(name, kind) != kind:
                raise ValueError(f"{TABLE} of {package}: {name} is {found[name]} and {kind}; leave it in one of them")
    return found


def xplanes(
    step: Callable[[], None],
    title: str,
    start: Callable[[str], object],
    span: Callable[[str], Any],
    stop: Callable[[], object],
) -> list[bytes]:
    """The files of a profiler that writes planes (XPlane) into a folder, of one call of `step` in the span STEP.

    Raises Unsupported if it does not start, as when another tool profiles already.
    """
    with TemporaryDirectory(prefix="dlbench-profile-") as folder:
        with unsupported_by(f"{title}'s profiler does not start; end the other profile"):
            start(folder)
        try:
            with span(STEP):
                step()
        finally:
            stop()
        return [path.read_bytes() for path in sorted(Path(folder).rglob("*.xplane.pb"))]


def name_of_thunk(operation: str) -> str:
    """The name of an HLO operation without the numbers behind it."""
    return re.sub(r"([._]\d+)+$", "", operation)


def category_by_pattern(patterns: Iterable[tuple[str, Category]], name: str) -> Category:
    """The category beside the first pattern that fits a whole name; `unattributed` if none does."""
    return next((kind for pattern, kind in patterns if re.fullmatch(pattern, name)), UNATTRIBUTED)


def category_of_hlo(name: str) -> Category:
    """The category of an operation or a fusion, by the words in its name."""
    if re.fullmatch(r"(while|call|conditional)([_.].*)?", name):
        return "dispatch"
    words = set(re.split(r"[_\-./\d]+", name.lower()))
    for pattern, kind in CONSTITUENTS:
        if any(re.fullmatch(pattern, word) for word in words):
            return kind
    return "fused code" if "fusion" in words else UNATTRIBUTED


class Instructions(NamedTuple):
    """Facts of the instructions of programs in HLO, by name, where they have some: FLOPs, layers and contents."""

    flops: Mapping[str, float]
    layers: Mapping[str, str]
    contents: Mapping[str, Contents] = {}

    def category(self, name: str) -> Category:
        """The category by the words of an instruction's name, or by what is inside one whose name says nothing."""
        words = set(re.split(r"[_.\d]+", name)) - {""}
        inside = self.contents[name].inside if name in self.contents and words <= UNTOLD else ()
        kinds = {OPCODES.get(one) or category_of_hlo(one) for one in inside}
        return next((kind for _, kind in CONSTITUENTS if kind in kinds), category_of_hlo(name_of_thunk(name)))

    def reads(self, name: str) -> Shapes:
        """Shapes of the operands that an instruction reads whole; empty where they are not known."""
        return self.contents[name].reads if name in self.contents else ()


def instructions_of(programs: Sequence[str], layer_of: LayerOf) -> Instructions:
    """Facts of the instructions of these programs; the name of several is left out where they differ."""
    found: dict[str, set[str]] = {}
    for text in programs:
        for one in _TRACED.finditer(text):
            found.setdefault(one["name"], set()).add(layer_of(one["scopes"]))
    layers = {name: layers.pop() for name, layers in found.items() if len(layers) == 1 and layers != {""}}
    return Instructions(flops_by_instruction(programs), layers, contents_by_instruction(programs))


def layer_finder(parameters: Iterable[str]) -> LayerOf:
    """A function that finds layers, which are groups of these parameters; the innermost scope that is one counts."""
    groups = sorted({name.rpartition("/")[0] for name in parameters} - {""}, key=len, reverse=True)
    scope = re.compile(rf"(?:^|[/(])({'|'.join(map(re.escape, groups))})(?=[/)]|$)")

    def layer(name: str) -> str:
        found = scope.findall(name) if groups else []
        return str(found[-1]) if found else ""

    return layer


class Recorded(NamedTuple):
    """An event, and the name of the instruction that begins or, with `ENDS` before it, ends in it; else empty."""

    event: ProfileEvent
    instruction: str


def with_tails(found: Iterable[Recorded]) -> Iterator[ProfileEvent]:
    """The events, and the work of a thunk on a thread that ends it without having begun it.

    Its thread is in no span until then. It is the thunk's from its start on, as far as no other thread has a thunk: one
    core may be shared by both.
    """
    ordered = sorted(found, key=lambda one: (one.event.start, -one.event.seconds))
    free = _Free(one.event for one in ordered if one.instruction and not one.instruction.startswith(ENDS))
    begun: dict[str, ProfileEvent] = {}
    ends: dict[int, float] = {}
    for event, instruction in ordered:
        yield event
        thunk = begun.get(instruction.removeprefix(ENDS)) if instruction.startswith(ENDS) else None
        if thunk is not None and thunk.thread != event.thread:
            start = max(ends.get(event.thread, thunk.start), thunk.start)
            yield from (_part(thunk, event.thread, *part) for part in free.parts(start, event.start))
        elif instruction and not instruction.startswith(ENDS):
            begun[instruction] = event
        ends[event.thread] = max(ends.get(event.thread, event.start), event.start + event.seconds)


class _Free:
    """The time outside of these events, which come ordered by start."""

    def __init__(self, taken: Iterable[ProfileEvent]) -> None:
        self._taken = [(one.start, one.start + one.seconds) for one in taken]
        self._ended = list(accumulate((end for _, end in self._taken), max))

    def parts(self, start: float, end: float) -> Iterator[tuple[float, float]]:
        """The parts of a stretch in which none of the events goes on."""
        for begin, until in islice(self._taken, bisect_right(self._ended, start), None):
            if begin >= end:
                break
            if begin > start:
                yield start, begin
            start = max(start, until)
        if start < end:
            yield start, end


def _part(thunk: ProfileEvent, thread: int, start: float, end: float) -> ProfileEvent:
    return msgspec.structs.replace(thunk, thread=thread, start=start, seconds=end - start, count=0, flops=None)
