"""``training.report`` on runs whose figures are known, because they were written by hand."""

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from engine.evaluation.classification import measure
from engine.model.presets import preset
from training import cv
from training.evaluate import coherence, deletion
from training.evaluate.__main__ import summarise
from training.report import formats, paper, tables
from training.report.__main__ import main
from training.report.results import load
from training.report.table import Figure, Table
from training.state import csv_text, read_csv

CLASSES = ("benign", "malignant")
MAPS = ("global", "local", "gate", "attention", "shap-gate")
COUNT = 40


def _write(
    folder: Path,
    *,
    dataset: str = "busi",
    seed: int = 0,
    evaluated: bool = True,
    gate: float = 0.6,
    **settings: object,
) -> Path:
    """Write a run of COUNT images in four folds; its gate map scores ``gate``, the others 0.1."""
    rng = np.random.default_rng(seed)
    folder.mkdir()
    config = {
        "dataset": dataset,
        "classes": list(CLASSES),
        "folds": 4,
        "architecture": preset("compact", CLASSES).to_json(),
        "recipe": {"epochs": 9, "augmentation": "minimal"},
        "global_weights": None,
        "local_weights": None,
        "guidance": 0.0,
        "seed": 0,
        **settings,
    }
    (folder / cv.CONFIG).write_text(json.dumps(config))
    about = [
        {
            **{"index": i, "image": f"{i}.png", "frame": 0, "group": f"g{i}"},
            **{"fold": i % 4, "label": CLASSES[i // 4 % 2]},
        }
        for i in range(COUNT)
    ]
    predictions = []
    for row in about:
        logits = rng.normal(size=2) + 1.5 * np.eye(2)[CLASSES.index(str(row["label"]))]
        predictions.append(
            {
                **row,
                **{f"{b}_logit_{c}": logits[k] for b in cv.BRANCHES for k, c in enumerate(CLASSES)},
            }
        )
    (folder / cv.PREDICTIONS).write_text(csv_text(list(predictions[0]), predictions))
    if evaluated:
        _evaluate(folder, about, rng, gate)
    return folder


def _evaluate(
    folder: Path, about: list[dict[str, object]], rng: np.random.Generator, gate: float
) -> None:
    place = folder / "evaluation"
    place.mkdir()
    scores, deletions = [], []
    for row in about:
        area = int(rng.integers(300, 3000))
        for name in (*MAPS, coherence.RANDOM):
            score = (gate if name == "gate" else 0.1) + rng.normal() / 50
            beside = {"area": area, "pixels": 10000, "chance": area / 10000}
            prior = {"centre_rma": 0.2, "centre_rra": 0.25}
            scores.append(
                {**row, "map": name, "target": 1, "rma": score, "rra": score, **beside, **prior}
            )
        for name in (*MAPS, "random-fusion"):
            falls = 0.8 * np.exp(-np.arange(11) / (2 if name == "gate" else 8))
            curves = {f"morf_{p}": falls[k] for k, p in enumerate(deletion.PERCENT)}
            curves |= {f"lerf_{p}": 0.8 - 0.05 * k for k, p in enumerate(deletion.PERCENT)}
            ds = (0.3 if row["label"] == "malignant" else 0.1) if name == "gate" else 0.0
            deletions.append(
                {
                    **row,
                    **{"map": name, "output": "fusion", "target": 1},
                    **{"ds": ds + rng.normal() / 100, "ds_uncalibrated": ds, **curves},
                }
            )
    (place / "coherence.csv").write_text(csv_text(coherence.COLUMNS, scores))
    (place / "deletion.csv").write_text(csv_text(deletion.COLUMNS, deletions))
    settings = {"alpha": 1.0, "blur_sigma": 10 / 224, "shap_samples": 64}
    (place / "config.json").write_text(json.dumps(settings))
    summarise(place, "busi", CLASSES)
    pictures = rng.integers(0, 255, (11, 24, 24, 3), np.uint8)
    np.savez(
        place / "strip.npz",
        **{"morf": pictures, "lerf": pictures, "relevance": rng.random((24, 24)).astype("float32")},
        **{"q_morf": np.linspace(1, 0, 11), "q_lerf": np.linspace(1, 0, 11)},
        **{"map": np.array("gate"), "label": np.array("malignant"), "image": np.array("1.png")},
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of two runs, one of them not evaluated."""
    folder = tmp_path_factory.mktemp("report")
    runs = [_write(folder / "plain"), _write(folder / "other", seed=1, evaluated=False)]
    assert main([*map(str, runs), "--names", "Plain,<Other>", "--out", str(folder / "out")]) == 0
    return folder / "out"


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []
        self.ids: set[str] = set()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in ("meta", "img"):
            self.open.append(tag)
        if tag == "img":
            self.sources.append(given["src"] or "")
        if given.get("id"):
            self.ids.add(str(given["id"]))
        if tag == "a":
            self.links.add(str(given["href"]))
        assert tag not in ("script", "link")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_needs_no_other_file_and_its_links_lead_somewhere(report: Path) -> None:
    page = _Page()
    text = (report / "index.html").read_text()
    page.feed(text)
    assert page.open == [] and "http" not in text.replace("https://arxiv", "")
    assert len(page.sources) == 7
    for source in page.sources:
        data = base64.b64decode(source.removeprefix("data:image/png;base64,"))
        assert data[:4] == b"\x89PNG"
    assert {link.removeprefix("#") for link in page.links} <= page.ids
    # Names are escaped; what was not computed is said, with its command.
    assert "&lt;Other&gt;" in text and "<Other>" not in text
    assert re.search(r"&lt;Other&gt;: coherence and deletion: <code>python -m training", text)


def test_every_table_comes_in_every_format(report: Path) -> None:
    names = {p.stem for p in report.glob("table-*.csv")}
    assert names == {
        *("table-0-goals", "table-0-glance", "table-4-performance", "table-4-by-class"),
        *("table-5-coherence", "table-5-by-class-and-size", "table-6-deletion"),
    }
    for name in names:
        assert PillowImage.open(report / f"{name}.png").width > 800
        latex = (report / f"{name}.tex").read_text()
        assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") == 1
        columns = len(re.search(r"tabular}{(\w+)}", latex).group(1))  # type: ignore[union-attr]
        body = [line for line in latex.splitlines() if line.endswith(r"\\")]
        assert all(line.count(" & ") == columns - 1 for line in body)
        assert "%" not in latex.replace(r"\%", "").replace(r"% \usepackage", "")
    pictures = {p.stem for p in report.glob("figure-*.png")}
    assert len(pictures) == 7 and "figure-6-strip-plain" in pictures


def test_performance_is_the_folds_mean_and_deviation(report: Path) -> None:
    run = load(report.parent / "plain")
    rows = [r for r in read_csv(report / "table-4-performance.csv") if r["Run"] == "Plain"]
    assert [r["Output"] for r in rows] == ["global", "local", "gate"]
    each = [
        measure(run.logits["fusion"][run.folds == k], run.target[run.folds == k], CLASSES)
        for k in range(4)
    ]
    for column, figure in (
        ("Accuracy", "accuracy"),
        ("Specificity", "specificity"),
        ("AUC", "auc"),
    ):
        values = [e["weighted"][figure] for e in each]
        assert float(rows[2][column]) == pytest.approx(np.mean(values))
        assert float(rows[2][f"{column} deviation"]) == pytest.approx(np.std(values, ddof=1))
        assert float(rows[2][f"{column} low"]) < float(rows[2][f"{column} high"])
    assert rows[2]["Sensitivity"] == rows[2]["Accuracy"]


def test_the_paper_stands_beside_its_own_data_only(report: Path, tmp_path: Path) -> None:
    last = read_csv(report / "table-4-performance.csv")[-1]
    assert last["Run"] == paper.NAME
    assert (float(last["Accuracy"]), float(last["AUC"])) == (0.828, 0.874)
    # What the paper says elsewhere is not known here and is not made up.
    assert last["F1"] == last["ECE"] == last["Specificity"] == ""
    assert float(read_csv(report / "table-5-coherence.csv")[-1]["RMA"]) == 0.114
    assert float(read_csv(report / "table-6-deletion.csv")[-1]["DSc"]) == 0.055
    other = load(_write(tmp_path / "limbs", dataset="sts"))
    for table in tables.build([other]):
        assert paper.NAME not in {row[0] for row in table.rows} | set(table.columns)


def test_only_maps_that_beat_the_centred_gaussian_are_bold(report: Path) -> None:
    table = tables.coherence([load(report.parent / "plain")])
    bold = {row[1] for row in table.rows if isinstance(row[3], Figure) and row[3].strong}
    assert bold == {"gate"}
    names = [row[1] for row in table.rows]
    assert names[-4:] == ["random map", "centred Gaussian", "chance", "gate"]
    gate = next(row for row in table.rows if row[1] == "gate")
    chance = gate[5]
    assert isinstance(chance, Figure) and isinstance(gate[6], Figure)
    assert gate[6].value == pytest.approx(gate[3].value / chance.value)  # type: ignore[union-attr, operator]


def test_dsc_is_what_the_classes_leave(report: Path) -> None:
    gate = next(r for r in read_csv(report / "table-6-deletion.csv") if r["Map"] == "gate")
    low, high = float(gate["DS benign"]), float(gate["DS malignant"])
    assert float(gate["DSc"]) == pytest.approx(float(gate["DS"]) - (high - low) / 2)
    assert float(gate["DSc, uncalibrated"]) == pytest.approx(0.1)


def test_numbers_are_written_as_they_should_be() -> None:
    assert Figure(-0.0001).main == "0.000" and Figure(-0.1234, 0.01).main == "−0.123 ± 0.010"
    assert Figure(None).main == "–" and Figure(0.5, low=0.4, high=0.6).interval == "[0.400, 0.600]"
    table = Table("t", "A & B", "100 % of _", ("x", "y"), (("a_b", Figure(-0.5)), ("", 3)))
    latex = formats.to_latex(table)
    assert r"A \& B. 100 \% of \_" in latex and r"a\_b & $-$0.500 \\" in latex
    assert formats.to_csv(table) == "x,y\na_b,-0.5\na_b,3\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plain", "plain"], "same name"),
        (["plain", "--names", "A,B"], "2 names for 1 runs"),
        (["nowhere"], "holds no run"),
    ],
)
def test_errors_are_sentences(
    tmp_path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(tmp_path / "plain", evaluated=False)
    given = [str(tmp_path / a) if a in ("plain", "nowhere") else a for a in arguments]
    assert main([*given, "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
