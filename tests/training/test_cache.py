from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from engine.errors import CancelledError, InvalidInputError
from engine.images.preprocess import Preprocessing, to_model_input
from engine.images.reader import read
from engine.progress import Progress
from training.cache import pixels
from training.datasets.record import Record

HOW = Preprocessing(size=(64, 64))


def _save(path: Path, array: np.ndarray) -> Path:
    PillowImage.fromarray(array).save(path)
    return path


def _record(path: Path, *masks: Path, **changes: object) -> Record:
    return replace(Record(path, 0, "a", "", "US", "", masks, "g"), **changes)  # type: ignore[arg-type]


@pytest.fixture
def records(tmp_path: Path) -> list[Record]:
    """Grey images of several shapes; the second has two masks, the last none."""
    rng = np.random.default_rng(0)
    made = []
    for i, shape in enumerate([(64, 64), (100, 140), (150, 90), (64, 64)]):
        image = _save(tmp_path / f"i{i}.png", rng.integers(0, 256, shape, np.uint8))
        masks = []
        for j in range((1, 2, 1, 0)[i]):
            mask = np.zeros(shape, np.uint8)
            mask[10 + 30 * j : 30 + 30 * j, 20:50] = 255
            masks.append(_save(tmp_path / f"i{i}_mask{j}.png", mask))
        made.append(_record(image, *masks))
    return made


def test_holds_what_the_network_will_be_given(records: list[Record], tmp_path: Path) -> None:
    data = pixels(records, HOW, folder=tmp_path / "cache")
    assert data.images.shape == (4, 1, 64, 64) and data.images.dtype == np.uint8
    assert data.known.tolist() == [True, True, True, False]
    import torch

    inputs = data.normalise(torch.from_numpy(data.images[:]).float() / 255)
    for i, record in enumerate(records):
        exact = to_model_input(read(record.path), 0, HOW).tensor
        # Half a grey level, over the smallest standard deviation.
        assert np.abs(inputs[i].numpy() - exact).max() <= 0.5 / 255 / 0.224 + 1e-5


def test_masks_lie_where_the_image_does(records: list[Record], tmp_path: Path) -> None:
    data = pixels(records, HOW, folder=tmp_path / "cache")
    # The first has the input's size: its mask is unchanged.
    assert np.array_equal(data.masks[0][10:30, 20:50], np.ones((20, 30)))
    assert data.masks[0].sum() == 600
    # The second is padded above and below: 140 columns to 64, both masks.
    scale = 64 / 140
    assert data.masks[1].sum() == pytest.approx(2 * 20 * 30 * scale**2, rel=0.1)
    rows, cols = np.nonzero(data.masks[1])
    top = (64 - round(100 * scale)) // 2
    assert rows.min() == pytest.approx(top + 10 * scale, abs=1)
    assert rows.max() == pytest.approx(top + 60 * scale, abs=1)
    assert cols.min() == pytest.approx(20 * scale, abs=1)
    assert data.masks[3].sum() == 0


def test_is_read_once_and_again_when_something_changes(
    records: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "cache"
    first = pixels(records, HOW, folder=folder)
    reads = []
    original = read
    monkeypatch.setattr("training.cache.reader.read", lambda p: reads.append(p) or original(p))
    again = pixels(records, HOW, folder=folder)
    assert not reads and np.array_equal(first.images, again.images)
    pixels(records, replace(HOW, keep_aspect=False), folder=folder)
    assert reads
    reads.clear()
    _save(records[0].path, np.zeros((64, 64), np.uint8))
    assert pixels(records, HOW, folder=folder).images[0].max() == 0
    assert reads
    reads.clear()
    assert pixels(records[::-1], HOW, folder=folder).images[3].max() == 0
    assert reads


def test_a_run_stopped_half_way_leaves_nothing_that_looks_like_a_cache(
    records: list[Record], tmp_path: Path
) -> None:
    folder = tmp_path / "cache"
    progress = Progress(lambda fraction, text: progress.cancel() if fraction > 0.4 else None)
    with pytest.raises(CancelledError):
        pixels(records, HOW, progress, folder)
    assert not list(folder.iterdir())
    assert pixels(records, HOW, folder=folder).images[2].max() > 0


def test_colour_is_kept(records: list[Record], tmp_path: Path) -> None:
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 200
    colour = _record(_save(tmp_path / "red.png", red))
    data = pixels([*records, colour], HOW, folder=tmp_path / "cache")
    assert data.images.shape == (5, 3, 64, 64)
    assert data.images[4, :, 32, 32].tolist() == [200, 0, 0]


def test_every_unusable_file_is_named_at_once(records: list[Record], tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    wrong = _save(tmp_path / "wrong_mask.png", np.zeros((5, 5), np.uint8))
    bad = [
        _record(broken, origin="cohort.csv, line 9"),
        replace(records[0], frame=7),
        replace(records[0], mask_paths=(wrong,)),
    ]
    with pytest.raises(InvalidInputError) as caught:
        pixels([*records, *bad], HOW, folder=tmp_path / "cache")
    lines = str(caught.value).splitlines()
    assert lines[0] == "3 of 7 images cannot be used:"
    text = "\n".join(lines)
    assert "cohort.csv, line 9: broken.png" in text
    assert "no frame 7" in text and "wrong_mask.png" in text
    assert not list((tmp_path / "cache").iterdir())


def test_a_missing_file_is_named(records: list[Record], tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"gone\.png is listed but cannot be opened"):
        pixels([_record(tmp_path / "gone.png")], HOW, folder=tmp_path / "cache")
