"""Log in with a password.

Unknown, wrong and disabled are one answer, after the same work: each counts an attempt, checks one password
of the current profile and records one event.
"""

from __future__ import annotations

from sekisho.frozen import Frozen, Hidden
from sekisho.ports import (
    AccountStore,
    Addresses,
    Clock,
    Entropy,
    EventStore,
    Opener,
    Passwords,
    ThrottleStore,
)
from sekisho.rules.account import Credentials, normalize_presented_password
from sekisho.rules.device import NONCE_BYTES, Device, password_of
from sekisho.rules.device import decode as decode_device
from sekisho.rules.device import encode as encode_device
from sekisho.rules.events import Event, EventKind
from sekisho.rules.ids import ENTROPY_BYTES, uuid7
from sekisho.rules.opaque import MacKeys
from sekisho.rules.refusals import Refusal
from sekisho.rules.session import Client, Handed, Mode, Opening
from sekisho.rules.throttle import login_buckets


class LoginRequest(Frozen):
    """What was typed, and the device secret of an earlier login if there was one."""

    email: str
    password: Hidden[str]
    mode: Mode
    client: Client
    device_token: Hidden[str | None] = None


class LoggedIn(Frozen):
    """What the mode hands out, and the device secret that keeps the owner's path open at the next login."""

    handed: Handed
    device_token: Hidden[str]


async def login(
    request: LoginRequest,
    *,
    accounts: AccountStore,
    throttle: ThrottleStore,
    events: EventStore,
    passwords: Passwords,
    addresses: Addresses,
    open_session: Opener,
    device_keys: MacKeys,
    clock: Clock,
    entropy: Entropy,
) -> LoggedIn:
    """Check the password and open a session.

    Raises:
        Refusal: `invalid_credentials`, `rate_limited`, `unavailable` (too many hashes waiting).
    """
    now = clock()
    email = addresses.normalize(request.email) or request.email[:320]
    credentials = await accounts.find_credentials(email=email)
    device = _known_device(request, credentials, device_keys)
    buckets = login_buckets(email=email, ip=request.client.ip, known_device=device.nonce if device else None)
    await throttle.attempt(buckets, now=now)

    def event(kind: EventKind) -> Event:
        return request.client.event(
            kind,
            now,
            uuid7(now, entropy(ENTROPY_BYTES)),
            user_id=credentials.account.id if credentials else None,
        )

    checked = await passwords.check(request.password, credentials.password_hash if credentials else None)
    if credentials is None or not checked.correct or credentials.account.status != "active":
        await events.record(event("login_failed"))
        raise Refusal("invalid_credentials")

    before = credentials.password_hash
    hashed = await _rehashed(request, credentials, accounts, passwords) if checked.rehash else before
    handed = await open_session(
        Opening(
            user_id=credentials.account.id,
            checked_hash=hashed,
            mode=request.mode,
            client=request.client,
            now=now,
            amr=("pwd",),
            forgive=buckets,
            event=event("login_succeeded"),
        )
    )
    if handed is None:
        await events.record(event("login_failed"))
        raise Refusal("invalid_credentials", "password changed or account disabled while it was checked")
    device = _remembered(device, credentials, hashed, entropy)
    return LoggedIn(handed, encode_device(device, device_keys))


async def _rehashed(
    request: LoginRequest, credentials: Credentials, accounts: AccountStore, passwords: Passwords
) -> str:
    """The hash that stands after it was renewed to the current profile, by us or by another login."""
    renewed = await passwords.hash(normalize_presented_password(request.password))
    if await accounts.replace_hash(credentials.account.id, checked=credentials.password_hash, new=renewed):
        return renewed
    # A login at the same moment was first, or the password was changed: the hash that stands now tells which,
    # at the price of one more computation. What it does not know is answered as one that was changed.
    standing = await accounts.find_credentials(id=credentials.account.id)
    again = await passwords.check(request.password, standing.password_hash if standing else None)
    return standing.password_hash if standing and again.correct else credentials.password_hash


def _known_device(request: LoginRequest, credentials: Credentials | None, keys: MacKeys) -> Device | None:
    device = decode_device(request.device_token, keys)
    if device is None or credentials is None:
        return None
    here = (credentials.account.id, password_of(credentials.password_hash))
    return device if (device.user_id, device.password) == here else None


def _remembered(device: Device | None, credentials: Credentials, hashed: str, entropy: Entropy) -> Device:
    """This device, or a new one, with the password hash that stands now."""
    nonce = device.nonce if device else entropy(NONCE_BYTES)
    return Device(credentials.account.id, password_of(hashed), nonce)
