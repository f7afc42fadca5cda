"""How the tests of words read them: the texts as they lie in the tree, and the ids that code asks for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

from sekisho.words.catalogue import Language, Text, words
from tests.house import tree

#: Every package that has words, by the folder that they lie in.
PACKAGES = {
    file.parent: ".".join(("sekisho", *file.parent.relative_to(tree.SERVER).parts))
    for file in sorted(tree.SERVER.rglob("words.en.toml"))
}
#: Words of one language: in English the commands' docstrings say it.
IN_JAPANESE = "sekisho.cli.help"
#: Commands that speak for another package too.
SPEAKS_FOR = {
    tree.SERVER / "cli" / "checkup": "doctor.py",
    tree.SERVER / "features" / "demo": "demo*.py",
}
#: Names under which code calls the words of a package.
SAYING = {"say", "cli_say", "own", "shared"}
#: What stands for a name that is put together when the program runs.
HOLE = "\0"


def texts(package: str, language: Language) -> dict[str, Text]:
    """Every text of a package by its id."""
    return dict(words(package, language).texts)


def forms(text: Text) -> dict[str, str]:
    """A text by its forms; one that has but one by no name."""
    return {"": text} if isinstance(text, str) else dict(text)


def sentences(package: str, language: Language) -> dict[str, str]:
    """Every form of every text by its id: `problem.unavailable.detail.one`."""
    return {
        f"{key}.{form}" if form else key: sentence
        for key, text in texts(package, language).items()
        for form, sentence in forms(text).items()
    }


def everything(language: Language) -> Iterator[tuple[str, str]]:
    """Every sentence of every package, with where it stands."""
    for package in (*PACKAGES.values(), *([IN_JAPANESE] if language == "ja" else [])):
        for key, sentence in sentences(package, language).items():
            yield f"{package}: {key}", sentence


def placeholders(sentence: str) -> set[str]:
    """The names of the values that a sentence wants."""
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


def speakers(folder: Path) -> list[Path]:
    """The files that ask for the words of a folder: those nearest to them, and who speaks for it."""
    below = [path for suffix in ("py", "html", "js") for path in sorted(folder.rglob(f"*.{suffix}"))]
    own = [path for path in below if next(each for each in path.parents if each in PACKAGES) == folder]
    return own + sorted(
        (tree.SERVER / "cli").glob(SPEAKS_FOR.get(folder, "")) if folder in SPEAKS_FOR else ()
    )


def asked(path: Path) -> set[str]:
    """What a file asks for, as far as it is written down: whole ids, and such with holes."""
    if path.suffix == ".py":
        found = {text for node in ast.walk(ast.parse(path.read_text("utf-8"))) for text in _constants(node)}
    else:
        # `"tag." ~ tag` of a template, `tag.${tag}` of a script.
        text = re.sub(r"""(["'])([a-z_.]+)\1\s*~\s*\w+(?:\.\w+)*""", rf'"\2{HOLE}"', path.read_text("utf-8"))
        # Inside of a hole of a script there may be an id too.
        text += re.sub(r"\$\{[^}]*\}", HOLE, text)
        found = set(re.findall(rf"""["'`]([a-z0-9_.{HOLE}]+)["'`]""", text))
    # One that is all holes would ask for everything, and one with no joint is no id.
    return {each for each in found if HOLE not in each or re.fullmatch(r"(?=.*[a-z])(?=.*[._]).*", each)}


def said(path: Path) -> set[str]:
    """What a module passes to `say`: whatever it looks like, it is an id."""
    if path.suffix != ".py":
        return set()
    calls = (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))
    ids = (call.args[0] for call in calls if call.args and _called(call) in SAYING)
    return {text for each in ids for text in _constants(each)}


def matches(key: str, asked: str) -> bool:
    """Whether an id is one that is asked for; a hole is one or more names."""
    if HOLE not in asked:
        return key == asked
    pattern = "[a-z0-9_]+(?:[.][a-z0-9_]+)*".join(map(re.escape, asked.split(HOLE)))
    return re.fullmatch(pattern, key) is not None


def _called(call: ast.Call) -> str:
    """The last name of what is called."""
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def _constants(node: ast.AST) -> Iterator[str]:
    """A string, or an f-string with holes."""
    if isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else HOLE for part in node.values)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
