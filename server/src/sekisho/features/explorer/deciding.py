"""Five questions, and what they add up to: a way to carry the login, why, and a configuration that starts.

What is printed is run as it stands by a test for every combination of answers; names of other machines are
in it as comments alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sekisho.rules.refusals import FieldError, Refusal
from sekisho.rules.session import Mode

#: The questions and their answers, the first of which is chosen to begin with.
QUESTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "where": ("pages", "spa", "mobile", "services"),
    "hosts": ("one", "many"),
    "revoke": ("second", "now", "expiry"),
    "scale": ("one", "many"),
    "keys": ("ours", "shared"),
}
_DATA: Final = "sekisho-data"
_ISSUER: Final = "http://localhost:8400"


def decide(answers: Mapping[str, str]) -> dict[str, object]:
    """The recommendation: `choose`, the `reasons` by question and answer, `toml`, `command` and `python`.

    Raises:
        Refusal: `validation_failed`: a question is not answered, or with something else.
    """
    _require_answers(answers)
    mode = _mode(answers)
    toml = _toml(answers, mode)
    return {
        "choose": mode,
        "reasons": [f"{question}_{answers[question]}" for question in QUESTIONS],
        "toml": toml,
        "command": _command(toml, answers),
        "python": _python(answers, mode),
    }


def _require_answers(answers: Mapping[str, str]) -> None:
    faults = [
        FieldError(f"/answers/{question}", "invalid_value" if question in answers else "field_missing")
        for question, allowed in QUESTIONS.items()
        if answers.get(question) not in allowed
    ]
    if faults:
        raise Refusal("validation_failed", "an answer is missing or unknown", errors=tuple(faults))


def _mode(answers: Mapping[str, str]) -> Mode:
    """How the login is carried: the simplest that reaches every API and ends as fast as it must."""
    if answers["where"] in {"mobile", "services"}:
        return "token"
    if answers["hosts"] == "many":
        return "browser"  # a cookie of ours goes to nobody else's domain
    if answers["where"] == "spa" and answers["revoke"] != "now":
        return "browser"
    return "session"


def _toml(answers: Mapping[str, str], mode: Mode) -> str:
    lines = [
        f'issuer = "{_ISSUER}"  # in production https, such as https://id.example.com',
        'audience = "api"  # the name of your APIs in every token',
        # Others can then check tokens by public keys; among one's own servers it costs nothing.
        'signing_alg = "ES256"',
    ]
    if mode != "session":
        ttl = "15m" if answers["revoke"] == "second" else "5m"
        lines.append(
            f'access_ttl = "{ttl}"  # a stolen token lives so long where nobody is told that it ended'
        )
    if answers["where"] == "spa" or (mode == "browser"):
        lines.append('allowed_origins = ["http://localhost:5173"]  # where the pages of your application are')
    if answers["scale"] == "many":
        lines += [
            'database_url = "postgresql:///sekisho"  # the same for every server',
            f'root_secret = "file:{_DATA}/root-secret"  # the same for every server',
        ]
        if mode == "session":
            lines.append(
                '# session_store_url = "redis://localhost:6379/0"  # once cookie look-ups are the limit'
            )
    return "\n".join(lines) + "\n"


def _command(toml: str, answers: Mapping[str, str]) -> str:
    """What to paste into a shell; where several servers share a database, there has to be one."""
    lines = [f"mkdir -p -m 700 {_DATA}"]
    if answers["scale"] == "many":
        lines += ["createdb sekisho", f"(umask 077; openssl rand -base64 48 > {_DATA}/root-secret)"]
    return "\n".join([*lines, f"cat > {_DATA}/sekisho.toml <<'END'", f"{toml}END", "sekisho serve", ""])


def _python(answers: Mapping[str, str], mode: Mode) -> str:
    """What an API says: how it checks who asks."""
    if mode == "session":
        names, extra = "SessionCookies, Verifier", f'sessions = SessionCookies("{_ISSUER}")\n'
        told = "current_token(verifier, session=sessions)"
    else:
        names, extra = "Verifier", ""
        told = (
            "current_token(verifier, sensitive=True)"
            if answers["revoke"] == "now"
            else "current_token(verifier)"
        )
    feed = ", feed=None" if mode != "session" and answers["revoke"] == "expiry" else ""
    return (
        f"from sekisho_verify import {names}\n"
        "from sekisho_verify.fastapi import current_token\n\n"
        f'verifier = Verifier(issuer="{_ISSUER}", audience="api"{feed})\n'
        f"{extra}"
        f"who = {told}  # for Depends\n"
    )
