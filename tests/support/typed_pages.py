"""Lines of a page, carried out as a reader would type them: in order, in one folder, with packages of its own."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from command import DLBENCH

PAGES = Path(__file__).parents[2] / "docs"
PIP = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation")


def lines(text: str) -> list[str]:
    """Commands of a page: its indented lines, in order, outside of fenced blocks."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return [line.partition("  #")[0].strip() for line in re.findall(r"^ {4}(\S.*)$", prose, re.MULTILINE)]


def blocks(language: str, text: str) -> list[str]:
    """Fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


class Shell:
    """A folder in which lines are typed. What pip installs goes to `site`, which every program there sees."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.site = folder, folder / "site"

    def type(self, line: str, *more: str, code: int = 0) -> str:
        """The output of a line with these words after it; the test fails unless it ends with this code."""
        words = shlex.split(line)
        if words[0] == "cd":
            self.folder = self.folder / words[1]
            return ""
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(self.site), os.environ.get("PYTHONPATH", "")])}
        command = [*self._command(words), *more]
        done = subprocess.run(
            command, check=False, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=900
        )
        assert done.returncode == code, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout

    def _command(self, words: list[str]) -> list[str]:
        """The words with this Python's programs, and pip without an index."""
        match words:
            case ["dlbench", *rest]:
                return [DLBENCH, *rest]
            case ["pip", "install", "-e", place]:
                folder = str(self.folder / place.removesuffix("[dev]"))
                return [sys.executable, "-m", "pip", "install", *PIP, "--upgrade", "--target", str(self.site), folder]
            case ["python", "-m", "pip", "wheel", *rest]:
                return [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", *rest]
            case ["python", *rest]:
                return [sys.executable, *rest]
            case ["make", *rest]:
                return ["make", *rest, f"PYTHON={sys.executable}"]
        raise AssertionError(f"{words}: a reader's line that this helper does not know")
