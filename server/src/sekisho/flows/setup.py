"""The first administrator: made by whoever started the server, once."""

from __future__ import annotations

from dataclasses import dataclass, field
from hmac import compare_digest

from sekisho.ports import AccountStore, Addresses, Clock, Entropy, Passwords, ThrottleStore
from sekisho.rules.access import ADMINISTRATOR
from sekisho.rules.account import Account, PasswordPolicy, locale
from sekisho.rules.events import Event, EventKind
from sekisho.rules.ids import ENTROPY_BYTES, uuid7
from sekisho.rules.refusals import FieldError, Refusal
from sekisho.rules.session import Client
from sekisho.rules.setup_code import CODE_BYTES, LIFETIME, code_digest, setup_code
from sekisho.rules.throttle import Bucket, network


@dataclass(frozen=True, slots=True)
class SetupRequest:
    """The code, as typed or as the link carried it, and who is to be the administrator."""

    code: str = field(repr=False)
    email: str
    password: str = field(repr=False)
    locale: str
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
    clock: Clock,
    entropy: Entropy,
) -> Account:
    """Spend the code and make the account, with its role, in one act.

    Raises:
        Refusal: `rate_limited`, `setup_closed`, `setup_code_invalid`; `validation_failed` with every fault at
            once, or `email_taken`, and then the code still counts.
    """
    now = clock()
    await throttle.attempt([Bucket("setup", network(request.client.ip))], now=now)
    standing, presented = await accounts.setup_digest(now=now), code_digest(request.code)
    if standing is None:
        raise Refusal("setup_closed")
    # Before anything is said of the rest, and before a password is hashed for a stranger.
    if presented is None or not compare_digest(standing, presented):
        raise Refusal("setup_code_invalid")
    email, password = _admitted(request, addresses, policy)
    account = Account(
        uuid7(now, entropy(ENTROPY_BYTES)), email, "active", locale(request.locale, "/locale"), now
    )

    def event(kind: EventKind, **about: str) -> Event:
        return Event(
            kind,
            now,
            uuid7(now, entropy(ENTROPY_BYTES)),
            user_id=account.id,
            ip=request.client.ip,
            request_id=request.client.request_id,
            about={"by": "setup", **about},
        )

    await accounts.add_first_account(
        account,
        await passwords.hash(password),
        role=ADMINISTRATOR,
        setup=presented,
        recorded=[event("account_created"), event("role_granted", role=ADMINISTRATOR)],
    )
    return account


def _admitted(request: SetupRequest, addresses: Addresses, policy: PasswordPolicy) -> tuple[str, str]:
    """Address and password as they are kept."""
    email = addresses.normalize(request.email)
    faults: list[FieldError] = [] if email else [FieldError("/email", "invalid_email")]
    password = ""
    try:
        password = policy.admit(request.password, email=request.email, pointer="/password")
    except Refusal as refusal:
        faults += refusal.errors
    if email is None or faults:
        raise Refusal("validation_failed", errors=tuple(faults))
    return email, password
