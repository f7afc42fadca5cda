"""A password hash that thousands of tests can pay for: the least that Argon2id takes."""

from __future__ import annotations

from typing import Final

from sekisho.adapters.password_hashes import Argon2id

#: Worthless against a thief; no setting names it.
CHEAPEST: Final = Argon2id(time_cost=1, memory_cost=8)
