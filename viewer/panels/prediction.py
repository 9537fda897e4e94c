"""The answer: the class, its calibrated probability, and which branch says what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFont, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from engine.model.catalogue import UNTOLD, WORDS
from engine.report.doubt import no_lesion
from engine.report.numbers import probability
from viewer import icons, theme
from viewer.state import AppState
from viewer.widgets.bar import paint_bar
from viewer.widgets.elided import Elided
from viewer.widgets.remark import Remark
from viewer.widgets.section import Section, label
from viewer.widgets.wrapped import Wrapped

if TYPE_CHECKING:
    from engine.evaluation.familiarity import Familiarity
    from engine.session import Prediction

BRANCHES = ("fusion", "global", "local")
_ICON = 20
_HARMLESS = frozenset(("benign", "normal", "healthy", "negative", "unaffected", "control"))
_FINDINGS = frozenset(
    (
        *("malignant", "suspicious", "positive", "abnormal", "affected", "pathological", "tumour"),
        *("tumor", "cancer", "carcinoma", "sarcoma", "lesion", "dystrophy", "metastasis"),
    )
)
_TITLES = {"fusion": "Fusion", "global": "Global", "local": "Local"}


class BranchRow(QWidget):
    """One branch's probability of the answer's class."""

    def __init__(self, branch: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.branch = branch
        self._probability: float | None = None
        self._agrees = True
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Return a compact row."""
        return QSize(200, 22)

    def show_probability(self, prediction: Prediction | None) -> None:
        """Show this branch's probability of the class that the fusion answers."""
        if prediction is None:
            self._probability = None
            self.setToolTip("")
            self.setAccessibleName(f"{_TITLES[self.branch]}: no prediction")
        else:
            values = prediction.branches[self.branch]
            self._probability = values[prediction.predicted]
            self._agrees = max(range(len(values)), key=values.__getitem__) == prediction.predicted
            lines = [
                f"{name}: {probability(value)}"
                for name, value in sorted(
                    zip(prediction.classes, values, strict=True), key=lambda p: -p[1]
                )
            ]
            self.setToolTip(f"{_TITLES[self.branch]} output\n" + "\n".join(lines))
            self.setAccessibleName(f"{_TITLES[self.branch]}: " + ", ".join(lines))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint name, bar and number."""
        tokens = theme.current()
        painter = QPainter(self)
        width, height = self.width(), self.height()
        painter.setFont(theme.font())
        painter.setPen(tokens.colour("text"))
        painter.drawText(QRectF(0, 0, 68, height), theme.LEFT_MIDDLE, _TITLES[self.branch])
        colour = tokens.colour("answer" if self._agrees else "secondary")
        paint_bar(painter, QRectF(72, 0, width - 72 - 56, height), self._probability, colour)
        painter.setFont(theme.font(13, QFont.Weight.DemiBold))
        number = "–" if self._probability is None else probability(self._probability)
        painter.setPen(tokens.colour("text" if self._probability is not None else "secondary"))
        painter.drawText(QRectF(width - 52, 0, 52, height), theme.RIGHT_MIDDLE, number)


class PredictionPanel(Section):
    """Class, probability, three bars, and a sentence where the branches differ."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__("Prediction", parent)
        self._state = state
        self._icon = QLabel()
        self._icon.setFixedSize(_ICON, _ICON)
        self._answer = Elided("", "answer")
        self._answer.setMinimumHeight(28)
        self._what = label("", "secondary")
        self._head = head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._icon)
        head.addWidget(self._answer)
        head.addWidget(self._what, 0, Qt.AlignmentFlag.AlignBottom)
        head.addStretch(1)
        self._what.setContentsMargins(0, 0, 0, 5)
        self.body.addLayout(head)
        self._rows = {branch: BranchRow(branch) for branch in BRANCHES}
        rows = QVBoxLayout()
        rows.setSpacing(0)
        for row in self._rows.values():
            rows.addWidget(row)
        self.body.addLayout(rows)
        self._model = Wrapped("", "secondary")
        self.body.addWidget(self._model)
        self._unfit = Remark()
        self.body.addWidget(self._unfit)
        self._remark = Remark()
        self.body.addWidget(self._remark)
        self._doubt = Remark()
        self.body.addWidget(self._doubt)
        self._likeness = Remark()
        self.body.addWidget(self._likeness)
        self._load = QPushButton("Load a checkpoint…")
        self._load.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.load_requested = self._load.clicked
        self.body.addWidget(self._load)
        state.analysis.predictionChanged.connect(self.refresh)
        state.analysis.sessionChanged.connect(self.refresh)
        state.seriesOpened.connect(self.refresh)
        self.refresh()

    @property
    def answer(self) -> str:
        """The headline."""
        return self._answer.text()

    @property
    def likeness(self) -> str:
        """What is said of the image beside the training images; empty where nothing is known."""
        return self._likeness.text

    @property
    def doubt(self) -> str:
        """What is said where the gate finds no lesion; empty where it finds one, or cannot say."""
        return self._doubt.text

    @property
    def model(self) -> str:
        """Which model answers, and why."""
        return self._unfit.text or self._model.text()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the answer whole: what it is of, said again below, gives way to it."""
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        margins = self.body.contentsMargins()
        room = self.width() - margins.left() - margins.right() - self._head.spacing()
        if not self._icon.isHidden():
            room -= _ICON + self._head.spacing()
        needed = self._answer.sizeHint().width() + self._what.sizeHint().width()
        self._what.setVisible(self._state.analysis.prediction is not None and needed <= room)

    def _show_model(self) -> None:
        sentence, fits = who_answers(self._state)
        self._model.setText(sentence if fits else "")
        self._model.setVisible(bool(sentence) and fits)
        self._unfit.say("" if fits else sentence, "warning")

    def retheme(self) -> None:
        """Take the icons of the current theme."""
        super().retheme()
        if hasattr(self, "_icon"):
            self._show_icon()

    def _show_icon(self) -> None:
        """Mark a finding and none by their shape; what a class is may not be known."""
        prediction = self._state.analysis.prediction
        found = finding(prediction.classes[prediction.predicted]) if prediction else None
        self._icon.setVisible(found is not None)
        if found is not None:
            name, says = ("finding", "A finding") if found else ("no-finding", "No finding")
            colour = theme.current().answer
            self._icon.setPixmap(icons.pixmap(name, colour, _ICON, self.devicePixelRatioF()))
            self._icon.setAccessibleName(says)
            self._icon.setToolTip(f"{says}, by the name of the class")

    def refresh(self) -> None:
        """Show the state of the analysis."""
        self._show_model()
        analysis = self._state.analysis
        prediction = analysis.prediction
        for row in self._rows.values():
            row.show_probability(prediction)
            row.setVisible(analysis.session is not None or analysis.loading)
        near = analysis.familiarity
        self._likeness.say(
            _likeness(near) if near else "", "good" if near and near.familiar else "warning"
        )
        self._doubt.say(no_lesion(prediction), "warning")
        without = analysis.session is None and not analysis.loading
        self._load.setVisible(without)
        self._what.setText("")
        for part in (self._icon, self._answer, self._what):
            part.setVisible(prediction is not None)
        if prediction is not None:
            fusion = prediction.branches["fusion"]
            name = prediction.classes[prediction.predicted]
            self._answer.setText(f"{_capital(name)} {probability(fusion[prediction.predicted])}")
            self._answer.setAccessibleName(f"Prediction: {self._answer.text()}")
            self._show_icon()
            self._what.setText("fusion, calibrated")
            self._answer.setToolTip(f"{self._answer.text()}, fusion, calibrated")
            self._make_room()
            self._remark.say(_disagreement(prediction), "warning")
        elif without:
            self._remark.say(analysis.problem or "No model is loaded.", "info")
        elif analysis.loading:
            self._remark.say("The model is loading.", "info")
        elif self._state.image is None:
            self._remark.say("Open an image to see what the model says about it.", "info")
        elif analysis.busy:
            self._remark.say("Predicting…", "info")
        else:
            self._remark.say("There is no prediction for this image.", "warning")


def finding(name: str) -> bool | None:
    """Say by a class's name whether it is a finding; None where the name does not tell."""
    words = name.casefold().replace("-", " ").replace("_", " ").split()
    if not words:
        return None
    if words[0] in ("no", "not", "non", "without") or _HARMLESS & set(words):
        return False
    return True if _FINDINGS & set(words) else None


def who_answers(state: AppState) -> tuple[str, bool]:
    """Say which model answers for the image on screen and why; whether it was made for it."""
    analysis, image = state.analysis, state.image
    if analysis.session is None or image is None or analysis.prediction is None:
        return "", True
    about = analysis.session.checkpoint.metadata
    name = f"{about.name} {about.version}"
    if analysis.choice is not None:
        return f"{name} answers: {analysis.choice.reason}.", analysis.choice.fits
    code = image.identity.modality.upper()
    if about.modalities and code not in (*UNTOLD, *about.modalities):
        word = WORDS.get(code, code)
        return f"{name} answers, as you chose; it was not trained on {word}.", False
    return f"{name} answers, as you chose.", True


def _disagreement(prediction: Prediction) -> str:
    said: dict[str, list[str]] = {}
    for branch in ("global", "local"):
        values = prediction.branches[branch]
        best = max(range(len(values)), key=values.__getitem__)
        if best != prediction.predicted:
            said.setdefault(prediction.classes[best], []).append(branch)
    parts = [
        f"the {' and the '.join(who)} branch{'es say' if len(who) > 1 else ' says'} {what}"
        for what, who in said.items()
    ]
    return (" and ".join(parts).capitalize() + ".") if parts else ""


def _likeness(near: Familiarity) -> str:
    if near.familiar:
        return f"Looks like the training data (distance {near.ratio:.2f} of limit)."
    return (
        f"Unlike the training data (distance {near.ratio:.2f} of limit): "
        "the answer and its maps may mean nothing here."
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
