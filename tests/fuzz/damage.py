"""Content of files that somebody has spoilt, and the commands that are to read them."""

import argparse
import codecs
import contextlib
import copy
import io
import json
import math

from hypothesis import strategies as st

from dual_weighting.cli.command import run_command

# What stands in the place of what should stand there.
WRONG = st.sampled_from(
    [None, True, False, "", "7", "0", "a\nb", "\ud800", "$x$ $", 0, -1, 1.5, 7, 10**30, 10**400,
     math.nan, math.inf, 1e308, [], {}, [[]], [None], [1, 2], {"a": None}, [1, 2, 3, 4, 5]]
)  # fmt: skip


def places(node, path=()):
    """The path of every value in a tree of lists and dictionaries."""
    items = enumerate(node) if isinstance(node, list) else node.items()
    for key, value in items:
        yield (*path, key)
        if isinstance(value, list | dict):
            yield from places(value, (*path, key))


@st.composite
def damaged(draw, content, wrong=WRONG):
    """`content` in which up to three values are missing, wrong, twice there, or another's."""
    content = copy.deepcopy(content)
    for _ in range(draw(st.integers(1, 3))):
        paths = list(places(content))
        if not paths:
            break
        *path, key = draw(st.sampled_from(paths))
        parent = content
        for step in path:
            parent = parent[step]
        action = draw(st.sampled_from(["replace", "replace", "delete", "repeat", "other"]))
        if action == "delete":
            del parent[key]
        elif action == "repeat" and isinstance(parent, list):
            parent.append(copy.deepcopy(parent[key]))
        elif action == "other":
            *steps, last = draw(st.sampled_from(paths))
            other = content
            with contextlib.suppress(LookupError, TypeError):  # what was deleted
                for step in (*steps, last):
                    other = other[step]
                parent[key] = copy.deepcopy(other)
        else:
            parent[key] = copy.deepcopy(draw(wrong))
    return content


@st.composite
def spoilt_bytes(draw, content: bytes):
    """`content` cut short, with other bytes in it, in another encoding, or of another kind."""
    place = draw(st.integers(0, len(content)))
    return draw(
        st.sampled_from(
            [
                content[:place],
                content[:place] + b"\xff\xfe\x00" + content[place:],
                content[:place] + content[place + 1 :],
                codecs.BOM_UTF8 + content,
                content.decode(errors="replace").encode("utf-16"),
                b"[" * 100_000,
                b"<html>not found</html>",
                b"\x00" * 10,
            ]
        )
    )


def json_files(content):
    """Bytes of damaged JSON files."""
    values = damaged(content).map(lambda x: json.dumps(x).encode())
    return st.one_of(values, values, values, spoilt_bytes(json.dumps(content).encode()))


def outcome_of(command, **options) -> tuple[int, str]:
    """Exit code and sentence of a command in this process; anything but success and one sentence
    fails."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            run_command(command, argparse.Namespace(**{"debug": False, **options}))
        except SystemExit as stopped:
            code = stopped.code
    said = [line for line in err.getvalue().splitlines() if line.startswith("Error: ")]
    assert code in (0, 1) and len(said) == code
    if code:
        assert err.getvalue().rstrip().endswith(said[0]), "more than one line"
        assert len(said[0]) > 20
    out.getvalue().encode()  # can be printed
    return code, "".join(said)
