"""`/logout`: a question and a button, never a link that logs out whoever follows it."""

from __future__ import annotations

from typing import Final

from sekisho.features.pages.printing import PAGES, Printer, from_our_page, query, recognised
from sekisho.features.pages.typesetting import typeset
from sekisho.web.bodies import Logout
from sekisho.web.endpoint import Call, Site
from sekisho.web.forms import Form, form_as
from sekisho.web.pages import Html, Page, Refused, SeeOther
from sekisho.web.routes_session import logout
from sekisho_verify.errors import TokenRefused

LOGOUT: Final = "/logout"


def leaving(printer: Printer) -> tuple[Page, ...]:
    """The row."""

    async def show(site: Site, call: Call[Form], refused: Refused | None) -> Html:
        email = call.grant.account.email if await recognised(site, call) else None
        here = site.base_path + LOGOUT
        # A link of somebody else could tell of an account that is still there.
        deleted = query(call).get("done") == "deleted" and from_our_page(call)
        # Who is not signed in has what was asked for, and is told nothing of a form that was old.
        return await printer.page(
            site,
            call,
            "logout.html",
            here=here,
            refused=refused if email else None,
            notice=typeset(PAGES, call.language)("done.deleted") if deleted and not email else None,
            email=email,
        )

    async def submit(site: Site, call: Call[Form]) -> SeeOther:
        path = site.base_path + LOGOUT
        try:
            answer = await logout(site, call.carrying(form_as(Logout, call.body)))
        except TokenRefused as refused:
            if refused.code != "token_missing":
                raise
            return SeeOther(path)  # logged out already
        return SeeOther(path, answer.headers)

    return (Page(path=LOGOUT, show=show, submit=submit),)
