"""The salts under which networks are known for a day."""

from pollsvc.storage.database import Connection


async def have_salts(connection: Connection, new: dict[int, bytes]) -> dict[int, bytes]:
    """The salt of each of these days (since 1970): the one that is there, or else this new one.

    It writes nothing when all are there, so that a service can start on a disk that is full.
    """
    found = await _salts(connection)
    if not new.keys() <= found.keys():
        async with connection.transaction():
            for day, salt in new.items():
                await connection.rows(
                    "INSERT INTO salts (day, salt) VALUES (:day, :salt) ON CONFLICT (day) DO NOTHING",
                    day=day,
                    salt=salt,
                )
            found = await _salts(connection)
    return {day: found[day] for day in new}


async def _salts(connection: Connection) -> dict[int, bytes]:
    rows = await connection.rows("SELECT day, salt FROM salts")
    return {day: bytes(salt) for day, salt in rows}
