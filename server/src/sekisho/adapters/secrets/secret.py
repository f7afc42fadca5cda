"""A secret that does not print, pickle, copy or serialize itself, and is as strong as its use demands."""

from __future__ import annotations

from hmac import compare_digest
from typing import Final, NoReturn, final

from sekisho.adapters.secrets.known import is_known
from sekisho.setting_words import Words
from sekisho.settings import refused
from sekisho_verify.key_sniffing import is_guessable

#: HMAC-SHA256 and HKDF-SHA256 gain nothing from more, and lose from less (RFC 7518 section 3.2).
MINIMUM_BYTES: Final = 32


@final
class Secret:
    """Bytes that only `reveal` gives out. Everything that would show or copy them by accident refuses.

    Printing it gives `[redacted]`, in a traceback with locals as well. Copying, pickling and every encoder
    raise `TypeError`. Two are compared in constant time, and none is hashed: a table finds its keys by
    comparing them as fast as it can.
    """

    __slots__ = ("__value",)

    def __init__(self, value: bytes) -> None:
        object.__setattr__(self, "_Secret__value", value)

    def reveal(self) -> bytes:
        """The bytes themselves: for a key derivation or a signature, never for a log or a response."""
        value: bytes = object.__getattribute__(self, "_Secret__value")
        return value

    def __len__(self) -> int:
        return len(self.reveal())

    def __repr__(self) -> str:
        return "[redacted]"

    def __format__(self, spec: str) -> str:
        return "[redacted]"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a secret is immutable")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a secret is immutable")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and compare_digest(self.reveal(), other.reveal())

    def __hash__(self) -> NoReturn:
        raise TypeError("a secret is not hashed")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is not copied, pickled or serialized")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a secret is not copied, pickled or serialized")


def strong(secret: Secret, reference: str) -> Secret:
    """The same secret, if it has 32 bytes or more and is none that everybody knows or could guess (H5).

    Raises:
        SettingsRefused: it is short, repeats itself, came with a template, or was published.
    """
    # The bytes are in no local: a traceback that shows locals would show them.
    length = len(secret)
    fix = Words(
        "make one with: umask 077; openssl rand -base64 48 > FILE",
        "umask 077; openssl rand -base64 48 > FILE で作ってください",
    )
    if length < MINIMUM_BYTES:
        raise refused(
            reference,
            Words(
                f"holds {length} bytes; a secret has {MINIMUM_BYTES} or more",
                f"{length} バイトしかありません。秘密は {MINIMUM_BYTES} バイト以上必要です",
            ),
            fix,
        )
    if is_guessable(secret.reveal()):
        raise refused(
            reference,
            Words("holds something that can be guessed", "推測できる値が入っています"),
            fix,
        )
    if is_known(secret.reveal()):
        raise refused(
            reference,
            Words(
                "holds a secret that was published: attackers try it first",
                "公開されている秘密が入っています。攻撃者が最初に試す値です",
            ),
            fix,
        )
    return secret
