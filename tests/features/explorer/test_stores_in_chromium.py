"""Redis and AWS Secrets Manager in a real browser: switches, lifelines, cost, tables, in both languages."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest

from tests.features.explorer.watched import watching
from tests.parts.explorer import Exploring

if TYPE_CHECKING:
    from pathlib import Path

    from tests.features.explorer.watched import Watched
    from tests.parts.browser import Chromium

pytestmark = [pytest.mark.browser, pytest.mark.long]

#: Found by every interpreter that is started with its folder on the path; as if nobody had installed it.
NO_MOTO = "import sys\nsys.modules['moto'] = None\n"
EACH_STAGE = [f"GetSecretValue {stage}" for stage in ("AWSPENDING", "AWSCURRENT", "AWSPREVIOUS")]


async def redis_commands(seen: Watched) -> list[str]:
    """The arrows to Redis, without the key."""
    return [
        label.split()[0] for _, label in await seen.drawn() if re.match(r"(MGET|SET|DEL) session:", label)
    ]


@pytest.mark.redis
async def test_the_second_server_finds_in_redis_what_the_first_left(
    exploring: Exploring, chromium: Chromium
) -> None:
    """Side by side: the session costs commands of Redis and then no row, the token nothing at all."""
    async with watching(chromium, exploring.explorer, at="two") as seen:
        await seen.mode("compare")
        await seen.press("input[name=store][value=redis]")
        assert await seen.text("#two-verdict") == "Ready: ask A, then B."
        await seen.press("[data-two=a]")
        assert await redis_commands(seen) == ["MGET", "SET"]
        assert await seen.text("#two-verdict") == "Session, A, Redis: 200 · JWT, A, Redis: 200"
        await seen.press("[data-two=b]")
        assert await redis_commands(seen) == ["MGET"]
        assert sorted(await seen.drawn()) == sorted(await seen.listed())
        costs = [await seen.cost(lane, what) for lane in ("session", "jwt") for what in ("reads", "redis")]
        assert costs == ["0×", "1×", "0×", "0×"]
        heads = await seen.page.locator(".diagram[data-lane=session] [data-actor]").evaluate_all(
            "all => all.map(each => each.dataset.actor)"
        )
        assert heads[-2:] == ["redis", "db"]
        step = next(at for at, (_, label) in enumerate(await seen.listed(), 1) if label.startswith("MGET"))
        await seen.page.locator("#tab-http").click()
        await seen.page.locator(f"#lists li:nth-child({step}) button").first.evaluate("each => each.click()")
        await seen.page.get_by_text("MGET sekisho:session:").wait_for()
        await seen.page.locator("#tab-tables").click()
        rows = await seen.text("[data-table=redis]")
        assert re.search(r"sekisho:session:[0-9a-f]{16}\s+\d{10} \(TTL \d+ s\)\s+x'[0-9a-f]{128}…'", rows)


@pytest.mark.redis
async def test_without_redis_the_database_answers(exploring: Exploring, chromium: Chromium) -> None:
    """It is stopped by a button, nobody is logged out, and the arrow says that nothing came back."""
    async with watching(chromium, exploring.explorer, at="two", query="?lang=ja") as seen:
        await seen.mode("session")
        await seen.press("input[name=store][value=redis]")
        await seen.press("#stop-redis")
        assert (await seen.text("#two-verdict")).startswith("Redis を止めました。")
        assert await seen.text("#stop-redis") == "Redis をもう一度起動する"
        await seen.press("[data-two=a]")
        assert await seen.text("#two-verdict") == "セッション, A (Redis 経由): 200"
        assert await redis_commands(seen) == ["MGET"]
        assert "ConnectionError" in await seen.text("#lists")
        assert await seen.cost("session", "reads") != "0 回"
        await seen.press("#stop-redis")
        assert (await seen.text("#two-verdict")).startswith("Redis が動いています。")


@pytest.mark.requirement("H5")
async def test_a_login_asks_aws_for_nothing_and_a_rotation_is_followed(
    exploring: Exploring, chromium: Chromium
) -> None:
    """In chapter 1 the start reads three stages, a login none; in 6 the next version signs in a minute."""
    async with watching(chromium, exploring.explorer, at="login") as seen:
        await seen.press("input[name=key][value=aws]")
        await seen.press("#login-form .first")
        said = await seen.text("#key-verdict")
        assert said.endswith("From the request to the answer, AWS was asked 0 times.")
        labels = [label for _, label in await seen.drawn()]
        assert [label for label in labels if label.startswith("GetSecretValue")] == EACH_STAGE
        assert labels.index("POST /v1/login") > labels.index(EACH_STAGE[-1])
        kid = re.findall(r"the key (\S+)\.", said)
        await seen.chapter("stolen")
        await seen.press("[data-aws=login]")
        assert re.findall(r"the key (\S+)\.", await seen.text("#aws-verdict")) == kid
        assert not [label for _, label in await seen.drawn() if label.startswith("GetSecretValue")]
        await seen.press("[data-aws=pending]")
        assert "PutSecretValue AWSPENDING" in [label for _, label in await seen.drawn()]
        await seen.press("[data-aws=promote]")
        assert "UpdateSecretVersionStage AWSCURRENT" in [label for _, label in await seen.drawn()]
        await seen.press("[data-aws=read]")
        now, before, status = re.findall(
            r"signs by the key (\S+)\. The token that (\S+) signed: (\d+)", await seen.text("#aws-verdict")
        )[0]
        assert ([before], status) == (kid, "200")
        assert now != before
        labels = [label for _, label in await seen.drawn()]
        assert [label for label in labels if label.startswith("GetSecretValue")] == EACH_STAGE
        rows = await seen.page.locator("#aws-table tbody tr").all_inner_texts()
        at = {stage: row for row in rows for stage in re.findall(r"AWS\w+", row)}
        assert (now in at["AWSCURRENT"], before in at["AWSPREVIOUS"]) == (True, True)
        assert all("[redacted]" in row for row in rows)
        texts = await seen.page.evaluate("document.documentElement.outerHTML")
        assert "Credential=" not in texts
        # It goes on being read every minute, and that is no part of what is done in another chapter.
        await seen.chapter("call")
        await seen.press("#call [data-call='a/products']")
        last = exploring.all()[-1]["seq"]
        exploring.act("clock", seconds=60)
        exploring.event(lambda each: each["seq"] > last and each["refs"].get("stage") == "AWSPREVIOUS")
        await seen.come("#lists [data-label='clock +60 s']", count=1, within="#stage")
        await seen.come("#folded:not([hidden])", count=1, within="#player")
        assert not [label for _, label in await seen.drawn() if label.startswith("GetSecretValue")]


WHAT_IS_LACKING = {
    "en": "This machine lacks something that this takes. It comes with: ",
    "ja": "このマシンには、これに必要なものがありません。次のコマンドで入ります: ",
}


async def test_what_the_machine_lacks_is_said(tmp_path: Path, chromium: Chromium) -> None:
    """In both languages, with the one command; the switch goes back, and the rest works."""
    patch = tmp_path / "patch"
    patch.mkdir()
    (patch / "sitecustomize.py").write_text(NO_MOTO)
    stage = tmp_path / "stage"
    stage.mkdir()
    with Exploring(stage, {"PATH": str(tmp_path), "PYTHONPATH": str(patch)}) as bare:
        for language, lacking in WHAT_IS_LACKING.items():
            async with watching(chromium, bare.explorer, at="two", query=f"?lang={language}") as seen:
                await seen.mode("session")
                await seen.press("input[name=store][value=redis]")
                assert await seen.text("#two-verdict") == f"{lacking}sudo apt-get install redis-server"
                assert await seen.page.locator("input[name=store][value=shared]").is_checked()
                await seen.press("[data-two=b]")
                assert (await seen.text("#two-verdict")).endswith(": 200")
                await seen.chapter("stolen")
                await seen.press("[data-aws=start]")
                command = f"{sys.executable} -m pip install boto3 'moto[server]'"
                assert await seen.text("#aws-verdict") == f"{lacking}{command}"
