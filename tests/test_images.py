"""Pictures that editors upload come out upright, small, and without anything that is not the picture."""

from io import BytesIO
from typing import Any

import pytest
from PIL import Image as Pictures
from PIL import ImageCms, PngImagePlugin

from pollsvc.domain.errors import Code, PollError
from pollsvc.services.editing.images import MAX_UPLOAD, prepare


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
    for size in ((6400, 6400), (10_000, 10_000), (20_000, 20_000)):
        small_file = file_of(Pictures.new("1", size), "PNG")
        assert len(small_file) < 200_000
        with pytest.raises(PollError, match="40 million pixels"):
            prepare(small_file)
    with pytest.raises(PollError, match="5 MiB"):
        prepare(b"x" * (MAX_UPLOAD + 1))


def test_equal_pictures_have_one_id() -> None:
    one, same, other = (
        prepare(file_of(Pictures.new("RGB", (9, 9), c), "PNG")) for c in ("red", "red", "blue")
    )
    assert one == same
    assert one.id != other.id
    assert len(one.id) == 32
