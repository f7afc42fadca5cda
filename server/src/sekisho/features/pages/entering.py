"""`/`, `/login` and `/signup`: how somebody gets in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import unquote, urlencode, urlsplit

from sekisho.features.pages.printing import Printer, asked_for, query, recognised
from sekisho.features.pages.returning import own_path
from sekisho.rules.refusals import Refusal
from sekisho.web.bodies import Login, NewAccount
from sekisho.web.endpoint import Call, Site
from sekisho.web.forms import Form, form_as
from sekisho.web.pages import Html, Page, Refused, SeeOther, asked_language
from sekisho.web.routes_account import create_account
from sekisho.web.routes_session import login

LOGIN: Final = "/login"
SIGNUP: Final = "/signup"
ACCOUNT: Final = "/account"
WELCOME: Final = "/welcome"

#: Pages that tell what was done, by a word in their address.
_TELLING: Final = (ACCOUNT, WELCOME)

#: Why somebody who was signed in has to log in again; the page says which it was.
_ENDED: Final = {"session_expired", "session_revoked", "session_unknown"}
#: They never were, or hold what does not count any more.
_NOBODY: Final = {"refresh_expired", "refresh_reused", "refresh_unknown", "token_missing"}


def entering(printer: Printer) -> tuple[Page, ...]:
    """The rows."""

    async def start(site: Site, call: Call[Form], _: Refused | None) -> SeeOther:
        path = ACCOUNT if await recognised(site, call) else LOGIN
        return SeeOther(site.base_path + path)

    async def show_login(site: Site, call: Call[Form], refused: Refused | None) -> Html | SeeOther:
        return await _form(site, call, refused, LOGIN)

    async def submit_login(site: Site, call: Call[Form]) -> SeeOther:
        form = dict(call.body)
        target = _target(call, form.pop("next", None))
        # Whatever the form says of it: a page has no use for tokens.
        body = form_as(Login, {**form, "mode": "session"})
        answer = await login(site, call.carrying(body))
        return SeeOther(target or site.base_path + ACCOUNT, answer.headers)

    async def show_signup(site: Site, call: Call[Form], refused: Refused | None) -> Html | SeeOther:
        if not printer.sign_up and refused is None:
            # The page says so, and so does its status.
            raise Refusal("signup_closed")
        return await _form(site, call, refused, SIGNUP)

    async def submit_signup(site: Site, call: Call[Form]) -> SeeOther:
        form = dict(call.body)
        target = _target(call, form.pop("next", None))
        body = form_as(NewAccount, {**form, "locale": call.language})
        await create_account(site, call.carrying(body))
        entered = Login(email=body.email, password=body.password, mode="session")
        answer = await login(site, call.carrying(entered))
        return SeeOther(target or f"{site.base_path}{ACCOUNT}?done=signup", answer.headers)

    async def _form(site: Site, call: Call[Form], refused: Refused | None, path: str) -> Html | SeeOther:
        asked = call.body if refused is not None else query(call)
        target = _target(call, asked.get("next"))
        if refused is None and await recognised(site, call):
            return SeeOther(target or site.base_path + ACCOUNT)
        # The address keeps the language that a link asked for; a choice on the page comes back without it.
        spoken = asked_language(call)
        locales = {"ui_locales": spoken} if spoken else {}
        goal = {"next": target} if target else {}
        return await printer.page(
            site,
            call,
            f"{path[1:]}.html",
            here=site.base_path + path + _suffix(goal),
            refused=refused,
            warning=None if refused else asked_for(call, "why", "why"),
            email=call.body.get("email", ""),
            target=target,
            suffix=_suffix({**goal, **locales}),
            spoken=_suffix(locales),
        )

    return (
        Page(path="/", show=start),
        Page(path=LOGIN, show=show_login, submit=submit_login),
        Page(path=SIGNUP, show=show_signup, submit=submit_signup),
    )


def to_login(site: Site, refused: Refused | None, *, back: str = ACCOUNT) -> SeeOther:
    """Where to go without a session, to come `back`; a fault that a login does not mend is raised again."""
    code = "" if refused is None else refused.code
    if refused is not None and code not in _ENDED | _NOBODY and not code.startswith("token_"):
        raise refused
    why = f"&why={code}" if code in _ENDED else ""
    return SeeOther(f"{site.base_path}{LOGIN}?next={site.base_path}{back}{why}")


def _suffix(asked: Mapping[str, str]) -> str:
    return f"?{urlencode(asked)}" if asked else ""


def _target(call: Call[Form], text: str | None) -> str | None:
    """Where to go on, as a link may have said; but not to our notice of what was never done.

    The page itself cannot tell: it is reached from our own form.
    """
    target = own_path(text)
    if target is None:
        return None
    parts = urlsplit(target)
    asked = query(replace(call, query=parts.query.encode()))
    return None if unquote(parts.path).endswith(_TELLING) and "done" in asked else target
