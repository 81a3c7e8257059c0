"""Text that means harm, for names and reasons: markup, links, commands to a terminal, and text without an end."""

from hypothesis import strategies as st

SIGNS = "|`*_[]()<>&#@~-+=:/\\\n\r\t\x1b\x07\x9b\u202e\u2066!1."
WORDS = [
    "</details></summary><script>alert(1)</script>",
    "a | b\n\n# heading\n- [x](http://e.example) ![](https://e.example/i.png) www.e.example",
    "@everyone see #12, GH-3 and www.e.example",
    "\x1b]0;title\x07\x1b[2J\x1b[31mred\x9b31m",
    "```\n| x |\n````\n~~~",
    "[bold red]markup[/] of rich [link=http://e.example]x[/link]",
    "<!-- dlbench gate -->",
    "1. one 2) two --- === ***",
    "---",
    "1) one",
    "a" * 400,
    "&" * 400,
    "`" * 200,
]
TEXTS = st.text(
    st.one_of(st.characters(exclude_categories=("Cs",)), st.sampled_from(list(SIGNS))), max_size=300
) | st.sampled_from(WORDS)
