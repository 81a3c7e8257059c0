"""The picture of a report in the README: made in a browser, and marked with the digest of the text that it shows.

    python tests/support/report_picture.py

renews it. It needs a Chromium and Pillow.
"""

from __future__ import annotations

import base64
import hashlib
import io
import tempfile
from pathlib import Path

from browser import opened

from dlbench.api import render
from dlbench.report.html import render as html

ROOT = Path(__file__).parents[2]
KEPT, PICTURE = ROOT / "reports/all-plugins", ROOT / "docs/report.png"
MARK, WIDTH = "shows", 1240
BOTTOM = "document.querySelector('table').getBoundingClientRect().bottom + window.scrollY"


def shown() -> str:
    """Digest of the opening and the matrix of verdicts, as `report.md` has them."""
    opening, _, rest = (KEPT / "report.md").read_text(encoding="utf-8").partition("\n## ")
    table = [line for line in rest.partition("\n<details")[0].splitlines() if line.startswith("|")]
    return hashlib.sha256("\n".join([opening, *table]).encode()).hexdigest()


def make() -> None:
    """Render the kept report, and photograph it down to the end of its first table."""
    from PIL import Image, PngImagePlugin

    picture = Image.open(io.BytesIO(_photographed())).convert("RGB").quantize(128, dither=Image.Dither.NONE)
    mark = PngImagePlugin.PngInfo()
    mark.add_text(MARK, shown())
    picture.save(PICTURE, optimize=True, pnginfo=mark)


def _photographed() -> bytes:
    runs, report = render.read(KEPT)
    with tempfile.TemporaryDirectory() as folder, opened() as browser:
        page = Path(folder) / "report.html"
        page.write_text(html(report, runs), encoding="utf-8")
        browser.window(WIDTH)
        browser.media()
        browser.open(page)
        clip = {"x": 0, "y": 0, "width": WIDTH, "height": round(browser.run(BOTTOM)) + 6, "scale": 1}
        found = browser.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
    return base64.b64decode(found["data"])


if __name__ == "__main__":
    make()
