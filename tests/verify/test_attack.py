"""The attack on one's own API: it names every hole of a naive one, and judges nothing that it cannot."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sekisho_verify.attack import __main__ as attack
from sekisho_verify.attack import report
from sekisho_verify.explain import CHECKS
from sekisho_verify.forgeries import catalogue
from sekisho_verify.forgeries.tokens import CLAIMS
from sekisho_verify.testing import Issuer
from tests.parts.naive_api import HOLES, Api, served

if TYPE_CHECKING:
    from sekisho_verify.key_generation import Alg

NONE = {name for name in catalogue() if name.startswith("alg-none")}

#: What the attack has to say of each hole: the verdict, and exactly these names.
FOUND: dict[str, tuple[str, set[str]]] = {
    "none_is_fine": ("accepted", NONE | {"header-alg-twice-last"}),
    "public_key_as_secret": ("accepted", {"hs256-pem"}),
    "key_in_the_token": ("accepted", {"jwk-embedded"}),
    "key_at_an_address": ("accepted", {"jku"}),
    "curious": ("fetched", {"x5u"}),
    "kid_is_a_file": ("accepted", {"kid-path"}),
    "any_audience": ("accepted", {"aud-other", "aud-list", "aud-longer", "aud-shorter"}),
    "any_issuer": ("accepted", {"iss-other", "iss-shorter"}),
    "never_expires": ("accepted", {"exp-past", "iat-future"}),
    "any_kind": ("accepted", {"typ-jwt", "typ-refresh", "typ-logout"}),
    "lax_base64": (
        "accepted",
        {"signature-trailing-bits", "signature-padded", "signature-with-garbage"},
    ),
    "in_the_query": ("accepted", {"in-query", "in-header-and-query"}),
    "in_a_form": ("accepted", {"in-form"}),
    "in_a_cookie": ("accepted", {"in-cookie"}),
    "first_of_two": ("accepted", {"two-headers", "two-joined"}),
    "any_scheme": ("accepted", {"two-headers-last", "scheme-missing", "scheme-basic", "scheme-jwt"}),
    "falls_over": (
        "crashed",
        {
            *("header-nested", "header-not-utf8", "header-no-json", "segments-empty"),
            *("segment-header-empty", "text-quoted"),
        },
    ),
    "never_answers": ("silent", {"kid-command"}),
}


@dataclass(frozen=True)
class Said:
    """What the command wrote, and how it ended."""

    code: int
    out: str
    err: str

    def names(self, verdict: str) -> set[str]:
        """The forgeries of a verdict, in the JSON report."""
        return {trial["name"] for trial in self.json["results"] if trial["verdict"] == verdict}

    @property
    def json(self) -> Any:  # noqa: ANN401 -- JSON
        """The JSON report."""
        return json.loads(self.out)


def run(*arguments: str, **environ: str) -> Said:
    """Run the command in this process."""
    out, err = io.StringIO(), io.StringIO()
    code = attack.main(arguments, environ, out, err)
    return Said(code, out.getvalue(), err.getvalue())


@dataclass(frozen=True)
class Scene:
    """An issuer and the files that its user has."""

    issuer: Issuer
    folder: Path

    def file(self, name: str, content: str) -> str:
        """Write a file; its path."""
        path = self.folder / name
        path.write_text(content)
        return str(path)

    @property
    def token(self) -> tuple[str, str]:
        """The option that gives a good token."""
        return "--token-file", self.file("token", self.issuer.token(roles=["clerk"]) + "\n")

    @property
    def key(self) -> tuple[str, str]:
        """The option that gives the issuer's own key."""
        jwk = msgspec.json.encode(self.issuer._key.to_private_jwk()).decode()
        return "--issuer-key-file", self.file("key", jwk)

    @property
    def jwks(self) -> tuple[str, str]:
        """The option that gives the issuer's public keys."""
        (key,) = self.issuer.keys
        return "--jwks", self.file("jwks", json.dumps({"keys": [key.to_jwk()]}))  # type: ignore[attr-defined]  # of a key pair


def issuer(alg: Alg = "ES256") -> Issuer:
    """An issuer that is on this machine, and does not answer: nobody listens at the discard port."""
    return Issuer(alg=alg, url="http://127.0.0.1:9")


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """With a key pair."""
    return Scene(issuer(), tmp_path)


def test_every_hole_is_in_the_table() -> None:
    """Each hole of the naive API is one that the attack is shown to find, or that leaves nothing to judge."""
    assert HOLES.keys() == FOUND.keys() | {"seal_is_not_checked", "out_of_patience", "everybody"}


@pytest.mark.parametrize("hole", FOUND)
def test_the_attack_finds_the_hole_and_names_it(hole: str, tmp_path: Path) -> None:
    """Exit code 1, and exactly the forgeries that come through this hole; everything else was refused."""
    scene = Scene(issuer("HS256" if hole == "kid_is_a_file" else "ES256"), tmp_path)
    verdict, names = FOUND[hole]
    with served(Api(scene.issuer, hole)) as url:
        patience = "1" if hole == "never_answers" else "10"
        said = run(url, *scene.token, *scene.key, "--json", "--timeout", patience)
    assert said.code == said.json["exit"] == 1
    assert said.names(verdict) == names
    assert said.names("refused") | names == {
        trial["name"] for trial in said.json["results"] if trial["expected"] is not None
    }
    assert said.names("let_in") == {"scheme-lower-case", "scheme-upper-case"}


def test_an_api_that_checks_no_seal_is_open_to_nearly_everything(scene: Scene) -> None:
    """Whoever can write claims is in; the report says so in words, with the ids, and without the token."""
    option = scene.token
    with served(Api(scene.issuer, "seal_is_not_checked")) as url:
        said = run(url, *option, *scene.jwks)
    assert said.code == 1
    assert "let in with a forged token:" in said.out
    assert "  payload-tampered (V05, J17)  A role was added to the claims: admin." in said.out
    assert "ACCEPTED    200      alg-none\n" in said.out
    assert scene.issuer.token().split(".")[0] not in said.out + said.err


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
@pytest.mark.parametrize("alg", ["ES256", "HS256", "RS256"])
def test_our_own_guard_refuses_all_with_its_codes(alg: Alg, signed: bool, tmp_path: Path) -> None:  # noqa: FBT001 -- a parameter of the table
    """Exit code 0; wherever the guard itself answered, its code is the one that the catalogue says."""
    scene = Scene(issuer(alg), tmp_path)
    more = scene.key if signed else () if alg == "HS256" else scene.jwks
    with served(Api(scene.issuer)) as url:
        said = run(url, *scene.token, *more, "--json")
    assert said.code == 0, said.out
    trials = said.json["results"]
    assert len(trials) > 115
    assert [trial for trial in trials if trial["code"] != trial["expected"] and trial["status"] != 431] == []
    assert {trial["name"] for trial in trials if trial["status"] == 431} == {
        "header-huge",
        "payload-huge",
        "signature-huge",
        "dots-many",
    }
    assert len(trials) + len(said.json["untried"]) == len(catalogue())


def test_true_tokens_find_what_forged_ones_cannot(scene: Scene) -> None:
    """Without the issuer's key, a hole for other audiences or expired tokens is found by such a token."""
    other = scene.file("other", scene.issuer.token(aud="another"))
    old = scene.file("old", scene.issuer.expired())
    with served(Api(scene.issuer, "any_audience", "never_expires")) as url:
        blind = run(url, *scene.token, *scene.jwks, "--json")
        seeing = run(
            *(url, *scene.token, *scene.jwks, "--json"),
            *("--other-audience-file", other, "--expired-file", old),
        )
    assert (blind.code, blind.names("accepted")) == (0, set())
    assert (seeing.code, seeing.names("accepted")) == (1, {"aud-other", "exp-past"})


def test_what_could_not_be_tried_is_said_with_its_reason(scene: Scene) -> None:
    """An issuer that does not answer leaves the confusions untried, by name, with the way out."""
    with served(Api(scene.issuer)) as url:
        said = run(url, *scene.token)
        as_json = run(url, *scene.token, "--json")
    assert said.code == 0
    (line,) = (line for line in said.out.splitlines() if "hs256-pem," in line)
    assert "needs the issuer's public key: " in line
    assert line.endswith("Give it with --jwks")
    untried = {left["name"]: left["need"] for left in as_json.json["untried"]}
    assert untried["hs256-ssh"] == "public_key"
    assert untried["secret-empty"] == "shared_secret"


LAXITIES = ("any_audience", "any_issuer", "never_expires", "any_kind")


def test_what_only_the_signature_refused_is_not_proven(scene: Scene) -> None:
    """An API without a check of aud, iss, exp and typ passes, and the report says that it proves none."""
    with served(Api(scene.issuer, *LAXITIES)) as url:
        blind = run(url, *scene.token, *scene.jwks, "--json")
        told = run(url, *scene.token, *scene.jwks)
        japanese = run(url, *scene.token, *scene.jwks, "--lang", "ja")
    assert (blind.code, blind.names("accepted")) == (0, set())
    unproven = {it["check"]: it for it in blind.json["unproven"]}
    assert unproven.keys() == {
        *("audience", "issuer", "expiry", "not before"),
        *("type", "claims", "members"),
    }
    assert unproven["audience"]["prove"] == ["--other-audience-file", "--issuer-key-file"]
    assert unproven["expiry"]["prove"] == ["--expired-file", "--issuer-key-file"]
    assert unproven["issuer"]["prove"] == unproven["type"]["prove"] == ["--issuer-key-file"]
    assert unproven["issuer"]["forgeries"] == ["iss-other", "iss-shorter", "iss-missing"]
    assert "exp-extended" not in unproven["expiry"]["forgeries"]
    assert told.code == japanese.code == 0
    assert "  audience (aud): aud-other, aud-list, aud-longer, aud-shorter, aud-missing\n" in told.out
    assert (
        "    To prove it: --expired-file with an expired token of yours, "
        "or --issuer-key-file with the key of a test issuer.\n"
    ) in told.out
    assert ", 7 checks not proven\n" in told.out
    assert told.out.splitlines()[-1].startswith("NOT PROVEN: type (typ), header members")
    assert "audience (aud), issuer (iss), expiry (exp), not before (nbf, iat)." in told.out.splitlines()[-1]
    assert japanese.out.splitlines()[-1].startswith("未証明: 種類 (typ), ヘッダーのメンバー")
    assert "    証明するには --issuer-key-file にテスト用の発行者の鍵を渡してください。\n" in japanese.out


def test_a_check_is_proven_by_the_option_that_is_named_for_it(scene: Scene) -> None:
    """A true token proves its one check; the issuer's key proves all, and then no line says otherwise."""
    other = scene.file("other", scene.issuer.token(aud="another"))
    old = scene.file("old", scene.issuer.expired())
    with served(Api(scene.issuer)) as url:
        by_tokens = run(
            *(url, *scene.token, *scene.jwks, "--json"),
            *("--other-audience-file", other, "--expired-file", old),
        )
        by_key = run(url, *scene.token, *scene.key, "--json")
        told = run(url, *scene.token, *scene.key)
        few = run(url, *scene.token, *scene.jwks, "--only", "alg-none", "--only", "exp-extended")
    checks = {it["check"] for it in by_tokens.json["unproven"]}
    assert checks == {"issuer", "not before", "type", "claims", "members"}
    assert (by_key.code, by_key.json["unproven"]) == (0, [])
    assert "NOT PROVEN" not in told.out
    assert told.out.endswith("0 checks not proven\nEvery forgery that was tried was refused.\n")
    assert few.out.endswith("0 checks not proven\nEvery forgery that was tried was refused.\n")


def test_every_forgery_of_claims_is_meant_for_a_check() -> None:
    """A new one that no check answers for would be refused by the signature in silence."""
    assert [name for name in CLAIMS if name.partition("-")[0] not in report._CHECKS] == []
    assert set(report._CHECKS.values()) <= set(CHECKS)


def test_it_counts_what_the_key_would_sign(scene: Scene) -> None:
    """The number that is announced is the number of forgeries that have a true signature with the key."""
    with served(Api(scene.issuer)) as url:
        without = run(url, *scene.token, *scene.jwks)
        signed = run(url, *scene.token, *scene.key, "--json")
    count = sum(trial["seal"] == "true" for trial in signed.json["results"])
    assert count > 40
    assert f"With --issuer-key-file of a test issuer, {count} of them would be truly signed." in without.out


def test_the_public_key_comes_from_the_issuer_by_itself(tmp_path: Path) -> None:
    """A served issuer is asked for its keys; a key set may also be given by its URL."""
    ours = issuer()
    with ours.serve() as at, served(Api(ours, "public_key_as_secret")) as url:
        scene = Scene(ours, tmp_path)
        by_itself = run(url, *scene.token, "--json")
        by_url = run(url, *scene.token, "--json", "--jwks", f"{at}/.well-known/jwks.json")
    assert by_itself.names("accepted") == by_url.names("accepted") == {"hs256-pem"}


def test_names_can_be_chosen_and_left_out(scene: Scene) -> None:
    """`--only` and `--without` take names; what was left out is listed as such; a wrong name is an error."""
    with served(Api(scene.issuer, "in_a_cookie")) as url:
        few = run(url, *scene.token, *scene.jwks, "--only", "in-cookie", "--only", "alg-none", "--json")
        assert (few.code, few.names("accepted"), few.names("refused")) == (1, {"in-cookie"}, {"alg-none"})
        assert len(few.json["untried"]) == len(catalogue()) - 2
        meant = run(url, *scene.token, *scene.jwks, "--without", "in-cookie")
        assert meant.code == 0
        assert "  in-cookie: left out by you" in meant.out
        wrong = run(url, *scene.token, "--only", "alg-nome")
    assert (wrong.code, wrong.err) == (2, "cannot judge: there is no forgery 'alg-nome'; see --list\n")


def test_a_guard_stricter_than_the_standard_is_told_and_passes(scene: Scene) -> None:
    """An API that refuses `bearer` in lower case is safe: exit code 0, and a remark."""
    api = Api(scene.issuer)

    def strict(environ: dict[str, Any], start_response: Any) -> Any:  # noqa: ANN401 -- WSGI
        if not environ.get("HTTP_AUTHORIZATION", "Bearer").startswith("Bearer"):
            start_response("401 Unauthorized", [])
            return [b""]
        return api(environ, start_response)

    with served(strict) as url:
        said = run(url, *scene.token, *scene.jwks)
    assert said.code == 0
    assert "kept out, though it is no forgery" in said.out
    assert "  scheme-lower-case (C9)" in said.out


CANNOT = {
    "everybody": "without any token the answer was 200, which is no refusal. "
    "Choose an address that needs one",
    "out_of_patience": "the API answered 429 and judged nothing: raise its limit for this, and try again",
}


@pytest.mark.parametrize("hole", CANNOT)
def test_where_nothing_can_be_judged_it_says_what_to_do(hole: str, scene: Scene) -> None:
    """An open door and a limit on requests prove nothing: exit code 2."""
    with served(Api(scene.issuer, hole)) as url:
        said = run(url, *scene.token, *scene.jwks, "--json")
    assert (said.code, said.out, said.err) == (2, "", f"cannot judge: {CANNOT[hole]}\n")


def test_a_token_that_is_not_let_in_proves_nothing(scene: Scene) -> None:
    """The control comes first: an expired token is answered 401, and so would be everything."""
    old = scene.file("old", scene.issuer.expired())
    with served(Api(scene.issuer)) as url:
        said = run(url, "--token-file", old)
    assert said.code == 2
    assert "the good token was answered 401 token_expired, not 2xx" in said.err


def test_an_api_that_ends_in_the_middle_proves_nothing(scene: Scene) -> None:
    """The control comes last, too: refusals of somebody who is down are no refusals."""
    api = Api(scene.issuer)
    calls: list[str] = []

    def dying(environ: dict[str, Any], start_response: Any) -> Any:  # noqa: ANN401 -- WSGI
        calls.append("")
        if len(calls) > 20:
            start_response("401 Unauthorized", [])
            return [b""]
        return api(environ, start_response)

    with served(dying) as url:
        said = run(url, *scene.token, *scene.jwks, "--json")
    assert (said.code, said.out) == (2, "")
    assert "after all that, the good token was answered 401" in said.err


def test_an_api_that_is_not_there_is_said(scene: Scene) -> None:
    """Nobody listens at the discard port."""
    said = run("http://127.0.0.1:9/", *scene.token, *scene.jwks)
    assert said.code == 2
    assert said.err.startswith("cannot judge: the API does not answer: ConnectionRefusedError")


@pytest.mark.parametrize(
    "url", ["https://api.example.com/", "http://192.0.2.1/", "http://localhost.example.com/", "http://[::2]/"]
)
def test_only_what_is_yours_is_attacked(url: str, scene: Scene) -> None:
    """An address that is not on this machine needs a word, and without it nothing is sent."""
    said = run(url, *scene.token, *scene.jwks)
    assert (said.code, said.out) == (2, "")
    assert "Only attack what is yours" in said.err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "give the address of an API"),
        (("ftp://localhost/",), "not a plain URL of a host, by http or https"),
        (("http://user:pass@localhost/",), "a URL without user and password"),
        (("http://localhost/",), "give a good token with --token-file"),
        (("http://localhost/", "--token-file", "nowhere"), "nowhere cannot be read"),
        (("http://localhost/", "--token-file", "{opaque}"), "the token is not a signed JWT"),
        (("http://localhost/", "--token-file", "{empty}"), "is empty"),
        (("http://localhost/", "--token-file", "{token}", "--jwks", "{empty}"), "--jwks: "),
        (("http://localhost/", "--token-file", "{token}", "--jwks", "nowhere"), "nowhere cannot be read"),
        (("http://localhost/", "--token-file", "{token}", "--issuer-key-file", "{jwks}"), "public key"),
        (("http://localhost/", "--token-file", "{token}", "--issuer-key-file", "{other}"), "not sealed"),
        (("http://localhost/", "--token-file", "{token}", "--header", "x"), "a header is"),
        (("http://localhost/", "--token-file", "{token}", "--header", "Authorization: x"), "a header is"),
        (("http://localhost/", "--token-file", "{token}", "--timeout", "0"), "a number of seconds above 0"),
    ],
    ids=lambda value: " ".join(value[-2:]) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_used_is_said_in_one_line(
    arguments: tuple[str, ...], reason: str, scene: Scene
) -> None:
    """Exit code 2, the reason, and nothing of a file's content."""
    files = {
        "token": scene.token[1],
        "opaque": scene.file("opaque", "skr1_an-opaque-token"),
        "empty": scene.file("empty", ""),
        "jwks": scene.file("public", json.dumps(json.loads(_text(scene.jwks[1]))["keys"][0])),
        "other": Scene(issuer(), scene.folder).key[1],
    }
    said = run(*(argument.format(**files) for argument in arguments))
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("cannot judge: ")
    assert reason in said.err
    assert said.err.count("\n") == 1
    assert "skr1_" not in said.err
    assert "user:pass" not in said.err


def _text(path: str) -> str:
    return Path(path).read_text()


def test_headers_and_method_of_ones_choice_are_sent(scene: Scene) -> None:
    """An API behind a tenant's header and a POST is attacked like any other."""
    api, seen = Api(scene.issuer), set[tuple[str, str]]()

    def watching(environ: dict[str, Any], start_response: Any) -> Any:  # noqa: ANN401 -- WSGI
        seen.add((environ["REQUEST_METHOD"], environ.get("HTTP_X_TENANT", "")))
        return api(environ, start_response)

    with served(watching) as url:
        said = run(url, *scene.token, *scene.jwks, "--method", "POST", "--header", "X-Tenant: t1")
    assert said.code == 0
    assert seen == {("POST", "t1")}


@pytest.mark.parametrize("key_form", ["pem", "secret"])
def test_the_issuers_key_comes_in_every_usual_form(key_form: str, tmp_path: Path) -> None:
    """A private PEM, and a shared secret with an editor's newline, are the key that sealed the token."""
    scene = Scene(issuer("HS256" if key_form == "secret" else "RS256"), tmp_path)
    path = tmp_path / "form"
    if key_form == "secret":
        path.write_bytes(scene.issuer.secret + b"\n")
    else:
        private: Any = scene.issuer._key
        path.write_bytes(private._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with served(Api(scene.issuer, "any_issuer")) as url:
        said = run(url, *scene.token, "--issuer-key-file", str(path), "--json", "--only", "iss-other")
    assert (said.code, said.names("accepted")) == (1, {"iss-other"})


def test_it_runs_as_a_module_and_takes_the_token_from_stdin(scene: Scene) -> None:
    """As a person would run it: in Japanese, the token piped in, and never shown."""
    text = scene.issuer.token()
    with served(Api(scene.issuer, "none_is_fine")) as url:
        done = subprocess.run(
            [sys.executable, "-m", "sekisho_verify.attack", url, "--token-file", "-", "--lang", "ja"],
            input=text,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
    assert done.returncode == 1, done.stderr
    assert "受け入れた  200      alg-none\n" in done.stdout
    assert "偽造したトークンで入れました:" in done.stdout
    assert "ヘッダーの alg を none にして、署名を空にします。" in done.stdout
    assert done.stderr == ""
    assert not [segment for segment in text.split(".") if segment in done.stdout]


def test_the_list_needs_no_api() -> None:
    """`--list` shows every name with its ids and its sentence, in the language of the environment."""
    english, japanese = run("--list"), run("--list", LANG="ja_JP.UTF-8")
    for said, sentence in ((english, "and there is no signature."), (japanese, "署名を空にします。")):
        assert said.code == 0
        assert [line.split()[0] for line in said.out.splitlines()] == list(catalogue())
        first = said.out.splitlines()[0]
        assert "V01, J6" in first
        assert first.endswith(sentence)
    assert run("--list", SEKISHO_LANG="en", LANG="ja_JP.UTF-8").out == english.out
    assert run("--list", "--lang", "ja", SEKISHO_LANG="en").out == japanese.out


def test_both_languages_say_the_same() -> None:
    """The same keys with the same values in them; Japanese is not English left over."""
    tables = report._tables()
    english, japanese = tables["en"], tables["ja"]
    assert english.keys() == japanese.keys()
    for key, text in english.items():
        names = [
            {name for _, name, _, _ in Formatter().parse(each) if name} for each in (text, japanese[key])
        ]
        assert names[0] == names[1], key
        assert text.isascii()
        assert not japanese[key].isascii() or key == "bad_key", key
    with pytest.raises(KeyError):
        report.wording("en")("nothing of the kind")
