"""An endpoint as a row: what it takes, what it answers, which refusals it may give. The rest is derived.

The dispatcher serves the row and OpenAPI prints it, so neither can say what the other does not do. Who asks
is settled before a handler runs: a row with `signed_in` has its session looked up, and no handler can
forget it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

import msgspec

from sekisho.frozen import Frozen, Hidden
from sekisho.rules.refusals import Code, Refusal
from sekisho.rules.session import Client, Grant, Held
from sekisho.web.acts import Acts
from sekisho.web.cookies import CookieNames, Cookies
from sekisho.web.cross_site import SAFE_METHODS, CrossSiteGate
from sekisho.web.event_stream import EventStream
from sekisho.web.metrics import Metrics
from sekisho.web.request_context import RequestContext
from sekisho.words.catalogue import Language
from sekisho_verify.errors import SENTENCES

B = TypeVar("B")
T = TypeVar("T")

NO_STORE: Final = "no-store"

#: What any endpoint may answer, and what comes with a body or with a credential.
ALWAYS: Final = ("internal", "unavailable")
WITH_BODY: Final = ("malformed_json", "payload_too_large", "unsupported_media_type", "validation_failed")
#: `token_stale` and `insufficient_scope` are verdicts of API servers: here rights are read from the database.
TOKEN_CODES: Final = tuple(sorted(SENTENCES.keys() - {"insufficient_scope", "token_stale"}))
SIGNED_IN: Final = (*TOKEN_CODES, "invalid_request", "session_expired", "session_revoked", "session_unknown")
#: What any unsafe request may be told, and one that a cookie speaks for.
UNSAFE: Final = ("origin_not_allowed",)
WITH_COOKIE: Final = ("csrf_failed",)


class Site(Frozen):
    """What every handler may use."""

    acts: Acts
    metrics: Metrics
    issuer: str
    #: The path of the issuer, without a slash at the end; empty for most.
    base_path: str
    cookies: CookieNames
    gate: CrossSiteGate
    #: Seconds of the longest session: how long a browser keeps its cookies at most.
    session_max: int
    #: The OpenAPI document, made when it is first asked for.
    document: Callable[[], bytes]
    #: Paths that features answer by routes of their own: what is there to be linked to.
    beside: frozenset[str] = frozenset()


@dataclass(slots=True)
class Call(Generic[B]):
    """One request, as a handler sees it."""

    client: Client
    headers: Mapping[bytes, bytes] = field(repr=False)
    #: Headers as they came, repeated ones included.
    raw_headers: list[tuple[bytes, bytes]] = field(repr=False)
    language: Language
    #: The last segment of the path, where the endpoint's path ends in a parameter.
    param: str
    #: Every field as its type says; an optional body that was not sent is one without any field.
    body: B = field(repr=False)
    #: Ours alone, unread.
    cookies: Cookies = Cookies({})  # noqa: RUF009 - frozen, and nobody writes into it
    #: What followed the path, undecoded; endpoints of JSON have no use for it.
    query: bytes = field(default=b"", repr=False)
    #: The CSRF token that came as a field of a form.
    csrf_field: str | None = field(default=None, repr=False)
    session: Grant | None = None
    #: The cookie by which `session` was found; none where it was an access token.
    held: Held | None = None

    @property
    def grant(self) -> Grant:
        """The session of the caller and its rights, read from the database for this request."""
        if self.session is None:
            raise RuntimeError("this endpoint does not say signed_in=True")
        return self.session

    def single_header(self, name: bytes) -> bytes | None:
        """The value of a header that decides something; none where it is not there.

        Raises:
            Refusal: `invalid_request` where it is there twice (RFC 9110 section 5.3): a proxy before us might
                have believed the other one.
        """
        # What is repeated is one entry of `headers`, so where they are as many there is nothing to count.
        repeated = len(self.headers) != len(self.raw_headers)
        if repeated and sum(each == name for each, _ in self.raw_headers) > 1:
            raise Refusal("invalid_request", f"{name.decode()} twice")
        return self.headers.get(name)

    def carrying(self, body: T, *, param: str = "") -> Call[T]:
        """The same request as an endpoint sees it whose input is `body`: so a page does what endpoints do."""
        call: Any = self
        carrying: Call[T] = replace(call, body=body, param=param)
        return carrying


def call_of(site: Site, context: RequestContext, param: str) -> Call[Any]:
    """The request as an endpoint is called with it, its body not read yet."""
    call: Call[Any] = Call(
        client=context.client,
        headers=context.headers,
        raw_headers=context.raw_headers,
        language=context.language,
        param=param,
        body=None,
        query=context.query,
    )
    if b"cookie" in context.headers:
        call.cookies = site.cookies.read(context.raw_headers)
    return call


class Answer(Frozen):
    """An answer with headers of its own, such as cookies; without a body it is `status`."""

    body: msgspec.Struct | None
    headers: Hidden[tuple[tuple[bytes, bytes], ...]]
    status: Literal[204, 304] = 204


class Content(Frozen):
    """An answer that is not JSON of a declared type."""

    body: Hidden[bytes]
    media_type: str
    headers: Hidden[tuple[tuple[bytes, bytes], ...]] = ()


#: What a handler may answer.
Result: TypeAlias = msgspec.Struct | Mapping[str, Any] | Content | Answer | EventStream | None


class Parameter(Frozen):
    """A header or a parameter of the query that the endpoint reads, for the documentation."""

    name: str
    description: str
    schema: Mapping[str, Any]
    place: Literal["header", "query"] = "header"
    required: bool = False


class Endpoint(Frozen, Generic[B], kw_only=True):
    """One method of one path.

    `path` may end in one parameter, `/v1/sessions/{id}`. Without `answer` the response is 204. Several types
    are alternatives; an `answer` that is no type of ours is its media type. `body_optional`: an empty body
    stands for one without fields. `feed`: for those alone who may read the revocation feed. `conditional`: it
    may answer 304. `codes`: refusals beside those that come with a body, a credential, an unsafe method, or
    anywhere.
    """

    method: Literal["GET", "POST", "DELETE"]
    path: str
    handler: Callable[[Site, Call[B]], Awaitable[Result]]
    summary: str
    tag: str
    body: type[B] | None = None
    body_optional: bool = False
    answer: type[msgspec.Struct] | str | tuple[type[msgspec.Struct] | str, ...] | None = None
    status: int = 200
    signed_in: bool = False
    feed: bool = False
    conditional: bool = False
    codes: tuple[Code, ...] = ()
    token_codes: bool = False
    parameters: tuple[Parameter, ...] = ()
    cache: str = NO_STORE

    @property
    def all_codes(self) -> frozenset[str]:
        """Every refusal that this endpoint may answer."""
        found: set[str] = {*ALWAYS, *self.codes}
        if self.body is not None:
            found.update(WITH_BODY)
        if self.feed:
            found.add("feed_token_refused")
        unsafe = self.method not in SAFE_METHODS
        if unsafe:
            found.update(UNSAFE)
        if self.signed_in:
            found.update(SIGNED_IN)
            found.update(WITH_COOKIE if unsafe else ())
        elif self.token_codes:
            found.update(TOKEN_CODES)
        return frozenset(found)
