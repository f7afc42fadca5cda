"""A page as a row: what is shown, and what its form does. The rest no page can forget.

A form is another way to write what an endpoint takes, so it passes what an endpoint passes: first the
cross-site gate, then a CSRF token that is bound to the session, or before login to a cookie of its own (F1,
F4, F5). What is refused is shown in the form, with the status that a program would be told; what is done
answers 303, so that a reload repeats nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, TypeAlias

from sekisho.frozen import Frozen, Hidden
from sekisho.rules.refusals import Refusal
from sekisho.web.asgi import Receive
from sekisho.web.conditional import matches, tag_of
from sekisho.web.cookies import LANGUAGE
from sekisho.web.credentials import require_own_page, sign_in
from sekisho.web.endpoint import NO_STORE, Call, Site, call_of
from sekisho.web.forms import CSRF_FIELD, Form, parse_form, read_form
from sekisho.web.language import first_known
from sekisho.web.problems import refusal_headers
from sekisho.web.refusing import note_refusal
from sekisho.web.request_context import RequestContext
from sekisho.web.wire import STATUS, Headers, Reply
from sekisho.words.catalogue import LANGUAGES, Language
from sekisho_verify.errors import TokenRefused

Refused: TypeAlias = Refusal | TokenRefused

#: Nothing but our own files, no inline script or style, and no text that becomes markup in a script (Trusted
#: Types). No nonce: there is nothing for it to excuse.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
#: What no page uses of the device, whatever a script in it asks for.
PERMISSIONS: Final = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
#: What every page carries beside what the envelope gives to every answer (H1, SE8).
_PAGE_HEADERS: Final[Headers] = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-security-policy", POLICY.encode()),
    # Nothing for anybody else. With `no-referrer` a browser says `Origin: null` of our own forms (Fetch
    # section 3.2), and one that is too old for Fetch Metadata would be refused by the gate.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", PERMISSIONS.encode()),
    (b"cache-control", NO_STORE.encode()),
    (b"vary", b"Accept-Language, Cookie"),
]
_ASSET_HEADERS: Final[Headers] = [
    (b"cache-control", b"public, max-age=31536000, immutable"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
#: Of a path that stays while the file changes: asked for again after five minutes.
_NEWEST_HEADERS: Final[Headers] = [
    (b"cache-control", b"public, max-age=300"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


class Html(Frozen):
    """A page to show, and headers of its own."""

    text: Hidden[str]
    headers: Hidden[tuple[tuple[bytes, bytes], ...]] = ()


class SeeOther(Frozen):
    """Where to go on: a path on this origin, or a page that is ours elsewhere; headers, such as cookies."""

    location: str
    headers: Hidden[tuple[tuple[bytes, bytes], ...]] = ()


class Download(Frozen):
    """A file to keep, under that name."""

    body: Hidden[bytes]
    media_type: str
    name: str


class Data(Frozen):
    """JSON, for a script of a page."""

    body: Hidden[bytes]


Shows: TypeAlias = Html | SeeOther | Download | Data


class Page(Frozen, kw_only=True):
    """One path for people.

    `show` answers GET, and is given the refusal where `submit`, or finding out who asks, was refused.
    `submit` does what the form on it asks for, in a POST. `signed_in`: whose page it is has been looked up
    before either runs; where that was refused, `call.session` is none and `show` says where to go.
    `beside_endpoint`: programs have an endpoint at that path, and go on having it.
    """

    path: str
    show: Callable[[Site, Call[Form], Refused | None], Awaitable[Shows]]
    submit: Callable[[Site, Call[Form]], Awaitable[SeeOther]] | None = None
    signed_in: bool = False
    beside_endpoint: bool = False


class Asset(Frozen, kw_only=True):
    """A file that pages fetch. Its path changes with its content, so that a browser may keep it for ever.

    `pinned`: unlike others this path stays the same, and that is the name beside it which changes.
    """

    path: str
    media_type: str
    body: bytes
    pinned: str | None = None


#: Shows a refusal that no page of its own shows.
ErrorPage: TypeAlias = Callable[[Site, Call[Any], Refused], str]


def page_call(site: Site, context: RequestContext, param: str = "") -> Call[Any]:
    """The request for a page, in the language of whoever reads it as far as that is known."""
    call = call_of(site, context, param)
    call.body = {}
    speak(call)
    return call


def speak(call: Call[Any]) -> None:
    """Choose the language: what the link asks for, the person's own, what was chosen here, the browser's.

    An account that never chose has an undetermined one, which is none of ours.
    """
    own = call.session.account.locale if call.session is not None else None
    chosen: str | None = None
    with suppress(Refusal):  # two cookies of that name: then the browser's own choice counts
        chosen = call.cookies.get(LANGUAGE)
    for language in (asked_language(call), own, chosen):
        if language in LANGUAGES:
            call.language = language
            return


def asked_language(call: Call[Any]) -> Language | None:
    """The language that `ui_locales` of the query asks for, if it is spoken here."""
    if b"ui_locales=" in call.query:
        with suppress(Refusal):  # no query of ours: nothing is asked for
            return first_known(parse_form(call.query).get("ui_locales", ""))
    return None


def refusal_page(page: ErrorPage, site: Site, context: RequestContext, refusal: Refused) -> Reply:
    """A refusal as a page."""
    call = page_call(site, context)
    return _reply(Html(page(site, call, refusal)), call, refusal)


class Shown:
    """A page, ready to be looked at."""

    def __init__(self, page: Page, site: Site) -> None:
        self._page = page
        self._site = site

    async def answer(self, context: RequestContext, receive: Receive, param: str) -> Reply:  # noqa: ARG002 - a GET has no body
        """Find out who asks, where the page wants to know, and show it."""
        call, refused = page_call(self._site, context, param), None
        if self._page.signed_in:
            try:
                await sign_in(self._site, call, "GET", by_refresh_cookie=True)
                speak(call)
            except (Refusal, TokenRefused) as refusal:
                refused = refusal
        return _reply(await self._page.show(self._site, call, refused), call, refused)


class Submitted:
    """A page's form, ready to be sent."""

    def __init__(self, page: Page, site: Site) -> None:
        self._page = page
        self._site = site

    async def answer(self, context: RequestContext, receive: Receive, param: str) -> Reply:
        """Pass the gates, read the form and do what it asks; or show it again with what was refused."""
        page, site = self._page, self._site
        if page.submit is None:
            raise RuntimeError(f"{page.path} has no form")
        site.gate.admit(context.raw_headers)
        call = page_call(site, context, param)
        form = await read_form(context.headers, receive)
        call.csrf_field = form.pop(CSRF_FIELD, None)
        call.body = form
        try:
            if page.signed_in:
                await sign_in(site, call, "POST", by_refresh_cookie=True)
                speak(call)
            else:
                require_own_page(site, call)
            return _reply(await page.submit(site, call), call, None)
        except (Refusal, TokenRefused) as refused:
            refusal = refused
        if page.signed_in and call.session is None:
            # A CSRF token of another time is no reason to hide from the owner what the page shows.
            with suppress(Refusal, TokenRefused):
                await sign_in(site, call, "GET", by_refresh_cookie=True)
                speak(call)
        reply = _reply(await page.show(site, call, refusal), call, refusal)
        note_refusal(context, refusal, site.metrics)
        return reply


class Fetched:
    """A file, ready to be sent."""

    def __init__(self, asset: Asset) -> None:
        kind = (b"content-type", asset.media_type.encode())
        self._tag = tag_of(asset.body)
        self._headers = _ASSET_HEADERS
        if asset.pinned is not None:
            # The name is relative (RFC 9110 section 8.7), so it holds below whatever path we are mounted at.
            named = (b"content-location", asset.pinned.encode())
            self._headers = [*_NEWEST_HEADERS, named, (b"etag", self._tag)]
        self._reply = Reply(200, [kind, *self._headers], asset.body)

    async def answer(self, context: RequestContext, receive: Receive, param: str) -> Reply:  # noqa: ARG002 - as other operations
        """Send it, unless it is there already."""
        if matches(context.headers.get(b"if-none-match", b""), self._tag):
            return Reply(304, self._headers)
        return self._reply


def _reply(shown: Shows, call: Call[Any], refused: Refused | None) -> Reply:
    if isinstance(shown, Download):
        kept = (b"content-disposition", b'attachment; filename="%b"' % shown.name.encode("ascii"))
        return Reply(
            200, [(b"content-type", shown.media_type.encode()), *_PAGE_HEADERS[1:], kept], shown.body
        )
    if isinstance(shown, Data):
        return Reply(200, [(b"content-type", b"application/json"), *_PAGE_HEADERS[1:]], shown.body)
    headers = [*_PAGE_HEADERS, (b"content-language", call.language.encode()), *shown.headers]
    if isinstance(shown, SeeOther):
        # 303 and nothing else: 307 would carry the password on (RFC 9700 section 4.12).
        return Reply(303, [*headers[1:], (b"location", shown.location.encode("ascii"))])
    if refused is None:
        return Reply(200, headers, shown.text.encode())
    return Reply(STATUS[refused.code], [*headers, *refusal_headers(refused)], shown.text.encode())
