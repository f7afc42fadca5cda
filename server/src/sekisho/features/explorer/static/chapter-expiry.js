// Chapter 3: what expires, and what renews itself.

import { $ } from "./dom.js";
import { judge, onStage, perform, recorded, tellRefused } from "./doing.js";
import { anotherTab, clientOf, get, outcome } from "./lanes.js";
import { be } from "./people.js";
import { record } from "./record.js";
import { classic } from "./classic.js";
import { run } from "./stage.js";
import { left } from "./token-text.js";
import { number, say } from "./words.js";

/** Past the very second of the expiry. */
const skip = (seconds) => onStage("clock", { seconds: Math.max(1, Math.ceil(seconds + 0.5)) });

const expire = () =>
  perform(async () => {
    if (!(await be())) return;
    await recorded();
    await skip(left(record.seen.access));
  });

/** The client refreshes by itself; here it is asked to. Ours has no such act: it is a new page that begins with one. */
const refresh = () =>
  perform(async () => {
    if (!(await be())) return;
    const client = clientOf("jwt");
    const done = await outcome(client === classic ? client.refresh() : anotherTab().restore());
    if (done.status === 0 || done.code) tellRefused(done);
  });

const tabs = () =>
  perform(async (act) => {
    if (!(await be())) return;
    const pair = [anotherTab(), anotherTab()];
    await Promise.all(pair.map((tab) => tab.restore()));
    await recorded();
    await skip(left(record.seen.access));
    const answers = await Promise.all(pair.map((tab) => get(tab, "a", "/products")));
    await recorded();
    const skipped = record.events.findLast(({ kind }) => kind === "clock").seq;
    const refreshes = record.events.filter((event) => event.seq > skipped && event.act === act && event.msg.id === "ev.refresh").length;
    const statuses = answers.map(({ status }) => status).join(", ");
    judge("tabs-verdict", say("act.tabs", { count: refreshes, statuses }), answers.every(({ status }) => status === 200) ? "yes" : "no");
  });

const ring = () => {
  const seconds = record.seen.access ? left(record.seen.access) : null;
  const alive = seconds !== null && seconds > 0;
  const share = alive ? Math.min(seconds / run.access, 1) * 100 : 0;
  $("ring-left").style.strokeDasharray = `${share} 100`;
  $("ring-text").textContent = seconds === null ? "–" : String(Math.max(0, Math.ceil(seconds)));
  if (seconds === null) return;
  const words = say(alive ? "inspect.left" : "inspect.over", { seconds: number(Math.floor(Math.abs(seconds))) });
  $("ring").setAttribute("aria-label", words);
};

export const startExpiry = () => {
  $("expire").onclick = expire;
  $("refresh").onclick = refresh;
  $("two-refresh").onclick = refresh;
  $("idle").onclick = () => perform(() => skip(run.idle));
  $("tabs").onclick = tabs;
  setInterval(ring, 500);
};
