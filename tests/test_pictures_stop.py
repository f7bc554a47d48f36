"""The service ends while many pictures wait to be drawn: it does not draw them first."""

import asyncio
from threading import Event

from pollsvc.services.pictures.facts import Facts
from pollsvc.services.pictures.pictures import Look, Pictures
from tests.test_pictures import NOW, STRINGS, poll_of, snapshot_of


async def test_pictures_that_wait_are_not_drawn_when_the_service_ends() -> None:
    drawn: list[str] = []
    begun, free = Event(), Event()

    def draw(facts: Facts) -> bytes:
        drawn.append(facts.question.text)
        begun.set()
        free.wait(10)
        return b"picture"

    pictures = Pictures(STRINGS, {Look.LIGHT: draw}, lambda: NOW)
    snapshots = [snapshot_of(poll_of(f"Poll {n}?", id=f"p{n}"), 7, 5) for n in range(5)]
    asked = [
        asyncio.create_task(pictures.of(snapshot, snapshot.langs(None), Look.LIGHT)) for snapshot in snapshots
    ]
    assert await asyncio.to_thread(begun.wait, 10)
    stopping = asyncio.create_task(pictures.stop())
    await asyncio.sleep(0)
    free.set()
    await asyncio.wait_for(stopping, 5)
    first, *others = await asyncio.gather(*asked, return_exceptions=True)
    assert drawn == ["Poll 0?"]
    assert getattr(first, "content", None) == b"picture"
    assert all(isinstance(other, asyncio.CancelledError) for other in others)
