"""`/account/delete`: what would be gone, the password, and then it is."""

from __future__ import annotations

from typing import Final

from sekisho.features.pages.entering import ACCOUNT, to_login
from sekisho.features.pages.leaving import LOGOUT
from sekisho.features.pages.printing import Printer
from sekisho.flows.delete_account import DeleteRequest
from sekisho.web.bodies import AccountRemoval
from sekisho.web.cookies import REFRESH, SESSION
from sekisho.web.endpoint import Call, Site
from sekisho.web.forms import Form, form_as
from sekisho.web.metrics import REVOCATIONS
from sekisho.web.pages import Html, Page, Refused, SeeOther
from sekisho.web.routes_session import FORGET

DELETE: Final = f"{ACCOUNT}/delete"


def deleting(printer: Printer) -> tuple[Page, ...]:
    """The row."""

    async def show(site: Site, call: Call[Form], refused: Refused | None) -> Html | SeeOther:
        if call.session is None:
            return to_login(site, refused)
        here = site.base_path + DELETE
        email = call.grant.account.email
        return await printer.page(site, call, "delete.html", here=here, refused=refused, email=email)

    async def submit(site: Site, call: Call[Form]) -> SeeOther:
        body = form_as(AccountRemoval, call.body)
        await site.acts.delete_account(DeleteRequest(call.grant, body.password, call.client))
        site.metrics.count(REVOCATIONS, "account_deleted")
        gone = tuple(site.cookies.delete(name) for name in (SESSION, REFRESH) if call.cookies.has(name))
        return SeeOther(f"{site.base_path}{LOGOUT}?done=deleted", (*gone, FORGET))

    return (Page(path=DELETE, show=show, submit=submit, signed_in=True),)
