"""Can the active view's map be believed? What was measured of it, and one plain sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QWidget

from engine.saliency.derived import title
from viewer import theme
from viewer.state import AppState
from viewer.state.honesty import Honesty
from viewer.widgets.remark import Remark
from viewer.widgets.section import Section, label

if TYPE_CHECKING:
    from engine.evaluation.honesty import Facts

_GOOD, _BAD, _OPEN = "✓", "!", "·"
_WORDS = {_GOOD: "passes", _BAD: "speaks against the map", _OPEN: "not judged"}


class _Row:
    """A sign, what was measured, its number, and what chance and a centred blob reach."""

    def __init__(self, grid: QGridLayout, row: int, text: str, tip: str) -> None:
        self.sign = label(_OPEN)
        self.sign.setFixedWidth(14)
        self.sign.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.name = label(text, "secondary")
        self.value, self.chance, self.centre = (label("", "small") for _ in range(3))
        self._tip = tip
        self._text = text
        for column, part in enumerate(self.parts):
            if column > 1:
                part.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            grid.addWidget(part, row, column)

    @property
    def parts(self) -> tuple[QLabel, ...]:
        return self.sign, self.name, self.value, self.chance, self.centre

    def show(
        self, value: str, good: bool | None, chance: str = "", centre: str = "", more: str = ""
    ) -> None:
        sign = _OPEN if good is None else _GOOD if good else _BAD
        for part, text in (
            (self.value, value or "–"),
            (self.chance, chance),
            (self.centre, centre),
        ):
            part.setText(text.replace("-", "−").replace("%", " %"))
        self.sign.setText(sign)
        tone = {_GOOD: "good", _BAD: "warning", _OPEN: ""}[sign]
        if (self.sign.property("tone") or "") != tone:
            self.sign.setProperty("tone", tone)
            theme.repolish(self.sign)
        for part in self.parts:
            part.setToolTip(f"{self._tip}\n{more}".strip())
        self.sign.setAccessibleName(_WORDS[sign])
        self.value.setAccessibleName(f"{self._text}: {value or 'not known'}, {_WORDS[sign]}")


class HonestyPanel(Section):
    """Follows the active view's map; what takes long is measured when asked for."""

    def __init__(self, state: AppState, honesty: Honesty, parent: QWidget | None = None) -> None:
        super().__init__("Can it be believed?", parent)
        self._state = state
        self._honesty = honesty
        self._remark = Remark()
        grid = QGridLayout()
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(1, 1)
        for column in (2, 3, 4):
            grid.setColumnMinimumWidth(column, 46)
        rows = (
            (
                "mass",
                "RMA, in the mask",
                "Share of the map's relevance inside the mask; beside it, how many times what "
                "chance and what a blob in the image's centre reach.",
            ),
            (
                "rank",
                "RRA, top pixels",
                "Share of the strongest pixels, as many as the mask has, that lie inside it; "
                "beside it, how many times what chance and a blob in the image's centre reach.",
            ),
            (
                "outside",
                "Outside the body",
                "Share of the map's relevance on air, borders and padding.",
            ),
            (
                "spread",
                "Half of it lies on",
                "The smallest part of the image that holds half of the map's relevance; 50 % "
                "would be a map that is the same everywhere.",
            ),
            (
                "deletion",
                "DS, deletion",
                "How much more the probability falls when what the map marks is blurred first "
                "than when it is blurred last; beside it, how far random orders stray from 0, "
                "and what a blob in the centre reaches.",
            ),
            (
                "shuffled",
                "Weights shuffled",
                "How like the map is to one of the same network with its weights shuffled (rank "
                "correlation): near 1, it would look the same had nothing been learned.",
            ),
        )
        self._heads = [label(text, "secondary") for text in ("chance", "centre")]
        for column, head in enumerate(self._heads, start=3):
            grid.addWidget(head, 0, column, Qt.AlignmentFlag.AlignRight)
        self.rows = {
            name: _Row(grid, number + 1, text, tip) for number, (name, text, tip) in enumerate(rows)
        }
        self._numbers = QPushButton()
        self._numbers.setProperty("role", "link")
        self._numbers.setCheckable(True)
        self._numbers.setChecked(state.settings.flag("honesty/numbers", False))
        self._numbers.toggled.connect(self._on_numbers)
        self._check = QPushButton()
        self._check.setProperty("role", "link")
        self._check.clicked.connect(self._on_check)
        ask = QHBoxLayout()
        ask.addWidget(self._check)
        ask.addStretch(1)
        ask.addWidget(self._numbers)
        self.body.addWidget(self._remark)
        self.body.addLayout(grid)
        self.body.addLayout(ask)
        honesty.changed.connect(self.refresh)
        state.overlays.changed.connect(self.refresh)
        state.contents.changed.connect(self.refresh)
        state.activeViewChanged.connect(self.refresh)
        state.viewsChanged.connect(self.refresh)
        state.analysis.mapChanged.connect(self.refresh)
        self.folded.connect(self.refresh)
        self.refresh()

    @property
    def verdict(self) -> str:
        """The sentence shown."""
        return self._remark.text

    @property
    def map_name(self) -> str:
        """The active view's map, "" for none."""
        return self._state.overlays[self._state.active_view].map_name or ""

    @property
    def _elsewhere(self) -> bool:
        """Whether the active view shows what is not the image being read by the model in use."""
        content = self._state.contents[self._state.active_view]
        series = content.series not in (None, self._state.series)
        return series or content.checkpoint not in (None, self._state.analysis.checkpoint)

    def refresh(self, *_: object) -> None:
        """Show what is known of the active view's map."""
        name = self.map_name
        self.set_title("Can it be believed?", title(name) if name else "")
        if self.is_folded:
            return
        elsewhere = self._elsewhere
        facts = self._honesty.facts(name) if name and not elsewhere else None
        numbers = facts is not None and self._numbers.isChecked()
        for row in self.rows.values():
            for part in row.parts:
                part.setVisible(numbers)
        for head in self._heads:
            head.setVisible(numbers)
        self._numbers.setVisible(facts is not None)
        self._numbers.setText("Hide numbers" if self._numbers.isChecked() else "Numbers")
        self._numbers.setToolTip("What was measured of this map, number by number")
        self._show_button("" if elsewhere else name)
        if elsewhere:
            self._remark.say(
                "The active view shows another image or another model's map; open it to read, or "
                "load that model, to see what speaks for and against its maps."
            )
            return
        if facts is None:
            self._remark.say(
                "Lay a map over the image to see what speaks for and against it."
                if not name
                else f"{title(name)} has not been computed yet."
            )
            return
        from engine.evaluation.honesty import doubts, verdict

        against = doubts(facts)
        complete = facts.deletion is not None and facts.randomisation is not None
        self._remark.say(verdict(facts), "warning" if against else "good" if complete else "info")
        self._remark.setToolTip("\n".join(against))
        self._show_rows(facts)

    def _show_rows(self, facts: Facts) -> None:
        from engine.evaluation import honesty as limits

        score = facts.coherence
        if score is None or score.rma is None or score.rra is None:
            for name in ("mass", "rank"):
                self.rows[name].show("no mask", None)
        else:
            for name, value, chance, centre in (
                ("mass", score.rma, score.chance_rma, score.prior_rma),
                ("rank", score.rra, score.chance_rra, score.prior_rra),
            ):
                beats = value > max(chance or 0.0, centre or 0.0)
                lifts = (f"{value / by:.1f}×" if by else "" for by in (chance, centre))
                self.rows[name].show(f"{value:.2f}", beats, *lifts)
        for name, share, limit in (
            ("outside", facts.outside, limits.MOSTLY_OUTSIDE),
            ("spread", facts.spread, limits.SPREAD_OUT),
        ):
            text = "" if share is None else f"{share:.0%}"
            self.rows[name].show(text, None if share is None else share < limit)
        deleted = facts.deletion
        if deleted is None:
            self.rows["deletion"].show("", None)
        else:
            limit = max(limits.BY_CHANCE * deleted.random, limits.NO_EFFECT, deleted.centre)
            self.rows["deletion"].show(
                f"{deleted.score:+.2f}",
                deleted.score > limit,
                f"±{deleted.random:.2f}",
                f"{deleted.centre:+.2f}",
            )
        self._show_shuffled(facts)

    def _show_shuffled(self, facts: Facts) -> None:
        from engine.evaluation import honesty as limits

        shuffled = facts.randomisation
        if shuffled is None:
            self.rows["shuffled"].show("", None)
            return
        last = shuffled.stages[-1]
        steps = "\n".join(
            f"{stage.name}: rank {stage.rank:.2f}, magnitude {stage.absolute:.2f}, "
            f"SSIM {stage.ssim:.2f}"
            for stage in shuffled.stages
        )
        again = f"\nThe real network, computed again: rank {shuffled.repeat:.2f}"
        good = shuffled.repeat >= limits.TOO_NOISY and shuffled.similarity < limits.HARDLY_CHANGED
        self.rows["shuffled"].show(
            f"{shuffled.similarity:.2f}",
            good,
            more=f"Likeness to the real map once these, too, are shuffled\n{steps}"
            + (again if shuffled.repeat < 1 else ""),
        )
        self.rows["shuffled"].chance.setText("SSIM")
        self.rows["shuffled"].centre.setText(f"{last.ssim:.2f}".replace("-", "−"))

    def _show_button(self, name: str) -> None:
        honesty = self._honesty
        checking = bool(name) and honesty.is_checking(name)
        self._check.setVisible(
            checking or (honesty.can_check(name) and not honesty.is_checked(name))
        )
        self._check.setText(
            f"Cancel ({honesty.fraction:.0%})".replace("%", " %") if checking else "Check further"
        )
        self._check.setToolTip(
            "By deletion, and with the weights shuffled. Runs the model some hundred times; SHAP "
            "maps take as long again as computing them."
        )

    def _on_numbers(self, shown: bool) -> None:
        self._state.settings.set("honesty/numbers", shown)
        self.refresh()

    def _on_check(self) -> None:
        if self._honesty.is_checking(self.map_name):
            self._honesty.cancel()
        else:
            self._honesty.check(self.map_name)
