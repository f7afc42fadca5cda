"""What the page is told: one event for each thing that happened, in the order in which it did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias, get_args

import msgspec

Actor = Literal["browser", "a", "b", "auth", "db", "redis", "aws", "shop_db", "thief", "operator"]
Lane = Literal["session", "jwt"]
#: What `refs` hold, by kind. Where it happened for the sake of a request, `for` is the `id` of that; `server`
#: is the process, where it is not the one that the lifeline is named after.
#:
#: http.request   credential (kind and bytes of what is presented), preflight, by (the process that asks);
#:                of AWS Secrets Manager: operation, stage
#: feed.entry     entries (seq, kind, effect), by
#: db.read, .write  sql, parameters, rows that came or were changed; database: shop, for a shop's own
#: redis.read, .write  command; answer, or silent where none came in time
#: hash.verify    alg and costs
#: token.sign     alg, kid, typ
#: token.check    token, code, checks (name, verdict, code, detail) in the order in which they are made
#: rows           table, rows (key, change, cells, changed)
#: clock          seconds, now, offset
#: server         server, up
#: operator       command
Kind = Literal[
    "http.request",
    "http.response",
    "feed.request",
    "feed.response",
    "feed.entry",
    "db.read",
    "db.write",
    "redis.read",
    "redis.write",
    "hash.verify",
    "token.sign",
    "token.check",
    "rows",
    "clock",
    "server",
    "operator",
]
#: What has a process and a lifeline of its own, beside the auth servers.
_STANDING: Final[Mapping[str, Actor]] = {"a": "a", "b": "b", "redis": "redis", "aws": "aws"}
Refs: TypeAlias = Mapping[str, Any]

LANES: Final[tuple[Lane, ...]] = get_args(Lane)
#: The shops; every other server is an auth server.
SHOPS: Final = ("a", "b")
#: What a request is called, by method and path; others are `ev.request`.
REQUESTS: Final[Mapping[tuple[str, str], str]] = {
    ("POST", "/v1/login"): "ev.login",
    ("POST", "/v1/accounts"): "ev.signup",
    ("POST", "/v1/refresh"): "ev.refresh",
    ("POST", "/v1/logout"): "ev.logout",
    ("POST", "/v1/password"): "ev.password",
    ("POST", "/v1/sessions/exchange"): "ev.exchange",
    ("GET", "/v1/csrf"): "ev.csrf",
    ("GET", "/v1/me"): "ev.me",
    ("GET", "/v1/session"): "ev.ask",
    ("GET", "/v1/sessions"): "ev.devices",
    ("GET", "/.well-known/jwks.json"): "ev.keys",
    ("GET", "/.well-known/oauth-authorization-server"): "ev.metadata",
    ("GET", "/products"): "ev.products",
    ("GET", "/customers"): "ev.customers",
    ("GET", "/secret"): "ev.secret",
}
#: The same for what AWS Secrets Manager is asked, by its operation.
OPERATIONS: Final[Mapping[str, str]] = {
    "GetSecretValue": "ev.aws.get",
    "CreateSecret": "ev.aws.create",
    "PutSecretValue": "ev.aws.put",
    "UpdateSecretVersionStage": "ev.aws.move",
}
#: Every `msg.id` there is: the words of the page have one sentence for each, in each language.
MESSAGES: Final = (
    *REQUESTS.values(),
    *OPERATIONS.values(),
    "ev.aws.ok",
    "ev.aws.none",
    "ev.request",
    "ev.preflight",
    "ev.feed",
    "ev.ok",
    "ev.refused",
    "ev.login.session",
    "ev.login.token",
    "ev.refresh.ok",
    "ev.logout.ok",
    "ev.feed.ok",
    "ev.feed.entries",
    "ev.db.read",
    "ev.db.write",
    "ev.db.shop",
    "ev.redis.hit",
    "ev.redis.miss",
    "ev.redis.write",
    "ev.redis.silent",
    "ev.hash",
    "ev.sign",
    "ev.check.ok",
    "ev.check.refused",
    "ev.rows",
    "ev.clock",
    "ev.up",
    "ev.down",
    "ev.operator",
)


class Message(msgspec.Struct, frozen=True):
    """A sentence of the catalogue, and what stands in it."""

    id: str
    values: Mapping[str, Any] = {}


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened.

    Attributes:
        seq: one more than that of the event before.
        t: seconds since the stage was set up, on the clock that all its processes share.
        lane: which way of carrying a login it belongs to, where it belongs to one.
        act: what the visitor was doing, as the page named it.
        id: pairs a response with its request.
        raw: what went over the wire: up to 16 kB of the body, headers in their order.
        ms: how long it took, for what takes time.
        refs: what the kind says beside, see `Kind`.
    """

    seq: int
    t: float
    kind: Kind
    source: Actor = msgspec.field(name="from")
    to: Actor
    msg: Message
    v: int = 1
    lane: Lane | None = None
    act: str | None = None
    id: str | None = None
    raw: str | None = None
    status: int | None = None
    code: str | None = None
    ms: float | None = None
    refs: Refs = {}


def actor_of(server: str) -> Actor:
    """The lifeline of a server: `b_alone` is another process, and stands where B stands."""
    name = server.partition("_")[0]
    return _STANDING.get(name, "auth")
