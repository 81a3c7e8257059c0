"""Words of `--env`: an interpreter, or requirements to make an environment of."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from dlbench.errors import SpecError
from dlbench.workers.environments.cache import Cache
from dlbench.workers.environments.layers import Recipe

SPACED = re.compile(r"\s*(==|>=|<=|~=|!=|@)\s+|\s+(==|>=|<=|~=|!=|@)(?=\S)")
"""A comparison with spaces about it, which is one requirement all the same."""
Say = Callable[[str], object]
REPOSITORY = re.compile(r"git\+[\w.+-]+:")
REVISION = re.compile(r"git\+(?P<url>[\w.+-]+://(?:[^/@]*@)?[^@#]*)(?:@(?P<rev>[^#]+))?(?P<rest>#.*)?$")


def is_requirement(text: str) -> bool:
    """True for `package==1.0`, `git+file:///folder@REV` and the path of a wheel; an interpreter is none of them."""
    if REPOSITORY.match(text) or text.endswith(".whl"):
        return True
    return bool(re.search(r"==|@\s|>=|<=|~=", text)) and not Path(text).is_file()


def requirement(text: str) -> str:
    """The requirement as an installer reads it. Raises SpecError for one that nobody can read."""
    if text.endswith(".whl"):
        path = Path(text).expanduser().absolute()
        if not path.is_file():
            raise SpecError(f"there is no wheel {text}; give the path of one, or a requirement such as package==1.0")
        return str(path)
    if REPOSITORY.match(text):
        return _at_a_commit(text)
    try:
        Requirement(text)
    except InvalidRequirement as error:
        raise SpecError(f"{text!r} is no requirement ({str(error).splitlines()[0]}); give package==1.0") from error
    return text


def _at_a_commit(text: str) -> str:
    """The same with the commit that a branch or tag is at now: an environment is kept by its words.

    As it is where git does not say, such as for a commit; the installer then finds out.
    """
    found = REVISION.match(text)
    if found is None or re.fullmatch(r"[0-9a-f]{40}", found["rev"] or ""):
        return text
    words = ["git", "ls-remote", "--exit-code", found["url"], found["rev"] or "HEAD"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return text
    commit = done.stdout.partition("\t")[0]
    return f"git+{found['url']}@{commit}{found['rest'] or ''}" if done.returncode == 0 and commit else text


def resolve(
    texts: Sequence[str], cache: Cache, find_links: Sequence[str], say: Say = lambda _: None
) -> tuple[str, ...]:
    """The words of `--env` with the interpreter of an environment of the cache in the place of each requirement.

    Several requirements of one are joined by commas or spaces. Raises SpecError and NotInstallable.
    """
    return tuple(_resolved(text, cache, find_links, say) for text in texts)


def _resolved(text: str, cache: Cache, find_links: Sequence[str], say: Say) -> str:
    name, _, value = text.partition("=")
    if not name or not is_requirement(value):
        return text
    parts = re.split(r"[,\s]+(?=[A-Za-z][\w.-]*(?:==|\[))|\s+", SPACED.sub(r"\1\2", value))
    words = tuple(requirement(word) for word in parts if word)
    found = cache.environment(Recipe(words, tuple(find_links)), f"{name} ({value})", say)
    return f"{name}={found.python}"
