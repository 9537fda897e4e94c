"""What the desktop build holds beyond what its imports say, and what is left out of it.

Read by ``saliscope.spec``; ``tests/desktop/test_contents.py`` holds it true.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

ENTRIES = {"saliscope": "saliscope.py", "saliscope-engine": "saliscope_engine.py"}
"""Programs in the folder, and their scripts beside this file. The first opens the window."""

DISTRIBUTIONS = (
    "saliscope",  # its version, in provenance and the log
    "pylibjpeg",
    # Decoders that pylibjpeg finds by their entry points alone.
    "pylibjpeg-libjpeg",
    "pylibjpeg-openjpeg",
    "pylibjpeg-rle",
    "pyjpegls",
)
"""Distributions whose metadata is looked up while the program runs."""

HIDDEN = (
    "libjpeg",  # pylibjpeg's plug-ins, by name from their entry points
    "openjpeg",
    "rle",
    "jpeg_ls",
    "matplotlib.backends.backend_agg",  # by name, from the kind of file that is saved
    "matplotlib.backends.backend_pdf",
    "matplotlib.backends.backend_svg",
)
"""Modules that are imported by a name made at run time."""

COMPILED = ("torchvision._C_stable", "torchvision.image_stable")
"""Compiled parts that are loaded by their path; without torchvision's no network can be made."""

WHOLE = ("dicomanonymizer",)
"""Packages that import modules of theirs by a name made at run time: the editions of PS3.15."""

DATA_OF = ("highdicom", "dicomanonymizer", "nibabel", "shap", "timm")
"""Packages that read files of their own."""

EXCLUDED = (
    # The project's own that the window does not use, and what they bring.
    "training",
    "lightning_fabric",
    "lightning_utilities",
    "optuna",
    "alembic",
    "sqlalchemy",
    "tensorboard",
    "torch.utils.tensorboard",
    # Tools of developers.
    "IPython",
    "pytest",
    "_pytest",
    "hypothesis",
    "pyqtgraph",
    "SimpleITK",
    "pycocotools",
    "quantus",
    "cv2",
    "pip",
    "setuptools",
    "pkg_resources",
    "_distutils_hack",
    # Ways of doing it that are not taken.
    "aiohttp",
    "gdcm",
    "grpc",
    "networkx",
    "tkinter",
    "triton",
    "PyQt5",
    "PyQt6",
    "PySide2",
    # Modules of Qt, and what would bring them.
    "PySide6.QtQml",
    "PySide6.QtQuick",
    "PySide6.QtQuickWidgets",
    "PySide6.QtQuickControls2",
    "PySide6.QtQuickTest",
    "PySide6.QtTest",
    "PySide6.QtSql",
    "PySide6.QtDesigner",
    "PySide6.QtUiTools",
    "PySide6.QtHelp",
    # Tests that come with libraries.
    "matplotlib.tests",
    "mpl_toolkits.tests",
    "numpy.tests",
    "pandas.tests",
    "sklearn.tests",
    "numba.tests",
    "nibabel.tests",
)
"""Modules that the window and the command line never import, with all that is below them."""

_UNUSED_FILES = (
    # torch's headers, test programs and static libraries.
    r"torch/(include|test|share)/.*",
    r"torch/bin/(?!torch_shm_manager).*",  # torch will not load without that one
    r"torch/lib/.*\.(a|lib)",
    r".*\.(h|hpp|cuh|cpp|pyi\.in|cmake)",
    # Qt: its own texts in other languages, the on-screen keyboard and what draws it, platforms
    # without a window system, and GTK's look: a GTK of another system than the user's does not
    # go with the user's plug-ins, and the window brings its own look.
    r"PySide6/(Qt/)?translations/.*",
    r".*libqtvirtualkeyboardplugin.*|.*qtvirtualkeyboardplugin\.dll",
    r"(PySide6/.*)?(lib)?Qt6?(Qml|Quick|VirtualKeyboard|Pdf)[^/]*",
    r".*/platforms/libq(eglfs|linuxfb|vnc|vkkhrdisplay|minimalegl)\.so",
    r".*/egldeviceintegrations/.*",
    r".*/platformthemes/libqgtk3\.so|lib(gtk|gdk|gdk_pixbuf|atk|atk-bridge|pango[a-z0-9]*)-[^/]*",
    r"lib(atspi|epoxy|cairo|cairo-gobject)\.so[^/]*",
    r"matplotlib/mpl-data/(sample_data|plot_directive)/.*",
    r"(?!resources/).*/tests?/.*",
    # How and where the build's own environment was installed.
    r".*\.dist-info/(direct_url\.json|RECORD|REQUESTED|INSTALLER)",
)
_UNUSED = re.compile("|".join(f"(?:{pattern})" for pattern in _UNUSED_FILES))


def unused(destination: str) -> bool:
    """Whether a file of a library, by its place in the build, is left out."""
    return _UNUSED.fullmatch(destination.replace("\\", "/")) is not None


def resources() -> list[tuple[str, str]]:
    """Return the program's own files: (file, folder in the build).

    The guide is a link in the repository, which Git writes as a line of text on Windows: its text
    is taken from where it is. Its pictures and the page it names lie beside it as they do there.
    """
    guide = ROOT / "docs" / "guide.md"
    files = {
        path: path.relative_to(ROOT).parent.as_posix()
        for path in sorted((ROOT / "resources").rglob("*"))
        if path.is_file()
        and path.suffix not in {".py", ".pyc"}
        and path != ROOT / "resources" / guide.name
    }
    files[ROOT / "LICENSE"] = "."
    files[guide] = files[guide.with_name("coming-from.md")] = "docs"
    files |= dict.fromkeys(sorted((ROOT / "docs" / "guide").glob("*.png")), "docs/guide")
    return [(str(path), folder) for path, folder in files.items()] + [(str(guide), "resources")]
