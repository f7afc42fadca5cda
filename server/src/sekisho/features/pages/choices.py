"""`/preferences`: language and appearance, kept in cookies that say nothing else, and in the account."""

from __future__ import annotations

from typing import Final

from sekisho.features.pages.entering import ACCOUNT
from sekisho.features.pages.printing import THEMES, recognised
from sekisho.features.pages.returning import own_path
from sekisho.flows.choose_locale import LocaleRequest
from sekisho.rules.refusals import invalid
from sekisho.web.cookies import LANGUAGE, THEME, Name
from sekisho.web.endpoint import Call, Site
from sekisho.web.forms import Form
from sekisho.web.pages import Page, Refused, SeeOther
from sekisho.words.catalogue import LANGUAGES

PREFERENCES: Final = "/preferences"
#: Seconds: a year.
KEPT: Final = 31_536_000
#: Field, cookie, and what may be chosen.
_CHOICES: Final[tuple[tuple[str, Name, tuple[str, ...]], ...]] = (
    ("language", LANGUAGE, LANGUAGES),
    ("theme", THEME, THEMES),
)


def choices() -> tuple[Page, ...]:
    """The row."""

    async def show(site: Site, call: Call[Form], refused: Refused | None) -> SeeOther:
        if refused is None:
            return SeeOther(f"{site.base_path}/")
        if refused.code == "csrf_failed":
            return SeeOther(_back(site, call))  # where the same button has a token that is good
        raise refused

    async def submit(site: Site, call: Call[Form]) -> SeeOther:
        chosen: list[tuple[bytes, bytes]] = []
        language = call.body.get("language")
        if language in LANGUAGES and await recognised(site, call):
            # Whoever reads here in a language wants to be written to in it as well.
            await site.acts.choose_locale(LocaleRequest(call.grant, language, call.client))
        for name, cookie, allowed in _CHOICES:
            value = call.body.get(name)
            if value is None:
                continue
            if value not in allowed:
                raise invalid(f"/{name}", "invalid_value")
            chosen.append(site.cookies.put(cookie, value, max_age=KEPT))
        return SeeOther(_back(site, call), tuple(chosen))

    return (Page(path=PREFERENCES, show=show, submit=submit),)


def _back(site: Site, call: Call[Form]) -> str:
    """The page that the button was on."""
    return own_path(call.body.get("next")) or site.base_path + ACCOUNT
