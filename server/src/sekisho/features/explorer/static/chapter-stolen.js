// Chapter 6: what a thief gets, measured. A real script that is really loaded, a real second client, a real key.

import { $, all, h } from "./dom.js";
import { judge, onStage, perform, recorded, wait } from "./doing.js";
import { classic } from "./classic.js";
import { bare, clientOf, get, inMemory, keeping, outcome, told } from "./lanes.js";
import { lane, marks } from "./marks.js";
import { people, run, servers } from "./stage.js";
import { passwords } from "./people.js";
import { record } from "./record.js";
import { openTab } from "./inspector.js";
import { claims } from "./token-text.js";
import { number, say } from "./words.js";

/** Fill in what was measured: a text with its tone, or some, a line each. A code may break behind its joints. */
const cell = (thing, name, ...lines) => {
  const place = document.querySelector(`[data-thing=${thing}] [data-cell=${name}]`);
  const shown = lines.map((line) => [line].flat());
  place.dataset.tone = "";
  place.replaceChildren(...shown.map(([text, tone]) => h("span", { "data-tone": tone }, text.replaceAll("_", "_\u200b"))));
};

const tone = (status) => (status < 400 ? "bad" : "good");
const plain = ({ status, code }) => `${status} ${code ?? ""}`.trim();
const answered = (thing, name, answer) => cell(thing, name, [plain(answer), tone(answer.status)]);

const victim = () => ({ email: people[0].email, password: passwords.get(people[0].email) });

const shownLoot = (found, violation) => {
  const rows = found.map(([what, text]) => [h("dt", {}, h("code", {}, what)), h("dd", {}, h("code", { class: "wrap" }, text || say("inspect.nothing")))]);
  const sent = found.find(([what]) => what === "sent to")?.[1];
  const outcomeText = violation
    ? say("act.blocked", { directive: violation.effectiveDirective, uri: violation.blockedURI })
    : sent && say("act.sent", { uri: sent });
  $("loot").hidden = false;
  $("loot").replaceChildren(h("dl", { class: "facts" }, rows));
  if (outcomeText) $("loot").append(h("p", { class: "verdict", "data-good": violation ? "yes" : "no" }, outcomeText));
};

/** Let evil.js run, and give what it found. Another name of this machine is another origin, as a thief's would be. */
const runScript = async () => {
  let violation = null;
  const noticed = (event) => (violation = event);
  document.addEventListener("securitypolicyviolation", noticed);
  const found = [];
  const { steal } = await import("./evil.js");
  const { hostname, port } = new URL(servers.auth);
  const other = hostname === "localhost" ? "127.0.0.1" : "localhost";
  await steal(`http://${other}:${port}/stolen`, (what, text) => found.push([what, text]));
  await wait(50);
  document.removeEventListener("securitypolicyviolation", noticed);
  shownLoot(found, violation);
  return Object.fromEntries(found);
};

const thief = (credential, value, at, of) => onStage("thief", { credential, value, at, lane: of });
const expiry = () => say("act.at_expiry", { seconds: number(run.access) });

/** A login of the victim in the way that the row is about; nothing of it stays behind. */
const as = async (mode, work) => {
  const before = marks.lane;
  const client = mode === "classic" ? classic : mode === "session" ? clientOf("session") : ours();
  marks.lane = mode === "session" ? "session" : "jwt";
  // A script would find what another login left in localStorage, and that is none of this row's.
  if (client !== classic) classic.forget();
  try {
    await client.login(victim());
    await recorded(); // until what was handed out is in the record
    return await work(client);
  } finally {
    marks.lane = before;
  }
};

const ours = () => {
  keeping.jwt = "cookie";
  return inMemory;
};

/** The token of a log or of a script, sent from elsewhere before and after the logout. */
const tokenElsewhere = async (thing, token, client) => {
  answered(thing, "replay", await thief("bearer", token, "a", "jwt"));
  await onStage("summon", { set: "deaf" });
  await client.logout();
  const began = performance.now();
  const deaf = await thief("bearer", token, "b_deaf", "jwt");
  const heard = await onStage("thief", { credential: "bearer", value: token, at: "a", lane: "jwt", until_refused: true });
  const seconds = (performance.now() - began) / 1000;
  cell(thing, "after", [plain(heard), tone(heard.status)], [`${say("actor.b_deaf")}: ${plain(deaf)}`, tone(deaf.status)]);
  cell(thing, "stops", say("act.at_feed", { seconds: number(seconds) }), `${say("actor.b_deaf")}: ${expiry()}`);
};

const storage = () =>
  as("classic", async (client) => {
    const loot = await runScript();
    const found = JSON.parse(JSON.parse(loot.localStorage).tokens ?? "null");
    cell("storage", "readable", [say(found ? "act.yes" : "act.no"), found ? "bad" : "good"]);
    if (found) await tokenElsewhere("storage", found.access_token, client);
  });

const nothingToTake = async (thing, client, loot) => {
  const seen = JSON.stringify(loot);
  const taken = [record.seen.access, record.seen.cookie].some((each) => each && seen.includes(each));
  cell(thing, "readable", [say(taken ? "act.yes" : "act.ride"), taken ? "bad" : "good"]);
  const ridden = await get(client, "a", "/products");
  cell(thing, "replay", [say("act.no_copy"), "good"], [`auth.fetch: ${plain(ridden)}`, tone(ridden.status)]);
  await client.logout();
  const after = await get(client, "a", "/products");
  cell(thing, "after", [`auth.fetch: ${plain(after)}`, tone(after.status)]);
  cell(thing, "stops", say("act.page_closes"));
};

const memory = () => as("browser", async (client) => nothingToTake("memory", client, await runScript()));
const cookie = () => as("session", async (client) => nothingToTake("cookie", client, await runScript()));

const sessionLog = () =>
  as("session", async (client) => {
    cell("session_log", "readable", "–");
    const copied = record.seen.cookie;
    answered("session_log", "replay", await thief("cookie", copied, "a", "session"));
    await client.logout();
    answered("session_log", "after", await thief("cookie", copied, "a", "session"));
    cell("session_log", "stops", say("act.at_revoke"));
  });

const accessLog = () =>
  as("browser", async (client) => {
    cell("access_log", "readable", "–");
    await tokenElsewhere("access_log", record.seen.access, client);
  });

const refresh = () =>
  as("classic", async (client) => {
    cell("refresh", "readable", [say("act.yes_if_stored"), "bad"]);
    const copied = record.seen.refresh;
    answered("refresh", "replay", await thief("refresh", copied, "auth", "jwt"));
    // Beyond the grace in which two tabs may race; then the victim's own token is a generation behind.
    await onStage("clock", { seconds: 11 });
    const mine = await outcome(client.refresh());
    const after = await thief("bearer", record.seen.access, "auth", "jwt");
    cell("refresh", "after", [plain(mine), tone(mine.status)], [plain(after), tone(after.status)]);
    cell("refresh", "stops", say("act.at_reuse"));
    openTab("tables");
  });

const atStateless = (path, body) =>
  told(fetch(servers.auth_stateless + path, { method: "POST", credentials: "omit", headers: { "Content-Type": "application/json", ...lane("jwt") }, body: JSON.stringify(body) }));

/** The variant of the classic design that stores no refresh token: it has nothing to compare a copy with. */
const stateless = async () => {
  if (!servers.auth_stateless) await onStage("summon", { set: "stateless" });
  const entered = await atStateless("/v1/login", { ...victim(), mode: "token" });
  const copied = entered.body.refresh_token;
  cell("stateless", "readable", [say("act.yes_if_stored"), "bad"]);
  const stolen = await thief("refresh", copied, "auth_stateless", "jwt");
  await onStage("clock", { seconds: 11 });
  const mine = await atStateless("/v1/refresh", { refresh_token: copied });
  cell("stateless", "replay", [plain(stolen), tone(stolen.status)], [say("act.unnoticed", { status: plain(mine) }), tone(mine.status)]);
  await atStateless("/v1/logout", { refresh_token: copied });
  answered("stateless", "after", await thief("refresh", copied, "auth_stateless", "jwt"));
  cell("stateless", "stops", say("act.at_logout_or_expiry"));
};

const STEAL = { storage, memory, cookie, session_log: sessionLog, access_log: accessLog, refresh, stateless };

let leaked = null;

const leak = () =>
  perform(async () => {
    await as("browser", () => true); // whose sid and rv the forger copies
    const { iss, aud, sid, jti, rv } = claims(record.seen.access);
    const made = { iss, aud, sid, jti, rv, sub: "nobody-at-all", roles: ["admin"], entitlements: ["secret:read"] };
    leaked = (await onStage("leak", { claims: made })).token;
    const { status, code } = await bare("a", "/secret", leaked);
    judge("leak-verdict", status < 400 ? say("act.leak_in", { status }) : say("act.leak_out", { seconds: 0, code }), status < 400 ? "no" : "yes");
    openTab("token");
  });

const lockOut = () =>
  perform(async () => {
    if (!leaked) {
      judge("leak-verdict", say("act.leak_first"), "no");
      return;
    }
    const { kid } = await onStage("operate", { what: "rotate-key" });
    const began = performance.now();
    await onStage("operate", { what: "retire-key", kid });
    let answer = await bare("a", "/secret", leaked);
    while (answer.status < 400 && performance.now() - began < 5000) {
      await wait(50);
      answer = await bare("a", "/secret", leaked);
    }
    const seconds = number((performance.now() - began) / 1000);
    const out = answer.status >= 400;
    judge("leak-verdict", say(out ? "act.leak_out" : "act.leak_still", { seconds, code: answer.code, status: answer.status }), out ? "yes" : "no");
    openTab("token");
  });

export const startStealing = () => {
  for (const button of all("[data-steal]")) button.onclick = () => perform(STEAL[button.dataset.steal]);
  $("leak").onclick = leak;
  $("lock-out").onclick = lockOut;
};
