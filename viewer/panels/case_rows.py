"""The rows of the browser: groups, patients, studies, series, and what could not be read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.images.case import Case, Problem, Series
from viewer.state.cases import Group
from viewer.state.privacy import Privacy

Kind = Literal["heading", "patient", "case", "series", "problems", "problem", "none"]


@dataclass(frozen=True, eq=False)
class Item:
    """A row. ``case`` and ``series``: what choosing it opens.

    A "case" is a study, or a study of one series in one row (then ``series`` is set); ``inset``
    where it stands under its patient. ``fold``: what the chevron folds, None where nothing is.
    """

    kind: Kind
    text: str
    detail: str = ""
    case: Case | None = None
    series: Series | None = None
    problem: Problem | None = None
    tip: str = ""
    inset: int = 0
    fold: object | None = None
    folded: bool = False


class Rows:
    """Makes the rows of groups, by what is folded, filtered and hidden."""

    def __init__(self, privacy: Privacy) -> None:
        self._privacy = privacy
        self._cases = privacy.cases
        self.words: tuple[str, ...] = ()
        self.folded: set[object] = set()
        self.problems_open = False

    def make(self, groups: Iterable[Group]) -> list[Item]:
        """Return the rows."""
        rows: list[Item] = []
        for group in groups:
            found = self._group(group)
            if found or not self.words:
                rows += [Item("heading", group.title.upper()), *found]
        if self.words and not rows:
            rows.append(Item("none", "Nothing matches"))
        return rows

    def _group(self, group: Group) -> list[Item]:
        rows: list[Item] = []
        for studies in by_patient(group.cases):
            kept = [(case, self._matching(case)) for case in studies]
            kept = [(case, series) for case, series in kept if series]
            if len(kept) > 1:
                rows += self._patient(kept)
            elif kept:
                rows += self._study(*kept[0], inset=0)
        if group.problems and not self.words:
            count = len(group.problems)
            text = f"{count} file{'s' if count > 1 else ''} could not be read"
            rows.append(Item("problems", text, tip="Show or hide which and why"))
            if self.problems_open:
                for problem in group.problems:
                    says = self._privacy.problem(problem)
                    name = "" if self._privacy.hidden else problem.path.name
                    rows.append(Item("problem", name, says, problem=problem, tip=says))
        return rows

    def _patient(self, studies: Sequence[tuple[Case, list[Series]]]) -> list[Item]:
        first = studies[0][0]
        name = self._privacy.case(first)
        series = sum(len(found) for _, found in studies)
        images = sum(case.images for case, _ in studies)
        detail = f"{len(studies)} studies · {series} series · {_images(images)}"
        key = _patient_key(first)
        folded = key in self.folded and not self.words
        tip = "\n".join(part for part in (name, detail) if part)
        rows = [Item("patient", name, detail, first, tip=tip, fold=key, folded=folded)]
        if not folded:
            for case, found in studies:
                rows += self._study(case, found, inset=1)
        return rows

    def _study(self, case: Case, found: list[Series], inset: int) -> list[Item]:
        clean = self._privacy.clean
        name = self._privacy.case(case)
        about = [clean(part) for part in (case.study, case.study_date) if part]
        if len(case.series) == 1:
            series = found[0]
            lines = (name, *about, clean(series.title), *self._more(series))
            tip = "\n".join(dict.fromkeys(line for line in lines if line))
            text = (" · ".join(about) or clean(series.title)) if inset else name
            return [Item("case", text, self._brief(series), case, series, tip=tip, inset=inset)]
        counts = f"{len(case.series)} series · {_images(case.images)}"
        if len(found) < len(case.series):
            counts = f"{len(found)} of {counts}"
        text = (" · ".join(about) or "Study") if inset else name
        folded = case in self.folded and not self.words
        told = bool(about) and not folded and len(found) == len(case.series)  # by the rows below
        detail = counts if inset else " · ".join(about if told else (*about, counts))
        mixed = len({series.modality for series in case.series}) > 1
        tip = "\n".join((name, *about, counts))
        head = Item("case", text, detail, case, tip=tip, inset=inset, fold=case, folded=folded)
        if folded:
            return [head]
        return [head] + [
            Item(
                "series",
                clean(series.title),
                self._brief(series, modality=mixed),
                case,
                series,
                tip="\n".join((clean(series.title), *self._more(series))),
                inset=inset + 1,
            )
            for series in found
        ]

    def _more(self, series: Series) -> tuple[str, ...]:
        how = ", ".join(part for part in (series.sequence, *series.details) if part)
        lost = self._cases.incomplete(series)
        said = "" if lost is None else lost.unnamed if self._privacy.hidden else lost.sentence
        return tuple(part for part in (series.summary, how, said, *series.notes) if part)

    def _brief(self, series: Series, *, modality: bool = True) -> str:
        """Return the line of a row; what could not be read comes first, where it is not cut."""
        lost = self._cases.incomplete(series)
        text = brief(series, modality=modality)
        if lost is None:
            return text
        return f"{lost.total - lost.read} not read · {text}"

    def _matching(self, case: Case) -> list[Series]:
        """Return a study's series that have every word in them, or above them."""
        if not self.words:
            return list(case.series)
        clean, hidden = self._privacy.clean, self._privacy.hidden
        above = " ".join(
            (
                self._privacy.case(case),
                "" if hidden else case.patient_id,
                clean(case.study),
                case.study_date,
            )
        )

        def matches(series: Series) -> bool:
            own = f"{above} {clean(series.title)} {series.modality} {series.sequence}".lower()
            return all(word in own for word in self.words)

        return [series for series in case.series if matches(series)]


def by_patient(cases: Iterable[Case]) -> list[list[Case]]:
    """Return studies by patient, patients in the order in which they were met.

    Patients are the same where number and name are; what has no number stays on its own.
    """
    patients: dict[object, list[Case]] = {}
    for case in cases:
        patients.setdefault(_patient_key(case) if case.patient_id else case, []).append(case)
    return [sorted(found, key=lambda case: case.study_date) for found in patients.values()]


def in_order(groups: Iterable[Group]) -> list[Case]:
    """Return the studies in the order in which they are listed."""
    return [case for group in groups for studies in by_patient(group.cases) for case in studies]


def brief(series: Series, *, modality: bool = True) -> str:
    """Return the summary as it fits a row: a stack's size is left to the tip.

    modality: whether it is said; series of a study often have one and the same.
    """
    parts = series.summary.split(" · ")
    if series.frames > 1:
        parts = [part for part in parts if " × " not in part]
    if not modality and len(parts) > 1 and parts[0] == series.modality:
        parts = parts[1:]
    if series.frames < 2:
        return " · ".join(parts)
    return " · ".join((*parts, series.sequence) if series.sequence else parts)


def _patient_key(case: Case) -> object:
    return case.patient_id, case.title


def _images(count: int) -> str:
    return f"{count} image{'' if count == 1 else 's'}"


def words_of(text: str) -> tuple[str, ...]:
    """Return what is looked for, in small letters."""
    return tuple(text.lower().split())
