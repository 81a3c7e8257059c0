"""Devices and the compile cache: what is asked for, or an error that says what is there."""

from __future__ import annotations

import os
import tempfile

import msgspec
import pytest
import torch
from torch._inductor.runtime.cache_dir_utils import default_cache_dir

from dlbench.errors import Unsupported
from dlbench.isolate import fresh_child
from dlbench.orders import Build, Built, First, Stepped, Take, Taken
from dlbench.spec import Spec
from dlbench_torch import device, readback

SPEC = Spec(plugin="torch.mlp", phase="train", path="jit", size="small", task="digits", batch_size=32, threads=1)


@pytest.mark.parametrize("named_by_torch", [False, True])
def test_a_process_starts_with_an_empty_compile_cache_of_its_own(named_by_torch, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv(device.CACHE, default_cache_dir())
    if not named_by_torch:
        monkeypatch.delenv(device.CACHE)
    dead = tmp_path / "dlbench-inductor-999999999"
    dead.mkdir()
    device.prepare(SPEC)
    assert os.environ[device.CACHE] == str(tmp_path / f"dlbench-inductor-{os.getpid()}")
    assert not dead.exists()


def test_a_cache_that_the_user_names_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setenv(device.CACHE, str(tmp_path))
    device.prepare(SPEC)
    assert os.environ[device.CACHE] == str(tmp_path)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"compiler": "xla"}, "compiler xla: the plugins of PyTorch have inductor and openxla"),
        ({"device": "gpu:99"}, "looked for device gpu:99; PyTorch .* finds cpu"),
        ({"precision": "tf32"}, "precision tf32: a cpu has no TF32"),
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


def test_a_run_of_one_thread_uses_one_core():
    spec = Spec(plugin="torch.mlp", phase="train", path="eager", size="base", task="digits", batch_size=1024, threads=1)
    child = fresh_child(1, timeout=120.0)
    child.obey(Build(spec=spec), Built)
    child.obey(First(), Stepped)
    (sample,) = child.obey(Take(stage="steady", steps=10), Taken).samples
    child.close()
    assert sample.cpu_seconds <= 1.05 * sample.seconds
