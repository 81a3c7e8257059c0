"""Files that give options: their precedence, and errors of one line with file, line, key and allowed values."""

import re

import pytest
from click.testing import CliRunner

from dlbench.cli import configuration
from dlbench.cli.main import cli
from dlbench.errors import DlbenchError

pytestmark = pytest.mark.untimed

PROJECT = """[project]
name = "x"

[tool.dlbench]
threads = 1
phase = ["train"]
task = "line"

[tool.dlbench.suites.mine]
description = "My own"
plugin = ["fake.linear", "twin.linear"]
processes = 2
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def planned(*arguments):
    """The lines of a dry run."""
    done = CliRunner().invoke(cli, ["run", *arguments, "--dry-run"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def refused(*arguments):
    with pytest.raises(DlbenchError) as error:
        planned(*arguments)
    return str(error.value)


def test_the_defaults_of_a_project_hold_for_every_run(project):
    said = planned("--plugin", "fake.linear")
    assert re.match(r"train linear small, task line, .*threads 1, 5 processes an arm: fake.linear eager\n", said)


def test_a_suite_goes_before_the_defaults_and_the_command_line_before_both(project):
    assert "threads 1, 2 processes an arm: fake.linear eager, twin.linear eager" in planned("--suite", "mine")
    said = planned("--suite", "mine", "--phase", "predict", "--plugin", "fake.linear", "--threads", "2")
    assert said.startswith("predict linear small")
    assert "threads 2, 2 processes an arm: fake.linear eager\n" in said


def test_one_of_a_set_that_excludes_each_other_takes_the_place_of_the_others(project):
    assert "15 processes an arm" in planned("--suite", "mine", "--rigorous")
    (project / "dlbench.toml").write_text('task = "line"\npath = ["eager"]\n')
    assert "fake.linear jit" in planned("--plugin", "fake.linear", "--jit", "--phase", "train")
    assert "fake.linear eager" not in planned("--plugin", "fake.linear", "--jit", "--phase", "train")


def test_the_nearest_folder_above_counts_and_a_file_of_its_own_before_the_shared_one(project, monkeypatch):
    below = project / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert "threads 1" in planned("--plugin", "fake.linear")
    (project / "dlbench.toml").write_text('threads = 2\ntask = "line"\n')
    assert "threads 2" in planned("--plugin", "fake.linear")
    (below / "pyproject.toml").write_text("[project]\nname = 'y'\n")
    assert "threads 2" in planned("--plugin", "fake.linear"), "a file that states nothing hides none above it"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("threads = \n", "dlbench.toml: not a TOML file that can be read (Invalid value (at line 1"),
        ("\nthreds = 2", "dlbench.toml:2: unknown option 'threds'; did you mean threads"),
        ('quick = "yes"', "dlbench.toml:1: quick is 'yes': it must be true or false"),
        ('processes = "many"', "dlbench.toml:1: processes is 'many'"),
        ("threads = [1, 2]", "dlbench.toml:1: threads is [1, 2]: it takes one value"),
        ('phase = ["trian"]', "dlbench.toml:1: phase is ['trian']: 'trian' is none of train, predict, converge"),
        ("plugin = [{}]", "dlbench.toml:1: plugin is [{}]: it must be text, or a list of them"),
        ("plugin = 0", "dlbench.toml:1: plugin is 0: it must be text, or a list of them"),
        ("size = inf", "dlbench.toml:1: size is inf: it must be text, or a list of them"),
        ("path = []", "dlbench.toml:1: path is []: it holds no value; give one, or leave the key out"),
        ('against = ""', "dlbench.toml:1: against is '': it holds no value"),
        ('against = "gone"', "dlbench.toml:1: against is 'gone': gone is not there; give a runs.jsonl"),
        ("processes = 0", "dlbench.toml:1: processes is 0: it must be between 1 and 10000"),
        ("\nbudget = inf", "dlbench.toml:2: budget is inf: it must be between 1e-06 and 31536000 seconds"),
        ("timeout = nan", "dlbench.toml:1: timeout is nan: it must be between 1e-06 and 31536000 seconds"),
        ("budget = true", "dlbench.toml:1: budget is True: it must be text or a number"),
        ('memory-limit = "-1"', "dlbench.toml:1: memory-limit is '-1': it must be a size such as 512M or 4G"),
        ("batch-size = [32, 0]", "dlbench.toml:1: batch-size is 0: it must be between 1 and 2147483647"),
        ("threads = -1", "dlbench.toml:1: threads is -1: it must be between 1 and 8192"),
        ("seed = -1", "dlbench.toml:1: seed is -1: it must be between 0 and"),
        ('set = "many"', "dlbench.toml:1: set is 'many': set 'many' is not NAME=VALUE"),
        ('variant = "x"', "dlbench.toml:1: variant is 'x': variant 'x' is not NAME=KEY:VALUE"),
        (
            'fail-on = ["slwer:1%"]',
            "dlbench.toml:1: fail-on is 'slwer:1%': unknown condition 'slwer'; did you mean slow",
        ),
        ('fail-on = ["slower:inf%"]', "dlbench.toml:1: fail-on is 'slower:inf%': fail-on "),
        ('allow = ["machin"]', "dlbench.toml:1: allow is 'machin': unknown key 'machin'; did you mean machine"),
        ('format = ["htm"]', "dlbench.toml:1: format is 'htm': unknown format 'htm'; did you mean html"),
        ("dry-run = true", "dlbench.toml:1: unknown option 'dry-run'"),
        ("suites = 3", "dlbench.toml:1: suites must hold tables, such as [suites.nightly]"),
        ('[suites.a]\nplugin = "b"\n[suites.mine]\nplugn = "x"', "dlbench.toml:4: unknown option 'plugn'"),
    ],
)
def test_what_a_file_has_wrong_is_one_line_with_its_place(tmp_path, monkeypatch, text, said):
    (tmp_path / "dlbench.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    suite = ("--suite", "mine") if "suites" in text else ()
    assert refused("--plugin", "fake.linear", *suite).startswith(said)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--format", "bencher, comment, csv, "),
        ("--plugin", "twin.linear"),
        ("--task", "cartpole, "),
        ("--fail-on", "compile, counts, error, memory, slower"),
        ("--allow", "allow_breaks, batch_size"),
        ("--size", "give one, or leave the option out"),
        ("--path", "eager, graph, jit"),
    ],
)
def test_an_option_that_is_given_nothing_says_what_exists(project, option, said):
    for empty in ("", "csv," if option == "--format" else ","):
        done = CliRunner().invoke(cli, ["run", option, empty])
        assert done.exit_code == 2
        assert "''" in done.output
        assert said in " ".join(done.output.split())


def test_a_suite_that_nobody_states_is_refused_with_near_matches(project):
    assert "unknown suite 'mien'; did you mean mine?" in refused("--suite", "mien")


def test_a_session_that_goes_on_takes_no_suite_and_no_defaults(project):
    assert "leave --suite mine out" in refused("--suite", "mine", "--resume", "reports/x")
    assert "reports/x" in refused("--resume", "reports/x"), "refused for what is not there, not for a default"


def test_shipped_suites_are_options_that_can_be_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert set(configuration.suites()) == {"article", "base", "quick"}
    assert all(configuration.suites().values()), "each says what it is for"
    article = planned("--suite", "article")
    for plugin in ("mlp", "cnn", "rnn", "lstm", "gru", "transformer", "gan"):
        for framework in ("tf", "torch"):
            assert f"{framework}.{plugin} eager" in article
    assert "train mlp base, " in planned("--suite", "base")
    assert "1 process an arm" in planned("--suite", "quick")


def test_projects_and_shipped_suites_are_listed(project):
    assert configuration.suites()["mine"] == "My own"


OWN = """from dlbench_fake.nets import Net
class One(Net):
    def __init__(self, outputs=3):
        super().__init__(8, outputs=outputs)
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "dlbench.toml").write_text("threads = 1\n\n[suites.mine]\n")
    monkeypatch.chdir(tmp_path)

    def stated(text):
        (tmp_path / "dlbench.toml").write_text(f"threads = 1\n\n[suites.mine]\n{text}")

    return stated


def test_a_suite_may_name_a_model_and_all_that_is_said_of_it(own):
    own(
        'model = ["own.py:One"]\ninput = "4x8"\nset = "outputs=2,5"\nphase = "train"\nloss = "cross_entropy"\n'
        'optimizer = "sgd:0.9"\nclasses = 2\n'
    )
    said = planned("--suite", "mine")
    assert "outputs=2, 5 processes an arm: fake.One eager (own.py:One)" in said
    assert "outputs=5, 5 processes an arm: fake.One eager (own.py:One)" in said
    assert planned("--suite", "mine", "--set", "outputs=7").count("outputs=") == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('model = "own.py"', "dlbench.toml:4: model 'own.py' is not [FRAMEWORK=]file.py:NAME"),
        ('model = "own.py:Oen"\ninput = "4x8"', "dlbench.toml:4: unknown name in own.py 'Oen'; did you mean One?"),
        ('model = "own.py:One"\ninput = "4y8"', "dlbench.toml:5: input '4y8' is not [NAME=]SHAPE"),
        ('model = "own.py:One"\ninput = ["4x8", "8x8"]', "dlbench.toml:5: input 4x8, 8x8: the first axis"),
        ('model = "own.py:One"\noptimizer = "adma"', "dlbench.toml:5: optimizer 'adma' is not adam"),
        ('model = "own.py:One"\nset = "outptus=3"\ninput = "4x8"', "dlbench.toml:5: unknown option of own.py:One 'out"),
        ('model = "own.py:One"\ninput = "4x8"\nloss = "mes"', "dlbench.toml:6: unknown loss 'mes'; did you mean mse"),
        (
            'model = "own.py:One"\ndata = "x.txt"',
            "dlbench.toml:5: data is 'x.txt': 'x.txt' is none of device, host, and",
        ),
        ('model = "own.py:One"\ndata = "gone.npz"', "dlbench.toml:5: "),
        ('model = "own.py:One"\nconvert = "own.py:gone"', "dlbench.toml:5: convert own.py:gone turns the state of one"),
        ('plugin = "fake.linear"\nclasses = 3', "dlbench.toml:5: classes 3 says something of a model of your own; add"),
    ],
)
def test_an_error_about_a_model_of_a_suite_names_file_line_and_key(own, text, said):
    own(text + "\n")
    assert refused("--suite", "mine").startswith(said)


def test_an_error_about_what_the_command_line_gave_names_its_flag(own):
    own('model = "own.py:One"\noptimizer = "adam"\n')
    assert refused("--suite", "mine", "--optimizer", "adma").startswith("--optimizer 'adma' is not adam")
