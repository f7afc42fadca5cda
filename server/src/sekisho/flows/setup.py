"""The first administrator: made by whoever started the server, once."""

from __future__ import annotations

from collections.abc import Callable
from hmac import compare_digest
from typing import Final

from sekisho.frozen import Frozen, Hidden
from sekisho.ports import AccountStore, Addresses, Clock, Entropy, Passwords, ThrottleStore
from sekisho.rules.access import ADMINISTRATOR
from sekisho.rules.account import UNDETERMINED, Account, PasswordPolicy, locale
from sekisho.rules.events import Event, EventKind
from sekisho.rules.ids import ENTROPY_BYTES, uuid7
from sekisho.rules.refusals import FieldError, Refusal
from sekisho.rules.session import Client
from sekisho.rules.setup_code import CODE_BYTES, DIGEST_BYTES, LIFETIME, code_digest, setup_code
from sekisho.rules.throttle import Bucket, network

#: Whoever starts the server, where a request would say from where it came.
_HERE: Final = Client("", "sekisho serve")
#: In the place of a digest: nobody finds a code that it would be the digest of. The same for every server, so
#: that of two that start at once neither takes away what the other is about to spend, over and over.
_NO_CODES: Final = bytes(DIGEST_BYTES)


class SetupRequest(Frozen):
    """The code, as typed or as the link carried it, and who is to be the administrator."""

    code: Hidden[str]
    email: str
    password: Hidden[str]
    locale: str | None
    client: Client


async def offer_setup(*, accounts: AccountStore, clock: Clock, entropy: Entropy) -> str | None:
    """A new code, which is from now on the only one; none where there is an administrator."""
    code, kept = setup_code(entropy(CODE_BYTES))
    return code if await accounts.offer_setup(kept, until=clock() + LIFETIME) else None


async def setup_open(*, accounts: AccountStore, clock: Clock) -> bool:
    """Whether a code counts now."""
    return await accounts.setup_digest(now=clock()) is not None


async def set_up(
    request: SetupRequest,
    *,
    accounts: AccountStore,
    throttle: ThrottleStore,
    passwords: Passwords,
    addresses: Addresses,
    policy: PasswordPolicy,
    forget_code: Callable[[], None],
    clock: Clock,
    entropy: Entropy,
) -> Account:
    """Spend the code and make the account, with its role, in one act; `forget_code` is then called.

    Raises:
        Refusal: `rate_limited`, `setup_closed`, `setup_code_invalid`; `validation_failed` with every fault at
            once, or `email_taken`, and then the code still counts.
    """
    now = clock()
    standing, presented = await accounts.setup_digest(now=now), code_digest(request.code)
    if standing is None:
        raise Refusal("setup_closed")
    # Before anything is said of the rest, and before a password is hashed for a stranger.
    if presented is None or not compare_digest(standing, presented):
        # Guesses alone are counted. Behind a proxy that nobody has named yet everybody is one network, and
        # strangers would shut the operator out for as long as the code counts.
        await throttle.attempt([Bucket("setup", network(request.client.ip))], now=now)
        raise Refusal("setup_code_invalid")
    email, password, language = _admitted(
        request.email, request.password, request.locale, addresses=addresses, policy=policy
    )
    hashed = await passwords.hash(password)
    made = _made(email, language, request.client, by="setup", now=now, entropy=entropy)
    await accounts.add_first_account(
        made.account, hashed, role=ADMINISTRATOR, setup=presented, recorded=made.recorded
    )
    forget_code()
    return made.account


async def appoint(
    email: str,
    password: Callable[[], str],
    *,
    accounts: AccountStore,
    passwords: Passwords,
    addresses: Addresses,
    policy: PasswordPolicy,
    clock: Clock,
    entropy: Entropy,
) -> Account | None:
    """Make the administrator whom the settings name; none where somebody administers already.

    `password` is asked for while nobody does, and then no more: it may be taken away.

    Raises:
        Refusal: `validation_failed` with every fault at once, `email_taken`.
    """
    hashed, language = None, UNDETERMINED
    while await accounts.offer_setup(_NO_CODES, until=clock() + LIFETIME):
        if hashed is None:
            email, normal, language = _admitted(email, password(), None, addresses=addresses, policy=policy)
            hashed = await passwords.hash(normal)
        made = _made(email, language, _HERE, by="settings", now=clock(), entropy=entropy)
        try:
            await accounts.add_first_account(
                made.account, hashed, role=ADMINISTRATOR, setup=_NO_CODES, recorded=made.recorded
            )
        except Refusal as refused:
            # Another server that starts just now was done before us, or has printed a link.
            if refused.code not in {"setup_code_invalid", "setup_closed"}:
                raise
        else:
            return made.account
    return None


class _Made(Frozen):
    account: Account
    recorded: tuple[Event, Event]


def _made(email: str, language: str, client: Client, *, by: str, now: float, entropy: Entropy) -> _Made:
    """The account, and what is put on record with it."""
    account = Account(uuid7(now, entropy(ENTROPY_BYTES)), email, "active", language, now)

    def event(kind: EventKind, **about: str) -> Event:
        return client.event(
            kind,
            now,
            uuid7(now, entropy(ENTROPY_BYTES)),
            user_id=account.id,
            by=by,
            **about,
        )

    return _Made(account, (event("account_created"), event("role_granted", role=ADMINISTRATOR)))


def _admitted(
    email: str, password: str, language: str | None, *, addresses: Addresses, policy: PasswordPolicy
) -> tuple[str, str, str]:
    """Address, password and language as they are kept."""
    address = addresses.normalize(email)
    faults: list[FieldError] = [] if address else [FieldError("/email", "invalid_email")]
    normal = spoken = ""
    try:
        normal = policy.admit(password, email=email, pointer="/password")
    except Refusal as refusal:
        faults += refusal.errors
    try:
        spoken = locale(language, "/locale")
    except Refusal as refusal:
        faults += refusal.errors
    if address is None or faults:
        raise Refusal("validation_failed", errors=tuple(faults))
    return address, normal, spoken
