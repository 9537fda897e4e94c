"""``predict`` and ``explain``: their JSON, their files, and how they end when they must."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom.data
import pytest
from PIL import Image

from engine.cli.main import main
from engine.evaluation.presence import Presence
from engine.images.reader import read
from engine.model import checkpoint
from engine.session import Session
from tests.engine.networks import CLASSES, small_checkpoint

from .conftest import Run, start

MR = Path(pydicom.data.get_testdata_file("MR_small.dcm", download=False))


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("network") / "small.safetensors"
    small_checkpoint().save(path)
    return path


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder with one image of each format, one of them of three slices, and no image."""
    folder = tmp_path / "images"
    folder.mkdir()
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (50, 70), np.uint8)).save(folder / "us.png")
    volume = rng.integers(0, 900, (40, 30, 3)).astype(np.int16)
    nib.save(nib.Nifti1Image(volume, np.diag([1.0, 1.0, 6.0, 1.0])), folder / "limb.nii.gz")
    shutil.copy(MR, folder / "mr.dcm")
    (folder / "notes.txt").write_text("not an image")
    return folder


def predicted(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[dict]:
    assert main(["predict", *map(str, arguments), "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return json.loads(captured.out)


def test_predict_json_is_the_contract(engine: Run, images: Path, network: Path):
    done = engine("predict", images / "us.png", "--checkpoint", network, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    (entry,) = json.loads(done.stdout)
    session = Session.open(network, precision="float32")
    expected = session.predict(read(images / "us.png"), 0)
    near = session.familiarity(read(images / "us.png"), 0)
    assert near is not None
    assert entry == {
        "path": str(images / "us.png"),
        "frame": 0,
        "checkpoint": f"Test 1.2 sha256:{session.checkpoint.sha256}",
        "why": None,
        "classes": list(CLASSES),
        "branches": {
            name: pytest.approx(expected.branches[name], rel=1e-4)
            for name in ("global", "local", "fusion")
        },
        "familiarity": {
            "distance": pytest.approx(near.distance, rel=1e-3),
            "limit": near.limit,
            "familiar": near.familiar,
        },
        "gate": None,
    }
    assert list(entry["branches"]) == ["global", "local", "fusion"]
    for probabilities in entry["branches"].values():
        assert sum(probabilities) == pytest.approx(1)


def test_predict_says_where_the_gate_sees_no_lesion(
    capsys: pytest.CaptureFixture[str], images: Path, network: Path, tmp_path: Path
):
    made = checkpoint.load(network)
    known = Presence(100, 20, 0.9, 0.95, 0.6, "made up")
    path = tmp_path / "tells.safetensors"
    replace(made, metadata=replace(made.metadata, presence=known)).save(path)
    image = images / "us.png"
    opening = Session.open(path, precision="float32").saliency(read(image), 0, "attention").raw
    (entry,) = predicted(capsys, image, "--checkpoint", path)
    assert entry["gate"] == {
        "opening": pytest.approx(float(opening.max())),
        "open": entry["gate"]["opening"] > 0.5,
    }
    # The same gate, shut.
    made.state["fusion.psi.bias"] -= 8
    replace(made, metadata=replace(made.metadata, presence=known)).save(path)
    (entry,) = predicted(capsys, image, "--checkpoint", path)
    assert entry["gate"]["open"] is False and entry["gate"]["opening"] < 0.05
    assert main(["predict", str(image), "--checkpoint", str(path)]) == 0
    sentence = "There may be no lesion here to answer about"
    assert sentence in capsys.readouterr().out
    assert main(["predict", str(images), "--checkpoint", str(path)]) == 0
    assert "There may be no lesion: 5 of 5 (--json" in capsys.readouterr().out
    out = tmp_path / "out"
    given = ["explain", str(image), "--checkpoint", str(path), "--out", str(out)]
    assert main([*given, "--map", "gate"]) == 0
    assert sentence in capsys.readouterr().out
    assert json.loads((out / "explain.json").read_text("utf-8"))["gate"] == entry["gate"]


def test_predict_names_every_slice_as_explain_does(
    capsys: pytest.CaptureFixture[str], images: Path, network: Path
):
    entries = predicted(capsys, images, "--checkpoint", network)
    assert sorted((Path(e["path"]).name, e["frame"]) for e in entries) == [
        ("limb.nii.gz", 0),
        ("limb.nii.gz", 1),
        ("limb.nii.gz", 2),
        ("mr.dcm", 0),
        ("us.png", 0),
    ]
    session = Session.open(network, precision="float32")
    for entry in entries:
        again = session.predict(read(Path(entry["path"])), entry["frame"])
        assert entry["branches"]["fusion"] == pytest.approx(again.branches["fusion"], abs=1e-6)


def test_every_volume_is_predicted_and_can_be_explained(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, network: Path
):
    values = np.random.default_rng(0).random((30, 40, 2, 3)).astype(np.float32)
    path = tmp_path / "echoes.nii"
    nib.save(nib.Nifti1Image(values, np.diag([1.0, 1.0, 5.0, 1.0])), path)
    entries = predicted(capsys, path, "--checkpoint", network)
    places = [(entry["volume"], entry["frame"]) for entry in entries]
    assert places == [(volume, frame) for volume in range(3) for frame in range(2)]
    assert len({tuple(entry["branches"]["fusion"]) for entry in entries}) == 6
    options = ["--checkpoint", str(network), "--out", str(tmp_path / "out")]
    assert main(["explain", str(path), "--volume", "2", "--frame", "1", *options]) == 0
    record = json.loads((tmp_path / "out" / "explain.json").read_text("utf-8"))
    assert (record["volume"], record["frame"]) == (2, 1)
    assert record["branches"]["fusion"] == pytest.approx(entries[5]["branches"]["fusion"])
    capsys.readouterr()
    assert main(["explain", str(path), "--volume", "3", *options]) == 2
    assert "volumes 0 to 2" in capsys.readouterr().err


def test_decoders_say_nothing_themselves(engine: Run, tmp_path: Path, network: Path):
    """libtiff and the RLE decoder write to the process's standard error, past Python's."""
    tiff = tmp_path / "bad.tif"
    noise = np.random.default_rng(0).integers(0, 255, (60, 70), np.uint8)
    Image.fromarray(noise).save(tiff, compression="tiff_lzw")
    garbled = bytearray(tiff.read_bytes())
    garbled[200:400] = b"\xff" * 200
    tiff.write_bytes(garbled)
    done = engine("predict", tiff, "--checkpoint", network)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: bad.tif cannot be read") and done.stderr.count("\n") == 1


def test_predict_tables(capsys: pytest.CaptureFixture[str], images: Path, network: Path):
    assert main(["predict", str(images / "us.png"), "--checkpoint", str(network)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{images / 'us.png'}, frame 0"
    assert lines[1].split() == ["class", "global", "local", "fusion"]
    assert [line.split()[0] for line in lines[2:4]] == list(CLASSES)
    # The network has seen noise alone.
    assert lines[4].startswith("Unlike the training images (distance ")
    assert lines[5:] == ["Network: Test 1.2.", "Research use only."]
    assert main(["predict", str(images), "--checkpoint", str(network)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["image", "frame", "global", "local", "fusion"]
    assert lines[-3].startswith("Unlike the training images: ")
    assert lines[-3].endswith(f" of {len(lines) - 4} (--json says which).")
    assert lines[-2:] == ["Network: Test 1.2.", "Research use only."]
    assert len(lines) == 9
    assert all(line.count("healthy") + line.count("dystrophy") == 3 for line in lines[1:6])


def test_predict_goes_on_past_what_cannot_be_read(
    capsys: pytest.CaptureFixture[str], images: Path, network: Path
):
    damaged = images / "damaged.png"
    damaged.write_bytes((images / "us.png").read_bytes()[:200])
    options = ["--checkpoint", str(network), "--json"]
    assert main(["predict", str(images), *options]) == 0
    captured = capsys.readouterr()
    assert len(json.loads(captured.out)) == 5
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("error: damaged.png cannot be read:")
    # Named, it is bad input, whatever else could be read.
    assert main(["predict", str(images / "us.png"), str(damaged), *options]) == 2
    assert len(json.loads(capsys.readouterr().out)) == 1
    assert main(["predict", str(damaged), *options]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)


def test_explain_writes_maps_that_lie_on_the_image(engine: Run, images: Path, network: Path):
    done = engine(
        *("explain", images / "limb.nii.gz", "--frame", 2, "--out", "new/maps"),
        *("--map", "gate", "--map", "global", "--map", "gate", "--checkpoint", network),
    )
    assert (done.returncode, done.stderr) == (0, "")
    out = images.parent / "new" / "maps"
    assert "limb.nii.gz, frame 2" in done.stdout
    image = read(images / "limb.nii.gz")
    session = Session.open(network, precision="float32")
    record = json.loads((out / "explain.json").read_text())
    assert sorted(path.name for path in out.iterdir()) == [
        *("explain.json", "gate.npy", "gate.png", "global.npy", "global.png")
    ]
    assert (record["path"], record["frame"]) == (str(images / "limb.nii.gz"), 2)
    assert record["shape"] == list(image.shape)
    assert record["classes"] == list(CLASSES)
    assert record["precision"] == "float32"
    assert record["branches"].keys() == {"global", "local", "fusion"}
    assert list(record["maps"]) == ["gate", "global"]
    for name, entry in record["maps"].items():
        values = np.load(out / entry["array"], allow_pickle=False)
        expected = session.saliency(image, 2, name)
        assert values.dtype == np.float32
        assert values.shape == image.shape
        np.testing.assert_allclose(
            values, expected.values, rtol=1e-3, atol=1e-4 * expected.values.max()
        )
        with Image.open(out / entry["overlay"]) as picture:
            assert (picture.height, picture.width, picture.mode) == (*image.shape, "RGB")
            assert name in picture.info["Title"]
        provenance = entry["provenance"]
        assert provenance["checkpoint_sha256"] == session.checkpoint.sha256
        assert (provenance["image_key"], provenance["frame"]) == (image.key, 2)
        assert 0 <= provenance["parameters"]["outside_anatomy"] <= 1
    # What explain wrote, score reads.
    mask = np.zeros(image.shape, bool)
    mask[5:20, 5:20] = True
    np.save(images / "mask.npy", mask)
    scored = engine("score", out / "gate.npy", images / "mask.npy", "--json")
    assert (scored.returncode, scored.stderr) == (0, "")
    assert json.loads(scored.stdout)["rma"] is not None


def test_explain_with_shap_for_a_class_of_choice(
    capsys: pytest.CaptureFixture[str], images: Path, network: Path, tmp_path: Path
):
    out = tmp_path / "maps"
    arguments = ["explain", images / "us.png", "--map", "shap-local", "--class", "healthy"]
    options = ["--out", out, "--checkpoint", network]
    assert main([*map(str, arguments), *map(str, options)]) == 0
    assert capsys.readouterr().err == ""
    entry = json.loads((out / "explain.json").read_text())["maps"]["shap-local"]
    assert (entry["sign"], entry["target_name"]) == ("signed", "healthy")
    scale = entry["overlay_scale"]
    assert scale["from"] == -scale["to"] < 0
    parameters = entry["provenance"]["parameters"]
    assert parameters["background"] == "checkpoint"
    assert 0 <= parameters["outside_anatomy"] <= 1
    assert np.load(out / "shap-local.npy").min() < 0


def test_overlay_lets_the_image_through_where_the_map_says_nothing(
    capsys: pytest.CaptureFixture[str], images: Path, network: Path, tmp_path: Path
):
    from engine.images import windowing

    out = tmp_path / "maps"
    arguments = ["explain", images / "us.png", "--out", out, "--checkpoint", network]
    assert main([*map(str, arguments), "--map", "local"]) == 0
    image = read(images / "us.png")
    grey = windowing.to_grey8(image.frame(0), windowing.default_window(image, 0))
    values = np.load(out / "local.npy")
    drawn = np.asarray(Image.open(out / "local.png"))
    silent = values < 0.005 * values.max()
    assert silent.any()
    assert np.array_equal(drawn[silent], np.repeat(grey[silent][:, None], 3, axis=1))
    loud = values > 0.9 * values.max()
    assert (np.ptp(drawn[loud].astype(int), axis=1) > 30).all()  # coloured


def test_bad_input_is_one_line_and_status_2(
    engine: Run,
    capsys: pytest.CaptureFixture[str],
    images: Path,
    network: Path,
    tmp_path: Path,
):
    image, out = images / "us.png", tmp_path / "out"
    pickle = tmp_path / "weights.pth"
    pickle.write_bytes(b"\x80\x02pickled")
    good = ("--checkpoint", network)
    cases: list[tuple[tuple[object, ...], str]] = [
        (("predict", tmp_path / "none.png", *good), "none.png cannot be read"),
        (("predict", image, "--checkpoint", tmp_path / "none.safetensors"), "none.safetensors"),
        (("predict", image, "--checkpoint", pickle), "pickle"),
        (("predict", image, "--checkpoint", image), "us.png cannot be opened as a checkpoint"),
        (("predict", image, *good, "--device", "abacus"), "abacus"),
        (("explain", image, *good, "--out", out, "--map", "gats"), "gate, attention, shap-global"),
        (("explain", image, *good, "--out", out, "--map", "concat"), "gate, attention"),
        (("explain", image, *good, "--out", out, "--class", "x"), "healthy, dystrophy"),
        (("explain", image, *good, "--out", out, "--frame", 1), "frame 0 alone"),
        (("explain", images / "limb.nii.gz", *good, "--out", out, "--frame", -1), "frames 0 to 2"),
        (("explain", images, *good, "--out", out), "folder"),
        (("explain", images / "notes.txt", *good, "--out", out), "notes.txt cannot be read"),
        (("explain", image, *good, "--out", image), "us.png: File exists"),
        (("explain", image, *good, "--out", image / "below"), "Not a directory"),
    ]
    for arguments, expected in cases:
        assert main([*map(str, arguments)]) == 2, arguments
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("\n") == 1, captured.err
        assert expected in captured.err
        assert not out.exists()
    empty = tmp_path / "empty"
    empty.mkdir()
    done = engine("predict", empty, *good)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: There are no images under what was given.\n"


@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGINT for one process")
def test_ctrl_c_ends_quietly(images: Path, network: Path, tmp_path: Path):
    running = start(
        *("explain", images / "us.png", "--checkpoint", network, "--out", tmp_path / "maps"),
        *("--map", "gate", "--map", "shap-gate"),
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "maps" / "gate.png").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    output, errors = running.communicate(timeout=60)
    assert (running.returncode, output, errors) == (130, "", "Interrupted.\n")
    assert not (tmp_path / "maps" / "explain.json").exists()
