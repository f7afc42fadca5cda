"""Puts a page together: a template, the words of its language, and what was refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from sekisho.adapters.templates import templates
from sekisho.features.pages.assets import SCRIPTS, STYLE
from sekisho.features.pages.branding import Brand
from sekisho.features.pages.typesetting import typeset
from sekisho.frozen import Frozen
from sekisho.ports import Clock
from sekisho.rules.refusals import Refusal
from sekisho.web.bodies import CsrfToken
from sekisho.web.cookies import THEME
from sekisho.web.credentials import sign_in
from sekisho.web.endpoint import Call, Site
from sekisho.web.forms import Form, parse_form
from sekisho.web.pages import Html, Refused, speak
from sekisho.web.problems import seconds_to_wait
from sekisho.web.routes_session import csrf
from sekisho.words.catalogue import SHARED, Language
from sekisho_verify.errors import TokenRefused

#: Whose words the pages say.
PAGES: Final = "sekisho.features.pages"

THEMES: Final = ("auto", "light", "dark")

#: Seconds from which on a person is told minutes.
_LONG: Final = 120


class Told(Frozen):
    """A refusal in the words of a page: what it is, what to do, and the fault of each field by its name."""

    code: str
    title: str
    detail: str
    fields: Mapping[str, str]


class Printer(Frozen):
    """Prints the pages of one server.

    `sign_up`: whether accounts can be made on a page. `password_minimum` in characters; `access_minutes`: how
    long an access token may outlive its session. `clock`: POSIX seconds. `brand`: whose pages they are.
    """

    sign_up: bool
    password_minimum: int
    access_minutes: int
    clock: Clock
    brand: Brand

    async def page(
        self,
        site: Site,
        call: Call[Form],
        template: str,
        *,
        here: str,
        refused: Refused | None = None,
        **context: Any,  # noqa: ANN401 - whatever the template names
    ) -> Html:
        """A page with its forms; `here` is its path, where a choice of language comes back to."""
        answer = await csrf(site, call.carrying(None))
        token = answer.body.csrf_token if isinstance(answer.body, CsrfToken) else ""
        text = self._render(site, call, template, here=here, csrf_token=token, refused=refused, **context)
        return Html(text, answer.headers)

    def error(self, site: Site, call: Call[Any], refusal: Refused) -> str:
        """A page for what no page of its own shows."""
        return self._render(site, call, "error.html", here="", csrf_token=None, refused=refusal)

    def _render(
        self,
        site: Site,
        call: Call[Any],
        template: str,
        *,
        refused: Refused | None,
        **context: Any,  # noqa: ANN401 - as above
    ) -> str:
        return (
            templates(PAGES)
            .get_template(template)
            .render(
                **{"notice": None, "warning": None, **context},
                base=site.base_path,
                language=call.language,
                theme=_theme(call),
                themes=THEMES,
                styles=[site.base_path + each.path for each in (STYLE, self.brand.style) if each is not None],
                brand=self.brand.name,
                icon=site.base_path + self.brand.logo.path,
                icon_type=self.brand.logo.media_type,
                scripts={name: site.base_path + each.path for name, each in SCRIPTS.items()},
                say=typeset(PAGES, call.language),
                told=None if refused is None else told(refused, call.language),
                request_id=call.client.request_id,
                sign_up=self.sign_up,
                password_minimum=self.password_minimum,
                access_minutes=self.access_minutes,
            )
        )


def told(refused: Refused, language: Language) -> Told:
    """The refusal in words: the page's own where it has some, else those that every surface shares."""
    code, shared, own = refused.code, typeset(SHARED, language), typeset(PAGES, language)
    special, wait = f"refused.{code}" in own, seconds_to_wait(refused)
    if special:
        detail = own(f"refused.{code}")
    elif code == "rate_limited" and wait >= _LONG:
        detail = own("refused.rate_limited_minutes", count=math.ceil(wait / 60))
    else:
        detail = shared(f"problem.{code}.detail", count=wait)
    errors = refused.errors if isinstance(refused, Refusal) else ()
    return Told(
        code=code,
        title=own(f"refused.{code}_title") if special else shared(f"problem.{code}.title"),
        detail=detail,
        fields={
            error.pointer.removeprefix("/"): shared(f"field.{error.code}", limit=error.limit)
            for error in errors
        },
    )


def _theme(call: Call[Any]) -> str:
    with suppress(Refusal):  # two cookies of that name say nothing
        chosen = call.cookies.get(THEME)
        if chosen in THEMES:
            return chosen
    return THEMES[0]


async def recognised(site: Site, call: Call[Form]) -> bool:
    """Whether this browser is signed in; `call.session` then says as whom."""
    with suppress(Refusal, TokenRefused):
        await sign_in(site, call, "GET", by_refresh_cookie=True)
        speak(call)
    return call.session is not None


def query(call: Call[Form]) -> Mapping[str, str]:
    """What followed the path; nothing where a form could not have written it."""
    try:
        return parse_form(call.query)
    except Refusal:
        return {}


def asked_for(call: Call[Form], name: str, table: str) -> str | None:
    """The sentence that `name` of the query asks for, if that table has it: never the sender's own words."""
    key, say = f"{table}.{query(call).get(name, '')}", typeset(PAGES, call.language)
    return say(key) if key in say else None


def from_our_page(call: Call[Form]) -> bool:
    """Whether a page of ours led here, as far as the browser says."""
    return call.headers.get(b"sec-fetch-site", b"same-origin") == b"same-origin"
