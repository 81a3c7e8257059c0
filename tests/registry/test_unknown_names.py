"""Names and words that nobody provides: near ones, and the next step."""

from __future__ import annotations

import pytest
from command import answered

from dlbench import registry
from dlbench.errors import UnknownName
from dlbench.session import plan

pytestmark = pytest.mark.untimed


def test_an_unknown_name_offers_near_ones():
    with pytest.raises(UnknownName, match=r"unknown plugin 'fake\.linaer'; did you mean fake\.linear"):
        registry.load("fake.linaer")


def test_an_unknown_framework_comes_with_the_package_to_install():
    with pytest.raises(UnknownName) as caught:
        registry.find("abacus.mlp")
    assert str(caught.value).endswith("pip install dlbench-abacus")


def test_the_name_of_a_task_comes_with_its_option(install):
    install("dlbench-waves", tasks={"waves": "waves:open_task"})
    with pytest.raises(UnknownName) as caught:
        registry.find("waves")
    assert str(caught.value).endswith(
        "waves is a task; dlbench list --tasks shows it, and a run takes it as --task waves"
    )


def test_the_name_of_a_task_of_dlbench_itself_comes_with_its_option_too():
    with pytest.raises(UnknownName) as caught:
        plan.installed({"plugin": ["digits"]})
    assert str(caught.value).endswith("a run takes it as --task digits")


def test_an_architecture_alone_comes_with_the_form_of_a_name_and_no_package():
    with pytest.raises(UnknownName) as caught:
        registry.find("linear")
    assert str(caught.value).endswith("name one as FRAMEWORK.linear, or all as '*.linear'")
    assert "pip install" not in str(caught.value)


def test_a_known_framework_comes_with_advice_on_a_package_of_ones_own_and_none_to_install_it_again():
    with pytest.raises(UnknownName) as caught:
        registry.find("fake.zzzzzz")
    assert str(caught.value).endswith("; a package of your own is seen after `pip install -e .` in its folder")
    assert "dlbench-fake" not in str(caught.value)


def test_a_framework_with_plugins_by_backend_names_them_and_no_package_that_is_there(install):
    install("dlbench-zoo", plugins={"zoo-a.net": "zoo_good:Plugin", "zoo-b.net": "zoo_good:Plugin"}, zoo_good="")
    with pytest.raises(UnknownName) as caught:
        registry.find("zoo.acme")
    assert str(caught.value).endswith("; zoo has plugins by backend: zoo-a, zoo-b")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("new", "waves", "--task", "foo"),
            "extra argument (foo); --task takes no value, and `dlbench new --help` shows",
        ),
        (("new", "--task", "waves", "foo"), "extra argument (foo); `dlbench new --help` shows what there is"),
        (("new", "--task", "x", "foo"), "extra argument (foo); `dlbench new --help` shows what there is"),
    ],
)
def test_a_word_too_many_comes_with_the_next_step(words, said, tmp_path):
    done = answered(*words, cwd=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []
