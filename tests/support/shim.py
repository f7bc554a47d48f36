"""A service under a C library that tells a wrong time and syncs slowly, as `shim.c` makes it."""

import functools
import struct
import subprocess
import tempfile
from pathlib import Path

from tests.support.server import Service, add_site

_SOURCE = Path(__file__).with_name("shim.c")


@functools.cache
def _library() -> Path:
    built = Path(tempfile.mkdtemp(prefix="pollsvc-shim-")) / "shim.so"
    command: list[str | Path] = ["cc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", built, _SOURCE]
    subprocess.run([*command, "-ldl"], check=True)
    return built


class Shim:
    """What a service's clock and disk are like; to be changed while it runs."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "shim"
        self._file.write_bytes(bytes(16))

    def set(self, *, ahead: float = 0, sync: float = 0) -> None:
        """Have the wall clock so many seconds ahead, and a sync take so many seconds longer."""
        with self._file.open("r+b") as file:
            file.write(struct.pack("=qq", round(ahead * 1e9), round(sync * 1e6)))

    async def service(self, folder: Path, env: dict[str, str] | None = None) -> Service:
        """A service on a SQLite file, with the site News, to be started."""
        url = f"sqlite:///{folder}/pollsvc.db"
        await add_site(url)
        under = {"LD_PRELOAD": str(_library()), "POLLSVC_TEST_SHIM": str(self._file)}
        service = Service(url, folder, {**(env or {}), **under}, 1)
        service.forks = None  # which have the usual C library
        return service
