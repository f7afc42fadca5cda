"""`/account/data`: what is kept of somebody, as a file."""

from __future__ import annotations

from typing import Final

from sekisho.features.pages.entering import ACCOUNT, to_login
from sekisho.features.pages.printing import Printer
from sekisho.web.bodies import AccountData, EventLine, SessionLine, instant, me
from sekisho.web.endpoint import Call, Site
from sekisho.web.forms import Form
from sekisho.web.pages import Download, Page, Refused, SeeOther
from sekisho.web.wire import encode

DATA: Final = f"{ACCOUNT}/data"


def data(printer: Printer) -> tuple[Page, ...]:
    """The row."""

    async def show(site: Site, call: Call[Form], refused: Refused | None) -> Download | SeeOther:
        if call.session is None:
            return to_login(site, refused)
        found, now = await site.acts.own_data(call.grant), instant(printer.clock())
        body = AccountData(
            made_at=now,
            issuer=site.issuer,
            account=me(found.grant),
            sessions=[SessionLine.of(each, current=call.grant.session_id) for each in found.sessions],
            security_events=[EventLine.of(each) for each in found.events],
        )
        return Download(encode(body), "application/json", f"sekisho-account-{now:%Y-%m-%d}.json")

    return (Page(path=DATA, show=show, signed_in=True),)
