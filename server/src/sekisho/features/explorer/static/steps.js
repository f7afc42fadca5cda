// What one event is called and how it is drawn. Only what the event says: nothing is added.

import { marks } from "./marks.js";
import { record } from "./record.js";
import { number, say } from "./words.js";

const NOTES = new Set(["hash.verify", "token.sign", "token.check"]);
const BANDS = new Set(["clock", "server", "operator"]);
const DRAWN = new Set(["http.request", "http.response", "db.read", "db.write", "redis.read", "redis.write", "feed.entry", ...NOTES, ...BANDS]);

const TABLE = /\b(?:FROM|INTO|UPDATE)\s+(\w+)/i;

/** `SELECT users` of a statement, which may begin with a WITH. */
const statement = (sql) => {
  const verb = sql.match(/\b(SELECT|INSERT|UPDATE|DELETE|BEGIN|COMMIT)\b/i)?.[1].toUpperCase() ?? "SQL";
  const main = sql.match(/\b(INSERT INTO|UPDATE|DELETE FROM)\s+(\w+)/i);
  return main ? `${main[1].split(" ")[0].toUpperCase()} ${main[2]}` : `${verb} ${sql.match(TABLE)?.[1] ?? ""}`.trim();
};

/** `MGET session:4ae1…` of a command: the key is a hash, and its beginning is enough to know it again. */
const command = (text) => {
  const [verb, key] = text.split(" ");
  return `${verb} ${key.replace(/^sekisho:/, "").slice(0, 16)}…`;
};

const credential = ({ credential: held }) =>
  held ? ` · ${held.kind === "bearer" ? "Bearer" : "Cookie"}` : "";

const label = (event) => {
  const { kind, msg, refs = {}, ms } = event;
  const values = { ...msg.values, ...refs };
  if (refs.operation) return `${refs.operation} ${refs.stage}`.trim();
  if (kind === "http.request") return `${values.method} ${values.path}${credential(refs)}`;
  if (kind === "http.response") return `${event.status} ${event.code ?? ""}`.trim();
  if (kind === "db.read" || kind === "db.write") return statement(refs.sql ?? "");
  if (kind === "redis.read" || kind === "redis.write") return command(refs.command);
  if (kind === "feed.entry") return say("note.feed_any");
  if (kind === "hash.verify") return `${values.alg ?? "argon2id"} · ${number(ms ?? 0)} ms`;
  if (kind === "token.sign") return say("note.sign", { alg: values.alg, ms: number(ms ?? 0) });
  if (kind === "token.check") return say(values.code ? "note.check_no" : "note.check_ok", values);
  if (kind === "clock") return say("note.clock", { seconds: number(values.seconds ?? 0) });
  if (kind === "operator") return values.command ?? "";
  return say(values.up ? "note.up" : "note.down", { server: actor(values.server ?? "auth") });
};

/** What stands at the right of a label: how long it took, or that Redis had nothing, or did not answer. */
const aside = ({ kind, ms, refs }) => {
  if (kind.startsWith("redis.")) return refs.silent ?? (refs.found ? "" : refs.answer);
  return kind === "http.response" && ms ? `${number(ms)} ms` : "";
};

const tone = (event) => {
  if (event.msg.id === "ev.aws.none") return "plain";
  if (event.kind === "http.response") return event.status >= 400 ? "bad" : "good";
  if (event.kind === "token.check") return event.msg.values?.code || event.refs?.code ? "bad" : "good";
  return "plain";
};

const shape = ({ kind }) => (NOTES.has(kind) ? "note" : BANDS.has(kind) ? "band" : "arrow");

/** The name of a lifeline or a process. */
export const actor = (name) => say(`actor.${name}`);

/** The name of who is meant, where another process stands on the lifeline. */
const named = (place, event) => (event.refs?.server && place === lifeline(event) ? event.refs.server : place);
const lifeline = (event) => (event.kind === "http.request" ? event.to : event.from);

/** Whether the browser only asked for leave (CORS), or was answered that. */
export const isPreflight = (event) =>
  event.msg.id === "ev.preflight" || record.exchanges.get(event.id)?.request.msg.id === "ev.preflight";

/** Counting the attempts is a detail: the same few statements at every login. */
const isThrottle = ({ kind, refs }) => kind.startsWith("db.") && / throttle$/.test(statement(refs?.sql ?? ""));

/** What a server reads for itself: for the feed, and its key at AWS every minute. */
const isOwn = (event) => {
  const { kind, refs = {} } = record.exchanges.get(event.id)?.request ?? event;
  if (/^(db|redis)\./.test(kind)) return Boolean(refs.for) && !record.exchanges.has(refs.for);
  return refs.operation === "GetSecretValue" && !marks.aws;
};

/** A step of the diagram, or nothing for what is not drawn. */
export const stepOf = (event) => {
  if (!DRAWN.has(event.kind)) return null;
  const step = {
    seq: event.seq,
    event,
    lane: event.kind === "feed.entry" ? "jwt" : event.lane,
    from: event.from,
    to: event.to,
    shape: shape(event),
    tone: tone(event),
    answer: event.kind === "http.response",
    thin: /^(db|redis|feed)\./.test(event.kind),
    folded: isPreflight(event) || isThrottle(event) || isOwn(event),
    label: label(event),
    aside: aside(event),
    caption: say(event.msg.id, { ...event.refs, ...event.msg.values, code: event.code ?? event.msg.values?.code }),
  };
  const [from, to] = [actor(named(step.from, event)), actor(named(step.to, event))];
  step.text = step.shape === "arrow" ? `${from} → ${to}: ${step.label}` : `${from}: ${step.label}`;
  return step;
};
