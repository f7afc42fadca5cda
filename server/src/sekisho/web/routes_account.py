"""The account: make one, the first of all too, look at it, change its password."""

from __future__ import annotations

from typing import Any, Final

from msgspec.structs import replace

from sekisho.flows.change_password import ChangePasswordRequest
from sekisho.flows.register import RegisterRequest
from sekisho.flows.setup import SetupRequest
from sekisho.rules.refusals import Refusal
from sekisho.rules.session import Held
from sekisho.web.bodies import AccountMade, Me, NewAccount, PasswordChange, Setup, me
from sekisho.web.cookies import REFRESH
from sekisho.web.credentials import handed_over
from sekisho.web.endpoint import Answer, Call, Endpoint, Site
from sekisho.web.metrics import REVOCATIONS


async def create_account(site: Site, call: Call[NewAccount]) -> AccountMade:
    """POST /v1/accounts."""
    body = call.body
    request = RegisterRequest(
        email=body.email, password=body.password, locale=body.locale, client=call.client
    )
    return AccountMade.of(await site.acts.register(request))


async def set_up(site: Site, call: Call[Setup]) -> AccountMade:
    """POST /v1/setup."""
    body = call.body
    request = SetupRequest(
        code=body.code, email=body.email, password=body.password, locale=body.locale, client=call.client
    )
    return AccountMade.of(await site.acts.set_up(request))


async def show_me(_: Site, call: Call[None]) -> Me:
    """GET /v1/me."""
    return me(call.grant)


async def change_password(site: Site, call: Call[PasswordChange]) -> Answer:
    """POST /v1/password."""
    body = call.body
    request = ChangePasswordRequest(
        grant=call.grant,
        current=body.current_password,
        new=body.new_password,
        client=call.client,
        carried=await _carried(site, call),
    )
    handed = await site.acts.change_password(request)
    site.metrics.count(REVOCATIONS, "password_changed")
    return Answer(None, () if handed is None else handed_over(site, call, handed).headers)


async def _carried(site: Site, call: Call[PasswordChange]) -> Held | None:
    """The cookie of this session that came with the request, so that the answer can bring another one."""
    if call.held is not None:
        return call.held
    text = call.cookies.get(REFRESH)
    if text is None:
        return None
    try:
        cookie = site.acts.read_refresh_cookie(text)
        if cookie.session_id != call.grant.session_id:
            return None
        # Whatever its generation: another tab may be refreshing it. But one of a family that was replaced
        # must not take the place of the credential that stands.
        held = replace(cookie.held, generation=None)
        await site.acts.authenticate_cookie(replace(cookie, held=held))
    except Refusal:
        return None
    return held


ENDPOINTS: Final[tuple[Endpoint[Any], ...]] = (
    Endpoint(
        method="POST",
        path="/v1/accounts",
        handler=create_account,
        summary="Make an account",
        tag="account",
        body=NewAccount,
        answer=AccountMade,
        status=201,
        codes=("email_taken", "rate_limited", "signup_closed"),
    ),
    Endpoint(
        method="POST",
        path="/v1/setup",
        handler=set_up,
        summary="Make the first administrator, with the code of the link that `serve` printed",
        tag="account",
        body=Setup,
        answer=AccountMade,
        status=201,
        codes=("email_taken", "rate_limited", "setup_closed", "setup_code_invalid"),
    ),
    Endpoint(
        method="GET",
        path="/v1/me",
        handler=show_me,
        summary="Who am I, and what may I do",
        tag="account",
        answer=Me,
        signed_in=True,
    ),
    Endpoint(
        method="POST",
        path="/v1/password",
        handler=change_password,
        summary="Change the password; every other session ends",
        tag="account",
        body=PasswordChange,
        signed_in=True,
        codes=("invalid_credentials", "rate_limited"),
    ),
)
