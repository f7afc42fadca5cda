"""`/account`: who I am, where I am signed in, and another password."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from sekisho.features.pages import times
from sekisho.features.pages.choices import KEPT
from sekisho.features.pages.devices import recognise
from sekisho.features.pages.entering import ACCOUNT, to_login
from sekisho.features.pages.printing import PAGES, Printer, asked_for, from_our_page
from sekisho.features.pages.typesetting import typeset
from sekisho.flows.choose_locale import LocaleRequest
from sekisho.frozen import Frozen
from sekisho.rules.access import ADMINISTRATOR
from sekisho.rules.refusals import invalid
from sekisho.web.bodies import LocaleChoice, Logout, PasswordChange, SessionLine, instant
from sekisho.web.cookies import LANGUAGE as CHOSEN
from sekisho.web.endpoint import Call, Site
from sekisho.web.forms import Form, form_as
from sekisho.web.pages import Html, Page, Refused, SeeOther
from sekisho.web.routes_account import change_password
from sekisho.web.routes_session import list_sessions, logout, revoke_session
from sekisho.words.catalogue import Language

PASSWORD: Final = f"{ACCOUNT}/password"
SESSIONS: Final = f"{ACCOUNT}/sessions"
LANGUAGE: Final = f"{ACCOUNT}/language"

Show: TypeAlias = Callable[[Site, Call[Form], Refused | None], Awaitable[Html | SeeOther]]


class Line(Frozen):
    """One line of the device list, in words."""

    id: str
    name: str
    current: bool
    ip: str
    signed_in: str
    signed_in_at: str
    used: str
    used_ago: str
    used_at: str


def account(printer: Printer) -> tuple[Page, ...]:
    """The rows."""

    def view(form: str) -> Show:
        """The whole page; `form` is the one on it that a refusal belongs to."""

        async def show(site: Site, call: Call[Form], refused: Refused | None) -> Html | SeeOther:
            here = site.base_path + ACCOUNT
            if call.session is None:
                return to_login(site, refused)
            if form and refused is None:
                return SeeOther(f"{here}#{form}")  # its form is on the page that it is a part of
            grant, found = call.grant, await list_sessions(site, call.carrying(None))
            now, since = printer.clock(), instant(grant.account.created_at)
            return await printer.page(
                site,
                call,
                "account.html",
                here=here,
                refused=refused,
                refused_form=form,
                # A link of somebody else could tell of a password that was never changed.
                notice=asked_for(call, "done", "done") if from_our_page(call) and not refused else None,
                grant=grant,
                administers=ADMINISTRATOR in grant.rights.roles,
                since=times.absolute(since, call.language),
                since_at=since.isoformat(),
                lines=[_line(each, call.language, now) for each in found.sessions],
            )

        return show

    async def submit_password(site: Site, call: Call[Form]) -> SeeOther:
        answer = await change_password(site, call.carrying(form_as(PasswordChange, call.body)))
        return SeeOther(f"{site.base_path}{ACCOUNT}?done=password", answer.headers)

    async def submit_sessions(site: Site, call: Call[Form]) -> SeeOther:
        session_id = call.body.get("session")
        if session_id is None:
            raise invalid("/session", "field_missing")
        if session_id == "others":
            await logout(site, call.carrying(Logout(scope="others")))
            return SeeOther(f"{site.base_path}{ACCOUNT}?done=others")
        await revoke_session(site, call.carrying(None, param=session_id))
        return SeeOther(f"{site.base_path}{ACCOUNT}?done=session")

    async def submit_language(site: Site, call: Call[Form]) -> SeeOther:
        chosen = form_as(LocaleChoice, call.body).locale
        await site.acts.choose_locale(LocaleRequest(call.grant, chosen, call.client))
        # Whoever wants to be written to in a language reads it here as well.
        shown = site.cookies.put(CHOSEN, chosen, max_age=KEPT)
        return SeeOther(f"{site.base_path}{ACCOUNT}?done=language", (shown,))

    return (
        Page(path=ACCOUNT, show=view(""), signed_in=True),
        Page(path=PASSWORD, show=view("password"), submit=submit_password, signed_in=True),
        Page(path=SESSIONS, show=view("devices"), submit=submit_sessions, signed_in=True),
        Page(path=LANGUAGE, show=view("profile"), submit=submit_language, signed_in=True),
        Page(path="/.well-known/change-password", show=_to_password),
    )


async def _to_password(site: Site, _: Call[Form], __: Refused | None) -> SeeOther:
    """Where password managers look for the form (W3C: A Well-Known URL for Changing Passwords)."""
    return SeeOther(site.base_path + PASSWORD)


def _line(session: SessionLine, language: Language, now: float) -> Line:
    say, device = typeset(PAGES, language), recognise(session.user_agent)
    name = device.program or device.system or say("account.device_unknown")
    if device.program and device.system:
        name = say("account.device_on", program=device.program, system=device.system)
    return Line(
        id=session.id,
        name=name,
        current=session.current,
        ip=session.ip,
        signed_in=times.absolute(session.created_at, language),
        signed_in_at=session.created_at.isoformat(),
        used=times.absolute(session.last_used_at, language),
        used_ago=times.ago(session.last_used_at, now, say),
        used_at=session.last_used_at.isoformat(),
    )
