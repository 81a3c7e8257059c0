"""Words of `--env`: an interpreter, or requirements to make an environment of."""

from __future__ import annotations

import contextlib
import re
import shlex
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement

from dlbench.errors import SpecError
from dlbench.workers.environments import ranges
from dlbench.workers.environments.cache import Cache
from dlbench.workers.environments.layers import Recipe

SPACED = re.compile(r"\s*(==|>=|<=|~=|!=|@)\s+|\s+(==|>=|<=|~=|!=|@)(?=\S)")
"""A comparison with spaces about it, which is one requirement all the same."""
Say = Callable[[str], object]
NO_BUILD_ISOLATION, NO_DEPENDENCIES = FLAGS = ("--no-build-isolation", "--no-deps")
"""Options of an environment, which stand among its requirements."""
REPOSITORY = re.compile(r"git\+[\w.+-]+:")
SOURCE = re.compile(r"""(^|[\s'",])git\+[\w.+-]+:|\.whl($|[\s'",])""")
"""A commit of a repository, or a wheel, among the words of an environment."""
FOLDER = re.compile(r"^git\+file:(?:(?!//)|//(?=~))([^@#]+)")
"""A repository here by its folder, which may begin with `~` or be relative."""
REVISION = re.compile(r"git\+(?P<url>[\w.+-]+://(?:[^/@]*@)?[^@#]*)(?:@(?P<rev>[^#]+))?(?P<rest>#.*)?$")


def is_requirement(text: str) -> bool:
    """True for `package==1.0`, `git+file:///folder@REV` and the path of a wheel; an interpreter is none of them."""
    return bool(SOURCE.search(text)) or (bool(re.search(r"==|@\s|>=|<=|~=", text)) and not Path(text).is_file())


def requirement(text: str) -> str:
    """The requirement as an installer reads it. Raises SpecError for one that nobody can read."""
    if text.endswith(".whl"):
        path = Path(text).expanduser().absolute()
        if not path.is_file():
            raise SpecError(f"there is no wheel {text}; put a path with spaces in quotes")
        return str(path)
    if REPOSITORY.match(text):
        return _at_a_commit(FOLDER.sub(lambda found: f"git+{_uri(found[1])}", text))
    try:
        Requirement(text)
    except InvalidRequirement as error:
        raise SpecError(f"{text!r} is no requirement ({str(error).splitlines()[0]}); give package==1.0") from error
    return text


def _uri(folder: str) -> str:
    return Path(unquote(folder)).expanduser().absolute().as_uri()


def _at_a_commit(text: str) -> str:
    """The same with the commit that its words are at now, such as a branch: an environment is kept by its words.

    A repository elsewhere is asked for branches and tags; the words stay as they are where it does not say. Raises
    SpecError for a local one that has no such commit.
    """
    found = REVISION.match(text)
    if found is None or re.fullmatch(r"[0-9a-f]{40}", found["rev"] or ""):
        return text
    url, revision = urlsplit(found["url"]), found["rev"] or "HEAD"
    commit = ranges.commit(Path(unquote(url.path)), revision) if url.scheme == "file" else _told(found["url"], revision)
    return f"git+{found['url']}@{commit}{found['rest'] or ''}" if commit else text


def _told(url: str, revision: str) -> str:
    """The commit of a branch or tag, as the repository tells; empty where it does not."""
    words = ["git", "ls-remote", "--exit-code", url, revision]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.partition("\t")[0] if done.returncode == 0 else ""


def resolve(
    texts: Sequence[str], cache: Cache, find_links: Sequence[str], say: Say = lambda _: None
) -> tuple[str, ...]:
    """The words of `--env` with the interpreter of an environment of the cache in the place of each requirement.

    Raises SpecError and NotInstallable.
    """
    return tuple(_resolved(text, cache, find_links, say) for text in texts)


def _resolved(text: str, cache: Cache, find_links: Sequence[str], say: Say) -> str:
    name, _, value = text.partition("=")
    if not name or not is_requirement(value):
        return text
    found = cache.environment(recipe(value, find_links), f"{name} ({value})", say)
    return f"{name}={found.python}"


def recipe(value: str, find_links: Sequence[str]) -> Recipe:
    """The recipe of one `--env`: requirements joined by commas or spaces, and FLAGS as pip has them.

    A word with spaces stands in quotes, or alone. Raises SpecError.
    """
    parts = _parted(value)
    if unknown := [part for part in parts if part.startswith("-") and part not in FLAGS]:
        raise SpecError(f"{unknown[0]} is no option of an environment; requirements and {', '.join(FLAGS)} are")
    return Recipe(
        tuple(requirement(part) for part in parts if part not in FLAGS),
        tuple(str(Path(one).expanduser()) for one in find_links),
        build_isolation=NO_BUILD_ISOLATION not in parts,
        dependencies=NO_DEPENDENCIES not in parts,
    )


def written(of: Recipe) -> str:
    """The value of `--env` that `recipe` reads as this one, but for its folders of wheels."""
    flags = {NO_BUILD_ISOLATION: of.build_isolation, NO_DEPENDENCIES: of.dependencies}
    return " ".join([*map(_quoted, of.words), *(flag for flag, without in flags.items() if not without)])


def _quoted(word: str) -> str:
    """The word, in double quotes if it has spaces: a shell puts single ones around the whole."""
    if not re.search(r"[\s'\"\\]", word):
        return word
    return shlex.quote(word) if re.search(r"[\"\\]", word) else f'"{word}"'


def _parted(value: str) -> list[str]:
    text = SPACED.sub(r"\1\2", value.strip())
    if text.endswith(".whl") and Path(text).expanduser().is_file():
        return [text]
    with contextlib.suppress(InvalidRequirement):
        Requirement(text)
        return [text]
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise SpecError(f"{value!r}: a quotation has no end; put a path with spaces in two quotes") from error
    return [part for word in words for part in re.split(r",(?=[A-Za-z][\w.-]*(?:==|\[)|$)", word) if part]
