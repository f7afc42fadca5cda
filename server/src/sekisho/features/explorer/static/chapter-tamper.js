// Chapter 5: change a token, send it, and see which check notices. Nothing is signed again behind your back.

import { $, all, copy } from "./dom.js";
import { judge, onStage, perform, tell } from "./doing.js";
import { quoted } from "./panel-http.js";
import { openTab } from "./inspector.js";
import { bare, told } from "./lanes.js";
import { lane } from "./marks.js";
import { verdict } from "./panel-token.js";
import { passwords } from "./people.js";
import { record, until } from "./record.js";
import { act, people, servers } from "./stage.js";
import { coloured, decode, encode } from "./token-text.js";
import { say } from "./words.js";

const PARTS = ["header", "payload", "signature"];
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
const genuine = async () => {
  const [{ email }] = people;
  const body = JSON.stringify({ email, password: passwords.get(email), mode: "token" });
  const headers = { "Content-Type": "application/json", ...lane("jwt") };
  const answer = await told(fetch(`${servers.auth}/v1/login`, { method: "POST", credentials: "omit", headers, body }));
  return answer.body?.access_token ?? "";
};

const fresh = () => perform(async () => load(await genuine(), null));

const choose = (name) =>
  perform(async () => {
    const good = await genuine();
    const made = await act("forge", { preset: name, token: good });
    const token = made.token ?? made.authorization.replace(/^Bearer /, "");
    load(token, made.expected ?? null);
    forged.authorization = made.authorization;
    all("[data-preset]").forEach((each) => each.setAttribute("aria-pressed", each.dataset.preset === name));
    await send();
  });

const send = async () => {
  const from = record.events.at(-1)?.seq ?? 0;
  const seen = until((event) => event.kind === "token.check" && event.seq > from, 3).catch(() => null);
  const { status, code } = await bare("a", "/products", forged.token);
  const check = await seen;
  const head = `${status} ${code}`.trim();
  const good = forged.expected === undefined || (forged.expected ?? "") === code;
  const promise = forged.expected === undefined ? null : say(good ? "act.as_documented" : "act.unexpected", { code: forged.expected ?? "200" });
  const strong = Object.assign(document.createElement("strong"), { textContent: head });
  judge("forged-verdict", [strong, promise && ` ${promise}`, check ? verdict(check) : null].filter(Boolean), good ? (status === 200 ? "yes" : "caught") : "no");
  openTab("token");
};

const curl = () => `curl -i ${quoted(`${servers.a}/products`)} -H ${quoted(`Authorization: Bearer ${forged.token}`)}`;

const es256 = () =>
  perform(async () => {
    await onStage("summon", { set: "es256" });
    const [{ email }] = people;
    const body = JSON.stringify({ email, password: passwords.get(email), mode: "token" });
    const headers = { "Content-Type": "application/json", ...lane("jwt") };
    const entered = await told(fetch(`${servers.auth_es256}/v1/login`, { method: "POST", credentials: "omit", headers, body }));
    const token = entered.body?.access_token;
    const { status, code } = await bare("a_es256", "/products", token);
    const values = { auth: say("actor.auth_es256"), a: say("actor.a_es256"), status: `${status} ${code}`.trim() };
    judge("es256-verdict", say("act.es256", values), status === 200 ? "yes" : "no");
    openTab("token");
  });

const jwks = () =>
  perform(async () => {
    await onStage("summon", { set: "es256" });
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
      if (!forged.token) load(await genuine(), null);
      await send();
    });
  $("copy-curl").onclick = () => copy(curl(), say("play.copied"), tell);
  $("es256").onclick = es256;
  $("jwks").onclick = jwks;
};
