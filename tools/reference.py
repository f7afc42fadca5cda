# ruff: noqa: INP001, T201 - a script: run from the root of the repository, it says what it wrote
"""Write the tables of docs/*/reference/ from the code that they describe: settings, codes, metrics.

python tools/reference.py            # between the markers <!-- table: NAME --> and <!-- end -->
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from sekisho.rules.refusals import FIELD_CODES
from sekisho.settings import SETTINGS
from sekisho.web.metrics import FAMILIES
from sekisho.web.wire import STATUS
from sekisho.words.catalogue import LANGUAGES, SHARED, Language, words

DOCS = Path(__file__).parent.parent / "docs"

_SECONDS = {"en": "*n*", "ja": "*n* "}


def settings(language: Language) -> Iterator[tuple[str, ...]]:
    """Name, default, meaning."""
    yield {"en": ("name", "default", "meaning"), "ja": ("名前", "既定値", "意味")}[language]
    for setting in SETTINGS:
        absent = getattr(setting.absent, language) if setting.absent else ""
        default = f"`{setting.default}`" if setting.default is not None else absent
        yield f"`{setting.name}`", default, getattr(setting.meaning, language)


def codes(language: Language) -> Iterator[tuple[str, ...]]:
    """Code, status, what it says, what to do."""
    yield {
        "en": ("code", "status", "meaning", "what to do"),
        "ja": ("コード", "ステータス", "意味", "どうするか"),
    }[language]
    say = words(SHARED, language)
    for code, status in sorted(STATUS.items()):
        detail = say(f"problem.{code}.detail", count=_SECONDS[language])
        yield f"`{code}`", str(status), say(f"problem.{code}.title"), detail


def field_codes(language: Language) -> Iterator[tuple[str, ...]]:
    """Code of a field, what it says."""
    yield {"en": ("code", "the field"), "ja": ("コード", "その項目は")}[language]
    say = words(SHARED, language)
    for code in sorted(FIELD_CODES):
        yield f"`{code}`", say(f"field.{code}", limit="*n*")


def metrics(language: Language) -> Iterator[tuple[str, ...]]:
    """Name, kind, labels, and what it counts (which Prometheus, too, is told in English)."""
    yield {
        "en": ("name", "kind", "labels", "what"),
        "ja": ("名前", "種類", "ラベル", "説明 (Prometheus の HELP のまま)"),
    }[language]
    for family in FAMILIES:
        yield f"`{family.name}`", family.kind, " ".join(f"`{label}`" for label in family.labels), family.help


TABLES: dict[str, Callable[[Language], Iterator[tuple[str, ...]]]] = {
    "settings": settings,
    "codes": codes,
    "field codes": field_codes,
    "metrics": metrics,
}


def markdown(rows: Iterator[tuple[str, ...]]) -> str:
    """A table. A bar would end its cell, and `<data>` would be a tag."""
    head, *body = ([cell.replace("|", "\\|").replace("<", "\\<") for cell in row] for row in rows)
    lines = [head, ["---"] * len(head), *body]
    return "".join(f"| {' | '.join(line)} |\n".replace("|  |", "| |") for line in lines)


def main() -> None:
    """Rewrite every table in place."""
    for language in LANGUAGES:
        for page in sorted((DOCS / language / "reference").glob("*.md")):
            text = page.read_text("utf-8")
            for name, rows in TABLES.items():
                begin = f"<!-- table: {name} -->\n"
                table = f"{begin}\n{markdown(rows(language))}\n<!-- end -->"
                text = re.sub(f"{begin}.*?<!-- end -->", table.replace("\\", r"\\"), text, flags=re.DOTALL)
            if text != page.read_text("utf-8"):
                page.write_text(text, "utf-8")
                print(f"wrote {page.relative_to(DOCS)}")


if __name__ == "__main__":
    main()
