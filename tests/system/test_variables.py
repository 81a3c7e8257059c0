"""Variables are recorded by exact names: libraries' and a plugin's declared ones, and nobody's secret."""

import json
import os
import re
import runpy
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from command import dlbench, raw_runs, short
from example_runs import good_run

from dlbench.analysis import pooling
from dlbench.errors import ContractViolation, redaction
from dlbench.plugin import ReadsVariables
from dlbench.report import FORMATS, summarize
from dlbench.system import environment, instructions, variables

pytestmark = pytest.mark.untimed

ROOT = Path(__file__).parents[2]
QUICK = ("--phase", "converge", "--quick", "--threads", "1", "--no-parity", "--out", "o")


class Declares:
    """A plugin that declares this."""

    def __init__(self, said):
        self.said = said

    def variables(self):
        return self.said


def test_nothing_is_recorded_by_a_prefix():
    unknown = {"HF_TOKEN": "x", "OMP_TOKEN": "x", "CUDA_API_KEY": "x", "TORCH_SECRET": "x", "MKL_NOBODY_KNOWS": "x"}
    assert variables.recorded({**unknown, "OMP_NUM_THREADS": "2"}) == {"OMP_NUM_THREADS": "2"}


def test_the_libraries_below_every_framework_are_known():
    text = """ATEN_CPU_CAPABILITY ONEDNN_MAX_CPU_ISA DNNL_MAX_CPU_ISA OMP_THREAD_LIMIT KMP_BLOCKTIME GOMP_SPINCOUNT
        MKL_CBWR OPENBLAS_CORETYPE BLIS_NUM_THREADS GLIBC_TUNABLES MALLOC_ARENA_MAX MALLOC_CONF MIMALLOC_PURGE_DELAY
        TCMALLOC_RELEASE_RATE LD_PRELOAD PYTHONMALLOC PYTHONOPTIMIZE PYTHONDEVMODE PYTHONTRACEMALLOC
        NPY_DISABLE_CPU_FEATURES NVIDIA_TF32_OVERRIDE CUBLAS_WORKSPACE_CONFIG CUDA_LAUNCH_BLOCKING"""
    read = text.split()
    assert set(read) <= variables.NAMES
    assert len(variables.NAMES) == sum(len(names.split()) for names in variables.LIBRARIES.values()), "each once"


@pytest.mark.parametrize(
    "file", ["plugins/dlbench-tf/dlbench_tf", "plugins/dlbench-torch/dlbench_torch", "dlbench/system"]
)
def test_no_name_on_a_list_is_a_pattern_or_sounds_like_a_secret(file):
    names = runpy.run_path(str(ROOT / file / "variables.py"))["NAMES"]  # by its path: no framework is imported
    assert variables.declared(Declares(names), file) == frozenset(names)
    assert [name for name in names if redaction.sounds_secret(name)] == []
    assert len(set(names)) == len(names)


def test_the_value_of_a_declared_secret_is_not_recorded():
    found = variables.recorded({"ACME_TOKEN": "hunter2", "ACME_MODE": "fast"}, ["ACME_TOKEN", "ACME_MODE"])
    assert found == {"ACME_MODE": "fast", "ACME_TOKEN": redaction.UNSAID}


def test_a_plugin_without_the_capability_declares_nothing():
    assert not isinstance(object(), ReadsVariables)
    assert variables.declared(object(), "acme.linear") == frozenset()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (["ACME_*"], "variables() names 'ACME_*', which no variable can be"),
        (["ACME_.*"], "which no variable can be"),
        ([""], "which no variable can be"),
        ([7], "variables() names 7, which no variable can be"),
        ([None], "which no variable can be"),
        ("ACME_MODE", "variables() returned 'ACME_MODE', no list of names"),
        (None, "variables() returned None, no list of names"),
        ((f"ACME_{number}" for number in iter(int, 1)), "gave more than 1,000 names"),
    ],
)
def test_an_absurd_declaration_breaks_the_contract_in_one_line(said, reason):
    with pytest.raises(ContractViolation) as error:
        variables.declared(Declares(said), "acme.linear")
    assert str(error.value).startswith("plugin acme.linear: ")
    assert reason in str(error.value)


def test_a_plugin_that_declares_a_secret_is_measured_without_it(tmp_path, monkeypatch):
    for name, value in {"FAKE_TOKEN": "hunter2", "FAKE_PLAIN": "7", "FAKE_OTHER": "8"}.items():
        monkeypatch.setenv(name, value)
    done = short("run", "--plugin", "naughty.linear", *QUICK, misdeed="variables:return=secret", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = raw_runs(tmp_path / "o")[0]["environment"]["variables"]
    assert (found["FAKE_TOKEN"], found["FAKE_PLAIN"]) == (redaction.UNSAID, "7")
    assert "FAKE_OTHER" not in found
    assert "hunter2" not in "".join(path.read_text() for path in (tmp_path / "o").iterdir())


FEATURES = np.show_config(mode="dicts")["SIMD Extensions"]["found"]
READ = {
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "NPY_DISABLE_CPU_FEATURES": " ".join(FEATURES[-1:]),
}


def run(out, tmp_path, *more, **options):
    arguments = ("--plugin", "fake.linear", "--phase", "converge", "--quick", "--threads", "1", "--no-parity")
    done = short("run", *arguments, "--out", out, *more, cwd=tmp_path, **options)
    assert done.returncode == 0, done.stderr
    return done


def test_what_changes_the_speed_from_outside_is_recorded_and_compared_in_a_line_each(tmp_path, monkeypatch):
    run("before", tmp_path)
    for name, value in READ.items():
        monkeypatch.setenv(name, value)
    nicer = os.getpriority(os.PRIO_PROCESS, 0) + 1
    run("after", tmp_path, "--against", "before", "--allow", "session", preexec_fn=lambda: os.nice(1))
    before, after = (raw_runs(tmp_path / name)[0]["environment"] for name in ("before", "after"))
    assert after["variables"].items() >= READ.items()
    assert not before["variables"].keys() & READ.keys()
    assert after["nice"] == nicer
    said = dlbench("compare", "before", "after", "--allow", "session", cwd=tmp_path).stdout
    lines = [f"variables differ: {name} not set became {value}" for name, value in READ.items()]
    lines += [f"priorities differ: nice {nicer - 1} became {nicer}"]
    if FEATURES:
        lines += [f"instruction sets differ: NumPy {before['instructions']['NumPy']} became"]
        assert FEATURES[-1] not in after["instructions"]["NumPy"].split()
    page = (tmp_path / "after" / "comparison.md").read_text().replace("\\", "")
    flat = " ".join(said.split())
    assert [line for line in lines if line not in page or line not in flat] == []


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"variables": {"OMP_NUM_THREADS": "2", "MALLOC_ARENA_MAX": "1"}},
            "variables differ: MALLOC_ARENA_MAX not set became 1",
        ),
        ({"variables": {}}, "variables differ: OMP_NUM_THREADS 2 became not set"),
        ({"instructions": {"NumPy": "B"}}, "instruction sets differ: NumPy A became B"),
        ({"nice": 5}, "priorities differ: nice 0 became 5"),
        ({"scheduling": "batch"}, "priorities differ: scheduling other became batch"),
    ],
)
def test_runs_that_differ_so_are_not_one_figure(change, line):
    runs = [good_run(group=group) for group in range(2)]
    first = msgspec.structs.replace(runs[0].environment, instructions={"NumPy": "A"}, nice=0, scheduling="other")
    runs[0] = msgspec.structs.replace(runs[0], environment=first)
    runs[1] = msgspec.structs.replace(runs[1], environment=msgspec.structs.replace(first, **change))
    parted = pooling.parted(runs)
    assert [one.spec.origin for one in parted] == [0, 1]
    assert line in "".join(pooling.mixed(parted))


def test_variables_that_an_earlier_schema_recorded_by_prefix_part_nothing():
    runs = [good_run(group=group, schema=2) for group in range(2)]
    other = msgspec.structs.replace(runs[1].environment, variables={"TORCHINDUCTOR_CACHE_DIR": "/tmp/2"})
    runs[1] = msgspec.structs.replace(runs[1], environment=other)
    assert [one.spec.origin for one in pooling.parted(runs)] == [0, 0]


def test_a_report_of_an_earlier_schema_is_rendered_without_the_secrets_that_it_holds():
    run = good_run(schema=2)
    told = msgspec.structs.replace(run.environment, variables={"TF_TOKEN": "hunter2", "TF_OTHER": "1"})
    text = FORMATS["json"].render(summarize([msgspec.structs.replace(run, environment=told)]))
    assert "hunter2" not in text
    assert json.loads(text)["environments"][0]["variables"] == {"TF_TOKEN": redaction.UNSAID, "TF_OTHER": "1"}


def test_details_that_a_plugin_read_back_are_compared():
    runs = [good_run(group=group) for group in range(2)]
    runs = [
        msgspec.structs.replace(one, info=msgspec.structs.replace(one.info, details={"instruction set": said}))
        for one, said in zip(runs, ("AVX512", "DEFAULT"), strict=True)
    ]
    assert "built otherwise: instruction set AVX512 became DEFAULT" in "".join(pooling.mixed(pooling.parted(runs)))


def test_instruction_sets_are_those_that_the_libraries_say_they_use():
    found = environment.describe()
    assert found.instructions == instructions.used()
    assert set(found.instructions["NumPy"].split()) >= set(FEATURES)
    assert found.nice == os.getpriority(os.PRIO_PROCESS, 0)
    assert found.processor.startswith(found.cpu)
    if sys.platform == "linux":
        assert re.search(r"(model|part) \w+", found.processor), "numbers that tell generations of one name apart"
    assert found.scheduling in ("other", "batch", "idle", "fifo", "rr")
