"""The browser by patient, study and series; names hidden wherever they show; none in logs."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QLabel,
    QLineEdit,
    QStyleOptionViewItem,
    QWidget,
)

from engine import folders
from engine.images.case import Case, Series
from engine.images.hanging import hanging
from engine.images.scan import scan
from tests.engine.images.dicom_files import generate_uid, save, slice_
from tests.viewer.conftest import settled
from viewer import theme

NAME, NUMBER = "Weber^Johanna", "JW-4711"
SECRETS = ("weber", "johanna", "jw-4711")


@pytest.fixture
def study(tmp_path) -> Path:
    """Two studies of one patient, one of another, and a picture named after a patient."""
    folder = tmp_path / "Johanna Weber"
    folder.mkdir()
    first, second, third = (generate_uid() for _ in range(3))
    rng = np.random.default_rng(1)

    def series(study, date, about, number, title, frames, name=NAME, patient=NUMBER):
        uid = generate_uid()
        for index in range(frames):
            made = slice_(4.0 * index, shape=(24, 30), InstanceNumber=index + 1)
            made.PixelData = rng.integers(0, 900, (24, 30), dtype=np.int16).tobytes()
            made.StudyInstanceUID, made.SeriesInstanceUID = study, uid
            made.StudyDate, made.StudyDescription = date, about
            made.SeriesNumber, made.SeriesDescription = number, title
            made.SequenceName, made.RepetitionTime, made.EchoTime = "*tse2d1_7", 500, 12
            made.PatientName, made.PatientID = name, patient
            save(made, folder / f"{patient}_{date}_{number}_{index}.dcm")

    series(second, "20210611", "Follow-up", 1, "T1 axial", 4)
    series(first, "20190304", "MRI thighs", 1, "localizer", 3)
    series(first, "20190304", "MRI thighs", 2, "T1 axial", 5)
    series(first, "20190304", "MRI thighs", 3, "STIR, JOHANNA WEBER", 6)
    series(third, "20200101", "MRI calf", 1, "T1 axial", 2, "Okafor^Sam", "SO-77")
    Pillow.fromarray(rng.integers(0, 255, (20, 30), dtype=np.uint8)).save(
        folder / "weber_johanna.png"
    )
    (folder / "weber_broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    return folder


@pytest.fixture
def window(new_window):
    return new_window()


def show(window, qtbot, path):
    window.state.open_paths([path])
    qtbot.waitUntil(lambda: window.state.image is not None)
    qtbot.waitUntil(lambda: settled(window))


def listed(window):
    return [(i.kind, i.text, i.detail) for i in window.cases.model.items]


def test_patients_studies_and_series_with_counts_and_sequences(window, qtbot, study):
    show(window, qtbot, study)
    rows = listed(window)
    assert rows[:8] == [
        ("heading", "OPENED", ""),
        ("patient", "Johanna Weber", "2 studies · 4 series · 18 images"),
        ("case", "MRI thighs · 2019-03-04", "3 series · 14 images"),
        ("series", "localizer", "3 slices · *tse2d1_7"),
        ("series", "T1 axial", "5 slices · *tse2d1_7"),
        ("series", "STIR, JOHANNA WEBER", "6 slices · *tse2d1_7"),
        ("case", "Follow-up · 2021-06-11", "MR · 4 slices · *tse2d1_7"),
        ("case", "Sam Okafor", "MR · 2 slices · *tse2d1_7"),
    ]
    tip = window.cases.model.items[4].tip
    assert "TR 500 ms" in tip and "TE 12 ms" in tip and "slices of 3 mm" in tip


def test_words_filter_and_parents_stay(window, qtbot, study):
    show(window, qtbot, study)
    QTest.keyClicks(window.cases.filter, "weber t1")
    assert [row[:2] for row in listed(window)] == [
        ("heading", "OPENED"),
        ("patient", "Johanna Weber"),
        ("case", "MRI thighs · 2019-03-04"),
        ("series", "T1 axial"),
        ("case", "Follow-up · 2021-06-11"),
    ]
    assert listed(window)[2][2] == "1 of 3 series · 14 images"
    QTest.keyClick(window.cases.filter, Qt.Key.Key_Return)  # opens the first
    qtbot.waitUntil(lambda: window.state.series.title == "T1 axial")
    QTest.keyClicks(window.cases.filter, " knee")
    assert [row[1] for row in listed(window)] == ["Nothing matches"]
    QTest.keyClick(window.cases.filter, Qt.Key.Key_Escape)
    assert len(listed(window)) > 7


def test_folding_by_the_chevron_and_by_arrow_keys(window, qtbot, study):
    show(window, qtbot, study)
    model, view = window.cases.model, window.cases.list
    area = view.visualRect(model.index(2))
    opened = window.state.series
    QTest.mouseClick(
        view.viewport(),
        Qt.MouseButton.LeftButton,
        pos=QPoint(area.right() - 10, area.center().y()),
    )
    assert [row[0] for row in listed(window)[:4]] == ["heading", "patient", "case", "case"]
    assert window.state.opening is None and window.state.series is opened  # folds, opens nothing
    view.setCurrentIndex(model.index(2))
    QTest.keyClick(view, Qt.Key.Key_Right)
    assert listed(window)[3][0] == "series"
    view.setCurrentIndex(model.index(1))
    QTest.keyClick(view, Qt.Key.Key_Left)
    assert [row[1] for row in listed(window)[1:3]] == ["Johanna Weber", "Sam Okafor"]


def test_a_study_opens_at_its_first_series_and_keys_go_on(window, qtbot, study):
    show(window, qtbot, study)
    state, model = window.state, window.cases.model

    def is_open(case_study, title):
        qtbot.waitUntil(
            lambda: (
                state.opening is None
                and (state.case.study, state.series.title) == (case_study, title)
            ),
            timeout=60_000,
        )

    window.cases._choose(model.index(7))
    is_open("MRI calf", "T1 axial")
    window.cases._choose(model.index(2))
    is_open("MRI thighs", "localizer")
    window.actions_["next-case"].trigger()
    is_open("MRI thighs", "T1 axial")
    window.actions_["next-study"].trigger()
    is_open("Follow-up", "T1 axial")
    window.actions_["next-case"].trigger()
    is_open("MRI calf", "T1 axial")
    window.actions_["previous-study"].trigger()
    window.actions_["previous-study"].trigger()
    is_open("MRI thighs", "localizer")
    assert [s.title for s in state.study_series()] == [s.title for s in state.case.series]
    assert [s.title for s in state.study_series(2)] == ["T1 axial", "STIR, JOHANNA WEBER"]


def test_hanging_leaves_out_plans_only_where_room_is_short():
    def series(title, frames):
        return Series(title, "", None, None, (), frames=frames)

    case = Case("x", (series("Localizer", 3), series("T1", 20), series("still", 1)))
    assert [s.title for s in hanging(case)] == ["Localizer", "T1", "still"]
    assert [s.title for s in hanging(case, 2)] == ["T1", "still"]
    assert [s.title for s in hanging(case, 1)] == ["T1"]
    assert hanging(Case("x", (series("scout", 1), series("scout", 1))), 1)


def texts(window) -> list[str]:
    """Everything that a widget of the window says or would say."""
    found = [window.windowTitle()]
    for widget in [window, *window.findChildren(QWidget)]:
        found += [widget.toolTip(), widget.accessibleName(), widget.windowTitle()]
        if isinstance(widget, (QLabel, QAbstractButton)):
            found.append(widget.text())
        if isinstance(widget, QLineEdit):
            found.append(widget.placeholderText())
    model = window.cases.model
    roles = (
        Qt.ItemDataRole.DisplayRole,
        Qt.ItemDataRole.ToolTipRole,
        Qt.ItemDataRole.AccessibleTextRole,
    )
    for row, item in enumerate(model.items):
        found += [str(model.data(model.index(row), role) or "") for role in roles]
        found += [item.text, item.detail, item.tip]
    for action in window.actions_.all.values():
        found += [action.text(), action.toolTip()]
    for menu in window.actions_.menus.findChildren(QWidget):
        found.append(menu.windowTitle())
    return [text.lower() for text in found]


def secrets_shown(window) -> list[str]:
    return [text for text in texts(window) for secret in SECRETS if secret in text]


def test_one_key_hides_names_everywhere(window, qtbot, study):
    show(window, qtbot, study)
    window.cases.model.toggle_problems()
    stir = next(s for s in window.state.case.series if "STIR" in s.title)
    window.state.open_series(window.state.case, stir)
    qtbot.waitUntil(lambda: window.state.series is stir)
    QApplication.processEvents()
    assert secrets_shown(window) and "JOHANNA" in window.windowTitle()
    QTest.keyClick(window.views.active.surface, Qt.Key.Key_F8)
    qtbot.waitUntil(lambda: window.state.privacy.hidden)
    QApplication.processEvents()
    window.notice.clear()
    assert secrets_shown(window) == []
    assert listed(window)[1][1] == "Patient 1"
    assert window.windowTitle() == "STIR, ••• – Saliscope"
    # What comes after keeps to it.
    window.state.open_paths([study / "weber_broken.png"])
    qtbot.waitUntil(lambda: bool(window.notice.accessibleName()))
    assert "A file cannot be read" in window.notice.accessibleName()
    window.state.notice.emit("weber.nii.gz and “J. Weber 2.png” cannot be read.", "warning")
    assert window.notice.accessibleName() == "a file and a file cannot be read."
    assert secrets_shown(window) == []
    picture = next(
        c for c in window.state.cases.opened.cases if c.series[0].paths[0].suffix == ".png"
    )
    window.state.open_series(picture, picture.series[0])
    qtbot.waitUntil(lambda: window.state.case is picture)
    assert secrets_shown(window) == []
    window.actions_["hide-names"].trigger()
    assert "weber" in window.windowTitle().lower()


def test_hidden_names_stay_hidden_at_the_next_start(window, qtbot):
    from viewer.settings import Settings
    from viewer.state import AppState

    window.actions_["hide-names"].trigger()
    again = AppState(Settings())
    assert again.privacy.hidden
    again.close()


def test_names_reach_neither_logs_nor_file_names(window, qtbot, study, caplog):
    from viewer import log

    log.start()
    with caplog.at_level(logging.DEBUG):
        show(window, qtbot, study)
        tool = window.measuring.tools["distance"]
        window.choose_tool(tool)
        view = window.views.active
        for row in (5, 15):
            at = view.viewport.to_widget(row, 10).toPoint()
            QTest.mouseClick(view.surface, Qt.MouseButton.LeftButton, pos=at)
        window.state.measures.save()
        window.state.jobs.start(
            "Failing", lambda _: 1 / 0 if study else None, lambda _: None, failed=lambda _: None
        )
        qtbot.waitUntil(lambda: settled(window))
    logging.getLogger("viewer").warning("the log is there")
    written = (folders.logs() / "saliscope.log").read_text()
    assert "the log is there" in written and "ZeroDivisionError" in written
    own = [record for record in caplog.records if record.name.startswith(("viewer", "engine"))]
    said = written.lower() + " ".join(record.getMessage() for record in own).lower()
    assert not [secret for secret in SECRETS if secret in said]
    kept = [p for p in folders.data().rglob("*") if p.is_file()]
    assert any("measurements" in str(p) for p in kept)
    for path in kept:
        assert not [s for s in SECRETS if s in str(path.relative_to(folders.data())).lower()]
    measured = next(p for p in kept if p.parent.name == "measurements").read_text().lower()
    assert not [s for s in SECRETS if s in measured]


def test_scan_finds_dates_and_sequences(study):
    case = next(c for c in scan([study]).cases if c.study == "MRI thighs")
    assert case.study_date == "2019-03-04" and case.images == 14
    assert case.series[1].details == ("TR 500 ms", "TE 12 ms", "slices of 3 mm")


def test_where_the_first_series_is_damaged_the_first_that_can_be_read_is_shown(
    bare_window, until, tmp_path
):
    save(slice_(0.0, shape=(24, 30)), tmp_path / "a.dcm")
    whole = (tmp_path / "a.dcm").read_bytes()
    (tmp_path / "a.dcm").write_bytes(whole[:-700])
    for name in ("b", "c"):
        Pillow.fromarray(np.full((24, 30), 90, np.uint8)).save(tmp_path / f"{name}.png")
    window = bare_window(tmp_path)
    state = window.state
    damaged, shown, _ = (case.series[0] for case in state.cases.opened.cases)
    assert damaged.paths == (tmp_path / "a.dcm",)
    assert state.series is shown and shown.paths == (tmp_path / "b.png",)
    assert "a.dcm cannot be read: it is cut short" in window.notice.text
    # Asked for by the reader, it is not replaced by another.
    state.open_series(state.cases.opened.cases[0], damaged)
    until(lambda: settled(window))
    assert state.series is shown


class Texts(QPainter):
    """Paints, and keeps what it wrote."""

    def __init__(self, on) -> None:
        super().__init__(on)
        self.written: list[str] = []

    def drawText(self, *given) -> None:
        self.written.append(given[-1])
        super().drawText(*given)


def painted(cases, row) -> list[str]:
    """Return what is written in a row of the list, cut to its width as it is."""
    option = QStyleOptionViewItem()
    option.rect = QRect(0, 0, theme.CASES_WIDTH - 14, 56)
    picture = QPixmap(option.rect.size())
    painter = Texts(picture)
    index = cases.model.index(list(cases.model.items).index(row), 0)
    cases.list.itemDelegate().paint(painter, option, index)
    painter.end()
    return painter.written


def test_a_damaged_slice_is_left_out_said_and_marked_in_the_list(window, qtbot, tmp_path, until):
    folder = tmp_path / "one"
    folder.mkdir()
    for i in range(6):
        save(slice_(i * 3.0, value=i, InstanceNumber=i + 1), folder / f"IM{i}.dcm")
    (folder / "IM2.dcm").write_bytes((folder / "IM2.dcm").read_bytes()[:-20])
    state = window.state
    state.open_paths([folder])
    until(lambda: settled(window) and state.image is not None)
    sentence = state.image.said_of_left_out()
    assert state.image.frames == 5
    assert sentence.startswith("1 of 6 slices is left out, as the file IM2.dcm cannot be read: ")
    assert window.notice.text == sentence
    assert window.notice.property("tone") == "warning"
    remark = window.answers.image._remark
    (row,) = [item for item in window.cases.model.items if item.series is state.series]
    assert row.detail.startswith("1 not read · MR")
    assert sentence in row.tip
    assert any(text.startswith("1 not read") for text in painted(window.cases, row))
    assert remark.text.startswith(sentence)
    # Names of files are hidden with the patients'.
    state.privacy.set_hidden(True)
    (row,) = [item for item in window.cases.model.items if item.series is state.series]
    assert "IM2" not in row.tip + remark.text + window.notice.text + window.notice.accessibleName()
    assert window.notice.text == state.image.said_of_left_out("a file")
    assert "a file cannot be read" in row.tip
    state.privacy.set_hidden(False)
    # Mended and opened again, nothing is missing any more.
    save(slice_(6.0, value=2, InstanceNumber=3), folder / "IM2.dcm")
    state.open_series(state.case, state.series)
    until(lambda: settled(window) and state.image.frames == 6)
    (row,) = [item for item in window.cases.model.items if item.series is state.series]
    assert row.detail.startswith("MR")
