"""`/setup`: the first administrator, made with the code that `serve` printed."""

from __future__ import annotations

from typing import Final

from sekisho.features.pages.entering import WELCOME
from sekisho.features.pages.printing import Printer
from sekisho.rules.refusals import Refusal
from sekisho.web.bodies import Login, Setup
from sekisho.web.endpoint import Call, Site
from sekisho.web.forms import Form, form_as
from sekisho.web.pages import Html, Page, Refused, SeeOther
from sekisho.web.routes_account import set_up
from sekisho.web.routes_session import login

SETUP: Final = "/setup"


def setting_up(printer: Printer) -> tuple[Page, ...]:
    """The row."""

    async def show(site: Site, call: Call[Form], refused: Refused | None) -> Html:
        # Looking spends nothing: programs that follow links before people do must not use one up.
        if not await site.acts.setup_open():
            raise refused or Refusal("setup_closed")
        return await printer.page(
            site,
            call,
            "setup.html",
            here=site.base_path + SETUP,
            refused=refused,
            code=call.body.get("code", ""),
            email=call.body.get("email", ""),
        )

    async def submit(site: Site, call: Call[Form]) -> SeeOther:
        body = form_as(Setup, {**call.body, "locale": call.language})
        await set_up(site, call.carrying(body))
        entered = Login(email=body.email, password=body.password, mode="session")
        answer = await login(site, call.carrying(entered))
        return SeeOther(f"{site.base_path}{WELCOME}?done=setup", answer.headers)

    return (Page(path=SETUP, show=show, submit=submit),)
