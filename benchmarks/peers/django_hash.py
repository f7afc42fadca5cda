"""Django's Argon2id at the cost that every side of the benchmark pays."""

# mypy: disable-error-code="misc, import-untyped"

from __future__ import annotations

from django.contrib.auth.hashers import Argon2PasswordHasher

from benchmarks.peers import as_ours


class CheapArgon2(Argon2PasswordHasher):
    """The least that Argon2id takes."""

    time_cost = as_ours.CHEAP["time_cost"]
    memory_cost = as_ours.CHEAP["memory_cost"]
    parallelism = as_ours.CHEAP["parallelism"]
