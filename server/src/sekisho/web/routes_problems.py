"""What a problem means: JSON for programs, and for whoever follows `help` with nothing but a browser."""

from __future__ import annotations

from typing import Any, Final

from sekisho.rules.refusals import Refusal
from sekisho.web.bodies import ProblemExplained, ProblemList
from sekisho.web.endpoint import Answer, Call, Content, Endpoint, Site
from sekisho.web.wire import STATUS
from sekisho.words.catalogue import LANGUAGES, SHARED, Language, Say, words
from sekisho_verify.errors import PROBLEM_TYPE

_PUBLIC: Final = "public, max-age=300"
#: A browser that asks for a page names neither.
_JSON: Final = (b"application/json", b"application/problem+json")


async def problem_list(_: Site, call: Call[None]) -> Answer:
    """GET /problems."""
    body = ProblemList(problems=[explained(code, words(SHARED, call.language)) for code in sorted(STATUS)])
    return Answer(body, _headers(call.language.encode()))


async def problem_page(_: Site, call: Call[None]) -> Content | Answer:
    """GET /problems/{code}."""
    if call.param not in STATUS:
        raise Refusal("not_found")
    asked = call.headers.get(b"accept", b"")
    if any(kind in asked for kind in _JSON):
        return Answer(explained(call.param, words(SHARED, call.language)), _headers(call.language.encode()))
    page = _page(call.param, first=call.language)
    return Content(page.encode(), "text/html; charset=utf-8", _headers(b"en, ja"))


def explained(code: str, say: Say) -> ProblemExplained:
    """A code in the words of a language."""
    return ProblemExplained(
        type=PROBLEM_TYPE + code,
        code=code,
        status=STATUS[code],
        title=say(f"problem.{code}.title"),
        # How long, only the refusal itself could say.
        detail=say(f"problem.{code}.detail", count="N"),
    )


def _headers(language: bytes) -> tuple[tuple[bytes, bytes], ...]:
    return ((b"content-language", language), (b"vary", b"Accept-Language, Accept"))


def _page(code: str, *, first: Language) -> str:
    """Both languages on one page, the reader's own first; no script, no style, nothing to fetch."""
    sections = "".join(
        _section(code, language) for language in sorted(LANGUAGES, key=lambda each: each != first)
    )
    return (
        f'<!doctype html><html lang="{first}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{_escaped(code)} - sekisho</title></head>'
        f"<body><main>{sections}</main></body></html>\n"
    )


def _section(code: str, language: Language) -> str:
    say = words(SHARED, language)
    told = explained(code, say)
    return (
        f'<section lang="{language}"><h1>{_escaped(told.title)}</h1><p>{_escaped(told.detail)}</p>'
        f"<dl><dt>{_escaped(say('phrase.problem_code'))}</dt><dd><code>{_escaped(code)}</code></dd>"
        f"<dt>{_escaped(say('phrase.problem_status'))}</dt><dd>{told.status}</dd></dl></section>"
    )


def _escaped(text: str) -> str:
    from html import escape  # noqa: PLC0415 - all entities of HTML, for a page that is seldom asked for

    return escape(text)


ENDPOINTS: Final[tuple[Endpoint[Any], ...]] = (
    Endpoint(
        method="GET",
        path="/problems",
        handler=problem_list,
        summary="Every code that a problem may have, with what it means",
        tag="discovery",
        answer=ProblemList,
        cache=_PUBLIC,
    ),
    Endpoint(
        method="GET",
        path="/problems/{code}",
        handler=problem_page,
        summary="What a problem code means: JSON where Accept names it, else in English and Japanese",
        tag="discovery",
        answer=(ProblemExplained, "text/html"),
        codes=("not_found",),
        cache=_PUBLIC,
    ),
)
