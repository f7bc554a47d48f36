"""A real nginx as a publisher's server, with the lines that docs/embed.md gives."""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from aiohttp import ClientError

from tests.support.reader import Http
from tests.support.server import until

PREFIX = "/polls"
"""The path that the document has the service under."""


@asynccontextmanager
async def run_nginx(folder: Path, port: int, upstream: str) -> AsyncIterator[None]:
    """An nginx that has the service `upstream` under PREFIX, and else what is in `folder/pages`."""
    document = (Path(__file__).parents[2] / "docs" / "embed.md").read_text()
    [location] = re.findall(r"```nginx\n(.*?)```", document, re.DOTALL)
    temporary = "\n".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; events {{}}\n"
        f"http {{ access_log off; {temporary} types {{ text/html html; }}\n"
        f"server {{ listen 127.0.0.1:{port}; root {folder}/pages;\n"
        f"{location.replace('http://127.0.0.1:8000', upstream)}\n}} }}\n"
    )
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program, "nginx is missing: install it (on Debian: sudo apt-get install nginx)"
    process = await asyncio.create_subprocess_exec(
        program, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")
    )
    try:
        async with Http(f"http://127.0.0.1:{port}") as http:

            async def answers() -> bool:
                with suppress(ClientError):
                    return (await http.get(f"{PREFIX}/healthz")).status == 200
                return False

            await until(answers)
        yield
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 10)
