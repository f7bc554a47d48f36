"""Forms that browsers send, read within limits, and what was wrong with them."""

from collections.abc import Mapping

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from pollsvc.domain.errors import Code, PollError
from pollsvc.services.editing.definitions import MAX_LANGS, MAX_OPTIONS

MAX_FORM = 1024 * 1024
"""Bytes of a form, its files included, where its route does not say otherwise."""
MAX_FIELDS = 3 * MAX_LANGS * MAX_OPTIONS
"""Fields of a form: in that of a poll, each option has two texts in each language, and a few fields more."""
MAX_FIELD = 2 * 1024 * 1024
"""Bytes of a field: one holds all texts of a poll's form."""


class Form:
    """The fields of a form."""

    def __init__(self, data: FormData) -> None:
        self._data = data

    def __contains__(self, name: str) -> bool:
        return name in self._data

    def text(self, name: str) -> str:
        """A field's text; empty when it was not sent."""
        value = self._data.get(name, "")
        return value if isinstance(value, str) else ""

    def texts(self, name: str) -> list[str]:
        """The texts of a field that may be sent several times, in their order."""
        return [value for value in self._data.getlist(name) if isinstance(value, str)]

    def names(self) -> list[str]:
        """The names of all fields, in their order."""
        return list(self._data)

    def file(self, name: str) -> UploadFile | None:
        """An uploaded file; None when none was chosen."""
        value = self._data.get(name)
        return value if isinstance(value, UploadFile) and value.filename else None


async def read_form(request: Request, *, max_files: int = 0) -> Form:
    """The request's form. Raises PollError `bad_request` for what is none; the guard bounds its length."""
    try:
        data = await request.form(max_files=max_files, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD)
    except (HTTPException, UnicodeDecodeError):
        raise _no_form() from None
    if any("\0" in text for field in data.multi_items() for text in field if isinstance(text, str)):
        raise _no_form()  # PostgreSQL's texts cannot hold it
    return Form(data)


def _no_form() -> PollError:
    return PollError(Code.BAD_REQUEST, "Send the form of the page.")


def errors_of(error: PollError) -> Mapping[str, str]:
    """What was wrong, by the name of the field; the name is empty where it is no field's fault."""
    listed = error.details.get("errors")
    if isinstance(listed, list):
        return {str(one["field"]): str(one["message"]) for one in reversed(listed)}
    return {str(error.details.get("field", "")): error.message}
