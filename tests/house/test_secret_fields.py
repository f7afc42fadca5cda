"""No value of ours prints a secret: it is left out of its repr, and so out of every traceback."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from tests.house import tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

#: Names under which credentials, keys and what is made of them are kept.
SECRET = re.compile(
    r"password$|secret|token|cookie|digest|binding|nonce|private|signature|seal|_url$|hash$|conninfo$|^fam$|retry_key"
)
#: Text and bytes; what is of another type prints itself, and is scanned where it is declared.
PLAIN = {"str", "bytes", "tuple[str, ...]", "str | None", "bytes | None"}
#: Throwaway secrets of a throwaway server, shown on purpose.
SHOWN = {"features/demo"}
#: The names of things, and not the things.
NAMES = {("web/cookies.py", "CookieNames"), ("web/endpoint.py", "CookieNames")}


def printed(source: str) -> Iterator[tuple[str, str, int]]:
    """Yield class, field and line of each secret that a value would print."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ClassDef) or not _prints_itself(node):
            continue
        for field in node.body:
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and SECRET.search(field.target.id)
                and ast.unparse(field.annotation) in PLAIN
                and "repr=False" not in ast.unparse(field.value or ast.Constant(None))
            ):
                yield node.name, field.target.id, field.lineno


def _prints_itself(node: ast.ClassDef) -> bool:
    """Whether it prints its fields; those that are `Hidden[...]`, no plain type here, `Frozen` leaves out."""
    made = [ast.unparse(each) for each in node.decorator_list]
    bases = {ast.unparse(each).removeprefix("msgspec.") for each in node.bases}
    return not bases.isdisjoint({"Frozen", "Struct"}) or any(
        each.startswith("dataclass") and "repr=False" not in each for each in made
    )


def faults(package: Path) -> list[str]:
    """Every such field of a package."""
    return [
        f"{tree.place(path, line)}: {cls}.{name}"
        for path in tree.python_files(package)
        if not any(path.is_relative_to(package / shown) for shown in SHOWN)
        for cls, name, line in printed(path.read_text())
        if (path.relative_to(package).as_posix(), cls) not in NAMES
    ]


def half_silent(sources: Iterable[str]) -> list[str]:
    """Return the structs with a `__repr__` of their own that leave `__rich_repr__` as it was.

    `Frozen` makes the first of the second, so that the second alone is enough.
    """
    classes = [
        node for source in sources for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef)
    ]
    structs = {"Struct"}
    while found := {
        node.name for node in classes if node.name not in structs and not structs.isdisjoint(_bases(node))
    }:
        structs |= found
    return [
        node.name
        for node in classes
        if node.name in structs and "__repr__" in (own := _assigned(node)) and "__rich_repr__" not in own
    ]


def _bases(node: ast.ClassDef) -> set[str]:
    """Their last names, whatever they were imported by and whatever they are generic in."""
    return {ast.unparse(each).partition("[")[0].rpartition(".")[2] for each in node.bases}


def _assigned(node: ast.ClassDef) -> set[str]:
    """The names of its methods and of what is assigned in its body."""
    named = {each.name for each in node.body if isinstance(each, tree.Function)}
    return named | {
        ast.unparse(name) for each in node.body if isinstance(each, ast.Assign) for name in each.targets
    }


@pytest.mark.requirement("H4", "H5")
@pytest.mark.parametrize("package", [tree.SERVER, tree.VERIFIER], ids=lambda path: path.name)
def test_no_value_prints_a_secret(package: Path) -> None:
    """What is named like a credential, a key or a digest is `Hidden[...]`, or has `field(repr=False)`."""
    assert faults(package) == []


@pytest.mark.requirement("H4", "H5")
def test_whatever_is_silent_is_silent_to_rich_as_well() -> None:
    """Rich, which prints the locals of tracebacks, asks a struct past `repr`: what hides there hides here."""
    files = tree.python_files(tree.SERVER, tree.VERIFIER)
    assert half_silent(path.read_text() for path in files) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("class A(Frozen):\n    def __repr__(self): ...", ["A"]),
        ("class A(Frozen, Generic[T]):\n    __repr__ = B.__repr__", ["A"]),
        ("class B(A[int]):\n    def __repr__(self): ...\nclass A(frozen.Frozen): ...", ["B"]),
        ("class A(msgspec.Struct, frozen=True):\n    def __repr__(self): ...", ["A"]),
        ("class A(Frozen):\n    def __repr__(self): ...\n    def __rich_repr__(self): ...", []),
        ("class A(Frozen):\n    def __rich_repr__(self): ...", []),
        ("class A:\n    def __repr__(self): ...", []),
    ],
)
def test_the_scan_finds_who_hides_from_repr_alone(source: str, found: list[str]) -> None:
    """By whatever name the root is reached, and in whatever order the classes stand."""
    assert half_silent(["class Frozen(msgspec.Struct, frozen=True): ...", source]) == found


@pytest.mark.parametrize(
    ("declared", "found"),
    [
        ("password: str", True),
        ("refresh_token: str | None = None", True),
        ("family_digest: bytes", True),
        ("database_url: str", True),
        ("conninfo: str", True),
        ("retry_key: str | None", True),
        ("password: str = field(repr=False)", False),
        ("password: str | None = field(default=None, repr=False)", False),
        ("password: Secret", False),
        ("password: Hidden[str]", False),
        ("password_minimum: int", False),
    ],
)
@pytest.mark.parametrize(
    "head",
    [
        "@dataclass(frozen=True)\nclass A:",
        "class A(Frozen):",
        "class A(Frozen, Generic[T], kw_only=True):",
        "class A(msgspec.Struct, frozen=True):",
    ],
)
def test_the_scan_finds_what_would_print(head: str, declared: str, found: bool) -> None:  # noqa: FBT001 -- a parameter of the table above
    """A secret in plain text is reported, one that is left out or of a type of its own is not."""
    assert bool(list(printed(f"{head}\n    {declared}\n"))) is found
