"""The page as the server writes it: complete in both languages, strict, and nobody's but ours."""

from __future__ import annotations

import gzip
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, get_args

import pytest

from sekisho.features.explorer import page
from sekisho.features.explorer.deciding import QUESTIONS
from sekisho.features.explorer.events import MESSAGES, Actor
from sekisho.features.explorer.presets import CHANGED, PRESETS
from sekisho.words.catalogue import LANGUAGES, Language, words
from sekisho_verify.explain import CHECKS

if TYPE_CHECKING:
    from collections.abc import Iterator

EXPLORER = "sekisho.features.explorer"
#: Bytes of the scripts of ours that the page loads, gzipped one by one.
SCRIPTS = 51_000
STAGE = ("http://localhost:8400", "http://localhost:8401", "http://localhost:8402")

each_language = pytest.mark.parametrize("language", LANGUAGES)


class Tags(HTMLParser):
    """Every tag with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep it."""
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def of(self, name: str) -> Iterator[dict[str, str]]:
        """Those of one name."""
        return (attributes for tag, attributes in self.found if tag == name)


def written(language: Language) -> str:
    """The page."""
    scene = page.Scene(
        key="0" * 64,
        language=language,
        theme="auto",
        servers=dict(zip(("auth", "a", "b"), STAGE, strict=True)),
        people=[("aya@example.com", "three bells"), ("ken@example.com", 'a "quoted" <password>')],
        client="/static/sekisho.js",
    )
    return page.document(scene).decode()


@each_language
def test_every_message_check_and_lifeline_has_words(language: Language) -> None:
    """Whatever the record can name is said in this language."""
    say = words(EXPLORER, language)
    wanted = {*MESSAGES, *(f"actor.{each}" for each in get_args(Actor))}
    wanted |= {f"check.{each.replace(' ', '_')}" for each in CHECKS}
    assert [each for each in sorted(wanted) if each not in say] == []


@each_language
def test_what_scripts_say_is_sent_to_them(language: Language) -> None:
    """Each id that a script asks for by its whole name is in the words that it is given."""
    spoken = page.files()[f"{page.folder()}/words.{language}.js"].body.decode()
    asked = {
        found
        for path, file in page.files().items()
        if path.endswith(".js") and "words." not in path
        for found in re.findall(r'"((?:act|inspect|note|play)\.[a-z_]+)"', file.body.decode())
    }
    assert len(asked) > 50
    assert [each for each in sorted(asked) if f'"{each}": ' not in spoken] == []


def test_presets_and_questions_are_those_of_the_acts() -> None:
    """The page offers what the explorer can do, all of it and nothing else."""
    offered = {name for group in page.PRESETS.values() for name in group}
    assert offered == PRESETS.keys() | CHANGED.keys()
    asked = [
        (each["name"], each["value"])
        for each in Tags(written("en")).of("input")
        if each.get("type") == "radio" and each["name"] in QUESTIONS
    ]
    assert asked == [(name, answer) for name, answers in QUESTIONS.items() for answer in answers]


@each_language
def test_the_page_can_be_read_by_ear(language: Language) -> None:
    """One heading of the first rank, a section for each chapter, a label for each field, no id twice."""
    tags = Tags(written(language))
    assert next(tags.of("html"))["lang"] == language
    assert len(list(tags.of("h1"))) == len(list(tags.of("main"))) == 1
    ids = [each["id"] for _, each in tags.found if "id" in each]
    assert sorted(ids) == sorted(set(ids))
    assert [each["data-chapter"] for each in tags.of("section") if "data-chapter" in each] == list(
        page.CHAPTERS
    )
    named = [each[name] for _, each in tags.found for name in ("for", "aria-labelledby") if name in each]
    assert {each for names in named for each in names.split()} <= set(ids)
    labelled = {each["for"] for tag, each in tags.found if tag in {"label", "output"} and "for" in each}
    fields = [each for tag, each in tags.found if tag in {"input", "select", "textarea"}]
    alone = {"radio", "checkbox"}
    bare = [each for each in fields if each.get("id", "") not in labelled and each.get("type") not in alone]
    # Those two stand inside of their labels.
    assert [each.get("id") for each in bare] == ["speed"]


@pytest.mark.requirement("H1", "SE8")
def test_the_policy_lets_the_page_reach_its_stage_and_nobody_else() -> None:
    """That of all our pages, but for the origins of the stage; nothing inline, nothing of another host."""
    headers = page.headers("en", connect=STAGE)
    assert set(headers["content-security-policy"].split("; ")) == {
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        f"connect-src 'self' {' '.join(STAGE)}",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    }
    assert headers["cache-control"] == "no-store"
    tags = Tags(written("en"))
    assert [each for each in tags.of("script") if not each["src"].startswith(page.folder())] == []
    assert not list(tags.of("style"))
    assert not [each for _, each in tags.found for name in each if name == "style" or name.startswith("on")]
    for each in [*tags.of("link"), *tags.of("img")]:
        assert each.get("href", each.get("src", "")) in page.files()


def test_a_value_never_becomes_markup() -> None:
    """A password with quotes and angle brackets stands there as it is."""
    text = written("ja")
    assert "<password>" not in text
    assert "a &#34;quoted&#34; &lt;password&gt;" in text


def test_modules_find_their_neighbours_and_nothing_else() -> None:
    """Every import is a file of the folder; only the browser client comes from beside it."""
    for path, file in page.files().items():
        text = file.body.decode()
        if path.endswith(".js"):
            for name in re.findall(r'(?:from|import\()\s*"([^"]+)"', text):
                assert f"{page.folder()}/{name.removeprefix('./')}" in page.files(), (path, name)
            assert not re.search(
                r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(|new Function", text
            ), path
        assert not re.search(r"https?://(?!www\.w3\.org/|\$\{)", text), path


def test_the_scripts_are_light() -> None:
    """All of them together, with the words of one language, and no library among them."""
    sent = [
        file.body for path, file in page.files().items() if path.endswith(".js") and "words.en" not in path
    ]
    weight = sum(len(gzip.compress(body)) for body in sent)
    assert 10_000 < weight <= SCRIPTS, weight
