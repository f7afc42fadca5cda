"""No value of ours prints a secret: it is left out of its repr, and so out of every traceback."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from tests.house import tree

if TYPE_CHECKING:
    from collections.abc import Iterator
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


@pytest.mark.requirement("H4", "H5")
@pytest.mark.parametrize("package", [tree.SERVER, tree.VERIFIER], ids=lambda path: path.name)
def test_no_value_prints_a_secret(package: Path) -> None:
    """What is named like a credential, a key or a digest is `Hidden[...]`, or has `field(repr=False)`."""
    assert faults(package) == []


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
