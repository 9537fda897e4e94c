"""The desktop build's lists hold what the program needs, without making the build."""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
import os
import re
import runpy
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from desktop import contents

ROOT = Path(__file__).parents[2]
PLUGINS = ("pylibjpeg.pixel_data_decoders", "pylibjpeg.pixel_data_encoders")


def sources() -> list[Path]:
    return [path for name in ("engine", "viewer") for path in sorted((ROOT / name).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    """Return what a file imports, in functions too, but not what only its types need."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            node.body = []
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found


def test_every_resource_lies_where_the_program_looks_for_it():
    placed = {Path(folder) / Path(file).name: Path(file) for file, folder in contents.resources()}
    shipped = [
        path
        for path in (ROOT / "resources").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != "__init__.py"
    ]
    assert len(shipped) > 100
    for path in shipped:
        assert placed[path.relative_to(ROOT)].read_bytes() == path.read_bytes(), path
    guide = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    assert placed[Path("resources/guide.md")].read_text(encoding="utf-8") == guide
    assert placed[Path("docs/guide.md")].read_text(encoding="utf-8") == guide
    linked = [link for link in re.findall(r"\]\(([^)#]+)\)", guide) if ":" not in link]
    assert len(linked) > 10
    for link in linked:  # pictures, and other pages
        assert Path("docs") / link in placed, link
    assert not [place for place in placed if contents.unused(str(place))]


def test_what_is_left_out_is_imported_nowhere():
    for path in sources():
        for name in imported(path):
            parts = name.split(".")
            above = {".".join(parts[:count]) for count in range(1, len(parts) + 1)}
            assert not above & set(contents.EXCLUDED), f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.timeout(1200)  # a dozen large libraries, on a machine that may be busy
def test_the_program_and_its_libraries_load_without_what_is_left_out(tmp_path):
    own = [".".join(p.relative_to(ROOT).with_suffix("").parts) for p in sources()]
    names = {name.removesuffix(".__init__") for name in own if not name.endswith("__main__")}
    names |= set().union(*(imported(path) for path in sources())) | set(contents.HIDDEN)
    names -= {"msvcrt", "fcntl"}  # each of one system alone
    code = f"""
import importlib, sys

class Without:
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        parts = name.split(".")
        above = {{".".join(parts[:count]) for count in range(1, len(parts) + 1)}}
        return None if above & left_out else self.finder.find_spec(name, path, target)

left_out = set({contents.EXCLUDED!r})
for module in left_out:  # what a .pth file brought before we could forbid it
    sys.modules.pop(module, None)
sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
failed = []
for name in {sorted(names)!r}:
    try:
        importlib.import_module(name)
    except Exception as error:
        failed.append(f"{{name}}: {{error}}")
print("failed:", failed)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT), "SALISCOPE_HOME": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1140,
        check=False,
    )
    assert done.stdout.strip() == "failed: []", done.stdout + done.stderr


def test_the_decoders_that_pylibjpeg_finds_by_name_are_there():
    found = [point for group in PLUGINS for point in entry_points(group=group)]
    assert len({point.module.split(".")[0] for point in found}) >= 3
    for point in found:
        assert point.dist is not None and point.dist.name in contents.DISTRIBUTIONS
        assert point.module.split(".")[0] in contents.HIDDEN


def test_every_compiled_part_that_torchvision_loads_by_its_path_is_named():
    spec = importlib.util.find_spec("torchvision")
    assert spec is not None and spec.origin is not None
    endings = tuple(importlib.machinery.EXTENSION_SUFFIXES)
    parts = {
        p.name.split(".")[0] for p in Path(spec.origin).parent.glob("*") if p.suffix in endings
    }
    assert parts == {name.removeprefix("torchvision.") for name in contents.COMPILED}


def test_every_version_that_the_program_looks_up_is_there():
    looked_up = set()
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                called = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if called in {"version", "installed", "distribution"}:
                    looked_up.add(node.args[0].value)
    assert "saliscope" in looked_up
    assert looked_up <= set(contents.DISTRIBUTIONS)


@pytest.mark.parametrize(
    "place",
    [
        "torch/lib/libtorch_cpu.so",
        "torch/lib/torch_cpu.dll",
        "torch/_inductor/config.py",
        "torch/bin/torch_shm_manager",  # torch looks for it as it is imported
        "PySide6/Qt/lib/libQt6Svg.so.6",
        "PySide6/Qt6Widgets.dll",
        "PySide6/Qt/plugins/platforms/libqxcb.so",
        "PySide6/Qt/plugins/platforms/libqoffscreen.so",
        "PySide6/plugins/platforms/qwindows.dll",
        "PySide6/Qt/plugins/platforms/libqcocoa.dylib",
        "matplotlib/mpl-data/matplotlibrc",
        "saliscope-0.1.0.dist-info/METADATA",
        "pylibjpeg_rle-2.2.0.dist-info/entry_points.txt",
    ],
)
def test_what_is_needed_is_kept(place):
    assert not contents.unused(place)


@pytest.mark.parametrize(
    "place",
    [
        "torch/include/ATen/ATen.h",
        "torch/bin/protoc",
        "torch\\lib\\dnnl.lib",
        "PySide6/Qt/translations/qtbase_de.qm",
        "PySide6/Qt/lib/libQt6Quick.so.6",
        "PySide6/Qt6Qml.dll",
        "PySide6/Qt/plugins/platforms/libqeglfs.so",
        "PySide6/Qt/plugins/platformthemes/libqgtk3.so",
        "libgtk-3.so.0",
        "libpangocairo-1.0.so.0",
        "PySide6/plugins/platforminputcontexts/qtvirtualkeyboardplugin.dll",
        "nibabel/tests/data/anatomical.nii",
        "saliscope-0.1.0.dist-info/direct_url.json",  # it names a folder of who made the build
    ],
)
def test_what_is_not_needed_is_left_out(place):
    assert contents.unused(place)


def test_the_command_line_calls_itself_by_its_name_in_the_build(tmp_path):
    entry = ROOT / "desktop" / contents.ENTRIES["saliscope-engine"]
    code = (
        "import runpy, sys; sys.frozen = True; sys.argv = ['x', 'predict', '-h']; "
        f"runpy.run_path({str(entry)!r}, run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT), "SALISCOPE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "usage: saliscope-engine predict" in done.stdout
    assert "python -m" not in done.stdout


@pytest.mark.parametrize(("kept", "expected"), [("/usr/mine", "/usr/mine"), (None, "unset")])
def test_programs_started_from_the_build_get_their_own_libraries(kept, expected, monkeypatch):
    monkeypatch.setenv("LD_LIBRARY_PATH", "/build/_internal")  # what the build's starter sets
    monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", kept or "")
    if kept is None:
        monkeypatch.delenv("LD_LIBRARY_PATH_ORIG")
    runpy.run_path(str(ROOT / "desktop" / "hooks" / "library_path.py"))
    assert os.environ.get("LD_LIBRARY_PATH", "unset") == expected
    assert "LD_LIBRARY_PATH_ORIG" not in os.environ


def test_the_icon_is_drawn(tmp_path):
    from PIL import Image

    from desktop.icon import draw

    with Image.open(draw(tmp_path / "icons" / "saliscope.png")) as icon:
        assert icon.size == (512, 512)
        assert icon.getpixel((0, 0))[3] == 0  # its corners are round
        assert len(set(icon.convert("RGB").resize((32, 32)).get_flattened_data())) > 20
