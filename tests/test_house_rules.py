"""The house rules that can be checked: layers, sizes, and documents that say what is true."""

import ast
import json
import re
from pathlib import Path

import pytest

from pollsvc.domain.errors import Code
from pollsvc.web.api.articles import ApiArticles
from pollsvc.web.api.description import describe_api
from pollsvc.web.api.imports import ApiImports
from pollsvc.web.api.polls import ApiPolls
from pollsvc.web.api.routes import Answerers, api_routes
from pollsvc.web.api.sites import ApiSites
from pollsvc.web.api.webhooks import ApiWebhooks
from pollsvc.web.errors import STATUS

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "pollsvc"
MODULES = sorted(PACKAGE.rglob("*.py"))

MAY_IMPORT = {
    "domain": {"domain"},
    "storage": {"domain", "storage"},
    "services": {"domain", "storage", "services"},
    "web": {"domain", "services", "web"},
    "settings": {"domain"},
    "app": {"domain", "storage", "services", "web", "settings"},
    "cli": {"domain", "storage", "services", "web", "settings", "app", "cli"},
    "__main__": {"cli"},
    "__init__": set(),
}
"""What the modules of each layer may import of pollsvc."""

LONGEST = 300  # lines of a file


def layer_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> list[tuple[ast.stmt, str]]:
    """Every import in a module, as its statement and the full name of what is imported."""
    found: list[tuple[ast.stmt, str]] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(node, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found += [(node, f"{node.module}.{alias.name}") for alias in node.names]
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_import_climbs_or_hides(path: Path) -> None:
    for node, name in imports_of(path):
        assert node.col_offset == 0, f"line {node.lineno}: an import inside a function hides a tangle"
        parts = name.split(".")
        if parts[0] == "pollsvc" and parts[1] != "__version__":
            assert parts[1] in MAY_IMPORT[layer_of(path)], f"line {node.lineno}: {name}"
        if parts[0] in {"databases", "asyncpg", "sqlalchemy", "alembic", "aiosqlite", "sqlite3"}:
            assert layer_of(path) == "storage", f"line {node.lineno}: {name} belongs to storage/"
        if layer_of(path) == "domain":
            assert parts[0] not in {"starlette", "asyncio", "click"}, f"line {node.lineno}: {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_are_short_and_say_what_they_are(path: Path) -> None:
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text)), "no docstring"
    assert len(text.splitlines()) <= LONGEST


def test_every_code_has_one_status() -> None:
    assert set(STATUS) == set(Code)


def test_openapi_describes_every_route_of_the_interface() -> None:
    document = json.loads((PACKAGE / "web/openapi.json").read_text())
    routed = set(re.findall(r'Route\("(/api/[^"]+)"', (PACKAGE / "web/routes.py").read_text()))
    named = {re.sub(r":\w+}", "}", path) for path in routed}
    assert {path for path in document["paths"] if path.startswith("/api/")} == named
    describe_api(
        document,
        api_routes(
            Answerers(ApiPolls("", lambda: 0), ApiImports(), ApiArticles(), ApiSites(), ApiWebhooks())
        ),
    )
    named = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert named <= set(document["components"]["schemas"])
    operations = [
        operation["operationId"] for path in document["paths"].values() for operation in path.values()
    ]
    assert len(operations) == len(set(operations))
    codes = set(re.findall(r"`([a-z_]+)`", " ".join(_problem_descriptions(document))))
    assert codes <= {code.value for code in Code}


def _problem_descriptions(document: dict[str, object]) -> list[str]:
    paths = document["paths"]
    assert isinstance(paths, dict)
    return [
        answer["description"]
        for path in paths.values()
        for operation in path.values()
        for answer in operation["responses"].values()
        if "application/problem+json" in answer.get("content", {})
    ]


def test_every_dependency_has_its_line() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    names = re.findall(r'^    "([a-z0-9-]+)[>=]', project, flags=re.MULTILINE)
    documented = (ROOT / "docs/dependencies.md").read_text().lower()
    assert names
    assert not [name for name in names if name not in documented]


def test_every_link_between_documents_leads_somewhere() -> None:
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_the_project_speaks_of_itself_only() -> None:
    banned = re.compile(r"/work/|/root/|/tmp/spec", re.IGNORECASE)
    for path in [*MODULES, *(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"]:
        assert not banned.search(path.read_text()), path
