"""The shape of the house, held by a test: floors, rooms, purity, sizes, and who may touch what.

Pure ``ast``: nothing is imported or run, so that a broken module cannot hide a broken rule.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("portal", "registry", "approvals", "reports")
TOP_LEVEL = {*PACKAGES, "templates", "static", "tests", "docs"}

# From the ground up. A module may import its own floor and those below it.
FLOORS = (
    ("portal.errors", "portal.outbound", "portal.reading"),
    ("portal.ledger",),
    ("portal.identity",),
    ("portal.web", "portal.api"),
    ("registry",),
    ("approvals",),
    ("reports",),
    ("portal",),  # the wiring: settings, urls, celery, tasks, subscriptions, embedded, health
)
# portal.identity serves its own pages and API on the shared edges, which stand on it: the one step upwards.
EDGE_OF_IDENTITY = ("portal.identity.web", "portal.identity.api")
# Within an app, from the ground up. Rooms not named here are wiring of the app (apps, urls).
ROOMS = ("rules", "events", "models", "selectors", "services", "jobs", "tasks")
EDGES = ("web", "api", "connect")
FORBIDDEN_NAMES = {"utils", "helpers", "common", "misc"}
IMPURE = {"django", "rest_framework", "celery", "requests", "socket", "subprocess", "time", "random", "os"}
MOST_LINES = 400


@dataclass(frozen=True)
class Module:
    name: str
    path: Path

    @property
    def tree(self) -> ast.Module:
        return _parse(self.path)


@cache
def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@cache
def modules() -> tuple[Module, ...]:
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = list(path.relative_to(ROOT).with_suffix("").parts)
            if parts[-1] == "__init__":
                parts.pop()
            if "migrations" not in parts:
                found.append(Module(".".join(parts), path))
    assert len(found) > 100, "the walk found too little to prove anything"
    return tuple(found)


def imports(module: Module) -> Iterator[tuple[str, int]]:
    """Every dotted name a module imports, functions included, with its line."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module.name}:{node.lineno} imports relatively"
            base = node.module or ""
            for alias in node.names:
                yield f"{base}.{alias.name}", node.lineno


def floor_of(name: str) -> int:
    """The floor a dotted name belongs to, -1 for what is not ours."""
    best, level = "", -1
    for number, prefixes in enumerate(FLOORS):
        for prefix in prefixes:
            if (name == prefix or name.startswith(f"{prefix}.")) and len(prefix) > len(best):
                best, level = prefix, number
    return level


def app_and_room(name: str) -> tuple[str, str]:
    for app in ("portal.ledger", "portal.identity", *PACKAGES[1:]):
        if name.startswith(f"{app}."):
            return app, name[len(app) + 1 :].partition(".")[0]
    return "", ""


def test_imports_point_down() -> None:
    wrong = [
        f"{module.name}:{line} imports {name}"
        for module in modules()
        for name, line in imports(module)
        if floor_of(name) > floor_of(module.name)
        and not (module.name.startswith(EDGE_OF_IDENTITY) and name.startswith(("portal.web", "portal.api")))
    ]
    assert wrong == []


def test_the_wiring_is_imported_by_nothing() -> None:
    """Except the settings' environment by the settings, and the embedded server by its own rooms."""
    top = len(FLOORS) - 1
    wrong = [
        f"{module.name}:{line} imports {name}"
        for module in modules()
        for name, line in imports(module)
        if floor_of(name) == top and floor_of(module.name) != top
    ]
    assert wrong == []


def test_rooms_of_an_app_stand_on_each_other_in_order() -> None:
    wrong = []
    for module in modules():
        app, room = app_and_room(module.name)
        for name, line in imports(module):
            other_app, other = app_and_room(name)
            if not app or app != other_app or room == other:
                continue
            upwards = room in ROOMS and other in ROOMS and ROOMS.index(other) > ROOMS.index(room)
            into_edge = room in ROOMS and other in EDGES
            across = {room, other} == {"web", "api"}
            if upwards or into_edge or across:
                wrong.append(f"{module.name}:{line} imports {name}")
    assert wrong == []


def test_rules_are_pure() -> None:
    wrong = []
    for module in modules():
        if ".rules" not in module.name and not module.name.startswith("reports.ingest"):
            continue
        for name, line in imports(module):
            root = name.partition(".")[0]
            if root in IMPURE and not (module.name.endswith("identity.rules.tokens") and root == "secrets"):
                wrong.append(f"{module.name}:{line} imports {name}")
            own_impure = root in PACKAGES and ".rules" not in f"{name}." and ".ingest" not in name
            if own_impure and name.partition(".")[0] in PACKAGES and not name.startswith("portal.errors"):
                wrong.append(f"{module.name}:{line} imports {name}")
    assert wrong == []


def test_no_import_hides_in_a_function() -> None:
    wrong = [
        f"{module.name}:{inner.lineno}"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        for inner in ast.walk(node)
        if isinstance(inner, (ast.Import, ast.ImportFrom))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("library", "homes"),
    [
        ("weasyprint", {"reports.render.pdf"}),
        ("guardian", {"registry.selectors.agents", "registry.services.register", "registry.models.agent"}),
    ],
)
def test_a_library_has_one_home(library: str, homes: set[str]) -> None:
    users = {module.name for module in modules() for name, _ in imports(module) if name.split(".")[0] == library}
    assert users <= homes, f"{library} is imported by {sorted(users - homes)}"


def test_state_is_assigned_only_in_services() -> None:
    """A state moves through the one function that checks the table, never from a page or a serializer."""
    wrong = []
    for module in modules():
        _, room = app_and_room(module.name)
        if room in {"services", "rules"} or not room:
            continue
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Assign):
                continue
            targets = node.targets
            flat = [item for target in targets for item in (target.elts if isinstance(target, ast.Tuple) else [target])]
            wrong += [
                f"{module.name}:{node.lineno}"
                for target in flat
                if isinstance(target, ast.Attribute) and target.attr == "state"
            ]
    assert wrong == []


def test_no_receivers_and_no_save_overrides() -> None:
    wrong = []
    for module in modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef):
                names = {ast.unparse(item).partition("(")[0] for item in node.decorator_list}
                if "receiver" in names:
                    wrong.append(f"{module.name}:{node.lineno} is a signal receiver")
                if node.name in {"save", "delete"} and ".models" in module.name:
                    wrong.append(f"{module.name}:{node.lineno} overrides {node.name}()")
    assert wrong == []


def test_names_and_sizes() -> None:
    wrong = []
    for module in modules():
        if module.name.rpartition(".")[2] in FORBIDDEN_NAMES:
            wrong.append(f"{module.name}: says nothing about what it holds")
        lines = module.path.read_text(encoding="utf-8").count("\n")
        if lines > MOST_LINES:
            wrong.append(f"{module.name}: {lines} lines")
        if lines and ast.get_docstring(module.tree) is None:
            wrong.append(f"{module.name}: has no docstring")
    assert wrong == []


def test_services_take_keywords_and_no_requests() -> None:
    wrong = []
    for module in modules():
        _, room = app_and_room(module.name)
        if room != "services" or module.name.startswith("portal.ledger"):
            continue
        for name, line in imports(module):
            if name.startswith(("django.http", "rest_framework", "django.forms")):
                wrong.append(f"{module.name}:{line} imports {name}")
    assert wrong == []


def test_the_top_level_holds_what_was_agreed() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages <= TOP_LEVEL, f"new top-level packages: {sorted(packages - TOP_LEVEL)}"
    assert (ROOT / "portal" / "__init__.py").read_text() == ""
