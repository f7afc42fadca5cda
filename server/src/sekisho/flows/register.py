"""Make an account: an address, a password that a guesser would not try, and nothing else."""

from __future__ import annotations

from sekisho.frozen import Frozen, Hidden
from sekisho.ports import AccountStore, Addresses, Clock, Entropy, Passwords, ThrottleStore
from sekisho.rules.account import Account, PasswordPolicy, locale
from sekisho.rules.ids import ENTROPY_BYTES, uuid7
from sekisho.rules.refusals import FieldError, Refusal
from sekisho.rules.session import Client
from sekisho.rules.throttle import Bucket, network
from sekisho.settings import SignUp


class RegisterRequest(Frozen):
    """`operator`: from the command line, where neither the sign-up policy nor the throttle applies."""

    email: str
    password: Hidden[str]
    locale: str | None
    client: Client
    operator: bool = False


async def register(
    request: RegisterRequest,
    *,
    accounts: AccountStore,
    throttle: ThrottleStore,
    passwords: Passwords,
    addresses: Addresses,
    sign_up: SignUp,
    policy: PasswordPolicy,
    clock: Clock,
    entropy: Entropy,
) -> Account:
    """Add the account.

    Raises:
        Refusal: `signup_closed`, `rate_limited`, `validation_failed` with every fault at once, `email_taken`.
    """
    now = clock()
    if not request.operator:
        if sign_up != "open":
            raise Refusal("signup_closed")
        await throttle.attempt([Bucket("signup", network(request.client.ip))], now=now)

    email = addresses.normalize(request.email)
    faults: list[FieldError] = [] if email else [FieldError("/email", "invalid_email")]
    password = ""
    language = ""
    try:
        password = policy.admit(request.password, email=request.email, pointer="/password")
    except Refusal as refusal:
        faults += refusal.errors
    try:
        language = locale(request.locale, "/locale")
    except Refusal as refusal:
        faults += refusal.errors
    if email is None or faults:
        raise Refusal("validation_failed", errors=tuple(faults))

    account = Account(uuid7(now, entropy(ENTROPY_BYTES)), email, "active", language, now)
    await accounts.add_account(
        account,
        await passwords.hash(password),
        event=request.client.event(
            "account_created",
            now,
            uuid7(now, entropy(ENTROPY_BYTES)),
            user_id=account.id,
        ),
    )
    return account
