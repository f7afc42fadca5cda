"""A table is filled with sessions whose tickets the benchmark can seal."""

from __future__ import annotations

import hashlib

from benchmarks.matrix import filling
from benchmarks.refresh import ROOT
from sekisho.adapters.root_secret import derive_keys
from sekisho.adapters.secrets.secret import Secret
from sekisho.rules import refresh, session_cookie
from sekisho.rules.ids import is_uuid


def test_a_ticket_of_a_row_is_one_of_the_server() -> None:
    """Even rows have refresh tokens of generation 0, odd ones cookies, each with the secret of its number."""
    keys = derive_keys(Secret(ROOT.encode()))
    even, odd = filling.tickets([40, 41])
    token = refresh.decode(even.refresh, keys.refresh)
    cookie = session_cookie.decode(odd.cookie, keys.session_cookie)
    assert token.generation == 0
    assert token.family == hashlib.sha256(b"secret 40").digest()
    assert cookie.secret == hashlib.sha256(b"secret 41").digest()
    assert (even.cookie, odd.refresh) == ("", "")
    assert all(is_uuid(each) for each in (token.session_id, cookie.session_id, even.user_id))
    assert even.user_id == odd.user_id, "ten sessions belong to one account"
    assert token.session_id < cookie.session_id, "ids grow, as those of logins do"
