"""While there is no administrator: the one whom the settings name, or a link that makes one, once."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field

from sekisho.adapters import setup_file, system
from sekisho.adapters.addresses import EmailAddresses
from sekisho.adapters.data_directory import alone_in
from sekisho.adapters.passwords import HashedPasswords, configured_hash
from sekisho.adapters.secrets.references import Secrets, sources
from sekisho.flows.setup import appoint, offer_setup
from sekisho.house import store_for
from sekisho.ports import Store
from sekisho.rules.account import PasswordPolicy
from sekisho.rules.refusals import Refusal
from sekisho.setting_values import LIKE_AN_ADDRESS
from sekisho.setting_words import Words
from sekisho.settings import Fault, Settings, SettingsRefused, refused

_EMAIL, _PASSWORD = "SEKISHO_ADMIN_EMAIL", "SEKISHO_ADMIN_PASSWORD"


@dataclass
class FirstRun:
    """The link, where there is something to set up. Nobody knows the code in it but who reads it here."""

    settings: Settings
    environ: Mapping[str, str] = field(repr=False)
    link: str | None = field(default=None, repr=False)
    #: The address of the administrator whom the settings named, where this start made him.
    appointed: str | None = None

    async def offer(self) -> None:
        """Let another code count, unless somebody administers. The schema is of this release.

        Raises:
            SettingsRefused: the administrator of the settings cannot be made; with the fix.
        """
        data = self.settings.data
        # One start after another: else the code that counts could be the one and that in the file the other.
        with alone_in(data) if data.is_dir() else nullcontext():
            setup_file.forget(data)  # of an earlier start
            store = store_for(self.settings, entropy=system.entropy)
            await store.open()
            try:
                if self.settings.admin_email is not None:
                    await self._appoint(store, self.settings.admin_email)
                elif self.settings.refresh_store == "database":  # else there are no pages
                    await self._offer_link(store)
            finally:
                await store.close()

    async def _offer_link(self, store: Store) -> None:
        code = await offer_setup(accounts=store, clock=system.clock, entropy=system.entropy)
        if code is None:
            return
        # In the fragment, which browsers send to nobody: it is in no log and in no Referer.
        self.link = f"{self.settings.issuer.rstrip('/')}/setup#{code}"
        if not sys.stdout.isatty() and self.settings.data.is_dir():
            setup_file.write_down(self.settings.data, code, entropy=system.entropy)

    async def _appoint(self, store: Store, email: str) -> None:
        settings = self.settings
        profile = configured_hash(settings.password_hash, settings.password_profile)
        passwords = HashedPasswords(profile, entropy=system.entropy)
        try:
            account = await appoint(
                email,
                self._password,
                accounts=store,
                passwords=passwords,
                addresses=EmailAddresses(),
                policy=PasswordPolicy(settings.password_minimum, passwords.max_bytes, passwords.is_common),
                clock=system.clock,
                entropy=system.entropy,
            )
        except Refusal as refusal:
            raise _unfit(refusal, email, settings.password_minimum) from None
        finally:
            passwords.close()
        self.appointed = None if account is None else account.email

    def _password(self) -> str:
        reference = self.settings.admin_password or ""
        secret = Secrets(sources(self.environ)).read(reference, setting=_PASSWORD)
        try:
            return secret.reveal().decode()
        except UnicodeDecodeError:
            raise refused(
                _PASSWORD,
                Words("holds what is not UTF-8", "中身が UTF-8 ではありません"),
                Words("write the password as text", "パスワードを文字で書いてください"),
            ) from None


def _unfit(refusal: Refusal, email: str, minimum: int) -> Exception:
    """What the settings have to be; a refusal that is not about them goes on as it is."""
    if refusal.code == "email_taken":
        return refused(
            _EMAIL,
            Words("has an account that does not administer", "管理者ではないアカウントがすでにあります"),
            Words(
                f"run: sekisho user grant {email} admin",
                f"sekisho user grant {email} admin を実行してください",
            ),
        )
    if refusal.code != "validation_failed":
        return refusal
    faults = {
        "/email": Fault(
            _EMAIL,
            Words("is no address that can have an account", "アカウントにできるアドレスではありません"),
            LIKE_AN_ADDRESS,
        ),
        "/password": Fault(
            _PASSWORD,
            Words(
                "holds a password that nobody could choose here", "ここでは使えないパスワードが入っています"
            ),
            Words(
                f"take {minimum} characters or more, and none that are tried first",
                f"{minimum} 文字以上で、真っ先に試されないものにしてください",
            ),
        ),
    }
    return SettingsRefused(tuple(faults[each.pointer] for each in refusal.errors))
