"""Whether patients' names are shown; everything that shows one asks here."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Signal

from engine.images.case import Case, Problem, Series
from viewer.settings import Settings
from viewer.state.cases import CaseList

#: What stands in place of a word that is not to be seen.
MARK = "•••"
#: Letters below which a word is in too many others to say anything about anybody.
SHORTEST = 3
#: Names of files; those in quotes may have spaces.
_FILE = re.compile(
    r"(?:“[^”]+|[^\s“”\"']+)\.(?:dcm|dicom|ima|nii|gz|png|jpe?g|tiff?|bmp|nrrd|json)\b”?",
    re.IGNORECASE,
)


class Privacy(QObject):
    """Remembered between starts. Names stay where they are: they are not shown."""

    changed = Signal()

    def __init__(self, settings: Settings, cases: CaseList, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self.cases = cases
        self.hidden = settings.flag("privacy/hidden", False)
        self._numbers: dict[object, int] = {}
        self._beside: tuple[Case, ...] = ()
        self._words: re.Pattern[str] | None = None
        cases.changed.connect(self._learn)
        self._learn()

    def set_hidden(self, hidden: bool) -> None:
        """Hide names everywhere, or show them again."""
        if hidden != self.hidden:
            self.hidden = hidden
            self._settings.set("privacy/hidden", hidden)
            self.changed.emit()

    def learn(self, cases: Sequence[Case]) -> None:
        """Know the names of cases that are shown without being in the list."""
        self._beside = tuple(cases)
        self._learn()

    def case(self, case: Case) -> str:
        """Return what a case is called on screen: its title, or a number of its patient."""
        if not self.hidden or case in self.cases.demo.cases:
            return case.title
        key: object = (case.patient_id, case.title) if case.patient_id else case
        number = self._numbers.setdefault(key, len(self._numbers) + 1)
        return f"Patient {number}"

    def series(self, series: Series) -> str:
        """Return what a series is called on screen."""
        return self.clean(series.title)

    def problem(self, problem: Problem) -> str:
        """Return why a file could not be read, without its name where names are hidden."""
        if not self.hidden:
            return problem.sentence
        return self.clean(problem.sentence.replace(problem.path.name, "A file"))

    def sentence(self, text: str) -> str:
        """Return what is said to the reader, without names of files where names are hidden."""
        if not self.hidden:
            return text
        return self.clean(_FILE.sub("a file", self.cases.unnamed(text)))

    def clean(self, text: str) -> str:
        """Return a text without the names, numbers and file names of the patients in the list."""
        if not self.hidden or self._words is None:
            return text
        return self._words.sub(MARK, text)

    def _learn(self) -> None:
        words: set[str] = set()
        for case in (*self.cases.opened.cases, *self._beside):
            words |= {case.title, case.patient_id}
            if case.patient_id or case.study:  # else the title is a file's name, taken whole
                words |= set(re.split(r"[\W_]+", case.title))
            else:
                words |= {path.name.split(".")[0] for s in case.series for path in s.paths[:1]}
        kept = sorted((w for w in words if len(w) >= SHORTEST), key=len, reverse=True)
        pattern = "|".join(map(re.escape, kept))  # whole words; "_" parts words in file names
        self._words = (
            re.compile(rf"(?<![^\W_])(?:{pattern})(?![^\W_])", re.IGNORECASE) if kept else None
        )

    def follow(self, act: Callable[[], object]) -> None:
        """Call something whenever names are hidden or shown."""
        self.changed.connect(lambda: act())
