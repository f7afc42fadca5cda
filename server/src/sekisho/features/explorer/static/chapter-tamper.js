// Chapter 5: change a token, send it, and see which check notices. Nothing is signed again behind your back.

import { $, all, copy } from "./dom.js";
import { judge, onStage, perform, recorded, tell } from "./doing.js";
import { quoted } from "./panel-http.js";
import { openTab } from "./inspector.js";
import { bare, told } from "./lanes.js";
import { lane, marks } from "./marks.js";
import { checkName } from "./panel-token.js";
import { passwords } from "./people.js";
import { record } from "./record.js";
import { act, people, servers } from "./stage.js";
import { coloured, decode, encode, left } from "./token-text.js";
import { say } from "./words.js";

const PARTS = ["header", "payload", "signature"];
/** What is forged from whose token, and sent to whom. A public key takes a server that has one. */
const HS256 = { auth: "auth", shop: "a", token: null };
const ES256 = { auth: "auth_es256", shop: "a_es256", token: null };
let place = HS256;
const forged = { token: "", expected: undefined, original: ["", "", ""] };

const pretty = (text) => {
  try {
    return JSON.stringify(JSON.parse(text), null, 1);
  } catch {
    return text ?? "";
  }
};

const showRaw = () => $("forged").replaceChildren(...coloured(forged.token.length > 4000 ? `${forged.token.slice(0, 4000)}…` : forged.token));

/** Show a token in the editor. */
const load = (token, expected) => {
  const parts = token.split(".");
  Object.assign(forged, { token, expected, original: parts });
  PARTS.forEach((part, at) => {
    const field = $(`edit-${part}`);
    field.value = part === "signature" ? parts.slice(2).join(".") : pretty(decode(parts[at] ?? ""));
    field.dataset.shown = field.value;
  });
  showRaw();
};

/** A part that was not touched goes as it came, byte for byte; one that was is encoded as it stands there. */
const written = (part, at) => {
  const field = $(`edit-${part}`);
  if (field.value === field.dataset.shown) return forged.original[at] ?? "";
  if (part === "signature") return field.value.trim();
  try {
    return encode(JSON.stringify(JSON.parse(field.value)));
  } catch {
    return encode(field.value);
  }
};

const edited = () => {
  forged.token = PARTS.map(written).join(".");
  forged.expected = undefined;
  all("[data-preset]").forEach((each) => each.setAttribute("aria-pressed", "false"));
  showRaw();
};

/** A token that still counts, whatever is logged in: the editor needs one to begin with. */
const genuine = async ({ auth }) => {
  if (!servers[auth]) await onStage("summon", { set: "es256" });
  const [{ email }] = people;
  const body = JSON.stringify({ email, password: passwords.get(email), mode: "token" });
  const headers = { "Content-Type": "application/json", ...lane("jwt") };
  const answer = await told(fetch(`${servers[auth]}/v1/login`, { method: "POST", credentials: "omit", headers, body }));
  if (answer.status !== 200) throw Object.assign(new Error(), { code: answer.code });
  return answer.body.access_token;
};

/** The one that the editor has, as long as it lives: every preset would begin with a login otherwise. */
const good = async () => {
  if (!place.token || left(place.token) < 2) place.token = await genuine(place);
  return place.token;
};

const fresh = () =>
  perform(async () => {
    place = HS256;
    place.token = await genuine(place);
    load(place.token, null);
  });

const choose = (name) =>
  perform(async () => {
    place = name === "hs256-public-key" ? ES256 : HS256;
    const made = await act("forge", { preset: name, token: await good(), at: place.auth });
    const token = made.token ?? made.authorization.replace(/^Bearer /, "");
    load(token, made.expected ?? null);
    all("[data-preset]").forEach((each) => each.setAttribute("aria-pressed", each.dataset.preset === name));
    await send();
  });

const send = async () => {
  const { status, code } = await bare(place.shop, "/products", forged.token);
  await recorded(); // a shop tells of the check before it answers
  const check = record.events.findLast(({ kind, act: of }) => kind === "token.check" && of === marks.act);
  const head = `${status} ${code}`.trim();
  const asTold = forged.expected === undefined || (forged.expected ?? "") === code;
  const promise = forged.expected === undefined ? null : say(asTold ? "act.as_documented" : "act.unexpected", { code: forged.expected ?? "200" });
  const strong = Object.assign(document.createElement("strong"), { textContent: head });
  const at = check?.refs.checks?.find((each) => each.verdict === "refused");
  const where = at && say("act.stopped_at", { check: checkName(at.name) });
  judge("forged-verdict", [strong, ...[promise, where].filter(Boolean).map((text) => ` ${text}`)], asTold ? (status === 200 ? "yes" : "caught") : "no");
  openTab("token");
};

const curl = () => `curl -i ${quoted(`${servers[place.shop]}/products`)} -H ${quoted(`Authorization: Bearer ${forged.token}`)}`;

const es256 = () =>
  perform(async () => {
    const { status, code } = await bare("a_es256", "/products", await genuine(ES256));
    const values = { auth: say("actor.auth_es256"), a: say("actor.a_es256"), status: `${status} ${code}`.trim() };
    judge("es256-verdict", say("act.es256", values), status === 200 ? "yes" : "no");
    openTab("token");
  });

const jwks = () =>
  perform(async () => {
    if (!servers.auth_es256) await onStage("summon", { set: "es256" });
    const answer = await told(fetch(`${servers.auth_es256}/.well-known/jwks.json`, { credentials: "omit", headers: lane("jwt") }));
    judge("es256-verdict", say("act.jwks", { count: answer.body?.keys?.length ?? 0 }), "yes");
    openTab("http");
  });

export const startTampering = () => {
  for (const button of all("[data-preset]")) button.onclick = () => choose(button.dataset.preset);
  for (const part of PARTS) $(`edit-${part}`).oninput = edited;
  $("fresh").onclick = fresh;
  $("send-forged").onclick = () =>
    perform(async () => {
      if (!forged.token) load(await good(), null);
      await send();
    });
  $("copy-curl").onclick = () => copy(curl(), say("play.copied"), tell);
  $("es256").onclick = es256;
  $("jwks").onclick = jwks;
};
