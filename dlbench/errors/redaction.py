"""Text without secrets and without names of people and machines: records are committed and sent around.

Replaced are
- the home folder, by `~`;
- the names of user and host, by `user` and `host`: as a word, as part of an address, and as one word of a component
  of a path (`/tmp/cache_alice`). As part of another name they stay (`alice` in `alice.linear`,
  `dlbench-alice` or `malice`), and so do names in COMMON or of fewer than three characters: they tell nothing;
- the name that follows `/home/` or `/Users/`, whoever it is;
- secrets, by `***`: credentials in a URL, the value after a name that sounds like a secret (`--api-token=...`), tokens
  in the shape of a known service, and the value of any environment variable with such a name, wherever it stands.

A name sounds like a secret by its words, which underscores, dashes and dots part: `HF_TOKEN` does and
`TOKENIZERS_PARALLELISM` does not.
"""

from __future__ import annotations

import functools
import os
import platform
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

T = TypeVar("T")

HIDDEN, UNSAID = "***", "set, value not recorded: named like a secret"
COMMON = re.compile(
    "admin|administrator|bench|benchmark|build|builder|container|cpu|data|debian|default|device|dlbench|docker|eager|"
    "ec2-user|fedora|gpu|graph|guest|home|host|jenkins|jit|linear|linux|localhost|model|nobody|node|none|path|plugin|"
    "python|root|runner|server|step|system|test|tester|train|ubuntu|user|users|vagrant|vscode",
    re.IGNORECASE,
)
"""Common names of accounts and hosts, and words that are frequent in records."""

SECRET = re.compile(
    r"TOKENS|PASSWORDS|PASSPHRASE|CREDS|AUTHORIZATION|BEARER|JWT|\w*(TOKEN|SECRETS?|PASSWORD|PASSWD|CREDENTIALS?)|"
    r"\w*(API|ACCESS|ACCOUNT|PRIVATE|SECRET|SHARED|SSH|SIGNING)KEYS?"
)
"""A word that names a secret wherever it stands."""
SUSPECT = re.compile("KEYS?|AUTH|COOKIES?|PASS|PWD|PAT|PIN|DSN|PRIVATE|SIGNATURE|CERT|CERTIFICATE")
"""A word that names one in an environment variable, and in running text often something else."""
_BEFORE_KEY = re.compile("API|ACCESS|ACCOUNT|PRIVATE|SECRET|SHARED|SSH|SIGNING")
_HARMLESS = re.compile("true|false|none|null|default|disabled|enabled|unset|password", re.IGNORECASE)

_URL = re.compile(r"(?<=://)[^/\s@'\"]+(?=@)")
_BEARER = re.compile(r"(?i)(?<=\bbearer )[\w.~+/=-]{6,}")
_HEADER = re.compile(r"(?i)(?<=\bauthorization)(['\"]?\s{0,4}[:=]\s{0,4}['\"]?)[^\s'\",;]+(?: [^\s'\",;]+)?")
"""A header of HTTP: a scheme such as Basic and its credentials (RFC 9110, 11.4)."""
_SIGNED = re.compile(r"(?i)(?<=[?&])((?:x-\w+-)?(?:sig|signature|credential|key|code|auth|pwd)=)[^\s&'\"]+")
"""Signatures and keys in the query of a URL."""
_PRIVATE_KEY = re.compile(r"(-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----)[\w\s+/=\\:,-]+?(?=-----END|\Z|[^\w\s+/=\\:,-])")
"""A key in the form of RFC 7468, complete or cut off."""
_SHAPES = re.compile(
    r"\b(hf_[A-Za-z0-9]{16,}|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|sk-[\w-]{16,}|"
    r"(?:xox[abeprs]|xapp)-[\w-]{10,}|(?:AKIA|ASIA)[0-9A-Z]{16}|eyJ[\w-]{8,}\.[\w-]+\.[\w-]+|pypi-\w[\w-]{15,}|"
    r"npm_[A-Za-z0-9]{16,}|AIza[\w-]{30,}|ya29\.[\w-]{16,}|[rs]k_(?:live|test)_\w{10,}|do[opr]_v1_\w{16,})"
)
"""Tokens of Hugging Face, GitHub, GitLab, OpenAI, Slack, AWS, PyPI, npm, Google, Stripe and DigitalOcean.

As these document them; and JSON Web Tokens.
"""
_ASSIGNED = re.compile(r"(?<![\w.-])([\w.-]*[A-Za-z])(['\"]?\s*[=:]\s*['\"]?)(?!\s)([^\s'\",;&)}]{4,})")
_FLAG = re.compile(r"(?<![\w.-])(--[\w.-]+)(=|\s+)(?!-)([^\s'\",;]+)")
_HOMES = re.compile(r"(?<![\w.-])(/home|/Users)/(?!user\b)[^/\s:;,'\"]+")

_OWN_WORDS = re.compile(
    "name|specs?|policy|stage|phase|status|clause|path|precision|data|device|compiler|task|metric|unit"
)
"""Fields that hold words of dlbench, which may equal anybody's name."""


Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]
"""A pattern and its replacement."""


_NAMED = ("packages", "versions", "variables", "instructions")
"""Fields whose keys are names of packages and variables."""


class _Facts(NamedTuple):
    """Names of this process's surroundings that are to stay out of records."""

    homes: tuple[str, ...]
    users: tuple[str, ...]
    hosts: tuple[str, ...]
    secrets: tuple[str, ...]


def sounds_secret(name: str) -> bool:
    """True for the name of an environment variable that sounds like a secret by one of its words."""
    return any(SECRET.fullmatch(word) or SUSPECT.fullmatch(word) for word in _words(name))


def without_secrets(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables, those that sound like secrets with a word in place of the value."""
    return {name: UNSAID if sounds_secret(name) else value for name, value in variables.items()}


def text(said: str) -> str:
    """The text with everything replaced that this module names."""
    return _rewritten(said, _rules(_facts(os.environ)))


def record(found: T) -> T:
    """The same record with every text in it replaced, apart from fields of dlbench's own words."""
    changed: T = _replaced(found, _rules(_facts(os.environ)))
    return changed


def portable(path: str) -> str:
    """A path or another word of a command line that `local` makes whole again, for a session to be resumed."""
    facts = _facts(os.environ)
    for home in facts.homes:
        if path == home or path.startswith(f"{home}/"):
            path = f"~{path[len(home) :]}"
            break
    for mark, names in (("{user}", facts.users), ("{host}", facts.hosts)):
        path = "/".join(mark if part in names else part for part in path.split("/"))
    return path


def local(path: str) -> str:
    """Inverse of `portable`: the text for the user and the host of this process."""
    facts = _facts(os.environ)
    home = next(iter(facts.homes), "~")
    path = f"{home}{path[1:]}" if path == "~" or path.startswith("~/") else path
    for mark, names in (("{user}", facts.users), ("{host}", facts.hosts)):
        path = "/".join(names[0] if part == mark and names else part for part in path.split("/"))
    return path


def _replaced(found: Any, rules: Sequence[Rule]) -> Any:
    if isinstance(found, str):
        return _rewritten(found, rules)
    if isinstance(found, msgspec.Struct):
        names = [name for name in found.__struct_fields__ if not _OWN_WORDS.fullmatch(name)]
        before = {name: getattr(found, name) for name in names}
        after = {name: (_values_of if name in _NAMED else _replaced)(value, rules) for name, value in before.items()}
        return msgspec.structs.replace(found, **after) if after != before else found
    if isinstance(found, Mapping):
        return {_replaced(name, rules): _replaced(value, rules) for name, value in found.items()}
    if isinstance(found, list | tuple):
        return type(found)([_replaced(one, rules) for one in found])
    return found


def _values_of(found: Mapping[str, Any], rules: Sequence[Rule]) -> dict[str, Any]:
    return {name: _replaced(value, rules) for name, value in found.items()}


def _rewritten(said: str, rules: Sequence[Rule]) -> str:
    for pattern, replacement in rules:
        said = pattern.sub(replacement, said)
    return said


def _words(name: str) -> list[str]:
    return re.split(r"[_.-]+", name.upper())


def _facts(variables: Mapping[str, str]) -> _Facts:
    homes = {variables.get(name, "") for name in ("HOME", "USERPROFILE")} | {_account()[1]}
    homes |= {os.path.realpath(home) for home in homes if home}
    users = {variables.get(name, "") for name in ("USER", "LOGNAME", "USERNAME", "LNAME", "SUDO_USER")} | {
        _account()[0]
    }
    hosts = {variables.get(name, "") for name in ("HOSTNAME", "HOST", "COMPUTERNAME")} | {platform.node()}
    hosts |= {host.partition(".")[0] for host in hosts}
    return _Facts(
        tuple(sorted((home.rstrip("/") for home in homes if len(Path(home).parts) > 1), key=len, reverse=True)),
        tuple(sorted(filter(_tells, users))),
        tuple(sorted(filter(_tells, hosts), key=len, reverse=True)),
        tuple(sorted(_values(variables), key=len, reverse=True)),
    )


def _account() -> tuple[str, str]:
    """The name and the home folder that the system has for this user, whatever the variables say; empty without."""
    try:
        import pwd

        return pwd.getpwuid(os.getuid())[0], pwd.getpwuid(os.getuid())[5]
    except (ImportError, KeyError):
        return "", ""


def _tells(name: str) -> bool:
    return len(name) > 2 and not COMMON.fullmatch(name)


def _values(variables: Mapping[str, str]) -> Iterator[str]:
    """Values of variables that sound like secrets, but for such as could stand in any sentence."""
    for name, value in ((name, value.strip()) for name, value in variables.items()):
        surely = any(map(SECRET.fullmatch, _words(name)))
        long = len(value) > 4 if surely else len(value) > 7 and not value.isalpha()
        if sounds_secret(name) and long and not _HARMLESS.fullmatch(value) and name not in ("PWD", "OLDPWD"):
            yield value


@functools.lru_cache(maxsize=8)
def _rules(facts: _Facts) -> tuple[Rule, ...]:
    """Patterns and their replacements, in this order."""
    found: list[Rule] = [(re.compile(rf"(?<!\w){re.escape(value)}(?!\w)"), HIDDEN) for value in facts.secrets]
    found += [
        (_URL, HIDDEN),
        (_SHAPES, HIDDEN),
        (_PRIVATE_KEY, rf"\1{HIDDEN}"),
        (_HEADER, rf"\1{HIDDEN}"),
        (_BEARER, HIDDEN),
        (_SIGNED, rf"\1{HIDDEN}"),
        (_ASSIGNED, _without_value),
        (_FLAG, _without_argument),
    ]
    found += [(re.compile(rf"(?<![\w.-]){re.escape(home)}(?![\w-]|\.\w)"), "~") for home in facts.homes]
    found += [(_HOMES, r"\1/user")]
    found += [rule for name in facts.users for rule in _everywhere(name, "user")]
    found += [rule for name in facts.hosts for rule in _everywhere(name, "host")]
    return tuple(found)


def _everywhere(name: str, instead: str) -> list[Rule]:
    """A name within a path, and by itself; with a domain behind it, it goes with it."""
    path = re.compile(rf"(/(?:[^\s/:;,'\"]*[^\s/:;,'\"\w]|[^\s/:;,'\"]*_)?){re.escape(name)}(?![A-Za-z0-9])")
    domain = r"(?:\.[\w-]+)*" if instead == "host" else ""
    alone = re.compile(rf"(?<![\w.-]){re.escape(name)}{domain}(?![\w-]|\.\w)")
    return [(path, rf"\1{instead}"), (alone, instead)]


def _without_value(match: re.Match[str]) -> str:
    """An assignment with its value hidden if the name is a secret's.

    `max_tokens=512` and `token: identifier` are language, `token=hf_x1` and `"token": "hf_x1"` are not.
    """
    name, between, value = match.groups()
    words = _words(name)
    surely = [word for word in words if SECRET.fullmatch(word)]
    key = words[-1] in ("KEY", "KEYS") and len(words) > 1 and _BEFORE_KEY.fullmatch(words[-2])
    language = set(surely) <= {"TOKEN", "TOKENS"} and (between.strip() == ":" or value.isdigit())
    return f"{name}{between}{HIDDEN}" if key or (surely and not language) else match[0]


def _without_argument(match: re.Match[str]) -> str:
    """A flag of a command line likewise, its value after `=` or a blank."""
    flag, between, value = match.groups()
    return f"{flag}{between}{HIDDEN}" if sounds_secret(flag) and not value.isdigit() else match[0]
