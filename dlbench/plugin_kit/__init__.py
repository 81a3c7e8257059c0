"""Helpers for authors of plugins: what packages of several frameworks have in common, and no framework in it."""

from __future__ import annotations

from dlbench.plugin_kit.apart import in_own_process
from dlbench.plugin_kit.categories import category_by_pattern, category_of_hlo, category_table
from dlbench.plugin_kit.hlo_flops import flops_by_instruction, flops_of_hlo
from dlbench.plugin_kit.machine import cpu_name, threads_named
from dlbench.plugin_kit.outputs import output_name, pick_output
from dlbench.plugin_kit.own_models import (
    FEWER,
    fitting,
    largest_integers,
    one_or_all,
    own_inputs,
    read_output,
    require_seeded,
)
from dlbench.plugin_kit.recipes import Recipe, Stated, example_inputs, inputs_like, inputs_of_example, local_file
from dlbench.plugin_kit.reports import SWITCH, Program, compilation_of, model_info, on_off, setting, versions_of
from dlbench.plugin_kit.requirements import (
    in_precision,
    loss_function,
    own_optimizer,
    require_adversarial,
    require_known,
    require_same_shapes,
    require_task,
    require_weights,
    require_words,
    resolve_device,
    unsupported_by,
)
from dlbench.plugin_kit.training import Corrections, Rule, losses_by_name, update_rule
from dlbench.registry.factories import call, check_options, is_factory, keywords, make
from dlbench.registry.references import load_reference, users_errors

__all__ = [
    "FEWER",
    "SWITCH",
    "Corrections",
    "Program",
    "Recipe",
    "Rule",
    "Stated",
    "call",
    "category_by_pattern",
    "category_of_hlo",
    "category_table",
    "check_options",
    "compilation_of",
    "cpu_name",
    "example_inputs",
    "fitting",
    "flops_by_instruction",
    "flops_of_hlo",
    "in_own_process",
    "in_precision",
    "inputs_like",
    "inputs_of_example",
    "is_factory",
    "keywords",
    "largest_integers",
    "load_reference",
    "local_file",
    "loss_function",
    "losses_by_name",
    "make",
    "model_info",
    "on_off",
    "one_or_all",
    "output_name",
    "own_inputs",
    "own_optimizer",
    "pick_output",
    "read_output",
    "require_adversarial",
    "require_known",
    "require_same_shapes",
    "require_seeded",
    "require_task",
    "require_weights",
    "require_words",
    "resolve_device",
    "setting",
    "threads_named",
    "unsupported_by",
    "update_rule",
    "users_errors",
    "versions_of",
]
