from pathlib import Path

import numpy as np
import pytest

from engine.errors import InvalidInputError
from training.evaluate import summary
from training.evaluate.rows import Rows
from training.evaluate.run import stratified


def _row(index: int, name: str, area: int, rma: float | None, **more: str) -> dict[str, str]:
    return {
        **{"index": str(index), "map": name, "area": str(area), "pixels": "100"},
        **{"fold": str(index % 2), "group": f"g{index}", "label": "ab"[index % 2]},
        **{"rma": "" if rma is None else str(rma), "rra": "" if rma is None else "0.5"},
        **{"chance": str(area / 100), "centre_rma": "0.2", "centre_rra": "0.3"},
        **more,
    }


def test_sizes_are_thirds_of_the_images_not_of_the_rows() -> None:
    rows = [_row(i, m, i + 1, 0.1) for i in range(9) for m in ("x", "y")]
    cuts = summary.tertiles(rows)
    of = summary.sizes(rows, cuts)
    assert [of[str(i)] for i in range(9)] == ["small"] * 3 + ["middle"] * 3 + ["large"] * 3
    assert "9" not in summary.sizes([*rows, _row(9, "x", 0, None)], cuts)


def test_maps_without_score_and_empty_masks_are_counted_not_averaged() -> None:
    rows = [_row(0, "x", 10, 0.2), _row(1, "x", 20, 0.4), _row(2, "x", 30, None)]
    rows.append(_row(3, "x", 0, None))
    found = summary.coherence_summary(rows, "ab")
    whole = next(r for r in found if (r["map"], r["subset"]) == ("x", "all"))
    assert (whole["images"], whole["without_score"]) == (2, 1)
    assert whole["rma"] == pytest.approx(0.3) and whole["chance"] == pytest.approx(0.15)
    assert whole["rma_deviation"] == pytest.approx(np.std([0.2, 0.4], ddof=1))
    centre = next(r for r in found if (r["map"], r["subset"]) == ("centre", "all"))
    assert centre["images"] == 3 and centre["rra"] == pytest.approx(0.3)


def test_a_map_that_never_scores_has_no_figure() -> None:
    found = summary.coherence_summary([_row(0, "x", 10, None)], "ab")
    whole = next(r for r in found if (r["map"], r["subset"]) == ("x", "all"))
    assert whole["images"] == 0 and whole["rma"] is None and whole["rma_low"] is None


def test_beginnings_of_the_order_hold_the_classes_in_proportion() -> None:
    labels = [0] * 60 + [1] * 30
    order = stratified(labels, seed=1)
    assert sorted(order) == list(range(90))
    for count in (9, 30, 60):
        share = np.mean([labels[i] for i in order[:count]])
        assert share == pytest.approx(1 / 3, abs=0.5 / count + 1e-9)
    assert order == stratified(labels, seed=1) != stratified(labels, seed=2)


def test_rows_forget_a_torn_line_and_refuse_another_table(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    table = Rows(path, ("index", "map", "value"))
    table.append([{"index": 1, "map": "a", "value": 0.5}, {"index": 1, "map": "b", "value": None}])
    table.append([{"index": 2, "map": "a", "value": 1.5}])
    path.write_text(path.read_text()[:-2])
    again = Rows(path, ("index", "map", "value"))
    assert again.known == {(1, "a"), (1, "b")}
    assert again.missing(2, ("a", "b")) == ("a", "b") and again.missing(1, ("a", "b")) == ()
    assert path.read_text() == "index,map,value\n1,a,0.5\n1,b,\n"
    with pytest.raises(InvalidInputError, match="another version"):
        Rows(path, ("index", "map", "other"))
