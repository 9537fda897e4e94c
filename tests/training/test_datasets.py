"""The two real data sets, where they are at hand, and the finder of near-duplicates."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from engine.errors import InvalidInputError
from training import datasets
from training.datasets import duplicates
from training.datasets.duplicates import join, near_duplicates, thumbnail


def _busi(folder: Path) -> Path:
    """Write a few speckled images in BUSI's layout; benign (2) repeats benign (1), brighter."""
    rng = np.random.default_rng(0)
    for label, count in (("benign", 4), ("malignant", 3), ("normal", 2)):
        (folder / label).mkdir()
        for i in range(1, count + 1):
            coarse = rng.integers(0, 200, (8, 10), np.uint8)
            image = np.asarray(PillowImage.fromarray(coarse).resize((100, 80)))
            PillowImage.fromarray(image).save(folder / label / f"{label} ({i}).png")
            mask = np.zeros((80, 100), np.uint8)
            if label != "normal":
                mask[20:40, 30:60] = 255
            PillowImage.fromarray(mask).save(folder / label / f"{label} ({i})_mask.png")
    first = np.asarray(PillowImage.open(folder / "benign" / "benign (1).png"))
    brighter = np.clip(first * 0.9 + 20 + rng.normal(0, 2, first.shape), 0, 255)
    PillowImage.fromarray(brighter.astype(np.uint8)).save(folder / "benign" / "benign (2).png")
    return folder


def test_busi_pairs_masks_and_keeps_near_duplicates_together(tmp_path: Path) -> None:
    folder = _busi(tmp_path)
    extra = folder / "benign" / "benign (3)_mask_1.png"
    PillowImage.fromarray(np.zeros((80, 100), np.uint8)).save(extra)
    (folder / "near_duplicates.txt").write_text("benign (4)\tmalignant (1)\n")
    dataset = datasets.load("busi", folder)
    names = [r.path.stem for r in dataset.records]
    assert dataset.classes == ("benign", "malignant")
    assert names == [f"benign ({i})" for i in range(1, 5)] + [
        f"malignant ({i})" for i in range(1, 4)
    ]
    assert [len(r.mask_paths) for r in dataset.records] == [1, 1, 2, 1, 1, 1, 1]
    group = dict(zip(names, dataset.groups, strict=True))
    assert group["benign (1)"] == group["benign (2)"]
    assert group["benign (4)"] == group["malignant (1)"]
    assert len(set(group.values())) == 5
    three = datasets.load("busi", folder, ("normal", "benign", "malignant"))
    assert len(three.records) == 9 and three.labels[0] == 0
    with pytest.raises(InvalidInputError, match="no class 'cyst'"):
        datasets.load("busi", folder, ("benign", "cyst"))
    with pytest.raises(InvalidInputError, match="is not BUSI"):
        datasets.load("busi", folder / "benign")


def test_busi_lends_its_normal_images_but_none_that_a_fold_is_tested_on(tmp_path: Path) -> None:
    folder = _busi(tmp_path)
    before = datasets.load("busi", folder)
    assert [r.path.stem for r in before.unlabelled()] == ["normal (1)", "normal (2)"]
    assert all(r.known_empty and not r.mask_paths for r in before.unlabelled())
    assert before.lesion_free == ("normal",)
    (folder / "near_duplicates.txt").write_text("benign (4)\tnormal (1)\tmalignant (1)\n")
    dataset = datasets.load("busi", folder)
    assert [r.path.stem for r in dataset.unlabelled()] == ["normal (2)"]
    assert dataset.groups[3] == dataset.groups[4]
    three = datasets.load("busi", folder, ("normal", "benign", "malignant"))
    assert not three.unlabelled()
    # What nobody asks for is not read.
    (folder / "normal" / "normal (2).png").write_bytes(b"no picture")
    datasets.load("busi", folder)


def test_the_search_for_duplicates_is_remembered_until_a_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = sorted((_busi(tmp_path) / "benign").glob("benign (?).png"))
    assert duplicates.near_duplicates_of_files(paths) == [(0, 1)]
    reads: list[Path] = []
    original = duplicates.reader.read
    monkeypatch.setattr(
        "training.datasets.duplicates.reader.read", lambda p: reads.append(p) or original(p)
    )
    assert duplicates.near_duplicates_of_files(paths) == [(0, 1)]
    assert not reads
    PillowImage.fromarray(np.eye(80, 100, dtype=np.uint8) * 255).save(paths[1])
    assert duplicates.near_duplicates_of_files(paths) == []
    assert reads


def test_noise_scale_and_annotation_do_not_hide_a_duplicate() -> None:
    rng = np.random.default_rng(1)
    coarse = rng.random((40, 12, 12)).astype(np.float32)
    images = [np.asarray(PillowImage.fromarray(c).resize((200, 160))) for c in coarse]
    altered = images[7] * 0.8 + 0.1 + rng.normal(0, 0.02, images[7].shape)
    altered[100:103, 60:90] = 1  # a calliper
    smaller = np.asarray(PillowImage.fromarray(images[3]).resize((120, 96)))
    thumbnails = np.stack([thumbnail(i.astype(np.float32)) for i in [*images, altered, smaller]])
    assert near_duplicates(thumbnails) == [(3, 41), (7, 40)]


def test_join_is_transitive() -> None:
    assert join(6, [(4, 2), (2, 5), (0, 1)]) == [0, 0, 2, 3, 2, 2]


def test_sts_labels_slices_by_their_mask(tmp_path: Path) -> None:
    import nibabel

    for number in (1, 2):
        folder = tmp_path / f"STS_00{number}"
        folder.mkdir()
        affine = np.diag([1.0, 1.0, 3.0, 1.0])
        voxels = np.random.default_rng(number).random((20, 24, 6)).astype(np.float32)
        mask = np.zeros((20, 24, 6), np.uint8)
        mask[5:9, 5:9, 2 : 3 + number] = 1
        nibabel.save(nibabel.Nifti1Image(voxels, affine), folder / "MR_T1_image.nii.gz")
        nibabel.save(nibabel.Nifti1Image(mask, affine), folder / "MR_T1_mask.nii.gz")
    dataset = datasets.load("sts", tmp_path)
    assert len(dataset.records) == 12
    assert sum(dataset.labels) == 5
    assert {r.group for r in dataset.records} == {"sts:STS_001", "sts:STS_002"}
    (tmp_path / "STS_001" / "MR_T1_mask.nii.gz").unlink()
    with pytest.raises(InvalidInputError, match="STS_001 lacks"):
        datasets.load("sts", tmp_path)


@pytest.mark.data
def test_real_busi(shared_data: Path) -> None:
    folder = shared_data / "busi"
    dataset = datasets.load("busi", folder, ("normal", "benign", "malignant"))
    assert [dataset.labels.count(c) for c in range(3)] == [133, 437, 210]
    assert sum(len(r.mask_paths) > 1 for r in dataset.records) == 17
    # What the finder finds by itself contains all that was listed.
    paths = [r.path for r in dataset.records]
    index = {p.stem: i for i, p in enumerate(paths)}
    ours = join(len(paths), duplicates.near_duplicates_of_files(paths))
    for line in (folder / "near_duplicates.txt").read_text("utf-8").splitlines():
        names = [n.strip() for n in line.split("\t")]
        assert len({ours[index[n]] for n in names}) == 1, names


@pytest.mark.data
def test_real_sts(shared_data: Path) -> None:
    dataset = datasets.load("sts", shared_data / "sts_t1")
    assert len({r.patient for r in dataset.records}) == 24
    assert 0.3 < np.mean(dataset.labels) < 0.8
