"""`python -m tests.on_citus URL`: pollsvc on a real Citus, which Debian does not have.

URL names an empty database of a coordinator that has the extension and its workers, as docs/scale.md says. It
is distributed as docs/deploy/citus.sql does, and gets votes, changes, sealing, closing and an audit.
"""

import asyncio
import re
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg

from pollsvc.services.ballot_log.keys import LogKeys
from pollsvc.services.ballot_log.sealing import seal
from pollsvc.storage.migrate import ensure_current
from tests.support.reader import Http
from tests.support.server import SECRET, add_site, open_connection
from tests.test_distributed_schema import BY_POLL, CITUS, cast_all_ways, serving


async def run(url: str) -> None:
    """Raises AssertionError for what is not as it has to be."""
    await ensure_current(url)
    connection = await asyncpg.connect(url)
    for statement in re.findall(r"[^;]*\w[^;]*;", re.sub(r"--.*", "", CITUS.read_text())):
        await connection.execute(statement)
    await add_site(url)
    with TemporaryDirectory() as folder:
        async with serving(url, Path(folder)) as service, Http(service.base_url) as http:
            polls = await cast_all_ways(service, http)
            async with open_connection(url) as own:
                assert own.distributed
                while await seal(own, LogKeys([SECRET]), int(time.time())):
                    pass
            await service.run("poll", "close", polls[0])
            assert [(await http.results(poll))["voters"] for poll in polls] == [20] * len(polls)
            assert (await service.export(polls[1]))["tally"]
            await service.assert_clean()
    placed = await connection.fetch("SELECT table_name::text, citus_table_type FROM citus_tables")
    assert {table for table, kind in placed if kind == "distributed"} == set(BY_POLL)
    await connection.close()
    print(f"{len(BY_POLL)} tables distributed by poll; votes in {len(polls)} polls; the audit is clean")


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1]))
