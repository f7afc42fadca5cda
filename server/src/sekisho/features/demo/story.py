"""The main job as a story in steps, told by a client that has nothing but HTTP, and believes nothing.

Every step asserts what came back, content and not only status. The first one that is not as it must be ends
the story: what follows would only be confused by it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sekisho.features.demo.everywhere import Everywhere
from sekisho.features.demo.scene import Broken, Person, Scene, expect, member, prepare, require, show
from sekisho.features.demo.two_servers import SecondServers, TwoServers
from sekisho.features.demo.wire import Answer, exchange, request
from sekisho_verify.forgeries import forging

A_DAY = 86_400.0
#: What RFC 9068 and `sid`, `rv` of ours put into an access token. Nothing else may be in it.
CLAIMS = frozenset(
    {"iss", "sub", "aud", "exp", "iat", "jti", "client_id", "sid", "auth_time", "amr"}
    | {"scope", "roles", "groups", "entitlements", "rv"}
)


def tell(scene: Scene, second_servers: SecondServers) -> bool:
    """Tell the whole story; whether every step behaved."""
    say, transcript = scene.say, scene.transcript
    steps = (*_Story(scene).steps(), *TwoServers(scene, second_servers).steps())
    for number, (name, act) in enumerate(steps, 1):
        transcript.step(number, say(f"{name}.title"), say(f"{name}.why"))
        try:
            values = act()
        except (Broken, OSError) as fault:
            transcript.verdict(str(fault), good=False)
            transcript.closing(say("end.broken", number=number, left=len(steps) - number), good=False)
            return False
        transcript.verdict(say(f"{name}.verdict", **values), good=True)
    transcript.closing(say("end.good", count=len(steps)), good=True)
    return True


class _Story:
    """The steps, and what the client keeps from one to the next."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._aya, self._ken = scene.people
        self._access = ""
        self._refresh = ""
        self._first_refresh = ""
        self._ttl = 0.0
        self._ended = Everywhere(scene)

    def steps(self) -> tuple[tuple[str, Callable[[], Mapping[str, object]]], ...]:
        return (
            ("register", self._register),
            ("login", self._login),
            ("token", self._token),
            ("call", self._call),
            ("may", self._may),
            ("tamper", self._tamper),
            ("unsigned", self._unsigned),
            ("expiry", self._expiry),
            ("refresh", self._refresh_once),
            ("tab", self._second_tab),
            ("lost", self._lost_response),
            ("theft", self._theft),
            ("logout", self._logout),
            ("everywhere", self._everywhere),
            ("stale", self._stale),
        )

    def _register(self) -> Mapping[str, object]:
        prepare(self._scene)
        return {}

    def _login(self) -> Mapping[str, object]:
        answer = self._log_in(self._aya)
        self._keep(answer)
        self._first_refresh = self._refresh
        self._ttl = float(answer.json.get("expires_in", 0))
        require(self._ttl > 0, "no expires_in in the answer")
        require(answer.headers.get("cache-control") == "no-store", "a token response that may be cached")
        return {"minutes": round(self._ttl / 60)}

    def _token(self) -> Mapping[str, object]:
        say, transcript = self._scene.say, self._scene.transcript
        read = forging.parts(self._access)
        transcript.remark(say("token.remark"))
        transcript.shown(say("token.header"), read.header)
        transcript.shown(say("token.payload"), read.payload)
        transcript.shown(say("token.signature"), f"{len(read.signature)} bytes, {read.header.get('alg')}")
        require(read.header.get("typ") == "at+jwt", "typ is not at+jwt")
        strange = read.payload.keys() ^ CLAIMS
        require(not strange, f"claims that should not be there, or are missing: {sorted(strange)}")
        spoken = str(read.payload)
        require(self._aya.email not in spoken and "aya" not in spoken, "the token names the person")
        return {"count": len(CLAIMS)}

    def _call(self) -> Mapping[str, object]:
        scene = self._scene
        stranger = show(scene, request("GET", f"{scene.shop_a}/products"))
        require(stranger.status == 401, f"401 != {stranger.status}")
        products = self._get(scene.shop_a, "/products")
        expect(products, 200)
        require(len(products.json.get("products", ())) == 3, "not the three products")
        customers = self._get(scene.shop_b, "/customers")
        expect(customers, 200)
        require(len(customers.json.get("customers", ())) == 2, "not the two customers")
        return {}

    def _may(self) -> Mapping[str, object]:
        scene = self._scene
        mine = self._get(scene.shop_b, "/secret")
        expect(mine, 200)
        member(mine, "secret")
        other = member(self._log_in(self._ken), "access_token")
        expect(self._get(scene.shop_b, "/customers", bearer=other), 200)
        expect(self._get(scene.shop_b, "/secret", bearer=other), 403, "insufficient_scope")
        return {}

    def _tamper(self) -> Mapping[str, object]:
        forged = forging.tampered(self._access, {"roles": ["admin"]})
        self._scene.transcript.remark(self._scene.say("tamper.remark"))
        expect(self._get(self._scene.shop_a, "/products", bearer=forged), 401, "token_signature_mismatch")
        return {}

    def _unsigned(self) -> Mapping[str, object]:
        shop, changes = self._scene.shop_b, {"roles": ["admin"]}
        kept = forging.unsigned(self._access, changes, signature=self._access.rpartition(".")[2])
        expect(self._get(shop, "/products", bearer=kept), 401, "token_alg_not_allowed")
        bare = forging.unsigned(self._access, changes)
        expect(self._get(shop, "/products", bearer=bare), 401, "token_alg_not_allowed")
        return {}

    def _expiry(self) -> Mapping[str, object]:
        self._wait(self._ttl)
        for shop in (self._scene.shop_a, self._scene.shop_b):
            expect(self._get(shop, "/products"), 401, "token_expired")
        return {}

    def _refresh_once(self) -> Mapping[str, object]:
        before = self._refresh
        answer = self._renew(before, key=self._key())
        expect(answer, 200)
        self._keep(answer)
        require(self._refresh != before, "the refresh token was not rotated")
        expect(self._get(self._scene.shop_a, "/products"), 200)
        return {}

    def _second_tab(self) -> Mapping[str, object]:
        answer = self._renew(self._first_refresh)
        expect(answer, 200)
        require(member(answer, "refresh_token") == self._refresh, "the second tab got another successor")
        return {"seconds": round(self._scene.grace)}

    def _lost_response(self) -> Mapping[str, object]:
        scene, key, before = self._scene, self._key(), self._refresh
        self._wait(self._scene.grace + 1)
        lost = request(
            "POST",
            f"{scene.auth}/v1/refresh",
            json_body={"refresh_token": before},
            headers={"Idempotency-Key": key},
        )
        scene.transcript.sent(lost)
        expect(exchange(lost), 200)
        scene.transcript.remark(scene.say("lost.remark"))
        self._wait(A_DAY)
        answer = self._renew(before, key=key)
        expect(answer, 200)
        self._keep(answer)
        require(self._refresh != before, "the lost response was not recovered by a successor")
        expect(self._get(scene.shop_b, "/customers"), 200)
        return {}

    def _theft(self) -> Mapping[str, object]:
        scene = self._scene
        scene.transcript.remark(scene.say("theft.thief"))
        expect(self._renew(self._first_refresh), 401, "refresh_reused")
        scene.transcript.remark(scene.say("theft.victim"))
        expect(self._renew(self._refresh, key=self._key()), 401, "session_revoked")
        expect(self._get(scene.auth, "/v1/me"), 401, "session_revoked")
        return {}

    def _logout(self) -> Mapping[str, object]:
        scene = self._scene
        self._keep(self._log_in(self._aya))
        expect(self._get(scene.auth, "/v1/me"), 200)
        for shop in (scene.shop_a, scene.shop_b):
            expect(self._get(shop, "/products"), 200)
        out = show(scene, request("POST", f"{scene.auth}/v1/logout", bearer=self._access))
        expect(out, 204)
        self._ended.begins()
        return {"minutes": round(self._ttl / 60)}

    def _everywhere(self) -> Mapping[str, object]:
        scene = self._scene
        seconds = self._ended.wait(request("GET", "/products", bearer=self._access), "token_revoked")
        for shop in (scene.shop_a, scene.shop_b):
            expect(self._get(shop, "/products"), 401, "token_revoked")
        self._ended.require_nobody_asked()
        expect(self._renew(self._refresh, key=self._key()), 401, "session_revoked")
        expect(self._get(scene.auth, "/v1/me"), 401, "session_revoked")
        return {"seconds": f"{seconds:.2f}"}

    def _stale(self) -> Mapping[str, object]:
        scene = self._scene
        self._keep(self._log_in(self._aya))
        expect(self._get(scene.shop_b, "/secret"), 200)
        changed = Everywhere(scene)
        command = ["user", "deny", self._aya.email, "secret:read"]
        scene.transcript.ran([" ".join(["sekisho", *command])])
        scene.operate(command)
        changed.begins()
        seconds = changed.wait(request("GET", "/products", bearer=self._access), "token_stale")
        expect(self._get(scene.shop_b, "/secret"), 401, "token_stale")
        renewed = self._renew(self._refresh, key=self._key())
        expect(renewed, 200)
        self._keep(renewed)
        expect(self._get(scene.shop_b, "/products"), 200)
        expect(self._get(scene.shop_b, "/secret"), 403, "insufficient_scope")
        return {"seconds": f"{seconds:.2f}"}

    def _log_in(self, person: Person) -> Answer:
        body = {"email": person.email, "password": person.password, "mode": "token"}
        answer = show(self._scene, request("POST", f"{self._scene.auth}/v1/login", json_body=body))
        expect(answer, 200)
        return answer

    def _keep(self, answer: Answer) -> None:
        self._access = member(answer, "access_token")
        self._refresh = member(answer, "refresh_token")

    def _get(self, server: str, path: str, *, bearer: str | None = None) -> Answer:
        return show(self._scene, request("GET", server + path, bearer=bearer or self._access))

    def _renew(self, refresh_token: str, *, key: str | None = None) -> Answer:
        return show(
            self._scene,
            request(
                "POST",
                f"{self._scene.auth}/v1/refresh",
                json_body={"refresh_token": refresh_token},
                headers=None if key is None else {"Idempotency-Key": key},
            ),
        )

    def _key(self) -> str:
        return self._scene.entropy(16).hex()

    def _wait(self, seconds: float) -> None:
        self._scene.forward(seconds)
        self._scene.transcript.remark(self._scene.say("clock.moved", seconds=f"{seconds:,.0f}"))
