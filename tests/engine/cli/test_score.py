"""``python -m engine score``: its JSON, its files, its refusals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from engine.cli.main import main
from engine.evaluation.coherence import coherence

from .conftest import ROOT, Run, start

VALUES = np.array([[4, 3, 0], [2, 1, 0]], np.float32)
MASK = np.array([[1, 0, 0], [1, 0, 0]], bool)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    np.save(tmp_path / "map.npy", VALUES)
    Image.fromarray(MASK).save(tmp_path / "mask.png")
    return tmp_path / "map.npy", tmp_path / "mask.png"


def scored(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict:
    assert main(["score", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main(["score", *map(str, arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def test_json_is_the_contract(engine: Run, files: tuple[Path, Path]):
    done = engine("score", *files, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    expected = coherence(VALUES, MASK)
    assert json.loads(done.stdout) == {
        "rma": 0.6,
        "rra": 0.5,
        "chance": {"rma": 1 / 3, "rra": 1 / 3},
        "centre_prior": {"rma": expected.prior_rma, "rra": expected.prior_rra},
    }


def test_table_for_people(engine: Run, files: tuple[Path, Path]):
    done = engine("score", *files)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0] == ["map", "chance", "centre", "prior"]
    assert lines[1][:3] == ["RMA", "0.6000", "0.3333"]
    assert lines[2][:3] == ["RRA", "0.5000", "0.3333"]
    assert "2 of 6 pixels (33.33%); scored: the map's positive part." in done.stdout


def test_no_score_is_null_and_says_why(engine: Run, tmp_path: Path):
    np.save(tmp_path / "map.npy", VALUES)
    np.save(tmp_path / "mask.npy", MASK & False)
    done = engine("score", "map.npy", "mask.npy", "--json")
    assert done.returncode == 0
    nothing = {"rma": None, "rra": None}
    assert json.loads(done.stdout) == nothing | {"chance": nothing, "centre_prior": nothing}
    assert done.stderr == "No score: the mask is empty.\n"


def test_starts_without_torch(files: tuple[Path, Path]):
    code = (
        "import sys; from engine.cli.main import main; status = main(sys.argv[1:]); "
        "sys.exit(status or ('torch' in sys.modules) * 99)"
    )
    arguments = [sys.executable, "-c", code, "score", *map(str, files)]
    assert subprocess.run(arguments, cwd=ROOT, check=False).returncode == 0


def test_sign(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    np.save(tmp_path / "map.npy", -VALUES)
    np.save(tmp_path / "mask.npy", MASK)
    arguments = tmp_path / "map.npy", tmp_path / "mask.npy"
    assert scored(capsys, *arguments, "--sign", "absolute")["rma"] == 0.6
    assert main(["score", *map(str, arguments), "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["rma"] is None
    assert captured.err == "No score: the map is positive nowhere.\n"


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I;16"])
def test_png_masks_of_every_kind(
    capsys: pytest.CaptureFixture[str], files: tuple[Path, Path], tmp_path: Path, mode: str
):
    path = tmp_path / "kind.png"
    white = MASK.astype(np.uint8) * 255
    if mode == "1":
        Image.fromarray(MASK).save(path)
    elif mode == "I;16":
        Image.fromarray(MASK.astype(np.uint16)).save(path)
    elif mode == "P":
        picture = Image.fromarray(MASK.astype(np.uint8), "P")
        picture.putpalette([0, 0, 0, 255, 0, 0])
        picture.save(path)
    elif mode in ("LA", "RGBA"):  # painted where it is opaque; white everywhere
        bands = (np.full_like(white, 255),) * (len(mode) - 1)
        Image.fromarray(np.dstack((*bands, white)), mode).save(path)
    else:
        Image.fromarray(white).convert(mode).save(path)
    assert scored(capsys, files[0], path)["rma"] == 0.6


def test_nifti_lies_as_the_program_shows_it(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    """A map written for the frames of a volume, against a mask on the volume's own grid."""
    from engine.images.reader import read

    rng = np.random.default_rng(0)
    affine = np.diag([-1.0, -1.0, 5.0, 1.0])
    voxels = (rng.random((7, 9, 4)) < 0.4).astype(np.uint8)
    nib.save(nib.Nifti1Image(voxels, affine), tmp_path / "mask.nii.gz")
    shown = read(tmp_path / "mask.nii.gz").pixels
    values = rng.random(shown.shape[1:]).astype(np.float32)
    np.save(tmp_path / "map.npy", values)
    found = scored(capsys, tmp_path / "map.npy", tmp_path / "mask.nii.gz", "--frame", 2)
    assert found["rma"] == coherence(values, shown[2] != 0).rma
    nib.save(nib.Nifti1Image(rng.random((7, 9, 4)).astype("f4"), affine), tmp_path / "map.nii")
    found = scored(capsys, tmp_path / "map.nii", tmp_path / "mask.nii.gz", "--frame", 3)
    frame = read(tmp_path / "map.nii").frame(3)
    assert found["rma"] == coherence(frame, shown[3] != 0).rma


def test_frame_is_asked_for_where_it_is_not_plain(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    np.save(tmp_path / "map.npy", VALUES)
    masks = np.zeros((5, 2, 3), bool)
    masks[3] = MASK
    np.save(tmp_path / "one.npy", masks)
    assert main(["score", str(tmp_path / "map.npy"), str(tmp_path / "one.npy"), "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["rma"] == 0.6
    assert "Frame 3 is scored, the only one" in captured.err
    masks[1] = MASK
    np.save(tmp_path / "two.npy", masks)
    stacks = tmp_path / "map.npy", tmp_path / "two.npy"
    assert "painted on 1, 3: say which with --frame" in refused(capsys, *stacks)
    assert scored(capsys, *stacks, "--frame", 1)["rma"] == 0.6
    assert "no frame 5" in refused(capsys, *stacks, "--frame", 5)
    np.save(tmp_path / "maps.npy", np.stack([VALUES] * 4))
    assert "4 frames and the mask 5" in refused(capsys, tmp_path / "maps.npy", stacks[1])


def test_bad_input_is_one_line_and_status_2(
    engine: Run, capsys: pytest.CaptureFixture[str], files: tuple[Path, Path], tmp_path: Path
):
    good_map, good_mask = files
    bad: dict[str, tuple[Path, Path, str]] = {}

    def case(name: str, content: bytes | np.ndarray, expected: str, as_map: bool = True) -> None:
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            np.save(path, content, allow_pickle=True)
        bad[name] = (path, good_mask, expected) if as_map else (good_map, path, expected)

    whole = good_map.read_bytes()
    case("objects.npy", np.array([{}, 1]), "objects instead of numbers")
    case("cut.npy", whole[:-4], "damaged")
    case("header.npy", whole[:20], "damaged")
    case("complex.npy", np.ones((2, 3), complex), "complex128")
    case("line.npy", np.ones(3), "of shape (3,)")
    case("turned.npy", np.ones((3, 2)), "3 × 2 (rows × cols) and the mask 2 × 3")
    case("text.txt", b"hello", "a map is numbers")
    case("empty", b"", "a map is numbers")
    case("cut.png", good_mask.read_bytes()[:40], "damaged", as_map=False)
    case("words.png", b"no picture", "neither PNG, .npy nor NIfTI", as_map=False)
    case("nan.npy", np.full((2, 3), np.nan), "not finite", as_map=False)
    bad["picture"] = (good_mask, good_mask, "a map is numbers and not a picture")
    bad["missing"] = (tmp_path / "none.npy", good_mask, "No such file")
    bad["folder"] = (tmp_path, good_mask, "folder")
    for name, (map_path, mask_path, expected) in bad.items():
        assert expected in refused(capsys, map_path, mask_path), name
    done = engine("score", "none.npy", good_mask)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: none.npy: No such file")
    assert done.stderr.count("\n") == 1


def test_wrong_arguments_are_one_line(engine: Run):
    for arguments in (
        (),
        ("score", "only.npy"),
        ("score", "a", "b", "--sign", "negative"),
        ("nonsense",),
    ):
        done = engine(*arguments)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert "-h" in done.stderr


def test_help_is_for_newcomers(engine: Run):
    assert "not a medical device" in engine("-h").stdout
    for command in ("predict", "explain", "score"):
        done = engine(command, "-h")
        assert done.returncode == 0
        assert len(done.stdout.splitlines()) > 15


@pytest.mark.skipif(os.name != "posix", reason="pipes end otherwise on Windows")
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_closed_pipe_ends_quietly(files: tuple[Path, Path], form: tuple[str, ...]):
    running = start("score", *files, *form)
    assert running.stdout is not None and running.stderr is not None
    running.stdout.close()
    assert running.stderr.read() == ""
    running.stderr.close()
    assert running.wait(60) == 141
