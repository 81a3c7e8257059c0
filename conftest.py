"""Settings that keep the suite fast, in one place; nothing here changes what a test asserts.

- Tests that time nothing carry the mark `untimed`: `make test` gives them to four workers (pytest-xdist), and runs all
  others one by one afterwards, on a machine that nothing else uses. The untimed ones carry the mark, so that a new test
  is safe without one.
- PyTorch's compiled code is kept in the cache of pytest: the C++ compiler takes most of the time here, and the
  same graphs come again and again. Tests of cold starts name a folder of their own.
- Each of several workers is held to one core, shared with the processes that it starts: processes of one thread are
  held to the first core that their parent may use, and would all meet there.
- Modules are compiled once, and what pytest makes of test modules is kept, also where the environment says that Python
  should write no bytecode (as images of containers do): a child of a test would compile all that it imports each time.
  What tests themselves write and import keeps to the environment.
- What was imported is not walked by the collector again: measuring collects garbage before each sample, which takes
  half a second of a process that has two frameworks. Tests that freeze or unfreeze objects leave nothing behind.

Hypothesis sets no deadline for an example: a busy neighbour would miss it.

A shell without job control starts what it puts into the background with Ctrl-C ignored, and children inherit that: the
tests of Ctrl-C get it back, wherever the suite was started.

And one thing that keeps tests apart: a PyTorch plugin that is built in the process of the tests flushes denormals, as
it should in a child; the tests that come after it find the arithmetic as it was.
"""

from __future__ import annotations

import compileall
import functools
import gc
import os
import re
import signal
import sys
from collections.abc import Iterator

import hypothesis
import pytest

pytest_plugins = ["left_out"]


_frozen = {"modules": 0, "objects": 0}
"""Counts of modules that were imported, and of objects that were frozen, when objects were frozen last."""


def pytest_configure(config: pytest.Config) -> None:
    """Before PyTorch is imported, which puts a default of its own into the environment; children inherit it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    hypothesis.settings.register_profile("without a clock", deadline=None)
    hypothesis.settings.load_profile("without a clock")
    worker = re.fullmatch(r"gw(\d+)", os.environ.get("PYTEST_XDIST_WORKER", ""))
    if worker and hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, [cores[int(worker[1]) % len(cores)]])
    else:
        for folder in ("dlbench", "plugins", "tests/fake_plugin"):
            compileall.compile_dir(config.rootpath / folder, quiet=2)
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(config.rootpath / ".pytest_cache" / "inductor"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Keep the bytecode of test modules."""
    writes_none, sys.dont_write_bytecode = sys.dont_write_bytecode, False
    try:
        return (yield)
    finally:
        sys.dont_write_bytecode = writes_none


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Longest tests first, those of conformance, so that no worker has one alone at the end.

    Time for what compiles for minutes, also beside a neighbour; the limit is there to end what hangs.
    """
    items.sort(key=lambda item: "_conformance.py" not in item.nodeid)
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.timeout(1200))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Freeze the objects of modules that the tests before imported; anew where a test froze or unfroze some itself."""
    as_left = 0 < gc.get_freeze_count() <= _frozen["objects"]
    if as_left and len(sys.modules) == _frozen["modules"]:
        return
    if not as_left:
        gc.unfreeze()
    gc.collect()
    gc.freeze()
    _frozen.update(modules=len(sys.modules), objects=gc.get_freeze_count())


@pytest.fixture(autouse=True)
def denormals_as_before() -> Iterator[None]:
    """Restore denormals after a test. PyTorch is not imported for it: without it nothing was changed."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)


@functools.cache
def devices_of(plugin: str) -> dict[str, str]:
    """Devices that the plugin's framework finds here, read in a process of its own."""
    from dlbench.workers.calls import ask_devices

    return ask_devices(plugin)


@pytest.fixture(autouse=True)
def an_accelerator(request: pytest.FixtureRequest) -> None:
    """Skip a test with the mark `gpu(PLUGIN)` if the plugin's framework finds none."""
    if mark := request.node.get_closest_marker("gpu"):
        found = devices_of(*mark.args)
        if "gpu:0" not in found:
            pytest.skip(f"needs a GPU; the framework of {mark.args[0]} finds {', '.join(found)} here")
