"""The cache of environments: made once, made anew when damaged, removed when nobody uses them; and a real one."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from dlbench.errors import SpecError
from dlbench.workers.environments import layers, words
from dlbench.workers.environments.cache import MADE, Cache
from dlbench.workers.environments.commands import Place, ended
from dlbench.workers.environments.layers import NothingInstallable, NotInstallable, Recipe
from studies.bisection.packages import wheel, wheels

pytestmark = pytest.mark.untimed


@pytest.fixture
def made(monkeypatch):
    """Environments that hold one file; the names of those that were made."""
    found = []

    def make(recipe, folder, side):
        found.append(side)
        layers.python(folder).parent.mkdir(parents=True)
        layers.python(folder).write_text("python")
        layers.site_packages(folder).mkdir(parents=True)
        (layers.site_packages(folder) / layers.BELOW).write_text("below")
        if "broken" in side:
            raise NotInstallable(f"{side}: no wheel")
        return {}

    monkeypatch.setattr(layers, "make", make)
    return found


def wait_until(true):
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def alive(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def test_an_environment_is_made_once(made, tmp_path):
    recipe = Recipe(("a==1",))
    with Cache(tmp_path) as cache:
        one = cache.environment(recipe, "a 1")
        assert cache.environment(recipe, "a 1") == one
        assert cache.environment(Recipe(("a==2",)), "a 2").key != one.key
    assert made == ["a 1", "a 2"]
    assert one.made.words == ("a==1",)
    assert one.key.startswith("a--1-")


@pytest.mark.parametrize(
    ("file", "state"), [(MADE, "left unfinished"), ("bin/python", "damaged"), (f"lib/{layers.BELOW}", "damaged")]
)
def test_a_damaged_environment_is_made_anew_and_said(made, tmp_path, file, state):
    said = []
    with Cache(tmp_path) as cache:
        one = cache.environment(Recipe(("a==1",)), "a 1")
        path = layers.site_packages(one.folder) / layers.BELOW if "lib" in file else one.folder / file
        path.unlink()
        cache.environment(Recipe(("a==1",)), "a 1", said.append)
    assert made == ["a 1", "a 1"]
    assert said[0] == f"the environment of a 1 was {state}: it is made anew"


def test_one_that_a_kill_left_unfinished_is_listed_counted_and_removed(made, tmp_path):
    half = tmp_path / "b--1-0123"
    (half / "lib").mkdir(parents=True)
    (half / "lib" / "file").write_bytes(b"x" * 1000)
    with Cache(tmp_path) as cache:
        whole = cache.environment(Recipe(("a==1",)), "a 1")
        assert [(one.key, one.size, one.words) for one in cache.all()] == [
            (whole.key, whole.size, ("a==1",)),
            (half.name, 1000, ()),
        ]
    with Cache(tmp_path, limit=whole.size) as cache:
        cache.environment(Recipe(("a==1",)), "a 1")
        assert [one.key for one in cache.all()] == [whole.key]
    half.mkdir()
    Cache(tmp_path).remove(half.name)
    assert not half.exists()


def test_an_installer_ends_with_a_dlbench_that_is_killed(tmp_path):
    program = (
        "import sys; from pathlib import Path; from dlbench.workers.environments.commands import Place, ended; "
        "ended(Place('a', Path.cwd(), {}), [sys.executable, '-c', sys.argv[1]])"
    )
    installer = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(600)"
    caller = subprocess.Popen([sys.executable, "-c", program, installer], cwd=tmp_path)
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    caller.kill()
    caller.wait()
    number = int((tmp_path / "pid").read_text())
    wait_until(lambda: not alive(number))


def test_a_command_has_its_own_exit_code_and_output(tmp_path):
    place = Place("a", tmp_path, {})
    assert ended(place, [sys.executable, "-c", "print('said'); raise SystemExit(3)"]) == (3, b"said\n")
    code, output = ended(place, ["no-such-program"])
    assert (code, b"no-such-program cannot be started" in output) == (127, True)


def test_several_sessions_use_one_environment_at_once(made, tmp_path):
    with Cache(tmp_path) as cache, Cache(tmp_path) as other:
        assert cache.environment(Recipe(("a==1",)), "a 1") == other.environment(Recipe(("a==1",)), "a 1")
    assert made == ["a 1"]


def test_nothing_is_left_of_one_that_cannot_be_made(made, tmp_path):
    with Cache(tmp_path) as cache, pytest.raises(NotInstallable, match="no wheel"):
        cache.environment(Recipe(("a==1",)), "broken")
    assert Cache(tmp_path).all() == []
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".lock", ".making"]


def test_those_in_use_are_not_removed_and_others_are(made, tmp_path):
    with Cache(tmp_path) as cache:
        one = cache.environment(Recipe(("a==1",)), "a 1")
        with pytest.raises(SpecError, match="is used by another dlbench"):
            Cache(tmp_path).remove(one.key)
    Cache(tmp_path).remove(one.key)
    assert Cache(tmp_path).all() == []
    with pytest.raises(SpecError, match="has no environment"):
        Cache(tmp_path).remove("../elsewhere")


def test_the_longest_unused_goes_when_all_are_too_large(made, tmp_path):
    with Cache(tmp_path) as cache:
        first = cache.environment(Recipe(("a==1",)), "a 1")
    with Cache(tmp_path, limit=first.made.size) as cache:
        second = cache.environment(Recipe(("a==2",)), "a 2")
        assert [one.key for one in cache.all()] == [second.key]


def test_a_full_disk_is_said_before_anything_is_installed(made, tmp_path):
    with Cache(tmp_path, room=1 << 60) as cache, pytest.raises(SpecError, match="GB free, and an environment may take"):
        cache.environment(Recipe(("a==1",)), "a 1")
    assert made == []


def test_a_folder_that_takes_no_files_is_one_line(made, tmp_path):
    place = tmp_path / "file"
    place.write_text("")
    with (
        Cache(place / "environments") as cache,
        pytest.raises(NothingInstallable, match=r"cannot be used \(Not a directory: .*file"),
    ):
        cache.environment(Recipe(("a==1",)), "a 1")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, r"cannot be written \(No space left on device\); make room, or name another folder"),
        (errno.EDQUOT, r"cannot be written \(Disk quota exceeded\); make room, or name another folder"),
        (errno.EMFILE, r"cannot be used \(Too many open files\); mend that, or name another folder"),
        (errno.EROFS, r"cannot be used \(Read-only file system\); mend that, or name another folder"),
    ],
)
def test_what_the_disk_refuses_at_the_end_is_one_line(made, tmp_path, monkeypatch, number, said):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    with Cache(tmp_path) as cache:
        monkeypatch.setattr(Path, "write_bytes", refuse)
        with pytest.raises(NothingInstallable, match=said):
            cache.environment(Recipe(("a==1",)), "a 1")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a == 1.0", ("a==1.0",)),
        ("a @ file:///a.tar.gz", ("a@file:///a.tar.gz",)),
        ("a==1 b==2,c==3", ("a==1", "b==2", "c==3")),
        ("a>=1,<2", ("a>=1,<2",)),
        ('a==1 ; python_version > "3"', ('a==1 ; python_version > "3"',)),
    ],
)
def test_spaces_about_a_comparison_part_nothing(value, expected, made, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        Cache, "environment", lambda _, recipe, *more: asked.append(recipe.words) or SimpleNamespace(python="p")
    )
    assert words.resolve([f"old={value}"], Cache(tmp_path), ()) == ("old=p",)
    assert asked == [expected]


@pytest.mark.slow
def test_a_real_environment_has_its_package_in_front_and_finds_all_others(tmp_path):
    folder = tmp_path / "my wheels"
    wheels(folder, [1, 2])
    (folder / "acme_step-1.2-py3-none-any.whl").write_text("no wheel")
    wheel(folder, "1.3", "import nowhere")
    links = (str(folder),)
    with Cache(tmp_path / "cache") as cache:
        for version in ("1.0", "1.1"):
            one = cache.environment(Recipe((f"acme-step=={version}",), links), version)
            assert one.made.installed == {"acme-step": version}
            program = "import acme_step, numpy, dlbench; print(acme_step.PIECES, acme_step.__file__)"
            said = subprocess.run([one.python, "-c", program], check=True, capture_output=True, text=True).stdout
            assert said.startswith(f"{int(version[-1]) + 1} {one.folder}")
        for version in ("1.2", "1.9"):
            with pytest.raises(NotInstallable, match=f"{version} cannot be installed"):
                cache.environment(Recipe((f"acme-step=={version}",), links), version)


def test_a_wheel_that_is_built_anew_under_its_name_makes_another_environment(made, tmp_path):
    path = tmp_path / "a-1-py3-none-any.whl"
    path.write_text("one")
    with Cache(tmp_path / "cache") as cache:
        before = cache.environment(Recipe((str(path),)), "old", print)
        path.write_text("another")
        assert cache.environment(Recipe((str(path),)), "old", print).folder != before.folder
    assert len(made) == 2
