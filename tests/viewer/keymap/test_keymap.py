"""Sets of keys as data: what they resolve to, their files, the presets, and the stored choice."""

from __future__ import annotations

import json

import pytest

from viewer.canvas import bindings
from viewer.canvas.bindings import VIEW_KEYS
from viewer.keymap import files, gestures
from viewer.keymap.keymap import MOUSE, Keymap, KeymapError, conflicts, normal, unreachable
from viewer.keymap.presets import ITK_SNAP, PRESETS, SALISCOPE, SLICER, preset
from viewer.keymap.store import KeymapStore
from viewer.settings import Settings


@pytest.fixture(autouse=True)
def _own_bindings():
    yield
    bindings.use(SALISCOPE)


def test_a_key_that_a_set_gives_away_is_taken_from_its_owner():
    keymap = Keymap("x", keys={"fit": ("R",), "hide": ()})
    assert keymap.keys_of("fit", ("F",)) == ("R",)
    assert keymap.keys_of("reset-window", ("R", "Ctrl+R")) == ("Ctrl+R",)
    assert keymap.keys_of("hide", ("H",)) == ()
    assert keymap.without("fit").keys_of("reset-window", ("R",)) == ("R",)


def test_conflicts_name_the_key_and_all_who_have_it():
    bound = {"a": ("F", "G"), "b": ("F",), "c": ("H", "H")}
    assert conflicts(bound) == {"F": ("a", "b")}


@pytest.mark.parametrize("keymap", PRESETS, ids=lambda k: k.name)
def test_presets_are_sound(keymap):
    assert conflicts(keymap.keys) == {}
    assert all(normal(key) == key for keys in keymap.keys.values() for key in keys)
    assert all(
        gestures.parse(name) == name and what in gestures.functions(name)
        for name, what in keymap.mouse.items()
    )
    assert unreachable(keymap.mouse) == ()
    assert keymap.mouse["Right"] == "zoom" and keymap.mouse["Middle"] == "pan"
    for name in ("slice-previous", "slice-next"):
        assert keymap.keys_of(name, VIEW_KEYS[name])
    assert files.from_text(files.to_text(keymap)) == keymap


def test_what_cannot_be_done_with_the_mouse_is_said():
    assert "drawn" in unreachable({**MOUSE, "Left": "pan"})[0]
    assert unreachable(MOUSE) == ()


@pytest.mark.parametrize("key", ["", "nonsense", "Ctrl", "Esc", "Return", "Backspace", "Space"])
def test_keys_that_are_none_or_kept_are_refused(qapp, key):
    with pytest.raises(KeymapError):
        normal(key)


@pytest.mark.parametrize(("given", "key"), [("ctrl+e", "Ctrl+E"), ("pgup", "PgUp"), ("?", "?")])
def test_keys_are_spelt_in_one_way(qapp, given, key):
    assert normal(given) == key


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": "other"}, "no set of keys"),
        ({"version": 2}, "newer version"),
        ({"keys": {"fit": ["F"], "invert": ["f"]}}, "F is given to fit and invert"),
        ({"keys": {"fit": "F"}}, "not a list"),
        ({"keys": {"fit": ["Esc"]}}, "kept for drawing"),
        ({"mouse": {"Elbow": "pan"}}, "no mouse gesture"),
        ({"mouse": {"Wheel": "pan"}}, "cannot be given"),
        ({"mouse": []}, "damaged"),
    ],
)
def test_files_that_are_wrong_say_what(qapp, change, says):
    data = json.loads(files.to_text(SLICER)) | change
    with pytest.raises(KeymapError, match=says):
        files.from_text(json.dumps(data))


def test_a_set_goes_out_to_a_file_and_comes_back(qapp, tmp_path):
    own = SLICER.with_keys("fit", ("Ctrl+9",)).with_mouse("Alt+Wheel", "zoom")
    files.write(own, tmp_path / "keys.json")
    assert files.read(tmp_path / "keys.json") == own
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(KeymapError, match="as text"):
        files.read(tmp_path / "bytes.json")


def test_the_choice_is_remembered_and_damage_is_survived(qapp):
    settings = Settings()
    store = KeymapStore(settings)
    heard = []
    store.changed.connect(lambda: heard.append(store.current.name))
    store.use(ITK_SNAP)
    assert heard == ["ITK-SNAP"] and bindings.current().mouse == ITK_SNAP.mouse
    assert KeymapStore(Settings()).current == ITK_SNAP
    own = ITK_SNAP.with_keys("fit", ("Ctrl+9",))
    store.use(own)
    again = KeymapStore(Settings()).current
    assert again == own and again != preset("ITK-SNAP")
    settings.set("keymap/own", "{")
    settings.set("keymap/preset", "gone")
    assert KeymapStore(Settings()).current == SALISCOPE
