"""The subjects of a command: values of axes, and models of the user's own, as its options ask for them."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dlbench.errors import SpecError
from dlbench.registry import adaptors
from dlbench.registry.references import portable, same_object
from dlbench.session.models import AskedModel, Subjects, expand
from dlbench.session.plan import Selection
from dlbench.spec import AXES, DATA_PLACES, PHASES, InputSpec, ModelSource, Policy, Spec
from dlbench.spec.ranges import MOST, within
from dlbench.spec.source import batch_size_of, class_spec, input_spec, text, token_spec

OPTIONS = (
    *("model", "input", "tokens", "vocabulary", "classes", "targets"),
    *("output", "loss", "optimizer", "target", "convert", "data"),
)
"""The options that this module reads; `data` may also name a place of batches."""
OPTIMIZERS = "adam, adamw, sgd, sgd:MOMENTUM, from 0 to below 1 as in sgd:0.9, or file.py:function"
_ASKED = re.compile(r"(?:([\w-]+)=)?(.+)")
_OWN = re.compile(r".+\.py:\w+|[\w.]+:\w+")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_NAMED = re.compile(r"adam|adamw|sgd(:0?\.\d+|:0|:1)?")
_TARGET = re.compile(r"[\w ]+:[-+]?\d+(\.\d+)?(e[-+]?\d+)?(:\d+)?")


def read(options: Mapping[str, Any]) -> Subjects:
    """Subjects of a command, by its options. Raises SpecError."""
    return Subjects(selection(options), models(options))


def trained(options: Mapping[str, Any], policy: Policy) -> list[Spec]:
    """The Specs of training that the options of a command select. Raises SpecError or UnknownName."""
    found = read(options)
    return expand(found._replace(selection={**found.selection, "phase": ("train",)}), policy)


def selection(options: Mapping[str, Any]) -> Selection:
    """Selection of the options of a command, by axis."""
    found = {axis.field: _values(options.get(axis.option)) for axis in AXES.values() if axis.option}
    found["path"] = ("jit", *found["path"]) if options["jit"] else found["path"]
    found["data"] = places(found["data"])
    return {field: values for field, values in found.items() if values}


def _values(given: Any) -> tuple[Any, ...]:
    """The values of an option that takes several, or one, or is a flag."""
    if isinstance(given, tuple):
        return given
    return () if given is None or given is False else (given,)


def models(options: Mapping[str, Any]) -> tuple[AskedModel, ...]:
    """The models of a command, each with the options that apply to all. Raises SpecError."""
    asked = [_ASKED.fullmatch(text) for text in options.get("model", ())]
    files = [one for one in options.get("data", ()) if one not in DATA_PLACES]
    if not asked:
        _refuse_alone(options, files)
        return ()
    common = _common(options, files)
    convert = options.get("convert") or ""
    if convert and len(asked) < 2:
        raise SpecError(f"--convert {convert} turns the state of one model into another's; give --model twice")
    found: list[AskedModel] = []
    for match in asked:
        reference = "" if match is None else _of_file(match[2])
        if match is None or ":" not in reference:
            shown = "" if match is None else match[2]
            raise SpecError(f"--model {shown!r} is not [FRAMEWORK=]file.py:NAME, package.module:NAME or loader:NAME")
        if _DRIVE.match(match[2]):
            raise SpecError(f"--model {match[2]!r}: a file has no drive here; give folder/file.py:NAME")
        name = found[0].architecture if convert and found else ""
        of_first = not found
        source = ModelSource(reference=portable(reference), convert="" if of_first else portable(convert), **common)
        _refuse_again(source.reference, match[1] or "", found)
        found.append(AskedModel(source, match[1] or "", name))
    return tuple(found)


def _of_file(text: str) -> str:
    """The reference of a file that is a model by itself: its ending names the loader, as in `acme:net.acme`."""
    ending = Path(text).suffix.removeprefix(".")
    return f"{ending}:{portable(text)}" if ":" not in text and adaptors.loader(f"{ending}:") else text


def _refuse_again(reference: str, framework: str, found: Sequence[AskedModel]) -> None:
    """Raise SpecError for a model that was named before, in the same framework as far as it was said."""
    for one in found:
        other = one.source.reference
        if same_object(other, reference) and (not framework or one.framework in ("", framework)):
            named = reference if other == reference else f"{reference} is {other}, which"
            raise SpecError(
                f"--model {named} is given twice and would be one arm; name it once, and for several arms of it "
                "give several values of an option, such as --path eager,jit or --set NAME=A,B"
            )


def reference_of(model: object) -> str:
    """The reference to a class or factory: its module's, or the program's that it stands in.

    Raises SpecError for an object that cannot be found again by its name.
    """
    if isinstance(model, str):
        return model
    module, name = getattr(model, "__module__", ""), getattr(model, "__qualname__", "")
    if not module or not name or "<" in name:
        said = name or f"of type {type(model).__name__}"
        raise SpecError(f"model {said} cannot be imported by a name; give 'file.py:NAME', or a class or a function")
    if module != "__main__":
        return f"{module}:{name}"
    file = inspect.getsourcefile(sys.modules[module]) if hasattr(sys.modules[module], "__file__") else None
    if file is None or not file.endswith(".py"):
        raise SpecError(f"model {name} is in no file; write it to a file and give models='file.py:{name}'")
    path = Path(file).resolve()
    return f"{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}:{name}"


def places(given: Sequence[str]) -> tuple[str, ...]:
    """The values of `--data` that name a place of batches: `device` or `host`."""
    return tuple(one for one in given if one in DATA_PLACES)


def _common(options: Mapping[str, Any], files: Sequence[str]) -> dict[str, Any]:
    """Fields of every model's source."""
    inputs = _inputs(options)
    if len(files) > 1:
        raise SpecError(f"--data {', '.join(files)}: give one file of samples, or {' or '.join(DATA_PLACES)}")
    optimizer, target = options.get("optimizer") or "", options.get("target") or ""
    own = _OWN.fullmatch(optimizer) and optimizer.partition(":")[0] not in ("adam", "adamw", "sgd")
    if optimizer and not (_NAMED.fullmatch(optimizer) or own):
        raise SpecError(f"--optimizer {optimizer!r} is not {OPTIMIZERS}")
    if target and not _TARGET.fullmatch(target):
        raise SpecError(f"--target {target!r} is not METRIC:VALUE, such as accuracy:0.95")
    phases = options.get("phase") or ()
    if target and phases and all(PHASES[phase].timed for phase in phases):
        untimed = ", ".join(name for name, phase in PHASES.items() if not phase.timed)
        raise SpecError(f"--target {target} is the quality to train to; add --phase {untimed}, or leave it out")
    return {
        "inputs": inputs,
        "targets": _targets(options, inputs),
        "output": options.get("output") or "",
        "loss": portable(options.get("loss") or ""),
        "optimizer": portable(optimizer),
        "data": portable("".join(files)),
        "target": target,
    }


def _inputs(options: Mapping[str, Any]) -> tuple[InputSpec, ...]:
    texts: Sequence[str] = options.get("tokens", ())
    vocabulary: int | None = options.get("vocabulary")
    if vocabulary is not None:
        within("--vocabulary", vocabulary, (1, MOST))
    if vocabulary is None and texts:
        raise SpecError(f"--tokens {texts[0]}: the number of distinct tokens is not known; give --vocabulary N")
    if vocabulary is not None and not texts:
        raise SpecError(f"--vocabulary {vocabulary} goes with --tokens SHAPE, such as 8x128")
    tokens = [] if vocabulary is None else [token_spec(text, vocabulary) for text in texts]
    found = (*map(input_spec, options.get("input", ())), *tokens)
    given = ", ".join((*options.get("input", ()), *texts))
    try:
        _ = found and batch_size_of(found)
    except SpecError as error:
        raise SpecError(f"--{'input' if options.get('input') else 'tokens'} {given}: {error}") from error
    return found


def _targets(options: Mapping[str, Any], inputs: Sequence[InputSpec]) -> InputSpec | None:
    stated, classes = options.get("targets") or "", options.get("classes")
    if stated and classes is not None:
        raise SpecError(f"--classes {classes} and --targets {stated} both state the targets; leave one out")
    if classes is not None:
        within("--classes", classes, (1, MOST))
        return class_spec(classes, inputs[0].shape[0] if inputs else 1)
    if not stated:
        return None
    found = input_spec(stated, "--targets")
    if inputs and found.shape[0] != inputs[0].shape[0]:
        raise SpecError(
            f"--targets {stated} are for {found.shape[0]} samples and the inputs, such as {text(inputs[0])}, for "
            f"{inputs[0].shape[0]}; the first axis of both is the batch"
        )
    return found


def _refuse_alone(options: Mapping[str, Any], files: Sequence[str]) -> None:
    """Raise SpecError for an option of models if there is none."""
    if files:
        raise SpecError(f"--data {files[0]} is a file of samples for --model, or one of {', '.join(DATA_PLACES)}")
    for name in OPTIONS:
        value = options.get(name)
        if name not in ("model", "data") and value not in (None, "", ()):
            shown = value[0] if isinstance(value, tuple) else value
            raise SpecError(f"--{name} {shown} says something of a model of your own; add --model REFERENCE")
