// Chapter 4: what is gone after a logout, where, and how soon.

import { $, all, h } from "./dom.js";
import { revoked, showCost } from "./cost.js";
import { judge, onStage, perform, recorded, wait } from "./doing.js";
import { bare, inLanes, lanes, outcome } from "./lanes.js";
import { be } from "./people.js";
import { laneName } from "./player.js";
import { record } from "./record.js";
import { left } from "./token-text.js";
import { number, say } from "./words.js";

/** When the last logout was answered, and what had been valid until then. */
const last = { at: 0, access: null, cookie: null };

const fed = () => all("input[name=feed]").find((each) => each.checked).value === "on";

const logout = () =>
  perform(async () => {
    if (!(await be())) return;
    await recorded(); // until what was handed out is in the record
    const { access, cookie } = record.seen;
    if (!fed()) await onStage("summon", { set: "deaf" });
    await inLanes((it) => outcome(it.logout()));
    Object.assign(last, { at: performance.now(), access, cookie });
    revoked.session = revoked.jwt = null;
    await replayed();
  });

/** Send the old token until it is refused; without the feed once, since it will go on being good. */
const token = async () => {
  const server = fed() ? "a" : "b_deaf";
  for (let tries = 0; ; tries += 1) {
    const { status, code } = await bare(server, "/products", last.access);
    const seconds = (performance.now() - last.at) / 1000;
    if (status >= 400) return { lane: "jwt", status, code, seconds };
    if (!fed() || tries > 60) return { lane: "jwt", status, code, seconds: null };
    await wait(50);
  }
};

/** Nobody can read the cookie here, so the copy is presented by a client that had it from elsewhere. */
const cookie = async () => {
  const { status, code } = await onStage("thief", { credential: "cookie", value: last.cookie, at: "a", lane: "session" });
  return { lane: "session", status, code, seconds: (performance.now() - last.at) / 1000 };
};

const replayed = async () => {
  const asked = { session: () => last.cookie && cookie(), jwt: () => last.access && token() };
  const answers = (await Promise.all(lanes().map((lane) => asked[lane]()))).filter(Boolean);
  for (const { lane, status, seconds } of answers) if (status >= 400 && revoked[lane] === null) revoked[lane] = seconds;
  const lines = answers.map(({ lane, status, code, seconds }) => {
    const values = { lane: laneName(lane), status, code, seconds: number(status >= 400 ? seconds : Math.max(0, Math.ceil(left(last.access)))) };
    return h("span", { class: "line" }, say(status >= 400 ? "act.ended" : fed() ? "act.alive_fed" : "act.alive", values));
  });
  judge("ended", lines, answers.some(({ status }) => status < 400) ? "no" : "yes");
  showCost();
};

const replay = () =>
  perform(async () => {
    if (!last.access && !last.cookie) {
      judge("ended", say("act.nothing_old"), "no");
      return;
    }
    await replayed();
  });

const askAuth = () => perform(() => bare("auth", "/v1/me", last.access ?? record.seen.access));

export const startLeaving = () => {
  $("logout-go").onclick = logout;
  $("replay").onclick = replay;
  $("ask-auth").onclick = askAuth;
};
