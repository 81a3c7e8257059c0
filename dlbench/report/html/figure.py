"""A chart as a figure: its title, its picture with a text for those who do not see it, its legend and its note."""

from __future__ import annotations

from dlbench.report.chart import Chart
from dlbench.report.html.markup import element, escaped
from dlbench.report.html.plots import WIDTH, drawing, shades


def figure(chart: Chart, number: int) -> str:
    """The chart with this number on its page."""
    inner, height = drawing(chart)
    title, said = f"c{number}", f"d{number}"
    words = element("title", escaped(chart.title), id=title) + element("desc", escaped(chart.said), id=said)
    picture = element(
        "svg", words + inner, viewBox=f"0 0 {WIDTH} {height}", role="img", aria_labelledby=title, aria_describedby=said
    )
    note = element("p", escaped(chart.note)) if chart.note else ""
    return element("figure", element("figcaption", escaped(chart.title)) + picture + _legend(chart) + note)


def _legend(chart: Chart) -> str:
    """Names of the shades; rows of intervals say theirs."""
    named = shades(chart.series)
    if chart.kind == "intervals" or not named:
        return ""
    return element(
        "ul", "".join(element("li", escaped(name), class_=f"k{shade}") for name, shade in named.items()), class_="key"
    )
