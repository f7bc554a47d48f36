"""A poll's form as it comes from a browser, with the images that came along."""

from dataclasses import dataclass, replace

from starlette.requests import Request

from pollsvc.domain.errors import PollError, bad
from pollsvc.services.editing.images import MAX_UPLOAD, Images
from pollsvc.web.admin.forms import MAX_FORM, Form, read_form
from pollsvc.web.admin.polls.form import MAX_ROWS, PollForm
from pollsvc.web.numbers import whole

MAX_BODY = 6 * MAX_UPLOAD + MAX_FORM
"""Bytes of a form with images. A single one that is too large is read to its end, so as to say so."""


@dataclass(frozen=True, slots=True)
class SentForm:
    """A form, the button that sent it, the revision that it was made of (0 if none), and the site.

    `failed` says what was wrong with images, by field; `preview_lang` is the language of the preview.
    """

    form: PollForm
    do: str
    new_lang: str
    revision: int
    site: str
    preview_lang: str
    failed: dict[str, str]


async def read_poll_form(request: Request, images: Images, lang: str) -> SentForm:
    """The form of a request; its images are kept, and their ids stand in the form instead."""
    fields = await read_form(request, max_files=MAX_ROWS)
    form, failed = PollForm.read(fields, lang), dict[str, str]()
    rows = []
    for row in form.rows:
        name = f"file:{row.key}"
        try:
            image = await add_image(images, fields, name)
        except PollError as error:
            image = None
            failed[name] = error.message
        rows.append(row if image is None else replace(row, image=image))
    return SentForm(
        form=replace(form, rows=tuple(rows)),
        do=fields.text("do"),
        new_lang=fields.text("new_lang"),
        revision=whole(fields.text("revision"), 9) or 0,
        site=fields.text("site"),
        preview_lang=fields.text("preview_lang"),
        failed=failed,
    )


async def add_image(images: Images, fields: Form, name: str) -> str | None:
    """The id of the image that was chosen in a field, once it is kept; None if none was. Raises PollError."""
    file = fields.file(name)
    if file is None:
        return None
    if file.size is None or file.size > MAX_UPLOAD:
        raise bad(f"The image is larger than {MAX_UPLOAD // 1024**2} MiB; make it smaller.", name)
    return (await images.add(await file.read())).id
