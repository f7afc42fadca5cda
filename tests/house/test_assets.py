"""What a browser may be sent is light, and written here: files of the package, counted uncompressed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.house import tree

if TYPE_CHECKING:
    from pathlib import Path

#: Bytes: of pages, browser client and explorer together.
BUDGET = 250_000
SUFFIXES = {".css", ".gif", ".ico", ".jpg", ".js", ".mjs", ".png", ".svg", ".webp", ".woff", ".woff2"}


def assets(folder: Path) -> list[Path]:
    """The files below a folder that are for browsers: by their place, or by their kind."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and (path.parent.name == "static" or path.suffix in SUFFIXES)
    )


def weight(paths: list[Path]) -> int:
    """Bytes."""
    return sum(path.stat().st_size for path in paths)


def test_all_assets_together_are_light() -> None:
    """Everything that any page could ever fetch of a server weighs less than one photograph: 250 kB."""
    found = assets(tree.SERVER)
    names = {path.relative_to(tree.SERVER).as_posix() for path in found}
    assert {
        "web/static/base.css",
        "features/pages/static/pages.css",
        "features/browser_client/sekisho.js",
    } <= names
    assert weight(found) <= BUDGET, "what of it would nobody miss?"


def test_the_scan_finds_and_weighs_them(tmp_path: Path) -> None:
    """A font beside the code counts, and whatever lies in a folder for it; code and words do not."""
    for name in ("a/static/x.unknown", "a/x.woff2", "a/x.py", "a/words.en.toml", "a/templates/x.html"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"12345")
    found = assets(tmp_path)
    assert [path.name for path in found] == ["x.unknown", "x.woff2"]
    assert weight(found) == 10
