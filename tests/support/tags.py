"""The tags in a piece of HTML."""

from html.parser import HTMLParser


class Tags(HTMLParser):
    """The tags of a page, in their order, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def of(self, tag: str) -> list[dict[str, str]]:
        """The attributes of each tag of one name."""
        return [attributes for name, attributes in self.found if name == tag]

    def names(self) -> set[str]:
        """The names of the tags that there are."""
        return {name for name, _ in self.found}

    def all(self, attribute: str) -> list[str]:
        """The values of an attribute."""
        return [attributes[attribute] for _, attributes in self.found if attribute in attributes]
