// Who is logged in, in each lane, and how somebody gets there.

import { classic } from "./classic.js";
import { all } from "./dom.js";
import { clientOf, inLanes, lanes, outcome } from "./lanes.js";
import { laneName } from "./player.js";
import { record } from "./record.js";
import { people } from "./stage.js";
import { say } from "./words.js";

/** The password that somebody has, as far as this page was told. */
export const passwords = new Map(people.map(({ email, password }) => [email, password]));

export const short = (email) => {
  const name = email.split("@")[0];
  return name[0].toUpperCase() + name.slice(1);
};

/** What a lane needs to still be logged in: another mode's login takes the cookie away. */
const held = { session: () => record.jar.has("sekisho"), jwt: () => record.jar.has("sekisho-refresh") };

export const whoIs = (lane) => {
  const client = clientOf(lane);
  return (client === classic || held[lane]()) && client.user ? client.user.email : null;
};

export const enter = (email, password = passwords.get(email)) => inLanes((it) => outcome(it.login({ email, password })));

/** Be logged in as `email`, or as anybody, in every lane that is shown. */
export const be = async (email = null) => {
  const wanted = (lane) => (email ? whoIs(lane) === email : whoIs(lane) !== null);
  if (lanes().every(wanted)) return true;
  const done = await enter(email ?? people[0].email);
  return Object.values(done).every(({ status }) => status === 200);
};

export const showWho = () => {
  const text = lanes()
    .map((lane) => say(whoIs(lane) ? "act.signed_in" : "act.signed_out", { who: short(whoIs(lane) ?? "?"), mode: laneName(lane) }))
    .join(" ");
  for (const place of all("[data-who], #who-is-in")) place.textContent = text;
};
