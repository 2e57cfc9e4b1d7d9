"""Errors that the person in front of the screen can mend."""

import contextlib
import locale
import re
import sys


class UserError(Exception):
    """What is wrong and what to do about it, in one sentence without line breaks.

    Commands print the sentence and end with exit code 1; the traceback is shown with `--debug`.
    """


def sentence(error: UserError) -> str:
    """The one sentence of `error`, also when a data loader's worker has wrapped it.

    torch re-raises a worker's error with the text of its whole traceback, of which the last line
    is `module.Class: sentence`.
    """
    text = str(error)
    if "Traceback (most recent call last)" not in text:
        return " ".join(text.split())  # a name in it may have line breaks
    lines = [line for line in text.splitlines() if line.strip()]
    return re.sub(r"^[\w.]+: ", "", lines[-1].strip())


def printable_output() -> None:
    """Let any text be printed, and written to the files that this process opens: on an ASCII
    terminal, what it lacks is escaped."""
    if locale.getpreferredencoding(False).lower() not in ("utf-8", "utf8"):
        with contextlib.suppress(locale.Error):
            locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
