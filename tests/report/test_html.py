"""The HTML file: whole in itself, well formed whatever a plugin says, and readable without seeing it."""

from __future__ import annotations

import itertools
import re

import msgspec
import pytest
from drawn_runs import any_run
from example_runs import bare_run, failed_runs, full_session, good_run, many_workloads, spec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parsed_html import parsed

from dlbench.api.render import write
from dlbench.report import FORMATS, summarize
from dlbench.report.document import Table
from dlbench.report.html import render
from dlbench.report.html.markup import spoken
from dlbench.report.html.table import table as drawn

pytestmark = pytest.mark.untimed

HOSTILE = (
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title></svg><style>*{display:none}</style>",
    "' onload='alert(1)",
    "<!--",
    "]]><![CDATA[",
    "&lt;b&gt;&#60;",
    "\u202eevil\u202c",
    "\x00\x07\x1b[31mred\x1b[0m\x7f\x9f",
    "\ud800",
    "javascript:alert(1)",
    "very long " * 300,
)


def page(runs):
    return render(summarize(runs), runs)


@pytest.fixture(scope="module")
def whole():
    runs = [*full_session(), *failed_runs()]
    return parsed(page(runs))


def test_the_file_is_the_same_every_time_and_has_its_samples_only_with_runs():
    runs = full_session()
    report = summarize(runs)
    assert FORMATS["html"].text(runs, report) == FORMATS["html"].text(runs, report) == render(report, runs)
    assert "Samples of each process" in render(report, runs)
    assert "Samples of each process" not in render(report)


def test_nothing_is_fetched_and_only_the_own_script_and_style_may_run(whole):
    assert [one.attributes["href"] for one in whole.all("link")] == ["data:,"]
    assert not [one for one in whole.all() if "src" in one.attributes or "style" in one.attributes]
    links = [one.attributes["href"] for one in whole.all("a")]
    names = {one.attributes["id"] for one in whole.all() if "id" in one.attributes}
    assert links
    assert {link.removeprefix("#") for link in links} <= names
    policy = next(one.attributes["content"] for one in whole.all("meta") if "http-equiv" in one.attributes)
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for sheet in whole.all("style"):
        assert not re.search(r"url\(|@import", sheet.text)
    assert "http" not in "".join(one.text for one in whole.all("script"))


def test_every_id_is_there_once_and_what_refers_to_it_finds_it(whole):
    ids = [one.attributes["id"] for one in whole.all() if "id" in one.attributes]
    assert len(ids) == len(set(ids))
    for name in ("aria-labelledby", "aria-describedby"):
        assert {one.attributes[name] for one in whole.all() if name in one.attributes} <= set(ids)


def test_tables_have_a_caption_and_headers_with_a_scope(whole):
    tables = whole.all("table")
    assert len(tables) > 5
    for table in tables:
        assert [one.words for one in table.all("caption")] != [""]
        assert {one.attributes.get("scope") for one in table.all("th")} <= {"row", "col"}
        for row in table.all("tbody")[0].all("tr"):
            assert row.children[0].attributes == {"scope": "row"}


def test_no_fold_holds_another_of_its_own_name(whole):
    folds = whole.all("details")
    assert {"Environment", "Once"} <= {fold.children[0].text for fold in folds}
    for fold in folds:
        assert fold.children[0].text not in [one.children[0].text for one in fold.all("details")[1:]]


def test_every_picture_says_in_words_what_it_shows(whole):
    pictures = whole.all("svg")
    assert {one.all("title")[0].text for one in pictures} >= {
        "Samples of each process",
        "Step time over the session",
        "Host memory above import, peak by phase",
        "Convergence by seed",
    }
    for picture in pictures:
        assert picture.attributes["role"] == "img"
        assert len(picture.all("desc")[0].text) > 40
    samples = next(one for one in pictures if one.all("title")[0].text == "Samples of each process")
    assert "tf.transformer jit: 5 processes, median" in samples.all("desc")[0].text


def test_the_page_says_what_failed_what_was_requested_the_machine_and_the_command(whole):
    text = whole.words
    for wanted in (
        "MemoryError: <script>alert(1)</script>",
        "no answer within 600 s",
        "Requested",
        "Example CPU",
        "dlbench run --plugin",
    ):
        assert wanted in text, wanted


def test_headings_go_down_by_one_and_the_language_is_named(whole):
    assert whole.all("html")[0].attributes == {"lang": "en"}
    assert len(whole.all("h1")) == 1
    levels = [int(one.name[1]) for one in whole.all() if re.fullmatch(r"h\d", one.name)]
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels))


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_and_reasons_stay_text(text):
    runs = [
        good_run("tf.transformer", spec=spec(size=text, python=text)),
        good_run("torch.transformer", spec=spec("torch.transformer", size=text, python=text), arm=1),
        bare_run(spec=spec(size=text, task=text), status="crashed", reason=text, output_tail=text),
        good_run(phase="converge", task=msgspec.structs.replace(good_run().task, metric=text, unit=text)),
    ]
    made = page(runs)
    made.encode("utf-8")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", made)
    root = parsed(made)
    _only_our_elements(root)
    assert len(root.all("script")) == len(root.all("style")) == 1


OURS = """
    document html head meta link title style body script a nav details summary small ol ul li main h1 h2 h3 p section
    div table caption thead tbody tr th td span em pre code figure figcaption svg desc path text g
"""


def _only_our_elements(root):
    for one in root.all():
        assert one.name in OURS.split(), one.name
        assert not [name for name in one.attributes if name.startswith("on")]


def _reported(run):
    """The Run as one that a report has: no control, and of a size that there is."""
    return msgspec.structs.replace(run, control=False, spec=msgspec.structs.replace(run.spec, size="small"))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(any_run.map(_reported), min_size=1, max_size=4))
def test_any_runs_there_can_be_give_a_page_that_is_well_formed(runs):
    made = page(runs)
    made.encode("utf-8")
    _only_our_elements(parsed(made))
    assert not re.search(r"\bnan\b|\binf\b", " ".join(re.findall(r' [dxy]="([^"]*)"', made)))


def test_the_file_grows_with_its_workloads_and_stays_small():
    def size(workloads):
        specs = (spec(run.spec.plugin, batch_size=8 + at) for at in range(workloads) for run in SESSION)
        runs = [msgspec.structs.replace(run, spec=of) for run, of in zip(SESSION * workloads, specs, strict=True)]
        return len(page(runs).encode())

    few, many = size(5), size(20)
    assert (many - few) / 15 < 2 * 20_000, "two Specs of one workload: 1,000 of them make 20 MB"
    assert many < 4.2 * few


SESSION = [good_run(plugin, group=group) for group in range(5) for plugin in ("tf.transformer", "torch.transformer")]


def test_a_folder_gets_the_file(tmp_path):
    runs = full_session(2)
    (path,) = write(runs, summarize(runs), tmp_path, ("html",))
    assert path == tmp_path / "report.html"
    assert path.read_text(encoding="utf-8") == page(runs)


def test_workloads_without_figures_have_a_page():
    runs = list(many_workloads())
    assert len(parsed(page(runs)).all("section")) > 5
    assert parsed(page([bare_run(status="crashed", reason="gone")])).all("h1")


def test_what_stands_between_backticks_is_code_and_one_backtick_is_itself():
    assert spoken("give `--threads 1` or <b>") == "give <code>--threads 1</code> or &lt;b&gt;"
    assert spoken("it`s `<i>` here") == "it`s `&lt;i&gt;` here"
    made = page([good_run(flags=("unstable",)), *failed_runs()])
    assert "`" not in re.sub(r"<(script|pre)\b.*?</\1>", "", made.replace("path jit: needs `g++`", ""), flags=re.DOTALL)


@pytest.mark.parametrize(
    ("cell", "parts"),
    [
        ("0.989 (0.955–1.02) inconclusive", ["0.989", "(0.955–1.02)", "inconclusive"]),
        ("1.52 ms (1.49–1.56), pooled", ["1.52 ms", "(1.49–1.56),", "pooled"]),
        ("graphs 1, breaks 0, recompiled 0", ["graphs 1,", "breaks 0,", "recompiled 0"]),
        ("1,083", ["1,083"]),
    ],
)
def test_a_line_of_a_cell_ends_between_figure_interval_and_word(cell, parts):
    found = drawn(Table(["", "a"], [["row", cell]]), "")
    assert re.findall("<span>(.*?)</span>", found) == parts
