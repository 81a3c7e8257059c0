"""The tables of the article: arms as rows, programs as columns, and pages that say what their reports say."""

import json
import shutil
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from studies import article, article_pages, article_why
from studies.article_words import WORDS

pytestmark = pytest.mark.untimed


def value(number, processes=2):
    return SimpleNamespace(value=number, low=None, high=None, n=processes)


def arm(label, processes=2, **metrics):
    found = {name: value(one, processes) for name, one in metrics.items()}
    return SimpleNamespace(label=label, metrics=found, to_target={}, curve=())


class Found:
    """Results of which every ratio is that of the figures, but for arms that are refused."""

    def __init__(self, arms, refused=()):
        self.arms = {f"train, {one.label}": one for one in arms}
        self._refused = {f"train, {label}" for label in refused}

    def ratio(self, one, other):
        refused = {one, other} & self._refused
        return SimpleNamespace(ratio=None if refused else value(self._step(one) / self._step(other)))

    def _step(self, name):
        return self.arms[name].metrics["step_time"].value


def column(program, *arms, refused=()):
    return article_pages.Column(program, arms, Found(arms, refused))


STEPS = [
    column(
        "mlp",
        arm("tf.mlp eager"),
        arm("torch.mlp jit", step_time=1e-3),
        arm("keras-tf.mlp graph", step_time=2e-3, memory_peak=2.0**20),
    ),
    column("cnn", arm("keras-tf.cnn graph", step_time=4e-3)),
]


def rows(steps=(), curves=()):
    return [line for line in article_pages.tables((), steps, curves, WORDS["en"]) if line.startswith("| ")]


def test_an_arm_is_a_row_with_its_ratio_and_arms_without_a_figure_are_left_out():
    found = rows(STEPS)
    assert found[:3] == [
        "| arm | mlp | cnn |",
        "| `torch jit` | 1.00 ms, 0.500 | – |",
        "| `keras-tf graph` | 2.00 ms | 4.00 ms |",
    ]
    assert "| `keras-tf graph` | 1.00 MiB | – |" in found
    assert not any("eager" in line for line in found)


def test_tensorflow_and_pytorch_have_a_table_of_their_own_beside_tensorflows_graph():
    graph = arm("tf.gan graph", step_time=1e-3, memory_peak=2.0**20)
    both = [column("gan", graph, arm("torch.gan eager", step_time=3e-3)), column("cnn", arm("tf.cnn graph"))]
    found = [line for line in article_pages.tables(both, STEPS, (), WORDS["en"]) if line.startswith("| ")]
    assert found[:3] == ["| arm | gan | cnn |", "| `tf graph` | 1.00 ms | – |", "| `torch eager` | 3.00 ms, 3.00 | – |"]
    memory = found[found.index("| arm | mlp | cnn | gan |") :][:3]
    assert memory[1:] == ["| `keras-tf graph` | 1.00 MiB | – | – |", "| `tf graph` | – | – | 1.00 MiB |"]


def test_an_arm_that_its_report_does_not_compare_has_no_figure():
    arms = [arm(f"{name}.mlp graph", step_time=1e-3) for name in ("keras-tf", "tf", "torch")]
    found = [line for line in rows([column("mlp", *arms, refused=["tf.mlp graph"])]) if "| `" in line]
    assert found == ["| `keras-tf graph` | 1.00 ms |", "| `torch graph` | 1.00 ms, 1.00 |"]


def test_of_one_process_stand_ratios_alone_and_better_figures_stay():
    one = [arm(f"{name}.mlp graph", 1, step_time=at, memory_peak=2.0**21) for name, at in (("keras-tf", 2), ("tf", 1))]
    both = [column("mlp", arm("tf.mlp graph", step_time=1e-3, memory_peak=2.0**20))]
    found = [line for line in article_pages.tables(both, [column("mlp", *one)], (), WORDS["en"]) if "| `" in line]
    assert found == [
        "| `tf graph` | 1.00 ms |",
        "| `keras-tf graph` | 1 |",
        "| `tf graph` | 0.500 |",
        "| `tf graph` | 1.00 MiB |",
    ]


def test_the_kept_steps_are_of_all_seven_programs():
    found = article_pages.columns(article_pages.FOLDER, article_pages.BOTH, "train")
    assert list(dict.fromkeys(one.program for one in found)) == list(article_pages.PROGRAMS)


def test_a_curve_has_its_course_its_steps_and_its_seeds():
    curved = arm("torch.mlp jit")
    curved.to_target["steps_to_target"] = SimpleNamespace(median=400.0, reached=4, of=5)
    curved.curve = [SimpleNamespace(quality=quality) for quality in (0.1, 0.9)]
    assert rows(curves=[column("mlp", curved)])[1] == "| `torch jit` | ▁█ 400, 4/5 |"
    curved.to_target["steps_to_target"] = SimpleNamespace(median=None, reached=0, of=5)
    assert rows(curves=[column("mlp", curved)])[1] == "| `torch jit` | ▁█ –, 0/5 |"


def test_programs_that_two_reports_hold_are_one_column():
    first, second = (arm(f"{name}.mlp jit", step_time=1.0) for name in ("tf", "jax"))
    for one in (first, second):
        one.to_target["steps_to_target"] = SimpleNamespace(median=400.0, reached=5, of=5)
    found = rows(curves=[column("mlp", first), column("mlp", second)])
    assert [line.split(" |")[0] for line in found] == ["| arm", "| `tf jit`", "| `jax jit`"]
    assert found[0] == "| arm | mlp |"


def test_the_kept_curves_are_of_all_seven_programs():
    found = article_pages.columns(article_pages.FOLDER, article_pages.CURVES, "converge")
    assert list(dict.fromkeys(one.program for one in found)) == list(article_pages.PROGRAMS)


@pytest.mark.parametrize("language", article_pages.PAGES)
def test_a_page_says_what_the_kept_reports_say(language):
    text = article_pages.PAGES[language].read_text(encoding="utf-8")
    assert article_pages.filled(text, article_pages.FOLDER, WORDS[language]) == text


def test_a_page_without_figures_says_so(tmp_path):
    page = f"before\n{article_pages.MARKS[0]}\nold\n{article_pages.MARKS[1]}\nafter\n"
    found = article_pages.filled(page, tmp_path, WORDS["en"])
    assert found == f"before\n{article_pages.MARKS[0]}\n\nNot measured yet.\n\n{article_pages.MARKS[1]}\nafter\n"


def explained(cost=1.0):
    sides = {
        side: {"step": step, "profile": {"cost": one}}
        for side, step, one in (("before", 0.012, 1.0), ("after", 0.002, cost))
    }
    rows = [
        ("dispatch", 0.004, 0.0005),
        ("Python", 0.005, None),
        ("matrix product", 0.001, 0.001),
        ("optimizer", 0.0005, 0.0002),
        ("gaps", 0.001, 0.0002),
        ("waiting", None, 0.0001),
        ("unattributed", 0.0005, None),
    ]
    categories = [{"category": name, "before": before, "after": after} for name, before, after in rows]
    return {"explanations": [{**sides, "categories": categories, "answer": ["torch takes less"]}]}


def reasons(folder):
    found = list(article_why.table(folder, article_pages.PROGRAMS, WORDS["en"]))
    return [line for line in found if line.startswith("| ")][1:]


def test_a_reason_has_the_parts_of_both_steps_and_no_gap_is_work(tmp_path):
    assert reasons(tmp_path) == []
    (tmp_path / "lstm-jit.json").write_text(json.dumps(explained()))
    both = "| lstm | `tf jit`, `jax jit` | 12.0 ms, 2.00 ms"
    assert reasons(tmp_path) == [f"{both} | 4.00 ms, 500 µs | 5.00 ms, 0 µs | 1.50 ms, 1.20 ms |"]
    (tmp_path / "lstm-jit.json").write_text(json.dumps(explained(cost=1.6)))
    assert reasons(tmp_path) == [f"{both} | – | – | – |"]


def test_each_pair_is_explained_once_and_kept_with_a_page_of_all(tmp_path, monkeypatch):
    asked = []

    def explain(plugins, path, out, **_):
        asked.append((path, *plugins))
        out.mkdir(parents=True)
        (out / "explanation.json").write_text(json.dumps(explained()))

    monkeypatch.setattr(article_why.dlbench, "explain", explain)
    words = ["why", "--only", "gru", "--parts", str(tmp_path / "parts"), "--out", str(tmp_path / "out")]
    assert CliRunner().invoke(article.study, words).exit_code == 0
    assert asked == [
        ("graph", "keras-tf.gru", "tf.gru"),
        ("eager", "tf.gru", "torch.gru"),
        ("jit", "tf.gru", "jax.gru"),
    ]
    assert (tmp_path / "out/report.md").read_text().endswith("## gru, jit\n\n- torch takes less\n")
    assert len(reasons(tmp_path / "out")) == 3
    assert CliRunner().invoke(article.study, words).exit_code == 0
    assert len(asked) == 3


def test_an_unknown_program_is_refused_before_anything_is_measured(tmp_path):
    done = CliRunner().invoke(article.study, ["curves", "--only", "mpl", "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "unknown program 'mpl'; choose from mlp, cnn" in done.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("kind", "phase"), [("steps", "train"), ("curves", "converge")])
def test_each_kind_of_session_asks_for_its_phase_on_one_thread(kind, phase, tmp_path, asked):
    CliRunner().invoke(article.study, [kind, "--only", "gru", "--parts", str(tmp_path), "--out", str(tmp_path / "out")])
    ((plugins,), options), *_ = asked
    assert {"keras-tf.gru", "jax.gru"} <= {*plugins}
    assert (options["phase"], options["threads"], options["out"]) == (phase, 1, tmp_path / "gru")


@pytest.fixture
def asked(monkeypatch):
    """Sessions that were asked for, none of which is carried out; each is whole after its second."""
    found, begun = [], []
    monkeypatch.setattr(article.dlbench, "run", lambda *plugins, **options: found.append((plugins, options)))
    monkeypatch.setattr(article.frameworks, "join", lambda parts, out: begun.append(out))
    monkeypatch.setattr(article.frameworks, "finished", lambda folder, phases: len(found) > 1 and folder.name == "mlp")
    return found


def test_a_session_that_was_cut_is_continued_with_the_budget_of_the_call(tmp_path, asked, monkeypatch):
    monkeypatch.setattr(article, "monotonic", lambda: 5.0)
    command = ["curves", "--only", "mlp", "--parts", str(tmp_path), "--budget"]
    first = CliRunner().invoke(article.study, [*command, "60"])
    assert (first.exit_code, asked[0][0]) == (1, (["keras-tf.mlp", "jax.mlp"],))
    assert "mlp: the budget is used before all of its seeds are trained; run it again" in first.output
    assert (asked[0][1]["phase"], asked[0][1]["budget"], asked[0][1]["out"]) == ("converge", 60, tmp_path / "mlp")
    (tmp_path / "mlp").mkdir()
    (tmp_path / "mlp/plan.json").touch()
    assert CliRunner().invoke(article.study, [*command, "90"]).exit_code == 0
    assert asked[1] == ((), {"resume": tmp_path / "mlp", "budget": 90})
    assert CliRunner().invoke(article.study, [*command, "90"]).exit_code == 0
    assert len(asked) == 2, "what is whole is not measured again"


def test_programs_that_are_not_asked_for_stay_in_the_report(tmp_path, monkeypatch):
    out, parts, whole = tmp_path / "out", tmp_path / "parts", article.frameworks.whole
    shutil.copytree(article_pages.FOLDER / article_pages.CURVES[-1], out)
    kept = [line for line in whole(out / "runs.jsonl") if article._program(line) == "mlp"]
    new = [line.replace(b".mlp", b".gan") for line in kept]

    def measured(*_, **options):
        options["out"].mkdir(parents=True)
        (options["out"] / "runs.jsonl").write_bytes(b"\n".join(new) + b"\n")

    monkeypatch.setattr(article.dlbench, "run", measured)
    done = CliRunner().invoke(article.study, ["curves", "--only", "gan", "--parts", str(parts), "--out", str(out)])
    assert done.exit_code == 0, done.output
    after = whole(out / "runs.jsonl")
    assert kept
    assert [line for line in after if article._program(line) == "mlp"] == kept
    assert [line for line in after if article._program(line) == "gan"] == new
    assert any(article._program(line) == "mlp" for line in whole(out / "parity.jsonl"))


def test_no_session_begins_when_the_budget_is_used(tmp_path, asked, monkeypatch):
    now = iter((0.0, 10.0, 61.0))
    monkeypatch.setattr(article, "monotonic", lambda: next(now))
    words = ["curves", "--only", "cnn,rnn", "--parts", str(tmp_path), "--budget", "60"]
    done = CliRunner().invoke(article.study, words)
    assert [options["budget"] for _, options in asked] == [50.0]
    assert "rnn: the budget is used" in done.output
