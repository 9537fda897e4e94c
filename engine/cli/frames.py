"""How the commands name one frame: a file, and the frame's number in that file, from 0."""

from __future__ import annotations

from pathlib import Path

from engine.errors import InvalidInputError
from engine.images import nifti
from engine.images.image import Image
from engine.images.reader import read, sniff
from engine.progress import Progress


def read_volume(path: Path, volume: int, progress: Progress | None = None) -> Image:
    """Read one file; of one with several volumes (4-D NIfTI) the one asked for, from 0.

    Raises ``UnreadableImageError``, and ``InvalidInputError`` where there is no such volume.
    """
    if path.is_dir():
        raise InvalidInputError(f"{path.name} is a folder; give one file of it.")
    volumes = nifti.read_header(path).volumes if sniff(path) == "nifti" else 1
    if not 0 <= volume < volumes:
        raise InvalidInputError(
            f"There is no volume {volume}; {path.name} has "
            + ("volume 0 alone." if volumes == 1 else f"volumes 0 to {volumes - 1}.")
        )
    if volumes > 1:
        return nifti.read(path, volume=volume, progress=progress)
    return read(path, progress=progress)


def place(image: Image, index: int) -> tuple[Path, int]:
    """Return the file that a frame of an image came from, and the frame's number there.

    A series of single-frame files gives (file, 0) for each; one file gives (file, frame), by
    DICOM's own frame numbers where it has them.
    """
    paths, numbers = image.identity.source_paths, image.identity.sop_frames
    path = paths[index if len(paths) > 1 else 0]
    if numbers:
        return path, numbers[index] - 1
    return path, index if len(paths) == 1 else paths[:index].count(path)


def index_of(image: Image, frame: int | None) -> int:
    """Return the index, in the image of one file, of the frame ``place`` gives that number.

    None is the middle one. Raises ``InvalidInputError`` where there is no such frame.
    """
    if frame is None:
        return image.frames // 2
    numbers = [place(image, index)[1] for index in range(image.frames)]
    if frame not in numbers:
        raise InvalidInputError(
            f"There is no frame {frame}; {image.identity.source_paths[0].name} has "
            + ("frame 0 alone." if numbers == [0] else f"frames {min(numbers)} to {max(numbers)}.")
        )
    return numbers.index(frame)
