"""Taking out of a text whatever could say who a patient or a user is.

The log is written without such texts in the first place (``viewer.log``); this is the second net,
under what is about to be sent. It would rather take out too much.
"""

from __future__ import annotations

import getpass
import os
import re
import socket
from collections.abc import Iterable
from pathlib import Path

_MIN_WORD = 3  # letters; shorter words are in everything

#: In this order: a path may hold a UID, a UID digits.
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # Windows and UNC paths, then any with a slash: to the end of the word or of the quotes.
    (re.compile(r"(?<=[\"'“‘])(?:[A-Za-z]:[\\/]|\\\\|~?/)[^\"'”’\n]*"), "<path>"),
    (re.compile(r"\b[A-Za-z]:[\\/][^\s\"'<>|]*|\\\\[^\s\"'<>|]+"), "<path>"),
    (re.compile(r"(?:~|\.{1,2})?(?:/[^\s\"'“”‘’<>:,;()\[\]]+)+/?"), "<path>"),
    (re.compile(r"\bfile:\S+"), "<path>"),
    # File names of images and masks: their stems are often names or numbers of patients.
    (
        re.compile(
            r"[^\s\"'“”<>/\\]+\.(?:dcm|dicom|nii|gz|nrrd|nhdr|png|jpe?g|tiff?|bmp|ima|json|pdf)\b",
            re.IGNORECASE,
        ),
        "<file>",
    ),
    (re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.-]+"), "<address>"),
    # DICOM UIDs: PS3.5 section 9; versions of libraries have at most four parts.
    (re.compile(r"\b[0-2](?:\.(?:0|[1-9]\d*)){4,}\b"), "<uid>"),
    # DICOM person names: PS3.5 section 6.2.1, parts held together by "^" or groups by "=".
    (re.compile(r"[^\s\"'“”<>]*\^[^\"'“”<>\n]*?(?=[\"'“”<>\n]|$|[.;:)](?:\s|$))"), "<name>"),
    # What is quoted came from a file or from the user.
    (re.compile(r"“[^”\n]*”|\"[^\"\n]*\"|(?<!\w)'[^'\n]*'(?!\w)|‘[^’\n]*’"), "“<text>”"),
)
_NUMBER = re.compile(r"(?<![\w.:,<-])\d{5,}(?![\w:,])|\b[A-Za-z]{0,4}[-_]?\d{6,}\b")
_STAMP = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ")


def own_words() -> set[str]:
    """Return the words that name this user and machine."""
    words = {Path.home().name}
    for variable in ("USER", "USERNAME", "LOGNAME", "COMPUTERNAME", "HOSTNAME"):
        words.add(os.environ.get(variable, ""))
    for ask in (getpass.getuser, socket.gethostname):
        try:
            words.add(ask())
        except (OSError, KeyError, ImportError):
            continue  # a machine without an entry for its user has no name to hide
    return {word for word in words if len(word) >= _MIN_WORD} - {"root", "user", "localhost"}


def redacted(text: str, words: Iterable[str] = ()) -> str:
    """Return a log without paths, files, UIDs, names, long numbers and quoted texts.

    ``words``: what else must go, such as the titles of the cases that are open; this user's and
    this machine's names always go. Time stamps at the start of lines stay.
    """
    known = sorted({w for word in words for w in _split(word)} | own_words(), key=len, reverse=True)
    hidden = re.compile("|".join(map(re.escape, known)), re.IGNORECASE) if known else None
    return "\n".join(_line(line, hidden) for line in text.split("\n"))


def _split(words: str) -> set[str]:
    """Return a title and the words in it that could be a name or a number."""
    parts = {part for part in re.split(r"[\s^=,;_()/\\]+", words) if len(part) >= _MIN_WORD}
    return parts | ({words} if len(words) >= _MIN_WORD else set())


def _line(line: str, hidden: re.Pattern[str] | None) -> str:
    stamp = _STAMP.match(line)
    head, rest = (stamp.group(), line[stamp.end() :]) if stamp else ("", line)
    for pattern, instead in _PATTERNS:
        rest = pattern.sub(instead, rest)
    rest = _NUMBER.sub("<number>", rest)
    if hidden is not None:
        rest = hidden.sub("<hidden>", rest)
    return head + rest
