"""Tasks of other packages in the listing: summed up by their source, which is not imported; explained by opening."""

from __future__ import annotations

import json
import re

import pytest

from dlbench import tasks
from dlbench.cli import listing, listing_document
from dlbench.errors import ContractViolation

pytestmark = pytest.mark.untimed


def lines():
    return "\n".join(listing.lines())


STATED = """
from dlbench.tasks import TaskRow

raise SystemExit("was imported")
WAVES = TaskRow(print, "numbers to a sine", fits=("mlp", "gru"))
TIDES: TaskRow = TaskRow(print, summary="hours to heights")
MADE = TaskRow(print, "".join("made"))
ODD = TaskRow(print, "odd", fits="mlp")
ALIAS = WAVES
NUMBERS = TaskRow(print, "numbers", fits=(1,))
UNHASHABLE = TaskRow(print, "unhashable", fits={[]: 1})
WORDS = {"fits": ("mlp",)}
UNPACKED = TaskRow(print, **WORDS)
STARRED = TaskRow(*WORDS)
LINES = TaskRow(print, "two\\nlines \\x1b[2Jof words", fits=("ml\\rp",))


def plain(request):
    \"\"\"Words to labels.

    And more about them.
    \"\"\"
"""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("WAVES", r"numbers to a sine +for mlp, gru +acme 1\.2"),
        ("TIDES", r"hours to heights +for any architecture +acme 1\.2"),
        ("plain", r"Words to labels +for any architecture +acme 1\.2"),
        ("plain [extra]", r"Words to labels +for any architecture +acme 1\.2"),
        ("MADE", r"acme 1\.2"),
        ("ODD", r"acme 1\.2"),
        ("ALIAS", r"acme 1\.2"),
        ("NUMBERS", r"acme 1\.2"),
        ("UNHASHABLE", r"acme 1\.2"),
        ("UNPACKED", r"acme 1\.2"),
        ("STARRED", r"acme 1\.2"),
        ("LINES", r"two lines \[2Jof words +for ml p +acme 1\.2"),
        ("nothing", r"acme 1\.2"),
    ],
)
def test_the_listing_sums_up_a_task_by_its_source_and_imports_nothing(install, name, said):
    """Within a package too, whose own module is not imported either."""
    site = install("acme", tasks={"own": f"acme_parts.deep.task:{name}"})
    (site / "acme_parts/deep").mkdir(parents=True)
    for folder in ("acme_parts", "acme_parts/deep"):
        (site / folder / "__init__.py").write_text("raise SystemExit('was imported')")
    (site / "acme_parts/deep/task.py").write_text(STATED)
    assert re.search(rf"^  own +{said}$", lines(), re.MULTILINE)


def test_a_task_whose_source_is_no_python_is_broken_in_the_listing(install):
    install("acme", tasks={"own": "acme_one:f"}, acme_one="def f(request) return 3")
    said = r"^  own +acme 1\.2 +broken: the source of acme_one:f cannot be read: expected ':'"
    assert re.search(said, lines(), re.MULTILINE)


ROW = """
from dlbench.tasks import TaskRow
from dlbench_fake.corners import open_task

CORNERS = TaskRow(open_task, "numbers " + "to a sum", fits=("mlp",))
"""


def test_tasks_of_packages_are_explained_with_their_row_and_a_broken_one_takes_none_away(install):
    install("acme", tasks={"own": "acme_own:CORNERS"}, acme_own=ROW)
    install("zoo", tasks={"gone": "zoo_gone:f"}, zoo_gone="import no_such_package")
    said = "\n".join(listing.lines(with_tasks=True))
    assert re.search(r"^  own: numbers to a sum, for mlp, of acme 1\.2\n    inputs   \(batch, 8\)", said, re.MULTILINE)
    assert re.search(r"^  gone\n    task gone of zoo cannot be loaded: ModuleNotFoundError", said, re.MULTILINE)
    gone, own = json.loads(listing_document.document(with_tasks=True))["tasks_of_other_packages"]
    assert (own["summary"], own["for"], own["facts"]["loss"]) == ("numbers to a sum", "mlp", "mse")
    assert "cannot be loaded" in gone["reason"]
    plain = {one["name"]: one for one in json.loads(listing_document.document())["tasks_of_other_packages"]}
    assert (plain["own"]["summary"], plain["own"]["distribution"]) == ("", "acme")


def test_the_docstring_of_a_function_sums_up_its_task_and_fits_are_names(install):
    text = (
        "from dlbench.tasks import TaskRow\n\ndef f(request):\n    'Words to labels.'\n\nODD = TaskRow(f, fits='mlp')\n"
    )
    install("acme", tasks={"own": "acme_one:f", "odd": "acme_one:ODD"}, acme_one=text)
    assert tasks.row_of("own").summary == "Words to labels"
    with pytest.raises(ContractViolation, match=r"task odd of acme: fits is 'mlp'; it must be a tuple of names"):
        tasks.row_of("odd")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("f, fits=(1,)", r"fits is \(1,\); it must be a tuple of names"),
        ("f, fits=None", "fits is None; it must be a tuple of names"),
        ("f, 3", "summary is 3; it must be text"),
    ],
)
def test_a_row_whose_words_are_no_text_is_refused(install, row, said):
    text = f"from dlbench.tasks import TaskRow\n\ndef f(request):\n    ...\n\nODD = TaskRow({row})\n"
    install("acme", tasks={"odd": "acme_odd:ODD"}, acme_odd=text)
    with pytest.raises(ContractViolation, match=f"task odd of acme: {said}"):
        tasks.row_of("odd")


def test_words_of_an_imported_row_are_plain(install):
    text = "from dlbench.tasks import TaskRow\n\nODD = TaskRow(print, 'two\\nlines\\x1b[2J', fits=['mlp'])\n"
    install("acme", tasks={"odd": "acme_plain:ODD"}, acme_plain=text)
    row = tasks.row_of("odd")
    assert (row.summary, row.fits) == ("two lines[2J", ("mlp",))
