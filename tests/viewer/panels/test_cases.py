"""The list of cases keeps what tells series apart, however narrow it is."""

from __future__ import annotations

from PySide6.QtGui import QFontMetrics


def test_rows_of_the_list_are_never_cut_off(make_window, until):
    from viewer import theme
    from viewer.panels.thumbnails import THUMBNAIL

    window = make_window(ready=False)
    window.opening.demo()
    until(lambda: bool(window.state.cases.demo.cases))
    metrics = QFontMetrics(theme.font(12))
    room = theme.CASES_WIDTH - 2 * 14 - THUMBNAIL.width() - 8 - 18  # 18: the sign for notes
    items = [item for item in window.cases.model.items if item.series is not None]
    assert any("slices" in item.detail for item in items)
    for item in items:
        assert metrics.horizontalAdvance(item.detail) <= room, item.detail
        assert item.series.summary in item.tip  # what the row leaves out
    studies = [item for item in window.cases.model.items if item.fold is not None]
    assert studies
    for item in studies:
        assert metrics.horizontalAdvance(item.detail) <= theme.CASES_WIDTH - 70, item.detail
        assert " series · " in item.tip


def test_titles_keep_what_tells_series_apart(qapp):
    from viewer import theme
    from viewer.panels.case_delegate import fitted

    metrics = QFontMetrics(theme.font(13))
    short = fitted("Multi_TE-17 with a long protocol name · TE 10.9 ms", metrics, 150)
    assert short.endswith("… · TE 10.9 ms")
    assert metrics.horizontalAdvance(short) <= 150
    assert fitted("T1 axial", metrics, 150) == "T1 axial"
    study = fitted("Phantom of the calf · 2000-01-01 · 8 images", metrics, 200)
    assert study.endswith("… · 2000-01-01 · 8 images"), "half a date says nothing"
    assert fitted("x · " + "long " * 20, metrics, 150).endswith("…")
