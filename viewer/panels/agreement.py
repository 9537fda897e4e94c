"""How far each map agrees with the mask, beside chance and a blob in the centre."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from engine.evaluation.honesty import beats_centre
from engine.report import numbers
from engine.saliency.derived import title
from viewer import icons, theme
from viewer.state import AppState
from viewer.state.analysis import MapEntry, MapStatus, is_slow
from viewer.widgets.bar import paint_bar
from viewer.widgets.remark import Remark
from viewer.widgets.section import Section, label

if TYPE_CHECKING:
    from engine.evaluation.coherence import Coherence

_NAME = 96  # "Gate − Global" is wider than "SHAP global"
_NUMBER = 39
_LIFT = 44  # "19.4×" is wider than "0.72"
_ROW = 23
_GAP = 8
_INSET = 8  # rows reach beyond the panel's margin, for their mark and their ground


def _columns(width: int) -> tuple[QRectF, QRectF, QRectF, QRectF, QRectF]:
    """Return name, bar, RMA, RRA and lift, for a row of this width."""
    height = _ROW
    lift = QRectF(width - _INSET - _LIFT, 0, _LIFT, height)
    rra = QRectF(lift.left() - _NUMBER, 0, _NUMBER, height)
    rma = QRectF(rra.left() - _NUMBER, 0, _NUMBER, height)
    left = _INSET + _NAME
    bar = QRectF(left, 0, rma.left() - left - _GAP / 2, height)
    return QRectF(_INSET, 0, _NAME - _GAP, height), bar, rma, rra, lift


class _Heads(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(20)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(theme.font(12))
        painter.setPen(theme.current().colour("secondary"))
        name, bar, _, rra, lift = _columns(self.width())
        for area, text, align in (
            (name, "Map", theme.LEFT_MIDDLE),
            (bar, "RMA", theme.LEFT_MIDDLE),
            (rra, "RRA", theme.RIGHT_MIDDLE),
            (lift, "lift", theme.RIGHT_MIDDLE),
        ):
            painter.drawText(QRectF(area.left(), 0, area.width(), 20), align, text)


class _Legend(QWidget):
    """Which tick is which, with its number."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(20)
        self._chance: float | None = None
        self._prior: float | None = None

    def show_values(self, chance: float | None, prior: float | None) -> None:
        self._chance, self._prior = chance, prior
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.current()
        painter = QPainter(self)
        painter.setFont(theme.font(12))
        x = 1.0
        for text, value, dotted in (
            ("chance", self._chance, False),
            ("centred prior", self._prior, True),
        ):
            pen = QPen(tokens.colour("text"), 1.5)
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            if dotted:
                pen.setDashPattern([1.4, 1.4])
            painter.setPen(pen)
            painter.drawLine(int(x), 3, int(x), 17)
            words = f"{text} {numbers.share(value)}" if value is not None else text
            painter.setPen(tokens.colour("secondary"))
            painter.drawText(QRectF(x + 8, 0, 160, 20), theme.LEFT_MIDDLE, words)
            x += 8 + painter.fontMetrics().horizontalAdvance(words) + 20


class AgreementRow(QWidget):
    """One map's scores. A click or Return lays the map over the active view."""

    chosen = Signal(str)
    compute = Signal(str)
    cancel = Signal(str)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = name
        self.entry = MapEntry(name)
        self.score: Coherence | None = None
        self.shown = False
        self.setFixedHeight(_ROW)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self._button = QToolButton(self)
        self._button.setIconSize(QSize(16, 16))
        self._button.setProperty("role", "link")
        self._button.clicked.connect(self._press)

    @property
    def greyed(self) -> bool:
        """Whether the map does no better than a centred blob."""
        return self.score is not None and not beats_centre(self.score)

    def show_score(self, entry: MapEntry, score: Coherence | None, shown: bool) -> None:
        """Show a map's state and scores; ``shown`` maps are in a view."""
        self.entry, self.score, self.shown = entry, score, shown
        absent = entry.status in (MapStatus.ABSENT, MapStatus.FAILED) and is_slow(self.name)
        computing = entry.status is MapStatus.COMPUTING and is_slow(self.name)
        self._button.setVisible(absent or computing)
        self._button.setText("Compute")
        if computing:
            self._button.setIcon(icons.icon("close", size=16))
            self._button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
            self._button.setToolTip(f"Stop computing {title(self.name)}")
        else:
            self._button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
            self._button.setToolTip(f"Compute {title(self.name)}; this takes a while")
        self._button.setAccessibleName(self._button.toolTip())
        self._place()
        self.setAccessibleName(self.sentence)
        self.setToolTip(f"{self.sentence}\nClick to show this map in the active view.")
        self.update()

    @property
    def sentence(self) -> str:
        """The row in words."""
        if self.entry.status is MapStatus.FAILED:
            return f"{title(self.name)}: {self.entry.error}"
        if self.entry.status is not MapStatus.READY:
            return f"{title(self.name)}: {self.entry.status.value}"
        score = self.score
        if score is None:
            return f"{title(self.name)}: no mask to compare with"
        if score.rma is None or score.rra is None:
            return f"{title(self.name)}: no score, {score.reason}"
        words = f"{title(self.name)}: RMA {score.rma:.2f}, RRA {score.rra:.2f}"
        if score.lift is not None:
            words += f", {score.lift:.1f} times chance"
        return words + ("; no better than a centred blob" if self.greyed else "")

    def _press(self) -> None:
        computing = self.entry.status is MapStatus.COMPUTING
        (self.cancel if computing else self.compute).emit(self.name)

    def _place(self) -> None:
        size = self._button.sizeHint()
        width = size.width() if self.entry.status is not MapStatus.COMPUTING else 24
        self._button.setGeometry(self.width() - _INSET + 4 - width, 0, width, _ROW)

    def resizeEvent(self, event: object) -> None:
        """Keep the button at the right."""
        self._place()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Choose the map."""
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.pos()):
            self.chosen.emit(self.name)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose the map by Return or Space."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.chosen.emit(self.name)
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the row."""
        tokens = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.hasFocus() or self.underMouse():
            painter.setPen(tokens.colour("accent") if self.hasFocus() else Qt.PenStyle.NoPen)
            painter.setBrush(tokens.colour("hover"))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        name, bar, rma, rra, lift = _columns(self.width())
        score, entry = self.score, self.entry
        faded = self.greyed or entry.status is not MapStatus.READY
        ink = tokens.colour("secondary" if faded else "text")
        painter.setFont(theme.font())
        painter.setPen(ink)
        words = painter.fontMetrics().elidedText(
            title(self.name), Qt.TextElideMode.ElideMiddle, int(name.width())
        )
        painter.drawText(name, theme.LEFT_MIDDLE, words)
        if self.shown:
            painter.fillRect(QRectF(1, 5, 2, 14), tokens.colour("accent"))
        if entry.status is MapStatus.COMPUTING:
            wide = QRectF(bar.left(), 0, self.width() - bar.left() - 84, _ROW)
            paint_bar(painter, wide, entry.fraction, tokens.colour("secondary"))
            percent = QRectF(self.width() - 80, 0, 44, _ROW)
            painter.drawText(percent, theme.RIGHT_MIDDLE, f"{entry.fraction:.0%}")
            return
        if entry.status is MapStatus.FAILED:
            painter.drawText(bar.adjusted(0, 0, 60, 0), theme.LEFT_MIDDLE, "failed")
            return
        if entry.status is MapStatus.ABSENT:
            return
        if score is None or score.rma is None or score.rra is None:
            paint_bar(painter, bar, None, ink)
            for area in (rma, rra, lift):
                painter.drawText(area, theme.RIGHT_MIDDLE, "–")
            return
        colour = tokens.colour("faint" if self.greyed else "accent")
        paint_bar(
            painter,
            bar,
            score.rma,
            colour,
            solid_tick=score.chance_rma,
            dotted_tick=score.prior_rma,
        )
        painter.setPen(ink)
        for area, text in (
            (rma, f"{score.rma:.2f}"),
            (rra, f"{score.rra:.2f}"),
            (lift, numbers.lift(score.lift)),
        ):
            painter.drawText(area, theme.RIGHT_MIDDLE, text)


class AgreementPanel(Section):
    """A row a map, live while the mask is drawn."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__("Agreement", parent)
        self._state = state
        self._rows: dict[str, AgreementRow] = {}
        self._heads = _Heads()
        self._list = QVBoxLayout()
        self._list.setSpacing(0)
        self._legend = _Legend()
        self._remark = Remark()
        self._mask = QComboBox()
        # A long label is cut here, and does not push the numbers out of the panel.
        self._mask.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self._mask.setMinimumContentsLength(8)
        self._mask.setAccessibleName("Mask that the maps are compared with")
        self._mask.setToolTip("Mask that the maps are compared with")
        self._mask.activated.connect(self._choose_mask)
        self._sign = QComboBox()
        self._sign.addItem("positive part", "positive")
        self._sign.addItem("absolute value", "absolute")
        self._sign.setAccessibleName("What counts as relevance in signed maps")
        self._sign.setToolTip(
            "What counts as relevance in signed maps (SHAP): evidence for the class alone, "
            "or evidence either way"
        )
        self._sign.activated.connect(lambda: state.scores.set_sign(self._sign.currentData()))
        choices = QHBoxLayout()
        choices.setSpacing(8)
        self._sign_says = label("Signed maps by", "secondary")
        choices.addWidget(self._sign_says)
        choices.addWidget(self._sign, 1)
        which = QHBoxLayout()
        which.setSpacing(8)
        self._with = label("Compared with", "secondary")
        which.addWidget(self._with)
        which.addWidget(self._mask, 1)
        which.setContentsMargins(_INSET, 0, _INSET, 0)
        self.body.setContentsMargins(12 - _INSET, 4, 12 - _INSET, 12)
        self.body.addLayout(which)
        self.body.addWidget(self._heads)
        self.body.addLayout(self._list)
        below = QVBoxLayout()
        below.setContentsMargins(_INSET, 0, _INSET, 0)
        self._slow = QToolButton()
        self._slow.setProperty("role", "link")
        self._slow.setText("SHAP…")
        self._slow.setToolTip("Maps that take a while; each is computed when you ask for it")
        self._slow.setAccessibleName("Show the SHAP maps, which are computed when asked for")
        self._slow.clicked.connect(self._show_slow)
        self._all = False
        legend = QHBoxLayout()
        legend.addWidget(self._legend, 1)
        legend.addWidget(self._slow)
        below.addLayout(legend)
        below.addWidget(self._remark)
        below.addLayout(choices)
        self.body.addLayout(below)
        state.analysis.mapsChanged.connect(self.refresh)
        state.analysis.mapChanged.connect(self.refresh)
        state.analysis.sessionChanged.connect(self.refresh)
        state.scores.changed.connect(self.refresh)
        state.overlays.changed.connect(self.refresh)
        state.masks.changed.connect(self.refresh)
        state.seriesOpened.connect(self.refresh)
        self.refresh()

    @property
    def rows(self) -> dict[str, AgreementRow]:
        """The rows by map name."""
        return self._rows

    @property
    def remark(self) -> str:
        """The sentence under the table."""
        return self._remark.text

    def refresh(self, *_: object) -> None:
        """Show the scores as they are now."""
        state = self._state
        self._sync_rows(tuple(state.analysis.entries))
        self._sync_masks()
        scores = state.scores.all()
        in_views = {state.overlays[view].map_name for view in range(state.views)}
        for name, row in self._rows.items():
            row.show_score(state.analysis.entries[name], scores.get(name), name in in_views)
            hidden = self._is_idle(name) and not (self._all or name in in_views)
            row.setVisible(state.image is not None and not hidden)
        self._slow.setVisible(
            state.image is not None
            and any(row.isHidden() and self._is_idle(name) for name, row in self._rows.items())
        )
        scored = next((s for s in scores.values() if s.chance_rma is not None), None)
        self._legend.show_values(
            scored.chance_rma if scored else None, scored.prior_rma if scored else None
        )
        drawn = scored is not None
        for part in (self._heads, self._legend):
            part.setVisible(bool(self._rows) and state.image is not None)
        signed = any(m.sign == "signed" for m in state.analysis.maps.values())
        for widget in (self._sign, self._sign_says):
            widget.setVisible(signed)
        if not self._rows:
            self._remark.say(
                "The maps' agreement with a mask is shown here once a model is loaded."
            )
        elif state.image is None:
            self._remark.say("Open an image, then draw a mask to see how each map agrees.")
        elif not drawn:
            self._remark.say("Draw a mask to see how each map agrees.")
        else:
            self._remark.say(self._verdict(), "warning")

    def _is_idle(self, name: str) -> bool:
        """Whether a map waits to be asked for: it has nothing to say beside the others yet."""
        return is_slow(name) and self._state.analysis.entries[name].status is MapStatus.ABSENT

    def _show_slow(self) -> None:
        self._all = True
        self.refresh()

    def _verdict(self) -> str:
        weak = [title(row.name) for row in self._rows.values() if row.greyed]
        none = [r.score.reason for r in self._rows.values() if r.score and r.score.reason]
        if none and len(none) == len(weak):
            return f"No score: {none[0]}."
        if not weak:
            return ""
        if len(weak) == 1:
            return f"{weak[0]} does no better than a centred blob here."
        return f"{', '.join(weak[:-1])} and {weak[-1]} do no better than a centred blob here."

    def _sync_rows(self, names: tuple[str, ...]) -> None:
        if names == tuple(self._rows):
            return
        for row in self._rows.values():
            row.deleteLater()
        self._rows = {}
        for name in names:
            row = AgreementRow(name)
            row.chosen.connect(self._show_map)
            row.compute.connect(self._state.analysis.request)
            row.cancel.connect(self._state.analysis.cancel)
            self._list.addWidget(row)
            self._rows[name] = row

    def _sync_masks(self) -> None:
        masks = self._state.masks
        compared = masks.compared
        active = masks.document.active if masks.document is not None else None
        waiting = not masks.compared_id and compared is not active
        follow = "yours, once drawn" if waiting else "the active mask"
        entries = [(follow, "")] + [(mask.label, mask.id) for mask in masks.all]
        now = [(self._mask.itemText(i), self._mask.itemData(i)) for i in range(self._mask.count())]
        if entries != now:
            self._mask.clear()
            for text, data in entries:
                self._mask.addItem(text, data)
        self._mask.setCurrentIndex(max(self._mask.findData(masks.compared_id), 0))
        several = len(masks.all) > 1
        self._mask.setVisible(several)
        self._with.setVisible(several)
        self.set_title("Agreement", f"“{compared.label}”" if compared is not None else "")

    def _choose_mask(self) -> None:
        self._state.masks.compare_with(self._mask.currentData())

    def _show_map(self, name: str) -> None:
        entry = self._state.analysis.entries[name]
        if entry.map is None:
            self._state.analysis.request(name)
        self._state.overlays.show(self._state.active_view, name)
