"""Helpers for authors of plugins: what packages of several frameworks have in common, and no framework in it."""

from __future__ import annotations

from dlbench.plugin_kit.hlo import category_of_hlo
from dlbench.plugin_kit.hlo_flops import flops_by_instruction, flops_of_hlo
from dlbench.plugin_kit.machine import cpu_name, threads_named
from dlbench.plugin_kit.outputs import output_name, pick_output
from dlbench.plugin_kit.recipes import Recipe, Stated, example_inputs, inputs_like, inputs_of_example, local_file
from dlbench.plugin_kit.requirements import (
    in_precision,
    loss_function,
    own_optimizer,
    require_adversarial,
    require_known,
    require_same_shapes,
    require_task,
    require_words,
    resolve_device,
)
from dlbench.registry.factories import call, check_options, is_factory, keywords, make
from dlbench.registry.references import load_reference, users_errors

__all__ = [
    "Recipe",
    "Stated",
    "call",
    "category_of_hlo",
    "check_options",
    "cpu_name",
    "example_inputs",
    "flops_by_instruction",
    "flops_of_hlo",
    "in_precision",
    "inputs_like",
    "inputs_of_example",
    "is_factory",
    "keywords",
    "load_reference",
    "local_file",
    "loss_function",
    "make",
    "output_name",
    "own_optimizer",
    "pick_output",
    "require_adversarial",
    "require_known",
    "require_same_shapes",
    "require_task",
    "require_words",
    "resolve_device",
    "threads_named",
    "users_errors",
]
