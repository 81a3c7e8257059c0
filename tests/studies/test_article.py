"""The tables of the article: arms as rows, programs as columns, and pages that say what their reports say."""

from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from studies import article

pytestmark = pytest.mark.untimed


def value(number):
    return SimpleNamespace(value=number, low=None, high=None, n=1)


def arm(label, **metrics):
    return SimpleNamespace(
        label=label, metrics={name: value(one) for name, one in metrics.items()}, to_target={}, curve=()
    )


def section(name, *arms, ratio=None):
    compared = [
        SimpleNamespace(candidate=one.label, metric="step_time", ratio=value(ratio)) for one in arms[1:] if ratio
    ]
    return SimpleNamespace(workload=SimpleNamespace(architecture=name), arms=arms, comparisons=compared)


STEPS = [
    section(
        "mlp",
        arm("keras-tf.mlp jit", step_time=2e-3, memory_peak=2.0**20),
        arm("torch.mlp jit", step_time=1e-3),
        arm("torch.mlp graph"),
        ratio=0.5,
    ),
    section("cnn", arm("keras-tf.cnn jit", step_time=4e-3)),
]


def rows(found, language="en"):
    return [line for line in article.tables(found, article.WORDS[language]) if line.startswith("| ")]


def test_an_arm_is_a_row_with_its_ratio_and_arms_without_a_figure_are_left_out():
    assert rows({"steps": STEPS})[:3] == [
        "| arm | mlp | cnn |",
        "| `keras-tf jit` | 2.00 ms | 4.00 ms |",
        "| `torch jit` | 1.00 ms × 0.500 | – |",
    ]
    assert "| `keras-tf jit` | 1.00 MiB | – |" in rows({"steps": STEPS})
    assert not any("graph" in line for line in rows({"steps": STEPS}))


def test_a_curve_has_its_course_its_steps_and_its_seeds():
    curved = arm("torch.mlp jit")
    curved.to_target["steps_to_target"] = SimpleNamespace(median=400.0, reached=4, of=5)
    curved.curve = [SimpleNamespace(quality=quality) for quality in (0.1, 0.9)]
    assert rows({"curves": [section("mlp", curved)]})[1] == "| `torch jit` | ▁█ 400, 4/5 |"
    curved.to_target["steps_to_target"] = SimpleNamespace(median=None, reached=0, of=5)
    assert rows({"curves": [section("mlp", curved)]})[1] == "| `torch jit` | ▁█ –, 0/5 |"


@pytest.mark.parametrize("language", article.PAGES)
def test_a_page_says_what_the_kept_reports_say(language):
    text = article.PAGES[language].read_text(encoding="utf-8")
    assert article.filled(text, article.sections(article.FOLDER), article.WORDS[language]) == text


def test_a_page_without_figures_says_so():
    page = f"before\n{article.MARKS[0]}\nold\n{article.MARKS[1]}\nafter\n"
    found = article.filled(page, {}, article.WORDS["en"])
    assert found == f"before\n{article.MARKS[0]}\n\nNot measured yet.\n\n{article.MARKS[1]}\nafter\n"


def test_an_unknown_program_is_refused_before_anything_is_measured(tmp_path):
    done = CliRunner().invoke(article.study, ["measure", "--only", "mpl", "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert "unknown 'mpl'; choose from mlp, cnn" in done.output
    assert not list(tmp_path.iterdir())


def test_a_session_that_was_cut_is_continued(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(article.dlbench, "run", lambda *plugins, **options: asked.append((plugins, options)))
    (tmp_path / "article-steps").mkdir()
    (tmp_path / "article-steps/plan.json").write_text("{}")
    done = CliRunner().invoke(article.study, ["measure", "--only", "mlp", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    (first, second) = asked
    assert first == ((), {"resume": tmp_path / "article-steps"})
    assert second[0] == (["keras-tf.mlp", "tf.mlp", "torch.mlp", "jax.mlp"],)
    assert second[1]["phase"] == "converge"
