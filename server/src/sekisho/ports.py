"""Everything the core asks of the world, on one page.

Storage verbs are atomic facts: each is true at once or not at all, survives a crash once it has returned, and
is never built by its caller from a read and a write. Instants are POSIX seconds, and always arguments.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from sekisho.rules.access import Effect, Rights
from sekisho.rules.account import Account, Checked, Credentials, Status
from sekisho.rules.events import Event, EventKind
from sekisho.rules.keyring import KeyRecords, KeyStep
from sekisho.rules.refresh import RefreshToken
from sekisho.rules.revocation import Entry
from sekisho.rules.session import (
    Client,
    Exchange,
    Grant,
    Handed,
    Held,
    Lifetimes,
    Mode,
    NewSession,
    Opening,
    Reauthenticated,
    RefreshMode,
    Renewal,
    Rotation,
    Session,
    Tokens,
    Why,
)
from sekisho.rules.throttle import Bucket
from sekisho_verify.revocations.entries import Frame, Heartbeat, Snapshot

#: The time, in POSIX seconds.
Clock: TypeAlias = Callable[[], float]
FeedNews: TypeAlias = Frame | Heartbeat | None
#: That many random bytes, fit for secrets.
Entropy: TypeAlias = Callable[[int], bytes]


class Passwords(Protocol):
    """Password hashing on bounded threads, never on the event loop.

    Hashing raises `Refusal("unavailable")` with `retry_after` when more are waiting than the queue holds.
    """

    async def hash(self, password: str) -> str:
        """The hash of a normalized password, to be stored: in PHC or bcrypt's own format."""
        ...

    async def check(self, password: str, hashed: str | None) -> Checked:
        """Whether the password, as typed, is right; with no hash (no such account), the same work."""
        ...


class Addresses(Protocol):
    """E-mail addresses: the user name is the address."""

    def normalize(self, email: str) -> str | None:
        """The one spelling under which the account is kept, or none where it is no address."""


class Signer(Protocol):
    """The signing keys of the issuer."""

    def sign(self, claims: Mapping[str, Any], *, typ: str = "at+jwt") -> str:
        """A compact JWS by the key that signs now."""
        ...

    def verify_refresh(self, text: str, *, now: float) -> Mapping[str, Any]:
        """The claims of a stateless refresh token of ours (`typ` `rt+jwt`), its seal and expiry checked.

        Raises:
            Refusal: `refresh_unknown` or `refresh_expired`.
        """
        ...

    def jwks(self) -> Mapping[str, Any]:
        """The public keys (RFC 7517); never an HMAC secret."""
        ...


class Mint(Protocol):
    """What a client is handed, from a grant."""

    def hand(self, grant: Grant, *, mode: Mode, secret: bytes, now: float) -> Handed:
        """The first credential of a session whose row has the digest of `secret` (32 random bytes)."""
        ...

    def tokens(self, grant: Grant, refresh_token: str, *, now: float) -> Tokens:
        """The pair that a client is handed: an access token signed now, and that refresh token."""
        ...


#: Opens the session of a login, in whichever way this server keeps sessions: what its mode hands out; none if
#: the password or the account changed while it was being checked.
Opener: TypeAlias = Callable[[Opening], Awaitable[Handed | None]]
#: Asks for the password once more, counted and put on record. Raises `Refusal`: `invalid_credentials`,
#: `rate_limited`, `unavailable`.
Reauthenticate: TypeAlias = Callable[[Grant, str, Client], Awaitable[Reauthenticated]]


class AccountStore(Protocol):
    """Accounts and their passwords."""

    async def add_account(self, account: Account, password_hash: str, *, event: Event) -> None:
        """Add it. Raises `Refusal("email_taken")`."""

    async def offer_setup(self, digest: bytes, *, until: float) -> bool:
        """Let this be the digest of the one setup code there is. False where there is an administrator."""
        ...

    async def setup_digest(self, *, now: float) -> bytes | None:
        """That of the code that counts; none where it has expired, or there is an administrator."""
        ...

    async def add_first_account(
        self, account: Account, password_hash: str, *, role: str, setup: bytes, recorded: Sequence[Event]
    ) -> None:
        """Spend the code and add it. `Refusal`: `setup_closed`, `setup_code_invalid`, `email_taken`."""

    async def find_account(self, *, id: str | None = None, email: str | None = None) -> Account | None:  # noqa: A002 - the field's name
        """The account with that id or that address."""

    async def list_accounts(self, *, after: str = "", limit: int = 100) -> list[Account]:
        """Accounts ordered by address, from the first one behind `after`."""
        ...

    async def find_credentials(
        self,
        *,
        id: str | None = None,  # noqa: A002 - the field's name
        email: str | None = None,
    ) -> Credentials | None:
        """The account and its password hash."""

    async def replace_hash(self, user_id: str, *, checked: str, new: str) -> bool:
        """Put a hash of the current profile in the place of `checked`, unless it was changed meanwhile."""
        ...

    async def change_password(
        self,
        user_id: str,
        *,
        checked: str,
        new: str,
        keep_session: str | None,
        renew: Renewal | None = None,
        now: float,
        forgive: Sequence[Bucket],
        also: Sequence[Entry] = (),
        event: Event,
    ) -> bool:
        """Replace the hash, end every other session and publish each, and `also`; or nothing at all.

        False if `checked` is not the current hash any more. `renew`: a new secret for the session that stays;
        `Refusal("session_unknown")` if the old one was replaced meanwhile.
        """
        ...

    async def set_status(self, user_id: str, status: Status, *, now: float, event: Event) -> bool:
        """Enable, or disable and end every session. False if there is no such account."""
        ...

    async def set_locale(self, user_id: str, locale: str, *, now: float, event: Event) -> bool:
        """Choose its language; copies of its sessions are published as stale. False if it was that."""
        ...

    async def delete_account(
        self, user_id: str, *, checked: str | None = None, now: float, event: Event
    ) -> bool:
        """Remove it with all it owns, and publish that. False if there is none, or its hash not `checked`.

        With `checked` its owner does; `Refusal("last_administrator")` if nobody else administers.
        """
        ...


class SessionReader(Protocol):
    """Finds living sessions."""

    async def live_session(
        self,
        session_id: str,
        *,
        user_id: str | None = None,
        held: Held | None = None,
        rv: str | None = None,
        now: float,
    ) -> Grant:
        """The session, its account and their rights, read now.

        With `user_id`, only if it is theirs; with `held`, only if that is true of its row; with `rv`, only if
        it was not exchanged since. Raises `Refusal`: `session_unknown`, `session_expired`, `session_revoked`.
        """
        ...


class SessionStore(SessionReader, Protocol):
    """Sessions and their refresh state."""

    async def open_session(
        self, session: NewSession, *, checked: str, forgive: Sequence[Bucket], event: Event
    ) -> Grant | None:
        """Open it iff the account is enabled and its password hash is still `checked`; give attempts back."""

    async def rotate(
        self,
        token: RefreshToken,
        *,
        mode: RefreshMode,
        retry_digest: bytes | None,
        lifetimes: Lifetimes,
        client: Client,
        now: float,
        new_id: Callable[[], str],
    ) -> Rotation:
        """Apply `rules.refresh.present` to the row; reuse revokes the session and publishes it in one act.

        `new_id` names the event, where there is one to record. Raises `Refusal`: `refresh_unknown`,
        `refresh_expired`, `session_revoked`, `refresh_reused`.
        """
        ...

    async def exchange(self, exchange: Exchange, *, lifetimes: Lifetimes, event: Event) -> Grant:
        """Replace the credential that is presented, with its tokens; refuses as `live_session` does."""
        ...

    async def touch(self, session_ids: Sequence[str], *, idle: float, now: float) -> None:
        """Cookie sessions were used: none of them dies of idleness before `now + idle` (seconds)."""

    async def list_sessions(self, user_id: str, *, now: float) -> list[Session]:
        """The living sessions of an account, newest first."""
        ...

    async def end_session(
        self, session_id: str, *, user_id: str | None, why: Why, now: float, event: Event
    ) -> bool:
        """Revoke one and publish it. False if it is not alive, or not that account's."""
        ...

    async def end_sessions(
        self, user_id: str, *, except_session: str | None, why: Why, now: float, event: Event
    ) -> int:
        """Revoke all of an account's sessions but one, publishing each; how many."""
        ...


class StatelessStore(Protocol):
    """What `refresh_store = "none"` still asks of the database: no session rows."""

    async def grant(
        self, user_id: str, *, checked: str | None, forgive: Sequence[Bucket], event: Event | None
    ) -> tuple[Account, Rights] | None:
        """An enabled account and its rights; with `checked`, only while that is its password hash."""

    async def revoked_since(self, entries: Sequence[Entry], rv: str) -> bool:
        """Whether an entry for one of these keys has a number above `rv`."""
        ...

    async def publish(self, entries: Sequence[Entry], *, now: float, event: Event) -> None:
        """Publish entries, each with a number of its own."""


class FeedStore(Protocol):
    """The revocation feed, as a reader sees it; `as_of` is when, `ttl` how long entries are kept."""

    async def feed_snapshot(self, *, as_of: float, ttl: float) -> Snapshot:
        """Every entry that is kept."""
        ...

    async def feed_behind(self, number: int, *, epoch: int, as_of: float, limit: int) -> FeedNews:
        """What has come behind `number`; none where only a snapshot will do."""

    async def feed_advance(self, *, now: float, every: float) -> None:
        """Where copies may lag, `as_of` is when the primary last said that it is one: let it say so."""

    async def feed_listen(self, heard: Callable[[], None]) -> None:
        """Call `heard` when there may be news, until cancelled; or return, where nobody tells."""


class ThrottleStore(Protocol):
    """Attempts, counted for all nodes."""

    async def attempt(self, buckets: Sequence[Bucket], *, now: float) -> None:
        """Count one attempt in every bucket, or in none if one of them has to wait.

        Raises `Refusal("rate_limited")` with `retry_after`.
        """


class RightsStore(Protocol):
    """Roles, groups and permissions. Every change publishes a `stale` entry in the same act."""

    async def rights_of(self, user_id: str) -> Rights:
        """Everything that holds for the account."""
        ...

    async def grant_role(self, user_id: str, role: str, *, now: float, event: Event) -> bool:
        """False if the account has it already. Raises `Refusal("not_found")` if there is no such account."""
        ...

    async def revoke_role(self, user_id: str, role: str, *, now: float, event: Event) -> bool:
        """False if the account does not have it."""
        ...

    async def add_group(self, name: str, *, now: float, event: Event) -> None:
        """Raises `Refusal("conflict")` if it exists."""

    async def delete_group(self, name: str, *, now: float, event: Event) -> bool:
        """False if there is no such group."""
        ...

    async def list_groups(self) -> list[tuple[str, int]]:
        """Name and number of members, by name."""
        ...

    async def add_member(self, group: str, user_id: str, *, now: float, event: Event) -> bool:
        """False if the account is in it already. Raises `Refusal("not_found")` if either is not there."""
        ...

    async def remove_member(self, group: str, user_id: str, *, now: float, event: Event) -> bool:
        """False if the account is not in it. Raises `Refusal("not_found")` if there is no such group."""
        ...

    async def set_user_permission(
        self, user_id: str, permission: str, effect: Effect | None, *, now: float, event: Event
    ) -> bool:
        """Allow, deny or (none) clear a permission of an account. False if it stood so already.

        Raises `Refusal("not_found")` if there is no such account.
        """
        ...

    async def set_group_permission(
        self, group: str, permission: str, effect: Effect | None, *, now: float, event: Event
    ) -> bool:
        """The same for a group. Raises `Refusal("not_found")` if there is no such group."""
        ...


class KeyStore(Protocol):
    """Signing keys that the database keeps, and those that are never to be used again."""

    async def signing_keys(self) -> KeyRecords:
        """All of them."""
        ...

    async def change_keys(self, step: KeyStep, *, now: float, recorded: Sequence[Event]) -> KeyRecords:
        """Take the step iff it still fits; what stands then. `recorded` iff it did anything."""
        ...


class EventStore(Protocol):
    """The durable record of what happened."""

    async def record(self, event: Event) -> None:
        """Add one."""

    async def list_events(
        self, *, user_id: str | None = None, kind: EventKind | None = None, limit: int = 100
    ) -> list[Event]:
        """Newest first."""
        ...


class Store(
    AccountStore,
    SessionStore,
    StatelessStore,
    FeedStore,
    ThrottleStore,
    RightsStore,
    KeyStore,
    EventStore,
    Protocol,
):
    """One database. A flow asks for the narrow part that it needs."""

    async def open(self) -> None:
        """Connect. Raises `Refusal("unavailable")` if the schema is older than this release needs."""

    async def close(self) -> None:
        """Finish what was begun and disconnect."""

    async def ping(self) -> None:
        """Raise `Refusal("unavailable")` if the database does not answer."""

    async def sweep(self, *, now: float, entry_horizon: float, limit: int) -> int:
        """Delete at most `limit` rows a table that nobody needs any more; how many it deleted.

        Those are sessions past their end, entries older than `entry_horizon` (seconds), forgotten throttle
        counts, and events past their retention.
        """
        ...
