"""The results as Markdown tables and plots, in both languages: ratios first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.matrix import plots
from benchmarks.matrix.plots import Bar
from benchmarks.matrix.ratios import ASKING, IN_FASTAPI, compared, finely, middle, shown, titled
from benchmarks.matrix.servers import HASHED
from benchmarks.matrix.starts import MEASURED
from benchmarks.matrix.targets import best_peer
from benchmarks.matrix.words import LANGUAGES, Language, said

Results = Mapping[str, Any]
Row = Sequence[str]


def write(results: Results, folder: Path) -> None:
    """Write all of it: results.json, and in each language a page, its short form and three plots."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
    for language in LANGUAGES:
        (folder / f"results.{language}.md").write_text(page(results, language))
        (folder / f"short.{language}.md").write_text(short(results, language))
        for name, drawing in drawings(results, language).items():
            (folder / f"{name}.{language}.svg").write_text(drawing)


def page(results: Results, language: Language) -> str:
    """All tables."""
    kind = said("quick" if results["quick"] else "whole", language)
    made = said("made", language, kind=kind, minutes=results["minutes"], date=results["date"])
    made = f"{made} {said('how', language)}"
    parts = [
        f"# {said('title', language)}",
        made,
        *(said("skipped", language, what=what) for what in results["skipped"]),
        f"```\n{results['machine']}\n```",
        f"## {said('ratios', language)}",
        said("ratios note", language),
        _table(_ratios(results["servers"], language)),
        f"![{said('ratios', language)}](ratios.{language}.svg)",
        f"## {said('targets', language)}",
        _table(_targets(results["targets"], results["starts"], language)),
        f"## {said('servers', language)}",
        said("servers note", language),
        *_servers(results["servers"], language),
        f"## {said('tokens', language)}",
        f"![{said('tokens plot', language)}](tokens.{language}.svg)",
        *(_table(_tokens(results["tokens"], act, language)) for act in ("verify", "sign")),
        f"## {said('starts', language)}",
        said("starts note", language, rounds=results["starts"][1]["starts"]),
        _table(_starts(results["starts"], language)),
        f"## {said('races', language)}",
        _table(_races(results["races"], language)),
        *_scale(results["scale"], language),
        *(_revocation(results["revocation"], language) if results["revocation"] else ()),
        f"## {said('parts', language)}",
        _table(_parts(results["parts"], language)),
    ]
    return "\n\n".join(parts) + "\n"


#: What the short form tells: an act on PostgreSQL, and whom beside ours.
_SHORT = (
    ("refresh", ("simplejwt", "Flask-Security, tokens")),
    ("refresh, one at a time", ("simplejwt", "Flask-Security, tokens")),
    ("refresh, ES256", ("oidc-provider",)),
    ("refresh, ES256, one at a time", ("oidc-provider",)),
    (f"session check, {ASKING}", ("fastapi-users", "Django")),
    ("session check", ("fastapi-users", "Django", ASKING)),
    (f"bearer check, {IN_FASTAPI}", ("fastapi-users, JWT", "simplejwt")),
    ("bearer check", ("fastapi-users, JWT", "simplejwt", IN_FASTAPI)),
    ("login", ("fastapi-users", "Django")),
)


def short(results: Results, language: Language) -> str:
    """A table for the README: what was measured beside whom, in few lines."""
    rows: list[Row] = [[said(name, language) for name in ("short", "short beside")]]
    found = {act: sides for act, where, sides in compared(results["servers"]) if where == "PostgreSQL"}
    for act, names in _SHORT:
        sides = found.get(act, {})
        beside = [f"{said(name, language)} {shown(sides[name])}" for name in names if name in sides]
        if beside:
            rows.append([said(titled(act), language), "; ".join(beside)])
    rows += [
        [_target(target, results["starts"], language), finely(target["found"])]
        for target in results["targets"]
        if not target["at_least"]
    ]
    rows += _at_work(results["servers"], language)
    rows += _short_scale(results["scale"]["sessions"], language)
    if results["revocation"]:
        well = results["revocation"]["heard"][0]
        told = said("short heard", language, verifiers=results["revocation"]["verifiers"])
        figures = (f"{well[name]:.0f}" for name in ("p50", "p99", "most"))
        rows.append([told, said("short delays", language).format(*figures)])
    return _table(rows, numbers=False) + "\n"


def _at_work(servers: Sequence[Mapping[str, Any]], language: Language) -> list[Row]:
    """What each has in memory when it was asked for a while, which says more than when it was idle."""
    for each in servers:
        if (each["act"], each["where"]) == ("session check", "PostgreSQL"):
            kept = each["memory_mib"]
            names = [name for name in kept if name != ASKING and not name.startswith("floor")]
            told = (f"{said(name, language)} {kept[name]:.0f}" for name in names)
            return [[said("short memory", language), "; ".join(told)]]
    return []


def _short_scale(sessions: Mapping[str, Any], language: Language) -> list[Row]:
    rows: list[Row] = []
    for act in ("refresh", "session check"):
        costs = [
            f"{size['sessions']:,}: {side['server_us'][1]:.0f} + {side['database_us'][1]:.0f}"
            for size, side in zip(sessions["sizes"], sessions[act]["sides"], strict=True)
        ]
        rows.append([said("short scale", language, act=said(act, language)), ", ".join(costs)])
    return rows


def drawings(results: Results, language: Language) -> dict[str, str]:
    """The three plots, by name."""
    ratios = [
        (
            f"{said(titled(act), language)}, {said(where, language)}",
            [Bar(said(name, language), ratio[0], middle(ratio), ratio[-1]) for name, ratio in sides.items()],
        )
        for act, where, sides in compared(results["servers"])
        if where != "SQLite"
    ]
    tokens = [
        (each["alg"], [_bar(side, language) for side in each["sides"][1:]])
        for each in results["tokens"]
        if each["act"] == "verify"
    ]
    sessions = results["scale"]["sessions"]
    scale = [
        (
            f"{said(act, language)}, {said(name, language)}",
            [Bar(side["name"], *side[f"{name}_us"]) for side in sessions[act]["sides"]],
        )
        for act in ("refresh", "session check")
        for name in ("server", "database")
    ]
    return {
        "ratios": plots.ratios(said("ratios", language), ratios),
        "tokens": plots.ratios(said("tokens plot", language), tokens),
        "scale": plots.amounts(said("scale plot", language), scale),
    }


def _bar(side: Mapping[str, Any], language: Language) -> Bar:
    return Bar(said(side["name"], language), *side["ratio"])


def _table(rows: Iterable[Row], *, numbers: bool = True) -> str:
    head, *rest = rows
    lines = [head, ["---", *["---:" if numbers else "---"] * (len(head) - 1)], *rest]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _ratios(servers: Sequence[Mapping[str, Any]], language: Language) -> list[Row]:
    acts = [*compared(servers)]
    names = list(dict.fromkeys(said(name, language) for _, _, sides in acts for name in sides))
    rows: list[Row] = [["", *names]]
    for act, where, sides in acts:
        found = {said(name, language): shown(ratio) for name, ratio in sides.items()}
        title = f"{said(titled(act), language)}, {said(where, language)}"
        rows.append([title, *(found.get(name, "") for name in names)])
    return rows


def _targets(
    targets: Sequence[Mapping[str, Any]], starts: Sequence[Mapping[str, Any]], language: Language
) -> list[Row]:
    rows: list[Row] = [[said(name, language) for name in ("target", "wanted", "found", "holds")]]
    for target in targets:
        least = target["at_least"]
        wanted = f"{'>=' if least else '<='} {target['wanted']:g}"
        found = shown(target["found"]) if least else finely(target["found"])
        rows.append([_target(target, starts, language), wanted, found, said(_verdict(target), language)])
    return rows


def _verdict(target: Mapping[str, Any]) -> str:
    """The median decides; where a quartile is on the other side, that is said too."""
    wanted, found = target["wanted"], target["found"]
    whole = min(found) >= wanted if target["at_least"] else max(found) <= wanted
    return "missed" if not target["holds"] else "yes" if whole else "by the median"


def _target(target: Mapping[str, Any], starts: Sequence[Mapping[str, Any]], language: Language) -> str:
    """Its name, with that of the peer that is the best one, where it is for a run to say who."""
    peer = best_peer(target["name"], starts)
    return said(target["name"], language, peer=said(peer, language))


def _servers(servers: Sequence[Mapping[str, Any]], language: Language) -> list[str]:
    speed = ("per_second", "p50", "p99", "requests", "memory")
    columns = ("act", "server", "database", "times", "statements", *speed)
    parts = []
    for each in servers:
        rows: list[Row] = [[said(name, language) for name in columns]]
        for side in each["sides"]:
            asked = each.get("statements", {}).get(side["name"])
            memory = f"{each['memory_mib'][side['name']]:.0f}"
            cells = [*_measured(side), "" if asked is None else _asked(asked), *_speed(side)]
            cells += [f"{side['requests']:,}", memory]
            rows.append([said(_hashing(side["name"], each["act"]), language), *cells])
        parts += [f"### {said(each['act'], language)}, {said(each['where'], language)}", _table(rows)]
        if each["act"] == HASHED.name:
            parts.append(said("hashes note", language))
    return parts


def _hashing(name: str, act: str) -> str:
    """Who, and by which hash, where that is what is measured."""
    return f"{name}, default hash" if act == HASHED.name and "default hash" not in name else name


def _measured(side: Mapping[str, Any]) -> Row:
    database, ratio = side["database_us"], side["ratio"]
    return [
        f"{side['server_us'][1]:.0f}",
        "" if database is None else f"{database[1]:.0f}",
        "" if ratio is None else shown(ratio),
    ]


def _asked(statements: Mapping[str, float]) -> str:
    """Statements that read or write, and those that begin and end transactions."""
    return f"{_counted(statements['work'])} + {_counted(statements['control'])}"


def _counted(number: float) -> str:
    """Parts of one, where requests share a statement; beyond it they are what a server asks by itself."""
    return f"{number:.0f}" if number >= 0.95 else f"{number:.1f}".removesuffix(".0")


def _speed(side: Mapping[str, Any]) -> Row:
    return [f"{side['per_second']:.0f}", f"{side['p50_ms']:.2f}", f"{side['p99_ms']:.2f}"]


def _tokens(tokens: Sequence[Mapping[str, Any]], act: str, language: Language) -> list[Row]:
    chosen = [each for each in tokens if each["act"] == act]
    names = list(dict.fromkeys(side["name"] for each in chosen for side in each["sides"]))
    rows: list[Row] = [[said(act, language), *(said(name, language) for name in names)]]
    for each in chosen:
        found = {side["name"]: side for side in each["sides"]}
        rows.append([each["alg"], *(_token(found.get(name)) for name in names)])
    return rows


def _token(side: Mapping[str, Any] | None) -> str:
    if side is None:
        return "-"
    ratio = side["ratio"]
    return f"{side['us'][1]:.3g}" + ("" if ratio is None else f" ({ratio[1]:.3g}x)")


def _starts(starts: Sequence[Mapping[str, Any]], language: Language) -> list[Row]:
    measured = [what for what in MEASURED if what in starts[0]]
    rows: list[Row] = [["", *(said(name, language) for what in measured for name in (what, "times"))]]
    for each in starts:
        ratios = each["ratio"]
        cells = [
            cell
            for what in measured
            for cell in (f"{each[what][1]:.3g}", "" if ratios is None else shown(ratios[what]))
        ]
        rows.append([said(each["name"], language), *cells])
    return rows


def _races(races: Sequence[Mapping[str, Any]], language: Language) -> list[Row]:
    count = races[0]["races"]
    heads = [said("outcome", language, races=count), said("spent", language), said("ended", language)]
    rows: list[Row] = [["", *heads]]
    for each in races:
        outcomes = "; ".join(f"{said(name, language)}: {times}" for name, times in each["outcomes"].items())
        verdicts = (
            said("yes" if each[key] else "no", language)
            for key in ("spent_is_refused", "then_family_is_ended")
        )
        rows.append([said(each["name"], language), outcomes, *verdicts])
    return rows


def _scale(scale: Mapping[str, Any], language: Language) -> list[str]:
    return [
        f"## {said('scale', language)}",
        said("scale note", language),
        _table(_sizes(scale["sessions"], language)),
        f"![{said('scale plot', language)}](scale.{language}.svg)",
        _grown(scale["growth"], language),
        _table(_sizes_after(scale["growth"], language)),
        _table(_workers(scale["workers"], language)),
    ]


def _sizes(sessions: Mapping[str, Any], language: Language) -> list[Row]:
    acts, whose = ("refresh", "session check"), ("server", "database")
    costs = [f"{said(act, language)}, {said(name, language)}" for act in acts for name in whose]
    rows: list[Row] = [[*(said(name, language) for name in ("sessions", "bytes", "filled")), *costs]]
    for number, size in enumerate(sessions["sizes"]):
        sides = [sessions[act]["sides"][number] for act in acts]
        found = [shown(side[f"{name}_us"]) for side in sides for name in whose]
        filled = (f"{size['sessions']:,}", f"{size['bytes'] / 1e6:.1f}", f"{size['filled_seconds']:.1f}")
        rows.append([*filled, *found])
    return rows


def _grown(growth: Mapping[str, Any], language: Language) -> str:
    (_, before), (refreshes, after) = growth["bytes_after"][0], growth["bytes_after"][-1]
    sizes = {
        "sessions": growth["sessions"],
        "refreshes": refreshes,
        "before": before / 1e6,
        "after": after / 1e6,
    }
    return " ".join(
        [
            said("grown", language, **sizes),
            said("grown how", language, **growth["in_process"]),
            said("theirs", language, bytes=growth["simplejwt_bytes_a_refresh"]),
        ]
    )


def _sizes_after(growth: Mapping[str, Any], language: Language) -> list[Row]:
    rows: list[Row] = [[said("refreshes", language), said("bytes", language)]]
    return rows + [[f"{number:,}", f"{size / 1e6:.2f}"] for number, size in growth["bytes_after"]]


def _workers(workers: Mapping[str, Any], language: Language) -> list[Row]:
    columns = ("server", "database", "times", "per_second", "p50", "p99")
    rows: list[Row] = [[said("workers", language), *(said(name, language) for name in columns)]]
    for act in ("refresh", "session check"):
        rows += [
            [f"{said(act, language)}, {side['name']}", *_measured(side), *_speed(side)]
            for side in workers[act]["sides"]
        ]
    return rows


def _revocation(known: Mapping[str, Any], language: Language) -> list[str]:
    heads = ("commit to refused", "logouts", "p50", "p99", "most", "p99 at most", "holds")
    rows: list[Row] = [[said(name, language) for name in heads]]
    for each in known["heard"]:
        figures = (f"{each[name]:.0f}" for name in ("p50", "p99", "most"))
        bound = ["", ""]
        if each["bar"] is not None:
            bound = [f"{each['bar']:g}", said("yes" if each["holds"] else "missed", language)]
        rows.append([said(each["name"], language), str(each["logouts"]), *figures, *bound])
    note = f"{said('revocation note', language)} {said('revocation pairs', language, **known)}"
    return [f"## {said('revocation', language)}", note, _table(rows)]


def _parts(parts: Mapping[str, float], language: Language) -> list[Row]:
    rows: list[Row] = [[said("part", language), said("minutes", language)]]
    return rows + [[said(f"part {name}", language), f"{minutes:.1f}"] for name, minutes in parts.items()]
