"""What docs/deploy.md tells operators to type."""

import re
import shlex
from pathlib import Path

DOCUMENT = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text()


def commands(*names: str) -> list[list[str]]:
    """The first command of each of these names in the document's shell blocks, as its words.

    Raises AssertionError where there is none.
    """
    lines = [
        shlex.split(line, comments=True)
        for block in re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)
        for line in block.replace("\\\n", " ").splitlines()
    ]
    found = []
    for name in names:
        those = [words for words in lines if words and words[0] == name]
        assert those, f"docs/deploy.md has no {name}"
        found.append(those[0])
    return found
