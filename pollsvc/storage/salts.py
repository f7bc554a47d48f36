"""The salts under which networks are known for a day."""

from pollsvc.storage.database import Connection


async def have_salts(connection: Connection, new: dict[int, bytes]) -> dict[int, bytes]:
    """The salt of each of these days (since 1970): the one that is there, or else this new one."""
    async with connection.transaction():
        for day, salt in new.items():
            await connection.rows(
                "INSERT INTO salts (day, salt) VALUES (:day, :salt) ON CONFLICT (day) DO NOTHING",
                day=day,
                salt=salt,
            )
        rows = await connection.rows("SELECT day, salt FROM salts")
    return {day: bytes(salt) for day, salt in rows if day in new}
