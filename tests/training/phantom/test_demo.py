import resources
from engine.images.case import ScanResult
from engine.images.reader import read
from engine.images.scan import scan
from training.datasets import phantom
from training.phantom.demo import CASES
from training.phantom.manifest import NAME

FOLDER = resources.path("demo")


def test_the_shipped_demo_reads_whole_and_is_small() -> None:
    data = phantom.load(FOLDER)
    assert len({r.patient for r in data.records}) == len(CASES)
    assert {r.modality for r in data.records} == {"MR", "US"}
    assert {r.path.suffix for r in data.records} == {".dcm", ".gz", ".png"}
    for record in data.records:
        image = read(record.path)
        for path in record.mask_paths:
            mask = read(path)
            assert mask.shape == image.shape
            assert mask.grey(record.frame if mask.frames > 1 else 0).any()
    assert sum(p.stat().st_size for p in FOLDER.rglob("*") if p.is_file()) < 6_000_000


def test_the_demo_says_that_nobody_is_shown() -> None:
    text = (FOLDER / "README.md").read_text()
    assert "no such patients" in text and "CC0" in text
    assert (FOLDER / NAME).is_file()


def test_the_demo_scans_without_a_problem() -> None:
    result: ScanResult = scan([FOLDER / "images"])
    assert result.problems == ()
    series = [s for case in result.cases for s in case.series]
    assert {s.modality for s in series} >= {"MR", "US"}
    stacks = [s for s in series if s.modality == "MR" and s.paths[0].suffix == ".dcm"]
    assert sorted(s.frames for s in stacks) == [3, 3, 4, 4]
