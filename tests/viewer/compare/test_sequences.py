"""Which series of a study belong side by side."""

from __future__ import annotations

from dataclasses import replace

from engine.images.case import Case, Series
from viewer.compare.sequences import is_stir, is_t1, partner


def series(title: str, frames: int = 20, shape: tuple[int, int] = (64, 64)) -> Series:
    return Series(title, "", lambda _: None, lambda _: None, (), frames=frames, shape=shape)


def test_names_of_vendors_are_known():
    for title in ("T1 axial", "t1_tse_tra", "AX T1", "Dixon fat"):
        assert is_t1(series(title)) and not is_stir(series(title)), title
    for title in ("STIR axial", "tirm_cor", "T2 FS", "pd_tse_fs", "T2 fat sat", "Dixon water"):
        assert is_stir(series(title)) and not is_t1(series(title)), title
    for title in ("Localizer", "B-mode", "T2 axial", "view1"):
        assert not is_t1(series(title)) and not is_stir(series(title)), title
    assert is_stir(replace(series("Series 4"), sequence="STIR"))


def test_stir_comes_beside_t1_and_the_other_way_round():
    scout, t1, stir = series("Localizer", 3, (9, 9)), series("T1 axial"), series("STIR axial")
    coronal = series("STIR coronal", 12)
    case = Case("a", (scout, coronal, t1, stir))
    assert partner(case, t1) is stir  # of as many slices
    assert partner(case, stir) is t1
    assert partner(case, coronal) is t1


def test_without_such_names_the_next_of_its_size_comes():
    one, other, small = series("view1"), series("view2"), series("scout", 3, (9, 9))
    assert partner(Case("a", (one, small, other)), one) is other
    assert partner(Case("a", (one, small)), one) is small
    assert partner(Case("a", (one,)), one) is None
