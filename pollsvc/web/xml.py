"""Small XML documents, with texts that may hold anything."""

import re
from xml.etree import ElementTree

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2


def add_text(parent: ElementTree.Element, name: str, text: str) -> None:
    """Add an element with a text, without the characters that XML cannot hold."""
    ElementTree.SubElement(parent, name).text = _NOT_XML.sub("", text)


def xml_of(root: ElementTree.Element) -> bytes:
    """The document in UTF-8, with its declaration."""
    written: bytes = ElementTree.tostring(root, "utf-8", xml_declaration=True)
    return written
