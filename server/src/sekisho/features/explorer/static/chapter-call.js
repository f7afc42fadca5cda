// Chapter 2: who is asking, and may they? And how soon does a right that was taken away take effect?

import { all } from "./dom.js";
import { judge, onStage, perform, tellRefused, wait } from "./doing.js";
import { bare, get, inLanes, lanes } from "./lanes.js";
import { be } from "./people.js";
import { number, say } from "./words.js";

/** Milliseconds between two questions, and how many of them, when it is measured how soon something ends. */
const PAUSE = 60;
const TRIES = 100;

const call = async ({ call: target, times = "1", bare: without }) => {
  const [server, path] = target.split("/");
  if (without !== undefined) return perform(() => Promise.all(lanes().map((lane) => bare(server, `/${path}`, null, lane))));
  return perform(async () => {
    if (!(await be())) return null;
    return inLanes(async (it) => {
      let last = null;
      for (let count = 0; count < Number(times); count += 1) last = await get(it, server, `/${path}`);
      if (last?.status === 0) tellRefused(last);
      return last;
    });
  });
};

const secret = (email) =>
  perform(async () => {
    if (!(await be(email))) return;
    await inLanes((it) => get(it, "a", "/secret"));
  });

/** Ask until it is refused for good; what the client mends by itself does not count as an end. */
const untilForbidden = async (it, began) => {
  for (let count = 0; count < TRIES; count += 1) {
    const { status } = await get(it, "a", "/secret");
    if (status === 403) return (performance.now() - began) / 1000;
    await wait(PAUSE);
  }
  return null;
};

const take = (email) =>
  perform(async () => {
    if (!(await be(email))) return;
    await inLanes((it) => get(it, "a", "/secret"));
    await onStage("operate", { what: "deny", email, right: "secret:read" });
    const began = performance.now();
    const seconds = await inLanes((it) => untilForbidden(it, began));
    const slowest = Math.max(...Object.values(seconds).map((each) => each ?? Infinity));
    const key = lanes().includes("jwt") ? "act.taken" : "act.taken_session";
    judge("taken", say(key, { seconds: number(slowest) }), Number.isFinite(slowest) ? "yes" : "no");
  });

const give = (email) =>
  perform(async () => {
    await onStage("operate", { what: "allow", email, right: "secret:read" });
    judge("taken", say("act.given"), "yes");
  });

export const startCalling = () => {
  for (const button of all("[data-call]")) button.onclick = () => call(button.dataset);
  for (const button of all("[data-secret]")) button.onclick = () => secret(button.dataset.secret);
  for (const button of all("[data-take]")) button.onclick = () => take(button.dataset.take);
  for (const button of all("[data-give]")) button.onclick = () => give(button.dataset.give);
};
