"""The end of a command: every exception becomes an exit code of its own here, and nowhere else."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from itertools import pairwise

import click

from dlbench.cli import streams
from dlbench.errors import DlbenchError, SpecError
from dlbench.errors.exit_codes import BY_SIGNAL, FAILED, FAULT, INTERRUPTED
from dlbench.record import interrupts
from dlbench.record.interrupts import Interrupted

COMPLETION = "_DLBENCH_COMPLETE"
"""The variable by which a shell asks click for completions of its command line."""
PROJECT = "https://github.com/dlbench/dlbench"


def run(cli: click.Group) -> None:
    """Run the command line and end the process with its exit code."""
    if COMPLETION in os.environ:
        cli.main(prog_name="dlbench")
    streams.prepare()
    interrupts.listen()
    sys.exit(code_of(lambda: _invoked(cli)))


def _invoked(cli: click.Group) -> int | None:
    """Result of the command. Not click's own `main`: it makes exit code 1 of a broken pipe."""
    try:
        with cli.make_context("dlbench", sys.argv[1:]) as context:
            code: int | None = cli.invoke(context)
            return code
    except click.exceptions.Exit as left:
        return left.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return FAILED
    except click.UsageError as error:
        raise SpecError(_advised(error, sys.argv[1:])) from error
    except click.ClickException as error:
        raise SpecError(error.format_message()) from error


def _advised(error: click.UsageError, words: Sequence[str]) -> str:
    """The message of click; for a word too many, which has no advice of its own, the next step."""
    said = error.format_message()
    if type(error) is not click.UsageError or error.ctx is None:
        return said
    flags = {name for one in error.ctx.command.params if getattr(one, "is_flag", False) for name in one.opts}
    too_many = said.partition("(")[2].removesuffix(")").split()
    before = next(
        (f"{flag} takes no value, and " for flag, word in pairwise(words) if flag in flags and word in too_many), ""
    )
    return f"{said}; {before}`{error.ctx.command_path} --help` shows what there is"


def code_of(command: Callable[[], int | None]) -> int:
    """Run a command and return the exit code.

    An expected error is one line on standard error and exit code 2. Any other exception is a fault of dlbench: the
    traceback, one line that says so, and exit code 70, which is never an answer of the command.
    """
    code = _code_of(command)
    with contextlib.suppress(DlbenchError):  # the exit code says it already
        streams.flush()
    return code


def _code_of(command: Callable[[], int | None]) -> int:
    try:
        code = command() or 0
        streams.flush()
    except Interrupted as signalled:
        _say(f"ended by {signalled}")
        return BY_SIGNAL + signalled.number
    except KeyboardInterrupt:
        return INTERRUPTED
    except DlbenchError as error:
        _say(str(error))
        return FAILED
    except BaseException as error:  # a SystemExit too: commands return their codes
        return _fault(error)
    return code


def _fault(error: BaseException) -> int:
    from dlbench.errors import redaction

    with contextlib.suppress(Exception):  # the memory or the depth may be used up
        sys.stderr.write(redaction.text("".join(traceback.format_exception(error))))
    _say(
        f"this is a fault of dlbench and no finding ({type(error).__name__}, exit code {FAULT}); "
        f"please report it, with the lines above, at {PROJECT}/issues"
    )
    return FAULT


def _say(message: str) -> None:
    shown = "".join(character if character.isprintable() else " " for character in message)
    print(f"dlbench: {' '.join(shown.split())}", file=sys.stderr, flush=True)  # noqa: T201 (the one line)
