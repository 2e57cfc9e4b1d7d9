"""Errors that the person in front of the screen can mend."""


class UserError(Exception):
    """What is wrong and what to do about it, in one sentence without line breaks.

    Commands print the sentence and end with exit code 1; the traceback is shown with `--debug`.
    """
