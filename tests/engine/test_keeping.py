"""Files of the user's: whole, newest first, and never overwritten unread."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine import keeping


def understand(data: bytes) -> str | None:
    text = data.decode("utf-8", "replace")
    return text if text.startswith("ok") else None


def test_what_a_killed_process_left_between_writing_and_renaming_is_read(tmp_path: Path):
    path = tmp_path / "a.json"
    keeping.write(path, "ok old")
    os.utime(path, (time.time() - 100,) * 2)
    # A real process, killed at the very moment of the renaming.
    code = (
        "import os, signal, sys; from pathlib import Path; from engine import keeping\n"
        "Path.replace = lambda self, target: os.kill(os.getpid(), signal.SIGKILL)\n"
        "keeping.write(Path(sys.argv[1]), 'ok new')"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode < 0
    assert path.read_text() == "ok old"
    assert keeping.read(path, understand, 100) == "ok new"
    # One that was cut short does not count, and neither does one of another file.
    (tmp_path / "a.json.1.part").write_text("o")
    (tmp_path / "ab.json.1.part").write_text("ok other")
    assert keeping.read(path, understand, 100) == "ok new"
    # The next writing is the newest; what was left goes once no living process can own it.
    keeping.write(path, "ok newest")
    assert keeping.read(path, understand, 100) == "ok newest"
    for left in tmp_path.glob("a.json.*.part"):
        os.utime(left, (time.time() - 2 * keeping.LEFT_AFTER,) * 2)
    keeping.write(path, "ok last")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.json", "ab.json.1.part"]


def test_removed_stays_removed_beside_what_was_left(tmp_path: Path):
    path = tmp_path / "a.json"
    keeping.write(path, "ok")
    keeping.remove(path, "ok empty")
    assert not path.exists() and keeping.read(path, understand, 100) is None
    keeping.write(path, "ok")
    (tmp_path / "a.json.1.part").write_text("ok left")
    os.utime(tmp_path / "a.json.1.part", (time.time() - 5,) * 2)
    keeping.remove(path, "ok empty")
    assert keeping.read(path, understand, 100) == "ok empty"


def test_damaged_files_are_moved_aside_one_beside_another(tmp_path: Path):
    path = tmp_path / "a.json"
    assert keeping.set_aside(path) is None
    names = set()
    for text in ("one", "two", "three"):
        path.write_text(text)
        aside = keeping.set_aside(path)
        assert aside is not None and aside.read_text() == text and not path.exists()
        names.add(aside.name)
    assert len(names) == 3 and all(name.startswith("a.json.damaged-2") for name in names)


def test_too_large_is_not_read_and_a_failed_write_leaves_the_old(tmp_path: Path, monkeypatch):
    path = tmp_path / "a.json"
    keeping.write(path, "ok" + "x" * 100)
    assert keeping.read(path, understand, 50) is None
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "no room")))
    with pytest.raises(OSError, match="no room"):
        keeping.write(path, "ok new")
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
    assert path.read_text().startswith("okx")
