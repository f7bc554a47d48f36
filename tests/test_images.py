"""Pictures that editors upload come out upright, small, and without anything that is not the picture."""

import asyncio
import threading
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pictures
from PIL import ImageCms, PngImagePlugin

from pollsvc.domain.errors import Code, PollError
from pollsvc.services import image_cache
from pollsvc.services.editing import images
from pollsvc.services.editing.editing import Editing
from pollsvc.services.editing.images import MAX_UPLOAD, UNUSED, Images, prepare
from pollsvc.services.editing.new_poll import NewOption, NewPoll, as_new
from pollsvc.services.editing.sites import Sites
from pollsvc.services.image_cache import ImageCache
from pollsvc.storage.images import Image, exists
from tests.support.server import open_connection
from tests.support.tables import make_tables


def file_of(picture: Pictures.Image, kind: str, **more: Any) -> bytes:
    file = BytesIO()
    picture.save(file, kind, **more)
    return file.getvalue()


def shown(content: bytes) -> Pictures.Image:
    """What a browser shows of an upload; the sizes that are told of it are its own."""
    image = prepare(content)
    picture = Pictures.open(BytesIO(image.content))
    assert picture.size == (image.width, image.height)
    assert (image.content_type, picture.format) == ("image/webp", "WEBP")
    return picture


def near(one: Any, other: tuple[int, ...], by: int = 12) -> bool:
    return all(abs(a - b) <= by for a, b in zip(one, other, strict=True))


def test_a_photo_is_turned_upright_and_says_nothing_of_its_maker() -> None:
    exif = Pictures.Exif()
    exif[0x0112] = 6  # turn by a quarter
    exif[0x010F] = "Anna's camera"
    exif.get_ifd(0x8825)[2] = (35.0, 41.0, 21.0)  # where it was taken
    left_red = Pictures.new("RGB", (300, 100), "blue")
    left_red.paste("red", (0, 0, 150, 100))
    picture = shown(file_of(left_red, "JPEG", exif=exif, comment=b"secret", quality=95))
    assert picture.size == (100, 300)
    assert near(picture.convert("RGB").getpixel((50, 20)), (254, 0, 0))
    assert not picture.getexif()
    assert {"exif", "icc_profile", "xmp"}.isdisjoint(picture.info)
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", "Anna")
    assert b"Anna" not in prepare(file_of(left_red, "PNG", pnginfo=text)).content


def test_large_pictures_become_small_and_small_ones_stay() -> None:
    assert shown(file_of(Pictures.new("RGB", (3000, 1500)), "JPEG")).size == (1200, 600)
    assert shown(file_of(Pictures.new("L", (10, 4000)), "PNG")).size == (3, 1200)
    assert shown(file_of(Pictures.new("RGB", (20, 30)), "WEBP")).size == (20, 30)


def test_transparency_stays_and_is_not_made_up() -> None:
    half = Pictures.new("RGBA", (40, 40), (255, 0, 0, 128))
    picture = shown(file_of(half, "PNG"))
    assert picture.mode == "RGBA"
    assert near(picture.getpixel((20, 20)), (255, 0, 0, 128))
    assert shown(file_of(Pictures.new("RGBA", (40, 40), (255, 0, 0, 255)), "PNG")).mode == "RGB"
    palette = Pictures.new("P", (40, 40), 0)
    assert shown(file_of(palette, "GIF", transparency=0)).mode == "RGBA"


def test_of_an_animation_the_first_frame_is_shown() -> None:
    frames = [Pictures.new("RGB", (20, 20), colour) for colour in ("red", "lime", "blue")]
    for kind in ("GIF", "WEBP", "PNG"):
        picture = shown(file_of(frames[0], kind, save_all=True, append_images=frames[1:]))
        assert getattr(picture, "n_frames", 1) == 1
        assert near(picture.convert("RGB").getpixel((10, 10)), (255, 0, 0)), kind


@pytest.mark.parametrize(
    ("mode", "colour", "kind", "expected"),
    [
        ("1", 1, "PNG", (255, 255, 255)),
        ("L", 128, "JPEG", (128, 128, 128)),
        ("LA", (128, 255), "PNG", (128, 128, 128)),
        ("I;16", 32_896, "PNG", (128, 128, 128)),
        ("CMYK", (0, 255, 255, 0), "JPEG", (254, 0, 0)),
    ],
)
def test_every_mode_comes_out_in_its_colours(
    mode: str, colour: Any, kind: str, expected: tuple[int, int, int]
) -> None:
    picture = shown(file_of(Pictures.new(mode, (16, 16), colour), kind)).convert("RGB")
    assert near(picture.getpixel((8, 8)), expected)


def test_colours_of_another_profile_are_turned_into_those_of_browsers() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"xxxx").replace(b"bXYZ", b"rXYZ").replace(b"xxxx", b"bXYZ")
    red = Pictures.new("RGB", (16, 16), (255, 0, 0))
    for profile, expected in ((srgb, (255, 0, 0)), (swapped, (0, 0, 255)), (b"broken", (255, 0, 0))):
        assert near(shown(file_of(red, "PNG", icc_profile=profile)).getpixel((8, 8)), expected)
    red.putalpha(128)
    clear = shown(file_of(red, "PNG", icc_profile=swapped))
    assert near(clear.getpixel((8, 8)), (0, 0, 255, 128))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7",
        file_of(Pictures.new("RGB", (9, 9)), "BMP"),
        file_of(Pictures.effect_noise((200, 200), 90), "PNG")[:-2000],
        file_of(Pictures.effect_noise((200, 200), 90).convert("RGB"), "JPEG")[:300],
    ],
)
def test_what_is_no_whole_picture_is_refused(content: bytes) -> None:
    with pytest.raises(PollError, match="no image that can be read") as error:
        prepare(content)
    assert error.value.code is Code.BAD_REQUEST


def test_bombs_are_refused_before_they_unfold() -> None:
    for size in ((4001, 4000), (10_000, 10_000), (20_000, 20_000)):
        small_file = file_of(Pictures.new("1", size), "PNG")
        assert len(small_file) < 200_000
        with pytest.raises(PollError, match="JPEG can have 40 million, any other image 16"):
            prepare(small_file)
    assert prepare(file_of(Pictures.new("1", (4000, 4000)), "PNG")).width == 1200
    assert prepare(file_of(Pictures.new("L", (40_000, 1000)), "JPEG")).width == 1200
    with pytest.raises(PollError, match="40 million"):
        prepare(file_of(Pictures.new("L", (6400, 6400)), "JPEG"))
    with pytest.raises(PollError, match="5 MiB"):
        prepare(b"x" * (MAX_UPLOAD + 1))


def test_equal_pictures_have_one_id() -> None:
    one, same, other = (
        prepare(file_of(Pictures.new("RGB", (9, 9), c), "PNG")) for c in ("red", "red", "blue")
    )
    assert one == same
    assert one.id != other.id
    assert len(one.id) == 32


NOW = 1_800_000_000


def pixel(colour: str) -> bytes:
    return file_of(Pictures.new("RGB", (9, 9), colour), "PNG")


async def test_what_was_never_used_is_deleted(database_url: str) -> None:
    """Not what an option has, nor what readers saw in one, nor what came again today."""
    async with open_connection(database_url) as connection:
        time = float(NOW)
        keep, editing = Images(connection, lambda: time), Editing(connection, lambda: time)
        used, seen, unused, renewed = [
            (await keep.add(pixel(colour))).id for colour in ("red", "lime", "blue", "white")
        ]
        site = await Sites(connection, lambda: time).add("News", ["https://news.example"])
        poll = await editing.create_poll(site, NewPoll("Who?", [NewOption("A", image=seen, alt="A"), "B"]))
        options = [NewOption("A", id=1, image=used, alt="A"), NewOption("B", id=2)]
        new = NewPoll("Who?", options, opens_at=as_new(poll).opens_at)
        await editing.edit_poll(poll.id, new, correction=True)
        time += UNUSED + 1
        await keep.add(pixel("white"))
        there = [await exists(connection, image) for image in (used, seen, unused, renewed)]
        assert there == [True, True, False, True]


async def test_uploads_that_wait_leave_threads_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def slowly(content: bytes) -> Image:
        go_on.wait(30)
        return prepare(content)

    monkeypatch.setattr(images, "prepare", slowly)
    url = f"sqlite:///{tmp_path}/pollsvc.db"
    await make_tables(url)
    async with open_connection(url) as connection:
        uploads = [asyncio.create_task(Images(connection, lambda: NOW).add(pixel("red"))) for _ in range(40)]
        await asyncio.sleep(0)
        try:
            assert await asyncio.wait_for(asyncio.to_thread(lambda: "a password"), 10) == "a password"
        finally:
            go_on.set()
        assert len({image.id for image in await asyncio.gather(*uploads)}) == 1


async def test_a_size_is_known_as_long_as_the_image_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_cache, "_MAX_SIZES", 1)
    url = f"sqlite:///{tmp_path}/pollsvc.db"
    await make_tables(url)
    async with open_connection(url) as connection:
        one, other = [
            (await Images(connection, lambda: NOW).add(pixel(colour))).id for colour in ("red", "lime")
        ]
        cache = ImageCache(connection)
        assert [await cache.size(image) for image in (one, other, one, "none")] == [(9, 9)] * 3 + [None]
