"""Text that leaves this machine: no secrets, no home folder, no names of people and machines, and all else stays."""

import json
import os
import subprocess
import time

import msgspec
import pytest
from command import dlbench, raw_runs, short
from example_runs import bare_run

from dlbench import pytest_plugin, registry
from dlbench.api import doctor
from dlbench.cli import ending, listing
from dlbench.errors import exit_codes, redaction, words
from dlbench.plugin import ModelInfo
from dlbench.record import journal
from dlbench.record.schema import Plan
from dlbench.registry import Entry
from dlbench.session import noise_floor
from dlbench.session.noise_floor import Noise
from dlbench.spec import Policy, Spec
from dlbench.workers.child import ChildError
from dlbench.workers.process import TAIL_BYTES, Output

pytestmark = pytest.mark.untimed

SECRET_VARIABLES = {"HF_TOKEN": "hunter2", "CUDA_API_KEY": "k3y-of-a-friend", "DB_PASSWORD": "correcthorse"}


@pytest.fixture
def alice(tmp_path, monkeypatch):
    """A process of user alice on node17, with three secrets in its environment."""
    for name, value in {
        "HOME": "/home/alice",
        "USER": "alice",
        "HOSTNAME": "node17.example.org",
        **SECRET_VARIABLES,
    }.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ('File "/home/alice/x.py", line 3, in alice', 'File "~/x.py", line 3, in user'),
        ("/home/alice/lib:/home/alice", "~/lib:~"),
        ("/mnt/home/alice/x /data/alice/x", "/mnt/home/user/x /data/user/x"),
        ("/tmp/cache_alice/x /tmp/pytest-of-alice/y", "/tmp/cache_user/x /tmp/pytest-of-user/y"),
        ("/home/bob/venv/bin/python", "/home/user/venv/bin/python"),
        ("alice@node17:/x said alice.", "user@host:/x said user."),
        ("node17.example.org and node17", "host and host"),
        ("https://bob:pw@pypi.org/simple", "https://***@pypi.org/simple"),
        ("--xla_dump_to=/home/alice/d --api_token=abcd1", "--xla_dump_to=~/d --api_token=***"),
        ("--auth-key abcd1 --fast", "--auth-key *** --fast"),
        ("password: 12345678", "password: ***"),
        ("{'token': 'abcde'}", "{'token': '***'}"),
        ("Bearer abc.def-ghi", "Bearer ***"),
        ("AWS_SECRET_ACCESS_KEY=abcdefgh", "AWS_SECRET_ACCESS_KEY=***"),
        ("the hub said hunter2, k3y-of-a-friend, correcthorse", "the hub said ***, ***, ***"),
        ("hf_ABCDEFGHIJKLMNOPQRST ghp_ABCDEFGHIJKLMNOPQRST", "*** ***"),
        ("pypi-AgEIcHlwaS5vcmcCabcd npm_ABCDEFGHIJKLMNOPQRST sk_live_ABCDEFGHIJKL", "*** *** ***"),
        (f"AIza{'x' * 35} xapp-1-ABCDEFGHIJ ya29.ABCDEFGHIJKLMNOPQRST dop_v1_abcdef0123456789", "*** *** *** ***"),
        ("Authorization: Basic YWxpY2U6cHc=", "Authorization: ***"),
        ("{'Authorization': 'Basic YWxpY2U6cHc='}", "{'Authorization': '***'}"),
        (
            "AccountName=x;AccountKey=ab+/cd==;SharedAccessKey=abcdef",
            "AccountName=x;AccountKey=***;SharedAccessKey=***",
        ),
        ("https://a/b?x=1&sig=ab%2Bc&X-Amz-Signature=0f0f", "https://a/b?x=1&sig=***&X-Amz-Signature=***"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE+/=\nabc\n-----END RSA",
            "-----BEGIN RSA PRIVATE KEY-----***-----END RSA",
        ),
        ("-----BEGIN PRIVATE KEY-----\nMIIE+/=\nabc", "-----BEGIN PRIVATE KEY-----***"),
    ],
)
def test_secrets_and_names_are_replaced(alice, said, kept):
    assert redaction.text(said) == kept
    assert redaction.text(kept) == kept


@pytest.mark.parametrize(
    "said",
    [
        "alice.linear of dlbench-alice, malice",
        "unexpected token: identifier; max_tokens=512, pad_token=0",
        "KeyError: 'kernel'; missing key: kernel; build(key=kernel)",
        "TOKENIZERS_PARALLELISM=false KMP_AFFINITY=granularity=fine,compact",
        "AMD EPYC, Linux 6.8.0 x86_64, CPython 3.11.9",
        "Parameter of 1,024 × 10 tokens per second",
    ],
)
def test_all_other_text_stays(alice, said):
    assert redaction.text(said) == said


@pytest.mark.parametrize("name", ["root", "runner", "ubuntu", "test", "me"])
def test_accounts_that_many_have_are_no_names(monkeypatch, name):
    monkeypatch.setenv("USER", name)
    assert redaction.text(f"a {name} of /opt/{name}/x") == f"a {name} of /opt/{name}/x"


@pytest.mark.parametrize(
    "name", ["HF_TOKEN", "OMP_TOKEN", "CUDA_API_KEY", "TORCH_SECRET", "X_AUTH", "APIKEY", "hf_token"]
)
def test_a_name_sounds_secret_by_one_of_its_words(name):
    assert redaction.sounds_secret(name)


@pytest.mark.parametrize("name", ["TOKENIZERS_PARALLELISM", "KMP_AFFINITY", "MONKEYPATCH", "TF_ENABLE_ONEDNN_OPTS"])
def test_a_part_of_a_word_does_not_sound_secret(name):
    assert not redaction.sounds_secret(name)


def test_a_record_keeps_the_words_of_dlbench_that_somebody_is_called(monkeypatch):
    monkeypatch.setenv("USER", "fp32")
    info = ModelInfo(
        parameter_count=1, device="cpu", precision="fp32", path="eager", device_name="of fp32", details={"by": "fp32"}
    )
    found = redaction.record(info)
    assert (found.precision, found.device_name, found.details) == ("fp32", "of user", {"by": "user"})


def test_a_failure_carries_no_secret(alice):
    failure = ChildError("error", "RuntimeError: hunter2 in /home/alice", output="hunter2")
    assert (failure.reason, failure.output, str(failure)) == ("RuntimeError: *** in ~", "***", failure.reason)


def test_a_secret_at_a_cut_is_replaced_before_the_cut(alice, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "abcdefghij" * 30)
    for before in range(1300, 1700, 50):
        said = words.bounded("x" * before + " " + "abcdefghij" * 30 + " " + "y" * 9000)
        assert "abcdefghij" not in said
        said = words.bounded("y" * 9000 + " " + "abcdefghij" * 30 + " " + "x" * (before - 1200))
        assert "abcdefghij" not in said


def test_the_end_of_what_a_child_printed_holds_no_part_of_a_secret(alice):
    output = Output()
    os.write(output.descriptor, b"y" * 9000 + b" k3y-of-a-friend " + b"x" * (TAIL_BYTES - 8))
    output.handed_over()
    said = output.tail()
    assert said.endswith("*** " + "x" * (TAIL_BYTES - 8))
    assert "friend" not in said


@pytest.mark.parametrize(
    "junk", ["x", "-", "/a_", "a.", "a=b ", "://", "'", "eyJ", "token", "authorization ", "?key", "-----BEGIN "]
)
def test_long_text_without_any_secret_takes_time_in_proportion(alice, junk):
    spent = [_cpu_seconds(junk * length) for length in (2_000, 16_000)]
    assert spent[1] < 32 * spent[0] + 0.5, "eight times as long, and not its square"


def _cpu_seconds(said):
    before = time.process_time()
    redaction.text(said)
    return time.process_time() - before


def test_a_fault_of_dlbench_is_shown_without_secrets(alice, capsys):
    def crash():
        raise RuntimeError("/home/alice with hunter2")

    assert ending.code_of(crash) == exit_codes.FAULT
    assert "RuntimeError: ~ with ***" in capsys.readouterr().err


def test_a_test_report_holds_no_secret(alice):
    spec = Spec(plugin="fake.linear", phase="train", path="eager", size="small", task="line", batch_size=1, threads=1)
    info = ModelInfo(
        parameter_count=1, device="cpu", precision="fp32", path="eager", details={"by alice": "of hunter2"}
    )
    assert pytest_plugin._facts(spec, info)["details"] == {"by user": "of ***"}


def test_a_plan_names_nobody_on_the_disk_and_goes_on_with_the_same_interpreters(alice, tmp_path):
    spec = Spec(plugin="fake.linear", phase="train", path="eager", size="small", task="line", batch_size=1, threads=1)
    pythons = {"a": "/home/alice/a/bin/python", "b": "/data/alice/b/bin/python", "c": "/opt/c/bin/python"}
    asked = ("--history", "/home/alice/reports", "--fail-on", "slower:2%")
    plan = Plan(session="0", specs=(spec,), policy=Policy(), pythons=pythons, asked=asked)
    with journal.begin(tmp_path / "o", plan) as book:
        assert book.plan == plan
        written = (tmp_path / "o" / "plan.json").read_text()
    assert "alice" not in written
    assert json.loads(written)["pythons"] == {
        "a": "~/a/bin/python", "b": "/data/{user}/b/bin/python", "c": "/opt/c/bin/python",
    }  # fmt: skip
    (tmp_path / "plan.json").write_text(written)
    with journal.resume(tmp_path) as book:
        assert book.plan == plan


ACME = """
import os, pathlib, socket
from dlbench.plugin import ModelInfo
from dlbench.workers.process import TAIL_BYTES, Output
from dlbench_fake.linear import LinearPlugin

def told():
    return f"{pathlib.Path.home()}/x of {os.environ['USER']} on {os.environ['HOSTNAME']} with {os.environ['HF_TOKEN']}"

class Plugin(LinearPlugin):
    def build(self, request):
        print(told())
        if request.spec.seed:
            raise RuntimeError(told())
        info = super().build(request)
        return type(info)(**{**{name: getattr(info, name) for name in info.__struct_fields__},
                             "device_name": told(), "details": {"where": told(), told(): "there"}})

    def variables(self):
        return ["ACME_MODE", "ACME_TOKEN"]

    def devices(self):
        return {"cpu": told()}
"""


@pytest.fixture
def surroundings(tmp_path, monkeypatch):
    """A plugin `acme.linear` that tells all it knows, for a user who has something to hide; the words to hide."""
    site, home = tmp_path / "site", tmp_path / "home" / "alice"
    (site / "acme-1.0.dist-info").mkdir(parents=True)
    home.mkdir(parents=True)
    (site / "acme.py").write_text(ACME)
    (site / "acme-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (site / "acme-1.0.dist-info" / "entry_points.txt").write_text("[dlbench.plugins]\nacme.linear = acme:Plugin\n")
    hidden = {"HF_TOKEN": "hunter2", "ACME_TOKEN": "s3same-open", "OMP_TOKEN": "x9x9x9", "ACME_OTHER": "quite-unasked"}
    named = {"HOME": str(home), "USER": "alice", "LOGNAME": "alice", "HOSTNAME": "node17.example.org"}
    read = {"ACME_MODE": f"fast,{home}/d,--api-token=abcd1", "LD_LIBRARY_PATH": f"{home}/lib"}
    for name, value in {**hidden, **named, **read, "PYTHONPATH": str(site)}.items():
        monkeypatch.setenv(name, value)
    return [str(home), "alice", "node17", "abcd1", *hidden.values()]


def leaks(folder, words):
    texts = {path.relative_to(folder): path.read_text() for path in folder.rglob("*") if path.is_file()}
    return [(str(name), word) for name, text in texts.items() for word in words if word in text]


QUICK = ("--phase", "predict", "--quick", "--threads", "1", "--no-parity")


@pytest.mark.parametrize("isolation", ["fresh", "none"])
def test_no_file_of_a_session_holds_a_secret_or_a_name(surroundings, tmp_path, isolation):
    out, name = tmp_path / "home" / "alice" / "o", ("--plugin", "acme.linear", "--isolation", isolation)
    done = short("run", *name, *QUICK, "--seed", "0,1", "--out", str(out), cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert leaks(out, surroundings) == []
    well, failed = raw_runs(out)
    assert (well["status"], failed["status"]) == ("ok", "error")
    assert failed["reason"] == "RuntimeError: ~/x of user on host with ***"
    assert well["info"]["details"]["where"] == "~/x of user on host with ***"
    found = well["environment"]["variables"]
    assert found["ACME_MODE"] == "fast,~/d,--api-token=***"
    assert found["ACME_TOKEN"] == "set, value not recorded: named like a secret"
    assert found["LD_LIBRARY_PATH"] == "~/lib"
    assert not found.keys() & {"OMP_TOKEN", "ACME_OTHER", "HF_TOKEN"}


def test_a_journal_writes_no_secret_and_no_name_whatever_it_is_given(alice, tmp_path):
    said = bare_run(reason="hunter2 of alice", output_tail="/home/alice/x")
    with journal.begin(tmp_path / "o", Plan(session="s", specs=(said.spec,), policy=said.policy)) as book:
        book.append([said])
    assert leaks(tmp_path / "o", ["hunter2", "alice"]) == []


def test_no_comparison_or_gate_holds_a_secret_or_a_name(surroundings, tmp_path):
    home = tmp_path / "home" / "alice"
    arguments = ("run", "--plugin", "fake.linear", "--phase", "converge", *QUICK[2:])
    assert short(*arguments, "--out", str(home / "one"), cwd=tmp_path).returncode == 0
    against = ("--against", str(home / "one"), "--allow", "session", "--out", str(home / "two"), "--fail-on", "counts")
    done = short(*arguments, *against, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert leaks(home, surroundings) == []
    assert (home / "two" / "comparison.md").read_text().startswith("# ~/two against ~/one")
    assert json.loads((home / "two" / "plan.json").read_text())["asked"][-1] == "~/one"


def test_neither_doctor_nor_list_nor_check_says_a_secret_or_a_name(surroundings, tmp_path, monkeypatch):
    broken = f"no module in {tmp_path}/home/alice"
    entries = [
        Entry("acme.linear", "acme", "1.0", "acme:Plugin"),
        Entry("sick.linear", "sick", "1.0", "x:y", broken=broken),
    ]
    monkeypatch.setattr(registry, "entries", lambda: entries)
    monkeypatch.setattr(noise_floor, "probe", lambda: Noise(log_ratios=(0.0,), smallest_change=None))
    said = [msgspec.json.encode(doctor.examine()).decode(), *listing.lines(with_devices=True)]
    done = dlbench("check", "acme.linear", cwd=tmp_path, stdin=subprocess.DEVNULL)
    assert [word for word in surroundings if word in "".join([*said, done.stdout, done.stderr])] == []
    assert "~/x of user on host with ***" in said[0]
