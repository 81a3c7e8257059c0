"""Loaders: named models of other packages, with random weights from the seed; nothing is ever downloaded.

Each returns a Recipe: a factory whose keywords are the package's own, and the inputs that the package knows.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import os
from typing import Any

import torch
from torch import nn

from dlbench.errors import SpecError, UnknownName
from dlbench.plugin import InputSpec, ModelSource
from dlbench_torch.recipe import Recipe

ANY_BATCH = 1
"""Length of the first axis in a recipe; the batch size of a Spec takes its place."""
SEQUENCE = 128
"""Tokens of a sequence, unless the model takes fewer."""
SECONDS_OF_SOUND = 1
SHRUNK: dict[str, int] = {
    **dict.fromkeys(("hidden_size", "n_embd", "d_model", "dim", "embedding_size"), 64),
    **dict.fromkeys(("intermediate_size", "n_inner", "d_ff", "hidden_dim", "encoder_ffn_dim", "decoder_ffn_dim"), 128),
    **dict.fromkeys(("num_attention_heads", "n_head", "num_heads", "n_heads", "num_key_value_heads"), 4),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 4),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "num_layers", "n_layers", "num_decoder_layers"), 2),
    **dict.fromkeys(("encoder_layers", "decoder_layers"), 2),
    **dict.fromkeys(("d_kv", "head_dim"), 16),
    "vocab_size": 1000,
}
"""Settings of a shrunk configuration, by the names that transformers has for width, depth and vocabulary."""


def timm(name: str, source: ModelSource) -> Recipe:
    """A model of PyTorch Image Models by its name, such as `vit_tiny_patch16_224`."""
    package = _package("timm")
    if not package.is_model(name):
        raise _unknown("model of timm", name, package.list_models())
    known = package.get_pretrained_cfg(name)
    image = _image(source, tuple(known.input_size))
    sized = {"img_size": image[1:]} if known.fixed_input_size and image != tuple(known.input_size) else {}

    def make(**options: Any) -> nn.Module:
        made: nn.Module = package.create_model(name, pretrained=False, **{**sized, **options})
        return made

    return Recipe(make=make, name=name, inputs=(InputSpec((ANY_BATCH, *image)),))


def torchvision(name: str, source: ModelSource) -> Recipe:
    """A model of torchvision by its name, such as `resnet18`."""
    models = _package("torchvision").models
    if name not in (known := models.list_models()):
        raise _unknown("model of torchvision", name, known)
    image = _image(source, (3, 299, 299) if name == "inception_v3" else (3, 224, 224))
    sized = {"image_size": image[-1]} if name.startswith("vit_") else {}

    def make(**options: Any) -> nn.Module:
        made: nn.Module = models.get_model(name, weights=None, **{**sized, **options})
        return made

    return Recipe(make=make, name=name, inputs=(InputSpec((ANY_BATCH, *image)),))


def transformers(name: str, source: ModelSource, *, shrunk: bool = False) -> Recipe:
    """A class of transformers, such as `BertForSequenceClassification`, or a type of model, such as `bert`.

    It has the default values of its configuration, without a cache of keys and values. `shrunk` makes it two layers of
    64 units. Options are settings of the configuration.
    """
    os.environ["HF_HUB_OFFLINE"] = "1"
    package = _package("transformers")
    model, default = _transformer(package, name)
    small = {key: value for key, value in SHRUNK.items() if shrunk and isinstance(getattr(default, key, None), int)}
    image = source.inputs[0].shape[1:] if source.inputs and len(source.inputs[0].shape) == 4 else ()
    small |= {"image_size": image[-1]} if image and hasattr(default, "image_size") else {}

    def configuration(**options: Any) -> Any:
        for option in options:
            if not hasattr(default, option):
                raise UnknownName(f"option of {name}", option, default.to_dict())
        found = type(default)(**{**small, **options})
        found.use_cache = False
        return found

    def make(**options: Any) -> nn.Module:
        made: nn.Module = model._from_config(configuration(**options))
        return made

    return Recipe(make=make, name=name, inputs=_inputs_of(model, configuration()))


def _package(name: str) -> Any:
    """The package. Raises SpecError that names the package to install."""
    _name_operators()  # timm and transformers import torchvision too
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise SpecError(f"{name} is not installed here; pip install 'dlbench-torch[zoo]'") from error


def _unknown(kind: str, name: str, known: list[str]) -> UnknownName:
    """The error with near names, or with a few of the hundreds that there are."""
    near = difflib.get_close_matches(name, known, n=3)
    return UnknownName(kind, name, near or known[:5], "" if near else f"and {len(known) - 5} more")


def _name_operators() -> None:
    """Let torchvision be imported beside a PyTorch that its own operators were not built for, such as one for CPUs.

    Its models need them only for boxes, which then raise an error. Without their names the import itself would.
    """
    for operator in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, operator) and importlib.util.find_spec("torchvision") is not None:
            torch.library.define(
                f"torchvision::{operator}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            )


def _image(source: ModelSource, default: tuple[int, ...]) -> tuple[int, ...]:
    """Channels, height and width: the user's, or the model's own."""
    return source.inputs[0].shape[1:] if source.inputs else default


def _transformer(package: Any, name: str) -> tuple[Any, Any]:
    """The class of a model and its default configuration. Raises UnknownName."""
    known = package.models.auto.configuration_auto.CONFIG_MAPPING_NAMES
    if name in known:
        default = package.AutoConfig.for_model(name)
        return package.MODEL_MAPPING[type(default)], default
    found: Any = getattr(package, name, None)
    if inspect.isclass(found) and issubclass(found, package.PreTrainedModel) and getattr(found, "config_class", None):
        configuration: Any = found.config_class  # type: ignore[attr-defined]
        return found, configuration()
    classes = [one for one in dir(package) if one.endswith(("Model", "LMHeadModel")) or "For" in one]
    raise _unknown("model of transformers", name, [*known, *classes])


def _inputs_of(model: Any, configuration: Any) -> tuple[InputSpec, ...]:
    """Inputs by the name that transformers gives to the model's main input."""
    match model.main_input_name:
        case "pixel_values":
            side = getattr(configuration, "image_size", 224)
            sides = tuple(side) if isinstance(side, tuple | list) else (side, side)
            return (InputSpec((ANY_BATCH, configuration.num_channels, *sides), name="pixel_values"),)
        case "input_values":
            return (InputSpec((ANY_BATCH, 16_000 * SECONDS_OF_SOUND), name="input_values"),)
        case "input_ids":
            longest = getattr(configuration, "max_position_embeddings", None) or SEQUENCE
            shape, below = (ANY_BATCH, min(SEQUENCE, longest)), configuration.vocab_size
            names = ("input_ids", "decoder_input_ids") if configuration.is_encoder_decoder else ("input_ids",)
            return tuple(InputSpec(shape, "int64", below, name) for name in names)
    return ()
