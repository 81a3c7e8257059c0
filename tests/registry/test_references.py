"""References to the user's own code: their objects, their folder, and the one line of each error."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from dlbench.errors import SpecError, UnknownName
from dlbench.registry.factories import make
from dlbench.registry.references import FOLDER_VARIABLE, load_reference, same_object
from dlbench.workers.child_environment import child_environment

pytestmark = pytest.mark.untimed


@pytest.fixture(autouse=True)
def _as_it_was(tmp_path: Path) -> Iterator[None]:
    path = list(sys.path)
    yield
    sys.path[:] = path
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)


def test_a_file_is_loaded_from_the_folder_once_and_can_import_its_siblings(tmp_path: Path) -> None:
    write(tmp_path, "sibling_of_net.py", "WIDTH = 7\n")
    write(tmp_path, "own_net.py", "import sibling_of_net\nclass Net:\n    width = sibling_of_net.WIDTH\n")
    net = load_reference("own_net.py:Net", tmp_path)
    assert net.width == 7
    assert load_reference("own_net.py:Net.width", tmp_path) == 7
    assert load_reference("own_net.py:Net", tmp_path) is net


def test_a_file_in_a_folder_below_is_named_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    write(tmp_path / "models", "json.py", "Net = 'ours, not the library of this name'\n")
    assert load_reference("models/json.py:Net", tmp_path).startswith("ours")


def test_a_module_in_the_folder_can_be_named_and_an_installed_one_comes_first(tmp_path: Path) -> None:
    write(tmp_path, "numpy.py", "float32 = 'shadowed'\n")
    write(tmp_path, "module_of_the_folder.py", "Net = 3\n")
    assert load_reference("numpy:float32", tmp_path) != "shadowed"
    assert load_reference("module_of_the_folder:Net", tmp_path) == 3


def test_a_child_is_told_the_folder_that_dlbench_was_called_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert child_environment({}, 1)[FOLDER_VARIABLE] == str(tmp_path)
    monkeypatch.setenv(FOLDER_VARIABLE, "/elsewhere")
    assert child_environment({}, 1)[FOLDER_VARIABLE] == "/elsewhere"


@pytest.mark.parametrize("text", ["net", "net.py", "net.py:", ":Net", "net.py:3", "a-b:Net", "net.py:Net:more", ""])
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match=r"no reference; give file.py:NAME or package.module:NAME"):
        load_reference(text)


def test_a_file_that_is_not_there_is_named_without_the_folder(tmp_path: Path) -> None:
    with pytest.raises(
        SpecError, match=r"there is no file net\.py in the folder of the session; give its path from"
    ) as refused:
        load_reference("net.py:Net", tmp_path)
    assert str(tmp_path) not in str(refused.value)


def test_a_missing_name_is_met_with_near_ones(tmp_path: Path) -> None:
    write(tmp_path, "names.py", "class Resnet: ...\n")
    with pytest.raises(UnknownName, match=r"unknown name in names\.py 'ResNet'; did you mean Resnet\?"):
        load_reference("names.py:ResNet", tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\nimport nothing_of_this_name\n", "bad.py, line 2, 'import nothing_of_this_name': ModuleNotFoundError"),
        ("def f():\n    return 1 / 0\nNet = f()\n", "bad.py, line 2, 'return 1 / 0': ZeroDivisionError"),
        ("x = (\n", "bad.py, line 1, 'x = (': SyntaxError"),
        ("import json\njson.loads('{')\n", """bad.py, line 2, "json.loads('{')": JSONDecodeError"""),
        ("import sys\nsys.exit(3)\n", "bad.py, line 2, 'sys.exit(3)': SystemExit"),
    ],
)
def test_an_error_at_import_is_one_line_that_names_the_users_own(tmp_path: Path, text: str, said: str) -> None:
    write(tmp_path, "bad.py", text)
    for _ in range(2):
        with pytest.raises(SpecError) as refused:
            load_reference("bad.py:Net", tmp_path)
        assert str(refused.value).startswith(f"bad.py:Net: {said}")
        assert "\n" not in str(refused.value)


def test_a_class_or_factory_is_called_with_options_and_an_instance_is_taken_as_it_is(tmp_path: Path) -> None:
    write(
        tmp_path,
        "kinds.py",
        "import functools\n"
        "class Net:\n"
        "    def __init__(self, hidden=1): self.hidden = hidden\n"
        "    def __call__(self): raise RuntimeError('a model was called')\n"
        "def factory(**more): return Net(**more)\n"
        "part = functools.partial(Net, hidden=5)\n"
        "instance = Net(4)\n",
    )
    assert make("kinds.py:Net", {"hidden": 2}, tmp_path).hidden == 2
    assert make("kinds.py:factory", {"hidden": 3}, tmp_path).hidden == 3
    assert make("kinds.py:part", {}, tmp_path).hidden == 5
    assert make("kinds.py:instance", {}, tmp_path).hidden == 4
    with pytest.raises(SpecError, match="is an instance and takes no options"):
        make("kinds.py:instance", {"hidden": 3}, tmp_path)
    with pytest.raises(UnknownName, match=r"unknown option of kinds\.py:Net 'hiden'; did you mean hidden\?"):
        make("kinds.py:Net", {"hiden": 3}, tmp_path)
    with pytest.raises(SpecError, match=r"kinds\.py:factory: kinds\.py, line 5, .*: TypeError: .*hiden"):
        make("kinds.py:factory", {"hiden": 3}, tmp_path)


def test_the_line_of_an_error_is_the_users_own_and_not_that_of_an_adaptor_installed_to_be_edited(
    tmp_path: Path,
) -> None:
    write(tmp_path, "wide.py", "from dlbench_fake.nets import Net\ndef make():\n    return Net(8, outputs=-1)\n")
    with pytest.raises(SpecError, match=r"^wide\.py:make: wide\.py, line 3, 'return Net\(8, outputs=-1\)': ValueError"):
        make("wide.py:make", {}, tmp_path)


def test_a_file_and_the_module_that_it_is_are_one_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pack" / "deep").mkdir(parents=True)
    for file in ("own_net.py", "pack/__init__.py", "pack/deep/net.py"):
        (tmp_path / file).touch()
    monkeypatch.chdir(tmp_path)
    for file, module in (("own_net.py", "own_net"), ("./pack/deep/net.py", "pack.deep.net")):
        assert same_object(f"{file}:Net", f"{module}:Net")
        assert same_object(f"{module}:Net", f"{file}:Net")
        assert not same_object(f"{file}:Net", f"{module}:Other")
        assert module not in sys.modules, "nothing is imported"
    assert not same_object("own_net.py:Net", "gone:Net")
    assert not same_object("own_net.py:Net", "json:Net")
    assert not same_object("json:Net", "gone:Net")


def test_options_of_a_class_are_those_of_its_init_though_its_metaclass_takes_any(tmp_path: Path) -> None:
    text = """
        class Any(type):
            def __call__(cls, *arguments, **more):
                return super().__call__(*arguments, **more)

        class Net(metaclass=Any):
            def __init__(self, width=3):
                self.width = width
        """
    write(tmp_path, "meta.py", textwrap.dedent(text))
    with pytest.raises(UnknownName, match=r"unknown option of meta\.py:Net 'widht'; did you mean width\?"):
        make("meta.py:Net", {"widht": 4}, tmp_path)
    assert make("meta.py:Net", {"width": 4}, tmp_path).width == 4
