"""What came of the attack on one's own API: verdicts, and the report in two languages or as JSON."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol

import msgspec

from sekisho_verify.forgeries import Forgery, needs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sekisho_verify.attack.probe import Reply
    from sekisho_verify.explain import CheckName
    from sekisho_verify.forgeries import Forged
    from sekisho_verify.forgeries.forging import Need

Language = Literal["en", "ja"]
Verdict = Literal["refused", "accepted", "crashed", "silent", "fetched", "throttled", "let_in", "kept_out"]

FAULTS: Final[tuple[Verdict, ...]] = ("accepted", "fetched", "crashed", "silent")
"""The verdicts after which there is something to mend, the worst first."""


_CHECKS: Final[dict[str, CheckName]] = {
    "aud": "audience",
    "iss": "issuer",
    "exp": "expiry",
    "nbf": "not before",
    "iat": "not before",
    "typ": "type",
    "sub": "claims",
    "payload": "claims",
    "crit": "members",
    "b64": "members",
    "cty": "members",
    "zip": "members",
    "enc": "members",
}
"""The check that a forgery is meant for, by the first word of its name: those that a token with the issuer's
own signature can fail. Others are proven by forgeries that bring a signature, as those of `alg` and `kid`."""

_PROOFS: Final[dict[CheckName, str]] = {"audience": "--other-audience-file", "expiry": "--expired-file"}
_KEY: Final = "--issuer-key-file"


class Say(Protocol):
    """Words by their key."""

    def __call__(self, key: str, /, **values: object) -> str:
        """The sentence of `key`, with `values` filled in. Raises `KeyError` for a key that nobody wrote."""
        ...


class Trial(NamedTuple):
    """One forgery that was sent, and what came of it."""

    forged: Forged
    reply: Reply
    verdict: Verdict


class Left(NamedTuple):
    """A forgery that was not tried, and why; `need` is None where the user left it out."""

    forgery: Forgery
    need: Need | None


class Unproven(NamedTuple):
    """A check that the API may lack: all that was sent for it had an old signature.

    Attributes:
        check: its name, one of `explain.CHECKS`.
        names: the forgeries that prove nothing of it.
        prove: the options of which any one would prove it.
    """

    check: CheckName
    names: Sequence[str]
    prove: Sequence[str]


class Outcome(NamedTuple):
    """What came of the whole attack."""

    url: str
    trials: Sequence[Trial]
    left: Sequence[Left]
    key_trouble: str | None

    @property
    def faults(self) -> int:
        """How many forgeries there is something to mend after."""
        return sum(trial.verdict in FAULTS for trial in self.trials)

    @property
    def weak(self) -> int:
        """How many forgeries the issuer's key would have given a true signature."""
        return sum(trial.forged.seal == "old" for trial in self.trials)

    @property
    def unproven(self) -> Sequence[Unproven]:
        """The checks of which nothing is known, in the order of the catalogue."""
        meant: dict[CheckName, list[Trial]] = {}
        for trial in self.trials:
            check = _CHECKS.get(trial.forged.forgery.name.partition("-")[0])
            # With a signature of its own it is meant for the signature's check, whatever its name says.
            if check is not None and trial.forged.seal != "own":
                meant.setdefault(check, []).append(trial)
        return [
            Unproven(check, [trial.forged.forgery.name for trial in trials], _prove(check))
            for check, trials in meant.items()
            if not any(trial.forged.seal == "true" or trial.verdict == "accepted" for trial in trials)
        ]


def _prove(check: CheckName) -> Sequence[str]:
    return [option for option in (_PROOFS.get(check), _KEY) if option is not None]


def wording(language: Language) -> Say:
    """The words of the attack in a language."""
    texts = _tables()[language]

    def say(key: str, /, **values: object) -> str:
        return texts[key].format_map(values)

    return say


@cache
def _tables() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(Path(__file__).with_name("report.toml").read_text("utf-8"))


def judge(forged: Forged, reply: Reply, *, fetched: bool) -> Verdict:
    """What an answer to a forgery means.

    A redirect is a refusal, as to a page where one logs in. `fetched` says that meanwhile somebody asked the
    forger's server for the key that the token had named.
    """
    status = reply.status
    if status is None:
        return "silent" if reply.failure == "timeout" else "refused"
    good = 200 <= status < 300
    if status >= 500:
        return "crashed"
    if forged.code is None:
        return "let_in" if good else "kept_out"
    if good:
        return "accepted"
    if status == 429:
        return "throttled"
    return "fetched" if fetched else "refused"


def answered(reply: Reply, say: Say) -> str:
    """A reply in a few characters."""
    if reply.status is not None:
        return str(reply.status)
    return say("timeout_short" if reply.failure == "timeout" else "closed")


def line(trial: Trial, say: Say) -> str:
    """One trial as a line of the table: verdict, status, name, and the code where the API said one."""
    word = say("throttled_short" if trial.verdict == "throttled" else trial.verdict)
    columns = _padded(word, 12) + _padded(answered(trial.reply, say), 9) + f"{trial.forged.forgery.name:28}"
    return (columns + (trial.reply.code or "")).rstrip()


def told(outcome: Outcome, say: Say, *, language: Language) -> str:
    """What stands below the table: what to mend, what was not tried or not proven, and how many."""
    lines: list[str] = []
    for verdict in (*FAULTS, "kept_out"):
        found = [trial.forged.forgery for trial in outcome.trials if trial.verdict == verdict]
        if found:
            lines += ["", say(f"legend_{verdict}")]
            lines += [f"  {it.name} ({', '.join(it.ids)})  {_sentence(it, language)}" for it in found]
    if outcome.left:
        lines += ["", say("legend_untried")]
        by_reason: dict[str, list[str]] = {}
        for left in outcome.left:
            by_reason.setdefault(_reason(left, outcome, say, language), []).append(left.forgery.name)
        lines += [f"  {', '.join(names)}: {reason}" for reason, names in by_reason.items()]
    return "\n".join([*lines, *_unproven(outcome, say), "", *_summary(outcome, say)])


def _unproven(outcome: Outcome, say: Say) -> Iterator[str]:
    if outcome.unproven:
        yield ""
        yield say("legend_unproven")
    for it in outcome.unproven:
        how = say("or").join(say(f"prove{option.replace('-', '_')}") for option in it.prove)
        yield f"  {_named(it, say)}: {', '.join(it.names)}"
        yield f"    {say('prove', how=how)}"


def _summary(outcome: Outcome, say: Say) -> Iterator[str]:
    unproven = outcome.unproven
    yield say(
        "summary",
        refused=sum(trial.verdict == "refused" for trial in outcome.trials),
        faults=outcome.faults,
        untried=len(outcome.left),
        unproven=len(unproven),
    )
    if not outcome.faults:
        yield say("all_refused")
    if outcome.weak:
        yield say("more", weak=outcome.weak)
    if unproven:
        # The last line, as the exit code is 0 all the same: nothing was found, and this was not looked for.
        yield say("not_proven", checks=", ".join(_named(it, say) for it in unproven))


def _named(unproven: Unproven, say: Say) -> str:
    return say(f"check_{unproven.check.replace(' ', '_')}")


def document(outcome: Outcome, *, code: int, say: Say, language: Language) -> str:
    """The report as JSON; names, ids, codes and verdicts are stable."""
    report = {
        "url": outcome.url,
        "exit": code,
        "results": [
            {
                "name": trial.forged.forgery.name,
                "ids": trial.forged.forgery.ids,
                "verdict": trial.verdict,
                "status": trial.reply.status,
                "code": trial.reply.code,
                "expected": trial.forged.code,
                "seal": trial.forged.seal,
            }
            for trial in outcome.trials
        ],
        "unproven": [
            {"check": it.check, "forgeries": it.names, "prove": it.prove} for it in outcome.unproven
        ],
        "untried": [
            {
                "name": left.forgery.name,
                "ids": left.forgery.ids,
                "need": left.need,
                "reason": _reason(left, outcome, say, language),
            }
            for left in outcome.left
        ],
    }
    return msgspec.json.format(msgspec.json.encode(report)).decode()


def listed(forgeries: Iterable[Forgery], *, language: Language) -> str:
    """The catalogue for a reader."""
    return "\n".join(f"{it.name:28}{', '.join(it.ids):18}{_sentence(it, language)}" for it in forgeries)


def _sentence(forgery: Forgery, language: Language) -> str:
    return forgery.ja if language == "ja" else forgery.en


def _reason(left: Left, outcome: Outcome, say: Say, language: Language) -> str:
    if left.need is None:
        return say("left_out")
    reason = needs()[left.need][language]
    if left.need == "public_key" and outcome.key_trouble is not None:
        return say("key_trouble", reason=reason, why=outcome.key_trouble)
    return reason


def _padded(word: str, width: int) -> str:
    # A Japanese character is two columns wide on a terminal.
    return word + " " * max(1, width - sum(1 if character < "\u1100" else 2 for character in word))
