"""Forms in pages, as a browser without JavaScript reads and sends them."""

from collections.abc import Iterable
from html.parser import HTMLParser

Field = tuple[str, str]


class _Reader(HTMLParser):
    """Collects the controls of each form that would be sent, with their values."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[dict[str, str], list[Field]]] = []
        self._templates = 0
        self._textarea: str | None = None
        self._text = ""
        self._select: str | None = None
        self._options: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "template":
            self._templates += 1
        if self._templates:
            return
        if tag == "form":
            self.forms.append((given, []))
        elif tag == "input" and self.forms:
            self._input(given)
        elif tag == "textarea":
            self._textarea, self._text = given.get("name"), ""
        elif tag == "select":
            self._select, self._options = given.get("name"), []
        elif tag == "option":
            self._options.append((given.get("value", ""), "selected" in given))

    def handle_endtag(self, tag: str) -> None:
        if tag == "template":
            self._templates -= 1
        elif self._templates or not self.forms:
            return
        elif tag == "textarea" and self._textarea:
            self.forms[-1][1].append((self._textarea, self._text.removeprefix("\n")))
            self._textarea = None
        elif tag == "select" and self._select:
            chosen = [value for value, selected in self._options if selected]
            value = (chosen or [value for value, _ in self._options] or [""])[0]
            self.forms[-1][1].append((self._select, value))
            self._select = None

    def handle_data(self, data: str) -> None:
        if self._textarea is not None:
            self._text += data

    def _input(self, given: dict[str, str]) -> None:
        kind = given.get("type", "text")
        ticked = kind not in ("checkbox", "radio") or "checked" in given
        if given.get("name") and ticked and kind not in ("file", "submit") and "form" not in given:
            self.forms[-1][1].append((given["name"], given.get("value", "")))


def form_in(page: str, **attributes: str) -> list[Field]:
    """The fields of the first form in a page whose attributes are these (`id_` stands for `id`)."""
    reader = _Reader()
    reader.feed(page)
    wanted = {name.rstrip("_"): value for name, value in attributes.items()}
    for given, fields in reader.forms:
        if all(given.get(name) == value for name, value in wanted.items()):
            return fields
    raise AssertionError(f"no form with {attributes}")


def filled(fields: Iterable[Field], **values: str) -> list[Field]:
    """The fields with other values; in a name two underscores stand for a colon. New names come last."""
    changed = {name.replace("__", ":"): value for name, value in values.items()}
    kept = [(name, changed.pop(name, value)) for name, value in fields]
    return [*kept, *changed.items()]


def without(fields: Iterable[Field], *names: str) -> list[Field]:
    """The fields but those of these names: boxes that are not ticked any more."""
    return [field for field in fields if field[0] not in names]
