"""Tasks and architectures of other packages: found, opened, listed, digested, and refused if they are broken."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from dlbench import architectures, registry, tasks
from dlbench.cli import listing
from dlbench.errors import ContractViolation, PluginLoadError, SpecError, UnknownName
from dlbench.measure import sources
from dlbench.measure.build import build_checked, prepare
from dlbench.parity import comparable as parity
from dlbench.session import plan
from dlbench.spec import Policy
from dlbench.tasks import Task, TaskRequest, open_task

pytestmark = pytest.mark.untimed

FAKE = Path(__file__).parents[1] / "fake_plugin" / "dlbench_fake"
REQUEST = TaskRequest("small", 16)


@pytest.fixture
def spirals(install):
    """A task of a third party, as its package names it."""
    return install("acme", tasks={"spirals": "dlbench_fake.spirals:SPIRALS"})


@pytest.mark.parametrize(("name", "most"), [("spirals", 60), ("corners", 15), ("scaled", 50)])
def test_what_a_third_party_writes_is_short(name, most):
    """A task with everything of its own, a task of arrays, an architecture."""
    assert len((FAKE / f"{name}.py").read_text().splitlines()) <= most


def test_a_task_of_a_third_party_opens_and_its_batches_are_those_of_seed_and_step(spirals):
    task = open_task("spirals", REQUEST)
    assert isinstance(task, Task)
    assert task.info.name == "spirals"
    assert task.batch(1, 2).inputs.tobytes() == open_task("spirals", REQUEST).batch(1, 2).inputs.tobytes()
    turn = lambda inputs: np.hypot(*inputs.T)  # noqa: E731
    away = lambda inputs: inputs[:, 0] * np.cos(np.pi * turn(inputs)) + inputs[:, 1] * np.sin(np.pi * turn(inputs))  # noqa: E731
    assert task.evaluate(lambda inputs: np.stack((away(inputs), -away(inputs)), axis=-1)) >= task.info.target
    assert task.evaluate(lambda inputs: np.zeros((16, 2))) < 0.6


def test_a_task_of_arrays_is_learnt_by_least_squares(install):
    install("acme", tasks={"corners": "dlbench_fake.corners:open_task"})
    task = open_task("corners", REQUEST)
    batches = [task.batch(0, step) for step in range(10)]
    inputs, targets = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    fitted = np.linalg.lstsq(inputs, targets, rcond=None)[0]
    assert task.evaluate(lambda seen: seen @ fitted) < task.info.target
    assert task.evaluate(lambda seen: np.zeros((len(seen), 1))) > 4
    assert tasks.row_of("corners").fits == ("*",)


def test_a_plan_has_it_where_it_fits_and_refuses_it_where_it_does_not(spirals):
    specs = plan.expand({"plugin": ["torch.mlp"], "task": ["spirals"]}, Policy())
    assert {spec.task for spec in specs} == {"spirals"}
    with pytest.raises(SpecError, match="task spirals does not fit the architecture cnn"):
        plan.expand({"plugin": ["torch.cnn"], "task": ["spirals"]}, Policy())
    with pytest.raises(UnknownName, match="unknown task 'spiral'; did you mean spirals"):
        plan.expand({"plugin": ["torch.mlp"], "task": ["spiral"]}, Policy())


def test_its_code_is_that_of_its_package_and_changes_with_it(install):
    text = (FAKE / "spirals.py").read_text()
    site = install("acme", tasks={"own": "acme_task:SPIRALS"}, acme_task=text)
    (code,) = sources.of_task("own")
    assert (code.of, code.distribution, code.version, len(code.digest)) == ("task own", "acme", "1.2", sources.DIGITS)
    (site / "acme_task.py").write_text(text + "# edited\n")
    sources.of_task.cache_clear()
    assert sources.of_task("own")[0].digest != code.digest
    assert sources.of_task("line") == sources.of_task("nonsense") == ()


def lines():
    return "\n".join(listing.lines(with_devices=False))


def test_the_listing_shows_tasks_and_architectures_with_their_package_and_imports_none(install):
    loud = "raise SystemExit('was imported')\n"
    install("acme", tasks={"loud": "acme_loud:f"}, architectures={"wide": "acme_loud"}, acme_loud=loud)
    assert re.search(r"^  loud +acme 1.2$", lines(), re.MULTILINE)
    assert re.search(r"^Architectures of other packages\n  wide +acme 1.2$", lines(), re.MULTILINE)


@pytest.mark.parametrize("group", ["tasks", "architectures"])
def test_a_broken_one_is_a_row_with_its_reason_and_is_refused_by_name(install, group):
    install("acme", **{group: {"gone": "acme_gone:f"}})
    reason = "module acme_gone is not there; install it again, or mend its entry point 'acme_gone:f' first"
    assert re.search(rf"^  gone +acme 1.2 +broken: {reason}$", lines(), re.MULTILINE)
    find = tasks.row_of if group == "tasks" else architectures.is_known
    with pytest.raises(PluginLoadError, match=rf"^{group[:-1]} gone of acme cannot be loaded: {reason}$"):
        find("gone")
    assert open_task("line", REQUEST)


@pytest.mark.parametrize("group", ["tasks", "architectures"])
def test_two_that_claim_one_name_are_refused_naming_both(install, group):
    for package in ("acme", "zoo"):
        install(package, **{group: {"own": "acme_one:f"}}, acme_one="")
    find = tasks.row_of if group == "tasks" else architectures.is_known
    with pytest.raises(
        PluginLoadError, match=rf"^{group[:-1]} own of acme .*: acme and zoo both claim this name; uninst"
    ):
        find("own")


def test_two_tasks_that_claim_one_name_are_two_rows_that_name_both(install):
    install("acme", tasks={"own": "acme_one:f"}, acme_one="")
    install("zoo", tasks={"own": "acme_one:f"})
    assert lines().count("broken: acme and zoo both claim this name; uninstall one") == 2


@pytest.mark.parametrize(("group", "name"), [("tasks", "line"), ("architectures", "mlp")])
def test_a_name_of_dlbenchs_own_stays_its_own(install, group, name):
    install("acme", **{group: {name: "acme_one:f"}}, acme_one="def f(request): raise RuntimeError")
    assert "broken: dlbench and acme both claim this name; uninstall acme" in lines()
    assert open_task("line", REQUEST).info.name == "line"
    assert architectures.configuration("mlp", "small").batch_size == 32


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("f = 3", ContractViolation, r"task own of acme: acme_one:f is 3; it must be a function of a TaskRequest"),
        ("def f(request): return 3", ContractViolation, r"task own of acme: opening it returned 3, which is no Task"),
        ("def f(request): return 1 / 0", SpecError, r"task own of acme cannot be opened \(ZeroDivisionError: "),
        ("def f(request): raise ValueError('a\\nb')", SpecError, r"cannot be opened \(ValueError: a b\)"),
        ("def f(request): raise ValueError", SpecError, r"cannot be opened \(ValueError\)"),
        ("import no_such_package", PluginLoadError, r"task own of acme cannot be loaded: ModuleNotFoundError: .*"),
        ("", PluginLoadError, r"task own of acme cannot be loaded: acme_one has no 'f'; mend .*"),
    ],
)
def test_what_is_no_task_is_refused_with_its_package(install, text, error, message):
    install("acme", tasks={"own": "acme_one:f"}, acme_one=text)
    with pytest.raises(error, match=message):
        open_task("own", REQUEST)


PLUGIN = """
import numpy as np
from dlbench_fake.linear import LinearPlugin


class Plugin(LinearPlugin):
    def predict(self, inputs):
        return FACTOR * super().predict(inputs)
"""


@pytest.fixture
def scaled(install):
    """An architecture of a third party, and a plugin of it."""
    return install(
        "acme",
        plugins={"acme.scaled": "acme_plugin:Plugin"},
        architectures={"scaled": "dlbench_fake.scaled"},
        acme_plugin=PLUGIN.replace("FACTOR", "2.0"),
    )


def test_a_plan_takes_task_and_batch_size_of_an_architecture_of_a_third_party(scaled):
    (first, *_) = plan.expand({"plugin": ["acme.scaled"], "size": ["wide"]}, Policy())
    assert (first.task, first.batch_size) == ("line", 64)
    with pytest.raises(UnknownName, match="unknown size of scaled 'huge'; known: small, wide"):
        plan.expand({"plugin": ["acme.scaled"], "size": ["huge"]}, Policy())
    assert architectures.meaning("scaled") == "scaled names an architecture that acme describes"


@pytest.mark.parametrize(
    ("word", "meant"), [("mpl", "mlp"), ("lsmt", "lstm"), ("Transfomer", "transformer"), ("tcn", ""), ("mixer", "")]
)
def test_an_architecture_of_a_plugin_s_own_is_held_for_misspelt_only_if_it_nearly_is_a_known_one(word, meant):
    said = architectures.meaning(word)
    assert said.startswith(f"{word} is an architecture of the plugin's own")
    assert (f"if {meant} was meant" in said) if meant else (said == f"{word} is an architecture of the plugin's own")


def test_it_is_built_from_its_canonical_parameters_and_has_an_oracle(scaled):
    (spec, *_) = plan.expand({"plugin": ["acme.scaled"]}, Policy())
    prepared = prepare(spec, registry.load("acme.scaled"))
    assert build_checked(prepared.plugin, prepared.request).parameter_count == 9
    inputs = prepared.task.batch(0, 0).inputs
    wanted = prepared.request.configuration.forward(prepared.request.parameters, inputs, prepared.request.signature)
    np.testing.assert_allclose(prepared.plugin.predict(inputs), wanted, rtol=1e-5, atol=1e-6)
    assert {code.of for code in sources.of_architecture("scaled")} == {"architecture scaled"}
    assert sources.of_architecture("mlp") == ()


def test_two_plugins_of_it_are_held_against_each_other(scaled):
    (spec, *_) = plan.expand({"plugin": ["acme.scaled"]}, Policy())
    other = structs.replace(spec, plugin="zoo.scaled")
    assert parity.families([spec, other]) == [[structs.replace(one, phase="train") for one in (spec, other)]]
    assert parity.families([structs.replace(one, plugin=f"{one.framework}.own") for one in (spec, other)]) == []


def test_an_architecture_without_sizes_is_refused(install):
    install("acme", architectures={"own": "acme_one"}, acme_one="DEFAULT_TASK = 'line'")
    with pytest.raises(ContractViolation, match=r"architecture own of acme: acme_one has no SIZES"):
        architectures.configuration("own", "small")


def test_a_whole_run_with_a_task_and_an_architecture_of_a_third_party(install, tmp_path):
    site = install(
        "acme",
        plugins={"acme.scaled": "acme_plugin:Plugin"},
        tasks={"corners": "dlbench_fake.corners:open_task"},
        architectures={"scaled": "dlbench_fake.scaled"},
        acme_plugin=PLUGIN.replace("FACTOR", "1.0"),
    )
    words = "--plugin acme.scaled --task corners --phase predict --processes 1"
    done = subprocess.run(
        [sys.executable, "-m", "dlbench", "run", *words.split()],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PYTHONPATH": str(site), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "corners" in done.stdout
