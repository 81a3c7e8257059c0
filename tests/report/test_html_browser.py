"""The HTML file in a real browser: quiet, alone, narrow, dark, sorted, filtered, and by keyboard."""

from __future__ import annotations

import pytest
from browser import opened
from example_runs import bare_run, failed_runs, full_session, good_run, spec

from dlbench.report import summarize
from dlbench.report.html import render

pytestmark = [pytest.mark.untimed, pytest.mark.xdist_group("browser")]

CONTRAST = """
(() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const [x, y, z] = [r, g, b].map((v) => linear(v / 255));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const paper = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = parse(getComputedStyle(at).backgroundColor);
      if (found.length === 3 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || element.closest("script, desc, title")) continue;
    const style = getComputedStyle(element);
    const [a, b] = [light(parse(element.closest("svg") ? style.fill : style.color)), light(paper(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push(`${element.tagName} ${element.textContent.slice(0, 20)} ${ratio.toFixed(2)}`);
  }
  return found;
})()
"""
OPEN = "document.querySelectorAll('details').forEach((one) => { one.open = true; })"


def written(folder, runs):
    path = folder / "report.html"
    path.write_text(render(summarize(runs), runs), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser():
    with opened() as found:
        yield found


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return written(tmp_path_factory.mktemp("page"), [*full_session(), *failed_runs()])


@pytest.fixture
def page(browser, path):
    """The page in a window of a desk, light, with its script."""
    browser.window(1280)
    browser.media()
    browser.open(path)
    return browser


def test_the_page_says_nothing_to_the_console_and_asks_for_nothing_but_itself(page, path):
    assert page.run("document.querySelector('.theme') !== null"), "the policy keeps the script from running"
    assert page.run("getComputedStyle(document.querySelector('.charts')).display") == "grid"
    assert page.complaints() == []
    assert page.requests() == [path.as_uri()]


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_stands_out_of_the_window(page, width):
    page.window(width)
    page.run(OPEN)
    assert page.run("document.documentElement.scrollWidth") <= width
    wide = "[...document.querySelectorAll('main *')].filter((one) => !one.closest('.wide, pre, svg, caption'))"
    beyond = f"{wide}.filter((one) => one.getBoundingClientRect().right > {width + 1})"
    assert page.run(f"{beyond}.map((one) => one.outerHTML.slice(0, 99))") == []


def test_a_table_wider_than_a_telephone_scrolls_in_its_frame(page):
    page.window(390)
    page.run(OPEN)
    wider = "[...document.querySelectorAll('.wide')].filter((one) => one.scrollWidth > one.clientWidth)"
    assert page.run(f"{wider}.length") > 0
    assert page.run(f"{wider}.filter((one) => getComputedStyle(one).overflowX !== 'auto').length") == 0


def test_a_telephone_shows_more_of_a_configuration_than_its_first_arm(page):
    page.window(390)
    page.run(OPEN)
    tables = (
        "[...document.querySelectorAll('.wide table')].filter((one) => one.tHead?.textContent.includes('Requested'))"
    )
    left = "Math.round(row.cells[3].getBoundingClientRect().left - one.closest('.wide').getBoundingClientRect().left)"
    places = page.run(
        f"{tables}.map((one) => [...one.rows].filter((row) => row.cells.length > 3).map((row) => {left})).flat()"
    )
    assert places
    assert max(places) < 300, "the second arm begins within the window"


def test_pictures_have_a_size_and_text_of_a_readable_size_on_a_telephone(page):
    page.window(390)
    page.run(OPEN)
    sizes = page.run("[...document.querySelectorAll('svg')].map((one) => one.getBoundingClientRect().width / 360)")
    assert len(sizes) > 5
    assert min(sizes) > 0.85


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_contrast_in_both_themes(page, theme):
    page.media(prefers_color_scheme=theme)
    page.run(OPEN)
    dark = page.run("getComputedStyle(document.documentElement).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (theme == "dark")
    assert page.run(CONTRAST) == []


def test_the_switch_changes_the_theme_and_says_what_it_does(page):
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    before = page.run(paper)
    assert page.run("document.querySelector('.theme').getAttribute('aria-label')") == "Dark theme"
    page.run("document.querySelector('.theme').click()")
    assert page.run(paper) != before
    assert page.run("document.querySelector('.theme').textContent") == "Light"


FAILURES = "[...document.querySelectorAll('table')].find((one) => one.tHead?.textContent.includes('Status'))"


def test_a_table_sorts_upwards_and_downwards(page):
    head = f"{FAILURES}.tHead.rows[0].cells[1]"
    shown = f"[...{FAILURES}.tBodies[0].rows].map((row) => row.cells[1].textContent)"
    before = page.run(shown)
    page.run(f"{head}.querySelector('button').click()")
    assert page.run(shown) == sorted(before) != before
    assert page.run(f"{head}.getAttribute('aria-sort')") == "ascending"
    page.run(f"{head}.querySelector('button').click()")
    assert page.run(shown) == sorted(before, reverse=True)
    assert page.run(f"{head}.getAttribute('aria-sort')") == "descending"


def test_the_order_of_cells_knows_units_and_puts_words_last(browser, tmp_path):
    cells = ["2 s (1–3)", "never", "900 ms", "1,100 µs", "−3", "–", "1.2 min", "0.5 h"]
    rows = "".join(f"<tr><th scope=row>a{at}</th><td>{cell}</td></tr>" for at, cell in enumerate(cells))
    own = render(summarize(full_session()))
    head = "<thead><tr><th>Arm</th><th>Time</th></tr></thead>"
    table = f"<div class='wide'><table id='t'><caption>c</caption>{head}<tbody>{rows}</tbody></table></div>"
    (tmp_path / "sorted.html").write_text(own.replace("</main>", f"{table}</main>"), encoding="utf-8")
    browser.open(tmp_path / "sorted.html")
    browser.run("t.tHead.rows[0].cells[1].querySelector('button').click()")
    order = browser.run("[...t.tBodies[0].rows].map((row) => row.cells[1].textContent)")
    assert order == ["−3", "1,100 µs", "900 ms", "2 s (1–3)", "1.2 min", "0.5 h", "–", "never"]


def test_the_filter_leaves_the_rows_that_have_its_words(page):
    rows = "[...document.querySelector('.filter').nextElementSibling.querySelectorAll('tbody tr')]"
    count = f"{rows}.filter((row) => !row.hidden).length"
    every = page.run(count)
    assert every > 7

    def type_in(text):
        page.run(f"document.querySelector('.filter').value = '{text}'")
        page.run("document.querySelector('.filter').dispatchEvent(new Event('input'))")

    type_in("STEP time")
    assert 0 < page.run(count) < every
    type_in("no such word")
    assert page.run(count) == 0
    type_in("")
    assert page.run(count) == every


def test_the_keyboard_reaches_the_skip_link_first_and_opens_a_fold(page):
    page.press("Tab")
    assert page.run("document.activeElement.className") == "skip"
    assert page.run("document.activeElement.getBoundingClientRect().left") >= 0
    for _ in range(60):
        page.press("Tab")
        if page.run("document.activeElement.matches('main details:not([open]) > summary')"):
            break
    else:
        pytest.fail("no fold within 60 steps")
    assert page.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.press("Enter")
    assert page.run("document.activeElement.parentElement.open")


def test_a_link_to_evidence_opens_the_fold_that_holds_it(page):
    links = page.run("[...document.querySelectorAll('main a')].map((one) => one.getAttribute('href').slice(1))")
    assert links
    closed = "document.getElementById('{}').closest('details:not([open])') !== null"
    folded = [name for name in links if page.run(closed.format(name))]
    assert folded, links
    for name in dict.fromkeys(folded):
        page.run(f"document.querySelector('main a[href=\"#{name}\"]').click()")
        assert page.run(f"document.getElementById('{name}').closest('details').open"), name


def test_the_page_is_whole_without_its_script(browser, path):
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(path)
        shown = browser.call("DOM.getDocument", depth=-1)["root"]
        text = str(shown)
        for wanted in ("Samples of each process", "MemoryError", "dlbench run --plugin", "Step time, median"):
            assert wanted in text, wanted
        assert "'theme'" not in text
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)


def test_print_is_black_on_white_without_controls(page):
    page.media("print", prefers_color_scheme="dark")
    assert page.run("getComputedStyle(document.querySelector('.theme')).display") == "none"
    assert page.run("getComputedStyle(document.querySelector('.filter')).display") == "none"
    assert page.run("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    page.run("dispatchEvent(new Event('beforeprint'))")
    assert page.run("document.querySelectorAll('details:not([open])').length") == 0


HOSTILE = (
    "</script><script>alert(1)</script>",
    "\"'><svg onload=alert(1)>",
    "<img src=x onerror=alert(1)>",
    "\u202e<b>",
)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_runs_nothing_and_is_shown_as_it_is(browser, tmp_path, text):
    runs = [
        good_run("tf.transformer", spec=spec(size=text, python=text)),
        good_run("torch.transformer", spec=spec("torch.transformer", size=text, python=text), arm=1),
        bare_run(spec=spec(size=text, task=text), status="crashed", reason=text, output_tail=text),
    ]
    browser.open(written(tmp_path, runs))
    assert browser.run("document.querySelectorAll('script').length") == 1
    assert browser.run("document.querySelectorAll('img, b, [onload], [onerror]').length") == 0
    assert browser.complaints() == []
    assert len(browser.requests()) == 1
    assert not [event for event in browser.events if event["method"] == "Page.javascriptDialogOpening"]
    visible = text.replace("\u202e", "")
    assert visible in browser.run("document.querySelector('main').textContent")


@pytest.mark.parametrize("width", [390, 1180])
def test_figures_and_words_of_a_table_are_not_broken(page, width):
    page.window(width)
    page.run(OPEN)
    broken = "[...document.querySelectorAll('td > span')].filter((one) => one.getClientRects().length > 1)"
    assert page.run(f"{broken}.map((one) => one.textContent)") == []
    heads = """
      [...document.querySelectorAll('tbody th')].flatMap((one) => [...one.childNodes])
        .filter((one) => one.nodeType === 3)
        .flatMap((node) => [...node.textContent.matchAll(/[\\p{L}\\d]{2,24}/gu)].filter((word) => {
          const range = document.createRange();
          range.setStart(node, word.index); range.setEnd(node, word.index + word[0].length);
          return new Set([...range.getClientRects()].map((rect) => Math.round(rect.top))).size > 1;
        }).map((word) => word[0]))
    """
    assert page.run(heads) == []


def test_a_table_that_runs_off_shows_that_it_scrolls_and_keeps_its_first_column(page):
    page.window(390)
    page.run(OPEN)
    wide = "[...document.querySelectorAll('.wide')].find((one) => one.scrollWidth > one.clientWidth + 40)"
    assert "gradient" in page.run(f"getComputedStyle({wide}).backgroundImage")
    page.run(f"{wide}.scrollLeft = 40")
    first = f"{wide}.querySelector('tbody th').getBoundingClientRect().left - {wide}.getBoundingClientRect().left"
    assert page.run(first) == 0
