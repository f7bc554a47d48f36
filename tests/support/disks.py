"""Disks that fail: a small one that others fill, a quota, and one that becomes read-only."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import psutil  # type: ignore[import-untyped,unused-ignore]

from tests.support.server import Service
from tests.support.untested import untested

SIZE = "32M"


class Disk(Protocol):
    """Where a service keeps its file, and what becomes of it."""

    folder: Path

    def fail(self, service: Service) -> None:
        """Take no more of what the service writes."""

    def mend(self, service: Service) -> None:
        """Take it again."""


class SmallDisk:
    """A file system of a few megabytes that other files fill."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fail(self, service: Service) -> None:
        with (self.folder / "other").open("wb", buffering=0) as other:
            for size in (65_536, 1):
                while _written(other.fileno(), size):
                    pass

    def mend(self, service: Service) -> None:
        (self.folder / "other").unlink()


def _written(file: int, size: int) -> bool:
    try:
        return os.write(file, bytes(size)) > 0
    except OSError:
        return False


class Quota:
    """A limit to how large a file of the service's process may be; it needs no right to mount."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fail(self, service: Service) -> None:
        self._limit(service, 8_192)  # less than a vote writes, wherever in a file that is

    def mend(self, service: Service) -> None:
        self._limit(service, psutil.RLIM_INFINITY)

    def _limit(self, service: Service, size: int) -> None:
        assert service.process is not None
        psutil.Process(service.process.pid).rlimit(psutil.RLIMIT_FSIZE, (size, psutil.RLIM_INFINITY))


class FailingDisk:
    """An ext4 file system that the kernel makes read-only, as it does when the disk under it fails."""

    def __init__(self, folder: Path, image: Path) -> None:
        self.folder = folder
        self._image = image

    def fail(self, service: Service) -> None:
        _run("mount", "-o", "remount,abort", self.folder)

    def mend(self, service: Service) -> None:
        """What an operator does; nobody may be using it."""
        _run("umount", self.folder)
        subprocess.run(["e2fsck", "-fy", self._image], capture_output=True, check=False)  # 1: was mended
        _run("mount", "-o", "loop", self._image, self.folder)


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    with _mounted(folder, "-t", "tmpfs", "-o", f"size={SIZE}", "none") as mounted:
        yield SmallDisk(mounted)


@contextmanager
def failing_disk(folder: Path) -> Iterator[FailingDisk]:
    image = folder / "image"
    with image.open("wb") as file:
        file.truncate(32 * 1024 * 1024)
    _run("mkfs.ext4", "-q", image)
    with _mounted(folder, "-o", "loop", image) as mounted:
        yield FailingDisk(mounted, image)


@contextmanager
def _mounted(folder: Path, *what: str | Path) -> Iterator[Path]:
    place = folder / "disk"
    place.mkdir()
    try:
        _run("mount", *what, place)
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        untested("file systems cannot be mounted here", error)
    try:
        yield place
    finally:
        _run("umount", "-l", place)


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)
