"""`/welcome`: what is still to do on a new server. Each step is ticked by what happened, never by a click."""

from __future__ import annotations

from typing import Final

from sekisho.features.pages.entering import WELCOME, to_login
from sekisho.features.pages.first_api import protected
from sekisho.features.pages.printing import Printer, asked_for, from_our_page
from sekisho.rules.access import ADMINISTRATOR
from sekisho.rules.refusals import Refusal
from sekisho.web.endpoint import Call, Site
from sekisho.web.forms import Form
from sekisho.web.pages import Data, Html, Page, Refused, SeeOther
from sekisho.web.wire import encode

#: The way to the flow explorer, of a server that has one.
_EXPLORE: Final = "/explore"
#: What a verifier asks for when it begins to follow us.
_FEED: Final = "/v1/revocations"


def welcoming(printer: Printer, audience: str) -> tuple[Page, ...]:
    """The rows, for administrators; `audience` is the one of access tokens."""

    async def show(site: Site, call: Call[Form], refused: Refused | None) -> Html | SeeOther:
        if call.session is None:
            return to_login(site, refused, back=WELCOME)
        _require_administrator(call)
        return await printer.page(
            site,
            call,
            "welcome.html",
            here=site.base_path + WELCOME,
            notice=asked_for(call, "done", "done") if from_our_page(call) else None,
            checks=await _checks(site),
            lines=protected(site.issuer, audience),
            issuer=site.issuer,
            explore=site.base_path + _EXPLORE if _EXPLORE in site.beside else None,
        )

    async def state(site: Site, call: Call[Form], refused: Refused | None) -> Data:
        if call.session is None:
            raise refused or Refusal("session_unknown")
        _require_administrator(call)
        return Data(encode(await _checks(site)))

    async def _checks(site: Site) -> dict[str, bool]:
        found = await site.acts.first_steps()
        ready = {
            "https": site.issuer.startswith("https:"),
            "signup": not printer.sign_up,
            "backup": found.backed_up,
        }
        return {
            "login": found.logged_in_again,
            "api": site.metrics.answered(_FEED),
            "users": found.others,
            **ready,
            "production": all(ready.values()),
        }

    return (
        Page(path=WELCOME, show=show, signed_in=True),
        Page(path=f"{WELCOME}/state", show=state, signed_in=True),
    )


def _require_administrator(call: Call[Form]) -> None:
    if ADMINISTRATOR not in call.grant.rights.roles:
        raise Refusal("forbidden")
