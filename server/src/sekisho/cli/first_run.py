"""While there is no administrator: a link that makes the first one, once."""

from __future__ import annotations

from dataclasses import dataclass, field

from sekisho.adapters import system
from sekisho.flows.setup import offer_setup
from sekisho.house import store_for
from sekisho.settings import Settings


@dataclass
class FirstRun:
    """The link, where there is something to set up. Nobody knows the code in it but who reads it here."""

    settings: Settings
    link: str | None = field(default=None, repr=False)

    async def offer(self) -> None:
        """Let another code count, unless somebody administers. The schema is of this release."""
        if self.settings.refresh_store == "none":
            return  # and so has no pages
        store = store_for(self.settings, entropy=system.entropy)
        await store.open()
        try:
            code = await offer_setup(accounts=store, clock=system.clock, entropy=system.entropy)
        finally:
            await store.close()
        # In the fragment, which browsers send to nobody: it is in no log and in no Referer.
        self.link = None if code is None else f"{self.settings.issuer.rstrip('/')}/setup#{code}"
