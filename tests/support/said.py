"""What the code says to readers: every text that Python files and templates ask `Words` for, by its key."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from jinja2 import nodes

import pollsvc
from pollsvc.web.environment import environment

PACKAGE = Path(pollsvc.__file__).parent
_PREFIXES = ("changed_", "translated_", "kind_", "error_")
"""How keys begin that are put together of this and of what has happened."""


class Said(NamedTuple):
    """A call of a method of `Words` with a key that stands there: where, and the names of what is put in."""

    where: str
    method: str
    key: str
    given: set[str]


def said() -> Iterator[Said]:
    """All such calls."""
    for path in PACKAGE.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.args):
                continue
            owner, key = ast.unparse(call.func.value), call.args[0]
            if owner.endswith("words") and isinstance(key, ast.Constant):
                given = {str(keyword.arg) for keyword in call.keywords}
                yield Said(f"{path.name}:{call.lineno}", call.func.attr, str(key.value), given)
    jinja = environment()
    for path in templates():
        for called in jinja.parse(path.read_text()).find_all(nodes.Call):
            method = called.node
            if not (
                isinstance(method, nodes.Getattr) and isinstance(method.node, nodes.Name) and called.args
            ):
                continue
            key_node = called.args[0]
            if method.node.name == "words" and isinstance(key_node, nodes.Const):
                given = {keyword.key for keyword in called.kwargs}
                yield Said(f"{path.name}:{called.lineno}", method.attr, str(key_node.value), given)


def keys_in_quotes() -> set[str]:
    """Every quoted text that can be a key, in templates and in files that know `Words`, or the end of one."""
    found = {text for path in templates() for text in re.findall(r"""["'](\w+)["']""", path.read_text())}
    for path in PACKAGE.rglob("*.py"):
        source = path.read_text()
        quoted = {
            node.value
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        found |= {
            prefix + text + end for prefix in _PREFIXES for text in quoted for end in ("", "_true", "_false")
        }
        if re.search(r"\bwords\b", source, re.IGNORECASE):
            found |= quoted
    return found


def templates() -> Iterator[Path]:
    """Every template."""
    return (PACKAGE / "web/templates").rglob("*.*ml")
