"""Advice to the author of a plugin: for each clause of the contract a sentence, and three lines of code that keep it.

A fault that is none of the clause under which it was met, such as an exception, has advice of its own.

The code is in terms of NumPy and of names that a plugin chooses; it stands within a method, or in a module.
"""

from __future__ import annotations

from typing import NamedTuple

from dlbench.conformance.examine import Cause, Finding


class Hint(NamedTuple):
    """A way to mend a broken clause: a sentence, and code."""

    mend: str
    code: str


HINTS: dict[str, Hint] = {
    "import_does_no_work": Hint(
        "Return an object with build, train_step and predict, and make models in build(), not when the module is "
        "loaded; start no thread and stay in the folder.",
        "class Plugin:\n    def build(self, request):\n        self.model = make_model(request.spec)",
    ),
    "build_is_repeatable": Hint(
        "Draw every initial value from the seed of the Spec, by a generator of your own.",
        "def build(self, request):\n    random = np.random.default_rng(request.spec.seed)\n"
        "    self.kernel = random.normal(size=shape).astype(np.float32)",
    ),
    "what_was_read_back_is_true": Hint(
        "Start from copies of request.parameters, and count what is there.",
        "given = request.parameters or initial_values(request)\n"
        "self.parameters = {name: np.array(value) for name, value in given.items()}\n"
        "count = sum(value.size for value in self.parameters.values())",
    ),
    "outputs_are_the_architecture": Hint(
        "Follow the core's own forward pass of this architecture (dlbench.architectures), or choose another word after "
        "the dot for an architecture of your own.",
        "oracle = architectures.configuration(spec.architecture, spec.size)\n"
        "wanted = oracle.forward(request.parameters, inputs, request.signature)\n"
        "assert np.allclose(self.predict(inputs), wanted, atol=1e-5)",
    ),
    "the_loss_is_the_stated_one": Hint(
        "Return the mean loss of request.signature.loss over the whole batch, before the update.",
        "outputs = self.predict(batch.inputs)\nloss = float(np.mean((outputs - batch.targets) ** 2))\n"
        "self.update(batch)",
    ),
    "the_optimizer_is_the_stated_adam": Hint(
        "Take every number from request.optimizer, and add epsilon to the corrected root (dlbench.plugin.Adam).",
        "mean = self.mean / (1 - adam.beta1**self.step)\nsquare = self.square / (1 - adam.beta2**self.step)\n"
        "self.kernel -= adam.learning_rate * mean / (np.sqrt(square) + adam.epsilon)",
    ),
    "gradients_are_the_slope": Hint(
        "Return the gradient of the mean loss, not of its sum, for every parameter, with dropout off.",
        "def gradients(self, batch):\n    error = self.predict(batch.inputs) - batch.targets\n"
        '    return {"kernel": batch.inputs.T @ error * (2 / error.size)}',
    ),
    "the_loss_falls": Hint(
        "Update against the gradient, and keep the update.",
        "loss, gradient = self.differentiate(batch)\nself.kernel = self.kernel - self.step_of(gradient)\nreturn loss",
    ),
    "predict_changes_nothing": Hint(
        "Predict in the mode of prediction: no dropout, no running statistics written, no random numbers drawn.",
        "def predict(self, inputs):\n    hidden = self.layer(inputs, training=False)\n    return self.head(hidden)",
    ),
    "jit_really_compiled": Hint(
        "Compile the whole step once, optimizer included, and report the compiler's own counts; else refuse the path.",
        "def compilation(self):\n    found = self.compiler.counts()\n"
        "    return Compilation(graphs=found.graphs, breaks=found.breaks, recompilations=found.again, parts=PARTS)",
    ),
    "every_sample_of_a_batch_counts": Hint(
        "Train on all of the batch that came, and compute its loss from it.",
        "def train_step(self, batch):\n    inputs, targets = batch\n    return self.update(inputs, targets)",
    ),
    "outputs_are_computed_anew": Hint(
        "Keep no outputs: compute them from the inputs and parameters of this call.",
        "def predict(self, inputs):\n    parameters = self.parameters\n    return self.forward(parameters, inputs)",
    ),
    "nothing_is_kept_from_a_batch_that_was_seen": Hint(
        "Remove caches that are keyed by a batch: a repeated batch costs as much as a new one.",
        "def train_step(self, batch):\n    outputs = self.forward(self.parameters, batch.inputs)\n"
        "    return self.update(outputs, batch.targets)",
    ),
    "nothing_is_left_until_it_is_read": Hint(
        "Take the step in the call, whether or not its result is read; a lazy framework needs its own call for that.",
        "def train_step(self, batch):\n    loss = self.step(batch)\n    return self.evaluate_now(loss)",
    ),
    "inputs_are_left_alone": Hint(
        "Copy before you write: inputs belong to the core.",
        "def train_step(self, batch):\n    inputs = np.array(batch.inputs, copy=True)\n"
        "    return self.update(inputs, batch.targets)",
    ),
    "clocks_and_collector_are_left_alone": Hint(
        "Replace no function of Python, NumPy or dlbench, and leave the garbage collector as it is.",
        "def build(self, request):\n    self.model = make_model(request.spec)\n    return self.describe_built()",
    ),
    "the_barrier_holds": Hint(
        "Reading the loss must wait for the update too; if the framework cannot, give the plugin sync().",
        "def sync(self):\n    for value in self.parameters.values():\n        value.block_until_ready()",
    ),
    "no_work_outlives_the_barrier": Hint(
        "End all work of a step before its loss can be read: no thread of your own goes on, or sync() waits for it.",
        "def sync(self):\n    for job in self.jobs:\n        job.result()",
    ),
    "several_steps_are_so_many_single_ones": Hint(
        "Take the steps of one call in order, each on its own batch, or refuse more than one.",
        "steps = zip(batch.inputs, batch.targets, strict=True)\n"
        "losses = [self.one_step(Batch(*step)) for step in steps]\nreturn np.stack(losses)",
    ),
    "host_data_is_copied_in_every_step": Hint(
        "With --data host copy the arrays in each step and keep no reference, or report the data as on the device.",
        "def train_step(self, batch):\n    batch = self.stage(batch) if self.on_host else batch\n"
        "    return self.update(batch)",
    ),
    "staging_keeps_the_batch": Hint(
        "Stage both arrays with their shapes, types and order.",
        "def stage(self, batch):\n    inputs, targets = map(self.to_device, batch)\n    return Batch(inputs, targets)",
    ),
    "parameters_can_be_exchanged": Hint(
        "Export copies under the core's names, and let the imported values be those that predict.",
        "def import_parameters(self, parameters):\n    for name, value in parameters.items():\n"
        "        self.parameters[name] = np.array(value)",
    ),
    "devices_are_reported": Hint(
        "Name the device of the build as devices() names it; on an accelerator report its memory.",
        'def devices(self):\n    found = self.accelerators()\n    return {"cpu": "the CPU", **found}',
    ),
    "nothing_leaks": Hint(
        "Keep no history: losses as numbers rather than graphs, and lists that grow with each step nowhere.",
        "def train_step(self, batch):\n    loss = self.update(batch)\n    return float(loss)",
    ),
    "nothing_is_printed": Hint(
        "Print nothing within a step: output takes time, and breaks what reads it. Report by ModelInfo.details.",
        'details = {"kernel": self.kernel_name}\ninfo = ModelInfo(parameter_count=count, device="cpu",\n'
        '                 precision="fp32", path="eager", details=details)',
    ),
    "what_is_unsupported_is_raised": Hint(
        "Refuse in build() every device, precision, path and loss that you do not have.",
        'def build(self, request):\n    if (request.spec.device, request.spec.precision) != ("cpu", "fp32"):\n'
        '        raise Unsupported("this plugin has --device cpu --precision fp32")',
    ),
    "settings_take_effect": Hint(
        "Set the options of request.spec.settings in build(), and read them back from the framework.",
        "def read_settings(self):\n    read = self.framework_options()\n"
        "    return {key: str(read[key]) for key in self.spec.settings}",
    ),
}
"""By the name of a clause. A test holds the table to the clauses, and compiles the code."""


SIGNATURES = Hint(
    "If its arguments are the fault: the three methods are called so.",
    "info = plugin.build(request)\nloss = plugin.train_step(batch)\noutputs = plugin.predict(batch.inputs)",
)
SLOW = Hint(
    "Give it more time if it compiles, or if other programs work here; otherwise end the loop or the wait.",
    "# in a shell: dlbench check acme.wide --path jit --timeout 1200\n"
    'assert_conforms("acme.wide", "jit", timeout=1200)  # in a test',
)
LOADING = Hint(
    "Its entry point names a module, and after the colon a class or function in it that is called without arguments; "
    "import the module in Python to see a whole traceback.",
    '[project.entry-points."dlbench.plugins"]  # of pyproject.toml; pip install -e . after a change\n'
    '"acme.wide" = "dlbench_acme.model:Wide"',
)
RETURNS = Hint(
    "Return what each method promises: a ModelInfo, a loss, outputs.",
    'return ModelInfo(parameter_count=count, device="cpu", precision="fp32", path="eager")  # build()\n'
    "return loss  # train_step(): a number that float() reads, of the parameters before the update\n"
    "return outputs  # predict(): one array with a row for each of the inputs",
)
REFUSED = Hint(
    "The line says what came back, or was given, and what is wanted; mend that, and check again: the clause was not "
    "decided.",
    "",
)
RAISED = Hint("The plugin raised this itself; mend it there, and check again: the clause was not decided.", "")
ENDED = Hint(
    "Something ended the process of the plugin: look for sys.exit and os._exit, a crash in native code, and memory.", ""
)
CAUSES: dict[Cause, Hint] = {
    "loading": LOADING,
    "arguments": SIGNATURES,
    "returned": RETURNS,
    "unsupported": HINTS["what_is_unsupported_is_raised"],
    "refused": REFUSED,
    "raised": RAISED,
    "time": SLOW,
    "end": ENDED,
}
"""By the cause of a finding, for faults that are none of the clause under which they were met."""


def hint(finding: Finding) -> list[str]:
    """Lines of advice on a finding that says `broken`; none for the rest of a broken examination."""
    found = CAUSES.get(finding.cause) or HINTS.get(finding.clause)
    return [] if found is None else [found.mend, *(f"    {line}" for line in found.code.splitlines())]
