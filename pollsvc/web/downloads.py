"""What can be downloaded of a poll, as it is asked for in a query string, and as it is sent."""

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from starlette.responses import StreamingResponse

from pollsvc.domain.errors import bad
from pollsvc.services.exports.export import Wanted
from pollsvc.services.exports.exporting import Download
from pollsvc.services.exports.formats import Format
from pollsvc.services.exports.sections import What
from pollsvc.services.watching.timeline import Bucket

E = TypeVar("E", bound=StrEnum)


def wanted_of(parameter: Callable[[str], str | None]) -> Wanted:
    """The export that the parameters `what`, `format`, `bucket` and `lang` ask for.

    Raises PollError `bad_request`.
    """
    return Wanted(
        what=_choice(What, parameter("what") or What.ALL, "what"),
        format=_choice(Format, parameter("format") or Format.JSON, "format"),
        bucket=_choice(Bucket, parameter("bucket") or Bucket.HOUR, "bucket"),
        lang=parameter("lang") or None,
    )


def sent(download: Download) -> StreamingResponse:
    """A download as a file to be saved."""
    return StreamingResponse(
        download.chunks,
        headers={
            "content-type": download.media_type,
            "content-length": str(download.length),
            "content-disposition": f'attachment; filename="{download.name}"',
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
        },
    )


def _choice(choices: type[E], text: str, field: str) -> E:
    try:
        return choices(text)
    except ValueError:
        known = ", ".join(choice.value for choice in choices)
        raise bad(f"{text!r} is no {field} of an export; choose of {known}.", field) from None
