from pathlib import Path

import pytest

from engine.errors import InvalidInputError
from training import datasets


def _write(folder: Path, text: str) -> Path:
    for name in ("a.png", "b.png", "c.png", "m.png", "n.png"):
        (folder / name).write_bytes(b"")
    path = folder / "cohort.csv"
    path.write_text(text, "utf-8")
    return path


def test_reads_what_it_says(tmp_path: Path) -> None:
    path = _write(
        tmp_path,
        "Path,label,patient,modality,sequence,frame,mask\n"
        "a.png,myopathy,p1,mr,STIR,3,m.png; n.png\n"
        "b.png,healthy,p2,MR,T1,,empty\n"
        "c.png,healthy,,US,,,\n",
    )
    dataset = datasets.load("manifest", path)
    first, second, third = dataset.records
    assert dataset.classes == ("healthy", "myopathy")
    assert dataset.labels == [1, 0, 0]
    assert first.path == tmp_path / "a.png"
    assert (first.frame, first.modality, first.sequence) == (3, "MR", "STIR")
    assert first.mask_paths == (tmp_path / "m.png", tmp_path / "n.png")
    assert first.group == "patient:p1" and first.origin == "cohort.csv, line 2"
    assert second.known_empty and second.mask_paths == ()
    assert not third.known_empty and third.group == "file:c.png"


def test_chosen_classes_keep_their_order(tmp_path: Path) -> None:
    path = _write(tmp_path, "path,label\na.png,x\nb.png,y\n")
    assert datasets.load("manifest", path, ("y", "x")).labels == [1, 0]


def test_every_error_is_reported_at_once_with_its_line(tmp_path: Path) -> None:
    path = _write(
        tmp_path,
        "path,label,frame,mask\n"
        "a.png,x,0,m.png\n"
        "gone.png,x,0,\n"
        ",y,0,\n"
        "b.png,,0,\n"
        "b.png,y,-1,lost.png\n"
        "a.png,y,0,\n"
        "c.png,y,0,,surplus\n",
    )
    with pytest.raises(InvalidInputError) as caught:
        datasets.load("manifest", path)
    lines = str(caught.value).splitlines()
    assert lines[0] == "cohort.csv has 8 errors; correct them:"
    expected = [
        "line 3: there is no file 'gone.png'",
        "line 4: the path is empty",
        "line 5: the label is empty",
        "line 6: the frame '-1' is not a number counted from 0",
        "line 6: there is no mask file 'lost.png'",
        "line 6: the image is the one of line 5",
        "line 7: the image is the one of line 2",
        "line 8: there are more cells than columns",
    ]
    assert [line.strip() for line in lines[1:]] == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\n", "no images below the header"),
        ("path,labels\na.png,x\n", "the column 'label' is missing"),
        ("path,label\na.png,x\nb.png,x\n", "a classifier needs two"),
        ("", "the column 'path' is missing"),
    ],
)
def test_useless_manifests(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        datasets.load("manifest", _write(tmp_path, text))


def test_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "cohort.csv"
    path.write_bytes("path,label\nä.png,x\n".encode("latin-1"))
    with pytest.raises(InvalidInputError, match="UTF-8"):
        datasets.load("manifest", path)


def test_unknown_data_set_and_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no data set 'mnist'"):
        datasets.load("mnist", tmp_path)
    with pytest.raises(InvalidInputError, match="nothing at"):
        datasets.load("busi", tmp_path / "nowhere")
