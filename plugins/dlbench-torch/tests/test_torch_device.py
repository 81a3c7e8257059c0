"""Devices and the compile cache: the requested ones, or an error that lists those there are."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import pytest
import torch
from torch._inductor import config
from torch._inductor.runtime.cache_dir_utils import default_cache_dir

from dlbench.errors import Unsupported
from dlbench.spec import Spec
from dlbench.workers.child import fresh_child
from dlbench.workers.protocol import Build, Built, Close, Closed, First, Stepped
from dlbench_torch import caches, device, readback

pytestmark = pytest.mark.untimed

SPEC = Spec(plugin="torch.mlp", phase="train", path="jit", size="small", task="digits", batch_size=32, threads=1)
PREDICT = msgspec.structs.replace(SPEC, phase="predict")
"""Compiled in a tenth of the time that training takes."""


@pytest.fixture(autouse=True)
def variables(monkeypatch):
    """Undo the variables that `prepare` sets."""
    for name in ("CCACHE_DISABLE", caches.TRITON_CACHE):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.mark.parametrize("named", ["by PyTorch in a parent", "by PyTorch here", "not at all"])
def test_compiled_code_is_kept_among_the_temporary_files_of_the_process(named, tmp_path, monkeypatch):
    monkeypatch.setenv(caches.CACHE, default_cache_dir())
    monkeypatch.setenv(caches.TRITON_CACHE, f"{default_cache_dir()}/triton/0")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    if named != "by PyTorch in a parent":
        monkeypatch.setenv(caches.CACHE, default_cache_dir())
        monkeypatch.delenv(caches.TRITON_CACHE)
    if named == "not at all":
        monkeypatch.delenv(caches.CACHE)
    device.prepare(SPEC)
    assert os.environ[caches.CACHE] == default_cache_dir()
    assert Path(default_cache_dir()).parent == tmp_path
    assert caches.TRITON_CACHE not in os.environ
    assert os.environ["CCACHE_DISABLE"] == "1"


def test_caches_that_the_user_names_are_left_alone_and_looked_into(tmp_path, monkeypatch):
    inductor, triton = tmp_path / "inductor", tmp_path / "triton"
    monkeypatch.setenv(caches.CACHE, str(inductor))
    monkeypatch.setenv(caches.TRITON_CACHE, str(triton))
    device.prepare(SPEC)
    assert os.environ[caches.CACHE] == str(inductor)
    assert caches.state("inductor") == "empty"
    for folder in (inductor, triton):
        (folder / "below").mkdir(parents=True)
        assert caches.state("inductor") == "empty"
        (folder / "below" / "kernel").touch()
        assert caches.state("inductor") == "not empty"
        (folder / "below" / "kernel").unlink()


def test_a_cache_on_another_machine_is_no_empty_one(monkeypatch):
    with config.patch(fx_graph_remote_cache=True):
        assert caches.state("inductor") == "unknown"
    monkeypatch.setenv("CXX", "/usr/bin/sccache g++")
    assert caches.state("inductor") == "unknown"


def test_xla_keeps_compiled_code_where_it_is_told_to_and_else_nowhere(tmp_path, monkeypatch):
    monkeypatch.delenv(caches.XLA_CACHE, raising=False)
    assert caches.state("openxla") == "none"
    monkeypatch.setenv(caches.XLA_CACHE, str(tmp_path))
    assert caches.state("openxla") == "empty"
    (tmp_path / "program").touch()
    assert caches.state("openxla") == "not empty"


@pytest.fixture
def compiled_quickly(monkeypatch):
    """A cold cache without what pays in larger programs alone: headers compiled before, and a program for each set of
    instructions that the compiler may have."""
    monkeypatch.setenv("TORCHINDUCTOR_CPP_CACHE_PRECOMPILE_HEADERS", "0")
    monkeypatch.setenv("TORCHINDUCTOR_VEC_ISA_OK", "1")


@pytest.mark.slow
@pytest.mark.usefixtures("compiled_quickly")
def test_two_processes_with_one_number_both_compile_cold(tmp_path, monkeypatch):
    """Numbers of processes come again in every container, so the name of a folder tells nothing of its content."""
    monkeypatch.delenv(caches.CACHE, raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = []
    for _ in range(2):
        child = fresh_child(1, timeout=280.0)
        child.request(Build(spec=PREDICT), Built)
        child.request(First(), Stepped)
        assert list(tmp_path.rglob("*.so")), "compiled code lies on the disk"
        found.append(child.request(Close(compile_again=False), Closed).compilation)
        child.close()
        assert list(tmp_path.iterdir()) == [], "and is gone with its process"
    assert [(one.cache, one.parts) for one in found] == [("empty", ("forward",))] * 2


@pytest.mark.slow
@pytest.mark.usefixtures("compiled_quickly")
def test_a_named_cache_that_holds_something_is_said_to(tmp_path, monkeypatch):
    monkeypatch.setenv(caches.CACHE, str(tmp_path))
    (tmp_path / "anything").touch()
    child = fresh_child(1, timeout=280.0)
    child.request(Build(spec=PREDICT), Built)
    child.request(First(), Stepped)
    found = child.request(Close(compile_again=False), Closed).compilation
    child.close()
    assert found.cache == "not empty"
    assert (tmp_path / "anything").exists()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"compiler": "xla"}, "compiler xla: the plugins of PyTorch have inductor and openxla"),
        ({"device": "gpu:99"}, "looked for device gpu:99; PyTorch .* finds cpu"),
        ({"precision": "tf32"}, "precision tf32: a CPU has no TF32"),
    ],
)
def test_what_is_not_there_is_refused(change, text):
    with pytest.raises(Unsupported, match=text):
        device.prepare(msgspec.structs.replace(SPEC, **change))


def test_jit_without_a_compiler_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(Unsupported, match=r"needs a C\+\+ compiler and finds none of g\+\+, clang\+\+, c\+\+; install"):
        device.prepare(SPEC)


def test_threads_and_exact_products_are_set():
    device.prepare(msgspec.structs.replace(SPEC, path="eager"))
    assert torch.get_num_threads() == 1
    assert not torch.backends.cuda.matmul.allow_tf32
    assert not torch.backends.cudnn.allow_tf32


def test_the_library_of_products_is_read_from_the_build():
    assert (readback.blas() == "mkl") == torch.backends.mkl.is_available()
    assert readback.blas() != "unknown"


def test_eager_steps_import_no_compiler():
    """Inductor and Dynamo take twice as long to import as PyTorch; every process of a session would pay for them."""
    said = "import sys, dlbench_torch.adaptors; sys.exit(any(name in sys.modules for name in sys.argv[1:]))"
    assert subprocess.run([sys.executable, "-c", said, "torch._dynamo", "torch._inductor"], check=False).returncode == 0
