"""Finding a command by a few of its letters."""

from __future__ import annotations

from dataclasses import dataclass

#: What makes a match better: letters in a row, and letters that begin a word.
_IN_A_ROW = 12.0
_WORD_START = 10.0
_WHOLE_WORD = 12.0
_LETTER = 1.0
_GAP = 0.05  # per letter passed over, so that short texts win


@dataclass(frozen=True)
class Match:
    """How well a text fits, and which of its letters were meant."""

    score: float
    letters: frozenset[int]


def match(query: str, text: str) -> Match | None:
    """Fit each word of the query into the text, letters in order; None where one does not fit.

    Case and accents of keys do not matter; the words may come in any order.
    """
    folded = text.casefold()
    if len(folded) != len(text):  # a letter that folds into two would shift all after it
        folded = text.lower() if len(text.lower()) == len(text) else text
    score, letters = 0.0, set[int]()
    for word in query.casefold().split():
        found = _word(word, folded)
        if found is None:
            return None
        score += found.score
        letters |= found.letters
    return Match(score - _GAP * len(text), frozenset(letters))


def _word(word: str, text: str) -> Match | None:
    """Return the best of the fits that begin at each possible first letter."""
    best: Match | None = None
    start = text.find(word[0])
    while start >= 0:
        found = _from(word, text, start)
        if found is None:
            break  # from further right it fits even less
        if best is None or found.score > best.score:
            best = found
        start = text.find(word[0], start + 1)
    return best


def _from(word: str, text: str, start: int) -> Match | None:
    score, at = 0.0, start - 1
    letters: list[int] = []
    for letter in word:
        here = at + 1 if text.startswith(letter, at + 1) else -1
        if here < 0 or not letters:
            here = start if not letters else _next(letter, text, at + 1)
        if here < 0:
            return None
        if _begins_word(text, here):
            score += _WORD_START
        if letters and here == at + 1:
            score += _IN_A_ROW
        score += _LETTER - (_GAP * (here - at - 1) if letters else 0.0)
        letters.append(here)
        at = here
    whole = at - start == len(word) - 1 and not text[at + 1 : at + 2].isalnum()
    if whole and _begins_word(text, start):
        score += _WHOLE_WORD
    return Match(score, frozenset(letters))


def _next(letter: str, text: str, start: int) -> int:
    """Return where a letter comes next, at a word's start if there is one."""
    at = first = text.find(letter, start)
    while at >= 0:
        if _begins_word(text, at):
            return at
        at = text.find(letter, at + 1)
    return first


def _begins_word(text: str, at: int) -> bool:
    return at == 0 or not text[at - 1].isalnum()
