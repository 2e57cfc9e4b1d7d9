"""Errors that the user can fix."""

import contextlib
import locale
import re
import sys


class UserError(Exception):
    """An error that the user can fix: one sentence on what is wrong and what to do.

    Commands print it and exit with code 1; `--debug` also shows the traceback.
    """


def sentence(error: UserError) -> str:
    """The message of `error`, unwrapped if it comes from a data loader worker.

    torch re-raises errors of workers with their full traceback as text, which ends in a line
    `module.Class: message`.
    """
    text = str(error)
    if "Traceback (most recent call last)" not in text:
        return " ".join(text.split())  # file names may contain line breaks
    lines = [line for line in text.splitlines() if line.strip()]
    return re.sub(r"^[\w.]+: ", "", lines[-1].strip())


def printable_output() -> None:
    """Make any text printable, also to files that this process opens: on an ASCII terminal, other
    characters are escaped."""
    if locale.getpreferredencoding(False).lower() not in ("utf-8", "utf8"):
        with contextlib.suppress(locale.Error):
            locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
