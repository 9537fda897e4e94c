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
