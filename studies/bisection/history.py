"""A search of this repository's own history: twenty commits on a clone, one of which makes a step slower."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from studies.bisection.packages import answer
from studies.gate.repository import git

ROOT, PACKAGE = Path(__file__).parents[2], "plugins/dlbench-torch"
SEARCH, PAGE, ANSWER = "search", "report.md", "bisection.json"
COMMITS, PLANTED = 20, 13
SUBJECT = "Training stops at a gradient that is not finite"
AFTER = "            parameter.grad = torch.zeros_like(parameter)\n        self._scaler.step(self._optimizer)\n"
SLOWER = """            parameter.grad = torch.zeros_like(parameter)
        for name, parameter in self._trained.items():
            if parameter.grad is not None and not parameter.grad.isfinite().all():
                raise FloatingPointError(f"the gradient of {name} is not finite; give a smaller learning rate")
        self._scaler.step(self._optimizer)
"""
WORDS = (
    "--subdirectory",
    PACKAGE,
    "--no-build-isolation",
    "--plugin",
    "torch.mlp",
    "--phase",
    "train",
    "--threads",
    "1",
)
HEAD = """# A bisection of this repository's own history

`python -m studies.bisection FOLDER --history --workplace PLACE`: {commits} commits on a clone of this repository, in
`{package}`. All but one add a line to its README. Commit {number}, "{subject}",
has each step look through all gradients. The search measured for {minutes:.0f} minutes on a machine that others
worked on (load average {load:.1f} at its end), in parts, each of which resumed the one before. It ended with exit code
{code}: {said}.

```diff
{diff}
```

"""


def measure(folder: Path, workplace: Path) -> None:
    """Search, or go on with the search of this workplace, and write the page."""
    clone = workplace / "dlbench"
    if not (workplace / "made").exists():
        shutil.rmtree(clone, ignore_errors=True)
        _make(clone)
        (workplace / "made").touch()
    search = workplace / SEARCH
    asked = ["--resume", str(search)]
    if not (search / "search.json").exists():
        asked = ["--git", str(clone), f"HEAD~{COMMITS}..HEAD", *WORDS, "--out", str(search)]
    code, found, said = answer(asked, {"DLBENCH_CACHE": str(workplace / "cache")})
    planted = git(clone, "rev-parse", f"HEAD~{COMMITS - PLANTED}").strip()
    named = [one["after"] for one in found.get("changes", ()) if one["verdict"] == "confirmed"]
    right = named == [planted[: len(named[0])]] if named else False
    head = HEAD.format(
        commits=COMMITS,
        package=PACKAGE,
        number=PLANTED,
        subject=SUBJECT,
        minutes=sum(one["seconds"] for one in found.get("lines", ())) / 60,
        load=os.getloadavg()[1],
        code=code,
        said=f"it named {', '.join(named)}, which is {'' if right else 'not '}the planted one" if named else said,
        diff=git(clone, "show", "--format=", planted).strip(),
    )
    text = (search / "bisection.md").read_text(encoding="utf-8").replace(str(workplace), "/tmp")
    answered = (search / ANSWER).read_text(encoding="utf-8").replace(str(workplace), "/tmp")
    (folder / ANSWER).write_text(answered, encoding="utf-8")
    (folder / PAGE).write_text(f"{head}{text.replace('# ', '## ', 1)}", encoding="utf-8")


def _make(clone: Path) -> None:
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    package = clone / PACKAGE
    for number in range(1, COMMITS + 1):
        if number == PLANTED:
            path, subject = package / "dlbench_torch" / "eager.py", SUBJECT
            text = path.read_text(encoding="utf-8")
            assert AFTER in text
            path.write_text(text.replace(AFTER, SLOWER), encoding="utf-8")
        else:
            path, subject = package / "README.md", f"README: line {number}"
            path.write_text(f"{path.read_text(encoding='utf-8')}\n{subject}\n", encoding="utf-8")
        git(clone, "commit", "--quiet", "--all", "--message", subject)
