"""One race, and its answer in its folder."""

from __future__ import annotations

import time

from dlbench.api import render
from dlbench.api.tune import answer, state
from dlbench.api.tune.measuring import measure
from dlbench.api.tune.request import Request
from dlbench.api.tune.told import Told
from dlbench.errors import redaction
from dlbench.record import encoding
from dlbench.report import tuning as page
from dlbench.session.listener import Listener
from dlbench.stats.tuning.answer import Tuning
from dlbench.tasks import check_data

ANSWER_FILE, PAGE_FILE, PICTURE_FILE = "tuning.json", "tuning.md", "tuning.html"


def tune(asked: Request, listener: Listener) -> Tuning:
    """Race, write the answer to the folder, and return it.

    Raises DlbenchError, and KeyboardInterrupt, after which the folder can be resumed.
    """
    check_data(spec.task for spec in asked.specs)
    if not asked.resume:
        state.begin(asked.folder, asked.words)
    begin = time.monotonic()
    raced = measure(asked, Told(asked.specs, listener))
    found = redaction.record(answer.of(asked, raced, time.monotonic() - begin))
    content = {ANSWER_FILE: encoding.page(found), PAGE_FILE: page.text(found), PICTURE_FILE: page.html(found)}
    render.put(asked.folder, content)
    return found
