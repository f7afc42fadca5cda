"""The versions of one secret that count at the same time while it rotates: pending, current, previous."""

from __future__ import annotations

from collections.abc import Callable

from sekisho.adapters.secrets.secret import Secret
from sekisho.frozen import Frozen


class Versions(Frozen):
    """What a source holds of one secret; sources that know no versions have only the current one.

    Attributes:
        current: the one that signs and derives.
        previous: those before it, the newest first. What they made is still accepted.
        pending: the one that comes next: accepted already, and not used for anything new.
    """

    current: Secret
    previous: tuple[Secret, ...] = ()
    pending: Secret | None = None

    def each(self, change: Callable[[Secret], Secret]) -> Versions:
        """The same versions, each as `change` gives it back."""
        return Versions(
            change(self.current),
            tuple(change(secret) for secret in self.previous),
            None if self.pending is None else change(self.pending),
        )
