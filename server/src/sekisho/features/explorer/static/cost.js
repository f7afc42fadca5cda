// What the act that is shown has cost, counted from what the servers recorded.

import { all } from "./dom.js";
import { player } from "./player.js";
import { record } from "./record.js";
import { isPreflight } from "./steps.js";
import { number, say } from "./words.js";

/** Seconds from the end of a session to the first refusal, by lane: measured in chapter 4. */
export const revoked = { session: null, jwt: null };

/** A shop only passes on what they present. */
const CLIENTS = new Set(["browser", "thief"]);

const mine = (event, lane) => (event.lane ?? null) === lane && event.act === player.act;

const counted = (lane) => {
  const cost = { reads: 0, writes: 0, redis: 0, asked: 0, bytes: 0, ms: 0, any: false };
  for (const event of record.events) {
    if (!mine(event, lane)) continue;
    cost.any = true;
    if (event.kind === "db.read" && event.to === "db") cost.reads += 1;
    if (event.kind === "db.write" && event.to === "db") cost.writes += 1;
    if (event.to === "redis" && event.kind.startsWith("redis.")) cost.redis += 1;
    if (isPreflight(event)) continue;
    if (event.kind === "http.request") {
      if (event.to === "auth") cost.asked += 1;
      if (CLIENTS.has(event.from)) cost.bytes += event.refs?.credential?.bytes ?? 0;
    }
    if (event.kind === "http.response" && CLIENTS.has(event.to)) cost.ms += event.ms ?? 0;
  }
  return cost;
};

const words = ({ any, reads, writes, redis, asked, bytes, ms }, lane) => {
  const revoke = revoked[lane] === null ? "–" : say("note.seconds", { seconds: number(revoked[lane]) });
  if (!any) return { reads: "–", writes: "–", redis: "–", asked: "–", bytes: "–", ms: "–", revoke };
  return {
    reads: say("note.times", { count: reads }),
    writes: say("note.times", { count: writes }),
    redis: say("note.times", { count: redis }),
    asked: say("note.times", { count: asked }),
    bytes: `${number(bytes)} B`,
    ms: `${number(ms)} ms`,
    revoke,
  };
};

export const showCost = () => {
  for (const lane of ["session", "jwt"]) {
    const said = words(counted(lane), lane);
    for (const cell of all(`.cost td[data-lane=${lane}]`)) cell.textContent = said[cell.dataset.cost];
  }
};
