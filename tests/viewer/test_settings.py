"""What is remembered between starts."""

from __future__ import annotations

from engine import folders
from viewer.settings import Settings


def test_settings_live_in_the_programs_own_folder_and_survive(tmp_path):
    files = [tmp_path / name for name in ("a.png", "b.png")]
    for file in files:
        file.touch()
    first = Settings()
    first.set("theme", "light")
    first.set("opacity", 0.4)
    first.set("flag", True)
    first.add_recent([files[0]])
    first.add_recent([files[1]])
    first.add_recent([files[0]])
    first._store.sync()
    assert (folders.settings() / "viewer.ini").is_file()
    again = Settings()
    assert again.text("theme") == "light"
    assert again.number("opacity", 1.0) == 0.4
    assert again.flag("flag", False)
    assert again.recent == (files[0], files[1])
    files[0].unlink()
    assert again.recent == (files[1],)


def test_a_setting_that_is_nonsense_falls_back():
    settings = Settings()
    settings.set("opacity", "lots")
    assert settings.number("opacity", 0.5) == 0.5


def test_a_damaged_file_is_kept_aside_and_told(qapp):
    path = folders.settings() / "viewer.ini"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "[General]\ntheme=light\nwhat is this\n\x00\x01 rubbish\n"
    path.write_text(text)
    settings = Settings()
    assert settings.text("theme") == "light"  # what can be read of it
    (sentence,) = settings.problems
    (aside,) = path.parent.glob("viewer.ini.damaged-*")
    assert aside.read_text() == text and aside.name in sentence
    settings.set("opacity", 0.3)
    settings._store.sync()
    assert Settings().problems == [] and Settings().text("theme") == "light"


def test_labels_and_keys_that_cannot_be_read_are_kept(qapp):
    from viewer.keymap.store import KeymapStore
    from viewer.state.labels import LabelList

    settings = Settings()
    settings.set("masks/labels", '[["My own", "#12')
    settings.set("keymap/own", '{"format": "saliscope-keymap", "version": 99}')
    labels = LabelList(settings)
    KeymapStore(settings)
    assert len(settings.problems) == 2 and "labels" in settings.problems[0]
    labels.set_all(labels.all[:2])
    settings._store.sync()
    again = Settings()
    LabelList(again)
    KeymapStore(again)
    assert again.problems == []
    kept = {name: again.text(name) for name in again._store.allKeys() if "damaged" in name}
    assert sorted(kept.values()) == [
        '[["My own", "#12',
        '{"format": "saliscope-keymap", "version": 99}',
    ]
    again.set("masks/labels", "[[")  # once more on the same day
    LabelList(again)
    kept = {again.text(name) for name in again._store.allKeys() if "damaged" in name}
    assert kept >= {'[["My own", "#12', "[["}
