"""The page of the explorer: one document with nine chapters, its words, and the files that it fetches.

The server writes all that stands on the page, in either language; the scripts act on it. What they say
themselves, such as the caption of an event, comes from the same words, as a module of its own.
"""

from __future__ import annotations

import hashlib
import json
import pkgutil
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final, Literal, TypeAlias, cast, get_args

from sekisho.adapters.templates import templates
from sekisho.features.explorer.deciding import QUESTIONS
from sekisho.web.pages import PERMISSIONS
from sekisho.web.styles import GATE, on_base
from sekisho.words.catalogue import LANGUAGES, Language, Say, Text, words

_PACKAGE: Final = "sekisho.features.explorer"
#: Japanese has a space between a number and what it counts, and to a browser that is where a line may end.
_COUNTED: Final = re.compile(r"([0-9]|\{(?:count|seconds|number|last)\}) (?=[ぁ-ヿ一-鿿])")
_MEDIA_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}

Theme: TypeAlias = Literal["auto", "light", "dark"]
THEMES: Final[tuple[Theme, ...]] = get_args(Theme)

#: Where a script may send what it found when the visitor has asked to see that: nowhere but on this machine.
ELSEWHERE: Final = ("http://localhost:*", "http://127.0.0.1:*")

#: In the order of the rail.
CHAPTERS: Final = ("start", "login", "call", "expiry", "logout", "tamper", "stolen", "two", "decide")
#: Tables of the words that scripts need; everything else is on the page already.
SPOKEN: Final = ("ev", "actor", "check", "claim", "note", "play", "inspect", "act")
#: Presets of the tamper editor, by what they change. Where a name in code says it all, it needs no words.
PRESETS: Final[Mapping[str, Mapping[str, str | None]]] = {
    "payload": {"role-admin": None, "sub-ken": None, "exp-year": None},
    "header": {
        "alg-none": "alg: none",
        "alg-None": "alg: None",
        "alg-nOnE": "alg: nOnE",
        "hs256-public-key": None,
        "kid-unknown": None,
        "kid-path": "kid: ../../etc/passwd",
    },
    "key": {"own-key-jwk": None, "own-key-jku": None, "bit-flip": None},
    "real": {
        "other-audience": None,
        "refresh-token": None,
        "id-token": None,
        "expired": None,
        "not-yet": None,
    },
    "form": {
        "two-parts": None,
        "four-parts": None,
        "long-payload": None,
        "duplicate-keys": None,
        "padding": None,
        "space": None,
    },
    "none": {"unmodified": None},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the page is told of the run that it belongs to.

    `key`: proves to the explorer that its own page asks. `servers`: the origin of each server by its name.
    `people`: e-mail address and password of the ready-made accounts. `client`: path of the browser client.
    `open_policy`: the visitor asked to see the theft without the policy for connections.
    """

    key: str
    language: Language
    theme: Theme
    servers: Mapping[str, str]
    people: Sequence[tuple[str, str]]
    client: str
    open_policy: bool = False


@dataclass(frozen=True, slots=True)
class File:
    """A file that the page fetches; its path changes with its content, so a browser may keep it for ever."""

    path: str
    media_type: str
    body: bytes


@cache
def files() -> Mapping[str, File]:
    """Each file by its path, in one folder named after all of them: modules import their neighbours."""
    found = {name: _read(name) for name in sorted(_names())}
    found["explorer.css"] = on_base(found["explorer.css"])
    found["gate.svg"] = GATE
    found |= {f"words.{language}.js": _module(_spoken(language)) for language in LANGUAGES}
    together = hashlib.sha256(b"".join(name.encode() + body for name, body in found.items()))
    folder = f"/explore/static/{together.hexdigest()[:12]}"
    made = (File(f"{folder}/{name}", _media_type(name), body) for name, body in found.items())
    return {file.path: file for file in made}


def folder() -> str:
    """The path in which all files of the page are."""
    return next(iter(files())).rpartition("/")[0]


def headers(language: Language, *, connect: Iterable[str]) -> dict[str, str]:
    """What the page carries: the policy of all our pages (H1, SE8), open towards the origins in `connect`."""
    policy = (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        " ".join(("connect-src 'self'", *connect)),
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
    return {
        "content-type": "text/html; charset=utf-8",
        "content-language": language,
        "content-security-policy": "; ".join(policy),
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": PERMISSIONS,
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
        "vary": "Accept-Language",
    }


def document(scene: Scene) -> bytes:
    """The page itself."""
    told = {
        "key": scene.key,
        "servers": dict(scene.servers),
        "people": [{"email": email, "password": password} for email, password in scene.people],
        "client": scene.client,
    }
    text = (
        templates(_PACKAGE)
        .get_template("explorer.html")
        .render(
            language=scene.language,
            theme=scene.theme,
            themes=THEMES,
            chapters=CHAPTERS,
            presets=PRESETS,
            questions=QUESTIONS,
            people=scene.people,
            servers=scene.servers,
            open_policy=scene.open_policy,
            scene=json.dumps(told, ensure_ascii=False),
            folder=folder(),
            modules=[path for path in files() if path.endswith(".js") and not _on_demand(path)],
            evil=_read("evil.js").decode(),
            say=_typeset(scene.language),
        )
    )
    return text.encode()


def _on_demand(path: str) -> bool:
    return path.endswith(("evil.js", *(f"words.{language}.js" for language in LANGUAGES)))


def _names() -> Iterable[str]:
    return (each.name for each in resources.files(_PACKAGE).joinpath("static").iterdir() if each.is_file())


def _read(name: str) -> bytes:
    return cast("bytes", pkgutil.get_data(_PACKAGE, f"static/{name}"))


def _media_type(name: str) -> str:
    return _MEDIA_TYPES[name.rpartition(".")[2]]


@cache
def _typeset(language: Language) -> Say:
    """The words as a page sets them: a number stays on the line of what it counts, as in "2 台"."""
    texts = {
        key: _COUNTED.sub("\\1\u00a0", text) if isinstance(text, str) else text
        for key, text in words(_PACKAGE, language).texts.items()
    }
    return Say(language, texts)


def _spoken(language: Language) -> dict[str, Text]:
    texts = _typeset(language).texts
    return {key: text for key, text in texts.items() if key.partition(".")[0] in SPOKEN}


def _module(texts: Mapping[str, Text]) -> bytes:
    spoken = {key: text if isinstance(text, str) else dict(text) for key, text in texts.items()}
    return b"export default " + json.dumps(spoken, ensure_ascii=False).encode() + b";\n"
