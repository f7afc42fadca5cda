"""What somebody would write by hand for speed: raw ASGI, the same statements, the same signature, no more.

No seal on the refresh token, no reuse detection, no refusals, no log, no counts, no request id. This is for
PostgreSQL; what is different on SQLite is in `bare_sqlite`.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from argon2.low_level import Type, verify_secret
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from starlette.types import Receive, Scope, Send

from sekisho.adapters.given_keys import given_keys
from sekisho.adapters.postgres import statements
from sekisho.adapters.postgres.connecting import make_pool, target
from sekisho.adapters.postgres.parameters import Numbered, numbered
from sekisho.adapters.postgres.rotating import Presentation
from sekisho.adapters.secrets.references import Secrets, sources
from sekisho.adapters.sql import ending, events
from sekisho.adapters.sql.operation import Operation
from sekisho.ports import Clock
from sekisho.rules.events import Event
from sekisho.rules.ids import uuid7
from sekisho.rules.session import Client, NewSession
from sekisho.rules.throttle import Bucket, login_buckets
from sekisho.settings import Settings
from sekisho_verify import jws
from sekisho_verify.revocations.entries import entry_key

if TYPE_CHECKING:
    from redis.asyncio import Redis

T = TypeVar("T")

_BY_EMAIL = b"SELECT id, email, status, locale, created_at, password_hash FROM users WHERE email = $1"
_ROTATE = numbered(statements.ROTATE)
_ATTEMPT = numbered(statements.attempt(2))
_OPEN = numbered(statements.open_session(2))
_LIVE = numbered(statements.LIVE)

_PREFIX = "skr1_"
_USER_AGENT = "sekisho-benchmarks"
_TYPE = {"typ": "at+jwt"}
_JSON = (b"content-type", b"application/json")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, str]).decode
_decode_copy = msgspec.msgpack.Decoder(dict[str, Any]).decode


class Bare:
    """Refresh, login, session check and logout; an ASGI application while `open` is entered."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        if settings.signing_key is None:
            raise ValueError("both sides are to sign with one key, so it has to be given")
        secret = Secrets(sources(os.environ)).read(settings.signing_key, setting="SEKISHO_SIGNING_KEY")
        self._key = given_keys(secret, alg=settings.signing_alg, where="SEKISHO_SIGNING_KEY").signing
        self.settings = settings
        self._clock = clock
        self._pool: AsyncConnectionPool[AsyncConnection[Any]]

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Connect, as sekisho does: the same pool, cursors and prepared statements."""
        url = self.settings.session_store_url
        self._redis: Redis | None = None
        if url is not None:
            from redis.asyncio import Redis  # noqa: PLC0415 -- its memory is measured, and most have none

            self._redis = Redis.from_url(url)
        async with make_pool(target(self.settings.database_url), size=10, patience=3.0) as self._pool:
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        message = await receive()
        body = message["body"]
        while message.get("more_body"):
            message = await receive()
            body += message["body"]
        if scope["path"] == "/v1/logout":
            await self._logout(_decode(body), scope)
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        if scope["path"] == "/v1/me":
            reply = await self._me(scope)
        elif scope["path"] == "/v1/refresh":
            reply = await self._refresh(_decode(body))
        else:
            reply = await self._login(_decode(body), scope)
        content = _encode(reply)
        headers = [_JSON, (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _me(self, scope: Scope) -> dict[str, Any]:
        opened = _cookie(scope)
        session_id, digest = str(uuid.UUID(bytes=opened[4:20])), hashlib.sha256(opened[20:52]).digest()
        if self._redis is not None:
            name = b"sekisho:session:" + entry_key("session", session_id).hex().encode()
            copy = _copy(await self._redis.get(name))
            if copy is not None and copy["held"]["digest"] == digest:
                return _me_of_copy(copy["grant"])
        _, auth_time, amr, *account = await self.live(session_id, digest, self._clock())
        user_id, email, _, locale, created_at, _, _, allowed, denied, roles, groups = account
        return {
            "id": user_id,
            "email": email,
            "locale": locale,
            "roles": roles.split() if roles else [],
            "groups": groups.split() if groups else [],
            "entitlements": sorted({*(allowed or "").split()} - {*(denied or "").split()}),
            "session_id": session_id,
            "auth_time": auth_time,
            "amr": amr.split(),
            "created_at": created_at,
        }

    async def _refresh(self, asked: dict[str, str]) -> dict[str, Any]:
        token = urlsafe_b64decode(asked["refresh_token"][len(_PREFIX) :] + "==")
        session_id = str(uuid.UUID(bytes=token[4:20]))
        generation = int.from_bytes(token[20:24])
        now = self._clock()
        family = hashlib.sha256(token[24:56]).digest()
        current, expires_at, auth_time, amr, *account = await self.rotate(session_id, generation, family, now)
        if current:
            raise ValueError("not rotated: the clock has to go on by more than the grace")
        successor = token[:20] + (generation + 1).to_bytes(4) + token[24:]
        text = _PREFIX + urlsafe_b64encode(successor).decode().rstrip("=")
        return self._tokens(session_id, account, auth_time, amr, now) | {
            "refresh_token": text,
            "refresh_expires_in": int(expires_at - now),
        }

    async def _login(self, asked: dict[str, str], scope: Scope) -> dict[str, Any]:
        now = self._clock()
        settings = self.settings
        email, ip = asked["email"].lower(), scope["client"][0]
        buckets = login_buckets(email=email, ip=ip, known_device=None)
        user_id, hashed = await self.attempt(email, buckets, now)
        await asyncio.to_thread(verify_secret, hashed.encode(), asked["password"].encode(), Type.ID)
        family = os.urandom(32)
        session = NewSession(
            id=uuid7(now, os.urandom(10)),
            user_id=user_id,
            mode="session" if asked["mode"] == "session" else "token",
            client=Client(ip=ip, user_agent=_USER_AGENT),
            now=now,
            ends_at=now + settings.session_max,
            refresh_expires_at=now + settings.refresh_ttl,
            amr=("pwd",),
            family_digest=hashlib.sha256(family).digest(),
        )
        account = await self.open_session(session, hashed, buckets)
        session_id = session.id
        token = bytes(4) + uuid.UUID(session_id).bytes + bytes(4) + family + bytes(32)
        return self._tokens(session_id, account, now, "pwd", now) | {
            "refresh_token": _PREFIX + urlsafe_b64encode(token).decode().rstrip("="),
            "refresh_expires_in": int(settings.refresh_ttl),
            "device_token": urlsafe_b64encode(os.urandom(84)).decode(),
        }

    async def _logout(self, asked: dict[str, str], scope: Scope) -> None:
        sealed = asked.get("refresh_token")
        opened = _cookie(scope) if sealed is None else urlsafe_b64decode(sealed[len(_PREFIX) :] + "==")
        session_id, now = str(uuid.UUID(bytes=opened[4:20])), self._clock()
        event = Event(
            "session_revoked",
            now,
            uuid7(now, os.urandom(10)),
            session_id=session_id,
            ip=scope["client"][0],
            about={"why": "logout", "scope": "this"},
        )
        await self.transact(ending.end_session(session_id, user_id=None, why="logout", now=now, event=event))

    async def live(self, session_id: str, digest: bytes, now: float) -> Sequence[Any]:
        """Its end, the time and the means of the login; the account, the number of the feed, the rights."""
        parameters = {
            "id": session_id,
            "user_id": None,
            "digest": digest,
            "mode": "session",
            "gen": None,
            "now": now,
        }
        async with self._pool.connection() as connection:
            return await _one(connection, _LIVE, parameters)

    async def rotate(self, session_id: str, generation: int, family: bytes, now: float) -> Sequence[Any]:
        """Whether it was left as it was, and the same."""
        presented = Presentation(
            session_id=session_id,
            gen=generation,
            fam=family.hex(),
            mode="token",
            retry_key=None,
            now=now,
            settling=self.settings.refresh_grace,
            refresh=self.settings.refresh_ttl,
            ip="127.0.0.1",
            user_agent=_USER_AGENT,
        )
        parameters = {"asked": _encode([presented]).decode()}
        async with self._pool.connection() as connection:
            return (await _one(connection, _ROTATE, parameters))[1:]

    async def attempt(self, email: str, buckets: Sequence[Bucket], now: float) -> tuple[str, str]:
        """The id of the account and its password hash; the attempt is counted."""
        throttled: dict[str, Any] = {"now": now}
        for slot, bucket in enumerate(buckets):
            policy = bucket.policy
            throttled |= {f"key{slot}": bucket.key, f"free{slot}": policy.free, f"base{slot}": policy.base}
            throttled |= {f"cap{slot}": policy.cap, f"forgotten{slot}": now - policy.forget}
            throttled[f"shared{slot}"] = int(policy.shared)
        async with self._pool.connection() as connection:
            cursor = await connection.execute(_BY_EMAIL, [email])
            rows = await cursor.fetchall()
            await _one(connection, _ATTEMPT, throttled)
        return rows[0][0], rows[0][5]

    async def open_session(
        self, session: NewSession, checked: str, buckets: Sequence[Bucket]
    ) -> Sequence[Any]:
        """The account, the number of the feed, the rights."""
        now = session.now
        parameters: dict[str, Any] = {
            "id": session.id,
            "user_id": session.user_id,
            "checked": checked,
            "mode": session.mode,
            "now": now,
            "amr": "pwd",
            "ip": session.client.ip,
            "user_agent": session.client.user_agent,
            "fam": session.family_digest,
            "refresh_expires_at": session.refresh_expires_at,
            "ends_at": session.ends_at,
        }
        for slot, bucket in enumerate(buckets):
            parameters |= {f"key{slot}": bucket.key, f"free{slot}": bucket.policy.free if slot else None}
        event = events.columns(login_event(session))
        parameters |= {f"event_{name}": value for name, value in event.items()}
        async with self._pool.connection() as connection:
            return await _one(connection, _OPEN, parameters)

    async def transact(self, steps: Operation[T]) -> T:
        """All statements of one operation of ours, in one transaction."""
        async with self._pool.connection() as connection:
            await connection.execute(b"BEGIN", prepare=False)
            try:
                statement = next(steps)
                while True:
                    text, names = numbered(statement.sql, statement.lock)
                    asked = [statement.parameters[name] for name in names]
                    cursor = await connection.execute(text, asked)
                    result = cursor.pgresult
                    rows = await cursor.fetchall() if result is not None and result.nfields else []
                    statement = steps.send(rows)
            except StopIteration as done:
                await connection.execute(b"COMMIT", prepare=False)
                value: T = done.value
                return value

    def _tokens(
        self, session_id: str, account: Sequence[Any], auth_time: float, amr: str, now: float
    ) -> dict[str, Any]:
        user_id, email, _, locale, _, epoch, seq, allowed, denied, roles, groups = account
        rights = {
            "roles": roles.split() if roles else [],
            "groups": groups.split() if groups else [],
            "entitlements": sorted({*(allowed or "").split()} - {*(denied or "").split()}),
        }
        settings = self.settings
        claims = {
            "iss": settings.issuer,
            "sub": user_id,
            "aud": settings.audience,
            "exp": int(now + settings.access_ttl),
            "iat": int(now),
            "jti": urlsafe_b64encode(os.urandom(16)).decode().rstrip("="),
            "client_id": "first-party",
            "sid": session_id,
            "auth_time": int(auth_time),
            "amr": amr.split(),
            "scope": "",
            **rights,
            "rv": f"{epoch}.{seq}",
        }
        return {
            "access_token": jws.sign(_encode(claims), _TYPE, self._key),
            "token_type": "Bearer",
            "expires_in": int(settings.access_ttl),
            "session_id": session_id,
            "user": {"id": user_id, "email": email, "locale": locale, **rights},
        }


def login_event(session: NewSession) -> Event:
    """What is put on record of a login."""
    return Event(
        "login_succeeded",
        session.now,
        uuid7(session.now, os.urandom(10)),
        user_id=session.user_id,
        session_id=session.id,
        ip=session.client.ip,
    )


def _cookie(scope: Scope) -> bytes:
    cookie = next(value for name, value in scope["headers"] if name == b"cookie")
    return urlsafe_b64decode(cookie.partition(b"=sks1_")[2] + b"==")


async def _one(
    connection: AsyncConnection[Any], statement: Numbered, parameters: dict[str, Any]
) -> Sequence[Any]:
    cursor = await connection.execute(statement.text, [parameters[name] for name in statement.names])
    rows = await cursor.fetchall()
    row: Sequence[Any] = rows[0]
    return row


def _copy(sealed: bytes | str | None) -> dict[str, Any] | None:
    """What our server has put there, without the seal that it checks."""
    return _decode_copy(sealed[36:]) if isinstance(sealed, bytes) else None


def _me_of_copy(grant: dict[str, Any]) -> dict[str, Any]:
    account, rights = grant["account"], grant["rights"]
    return {
        "id": account["id"],
        "email": account["email"],
        "locale": account["locale"],
        "roles": rights["roles"],
        "groups": rights["groups"],
        "entitlements": rights["entitlements"],
        "session_id": grant["session_id"],
        "auth_time": grant["auth_time"],
        "amr": grant["amr"],
        "created_at": account["created_at"],
    }
