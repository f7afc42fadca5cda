// The two ways to carry a login, each by a real client: what the page does, it does through these.

import { classic } from "./classic.js";
import { lane, marks } from "./marks.js";
import { CLIENT, servers } from "./stage.js";

const { createAuth } = await import(CLIENT);

const client = (mode) => createAuth({ issuer: servers.auth, mode, apis: [servers.a, servers.b] });

/** Where the JWT lane keeps its tokens: `cookie` is our own client, `storage` the classic design. */
export const keeping = { jwt: "cookie" };

const ours = { session: client("session"), jwt: client("browser") };
let mode = "jwt";

/** Ours, with its token in memory, whatever the lane has. */
export const inMemory = ours.jwt;

/** Two tabs are two clients: here is another one. */
export const anotherTab = () => client("browser");

/** The client of a lane. Beside a session there is one jar, and its cookie is the session's. */
export const clientOf = (name) =>
  name === "jwt" && (mode === "compare" || keeping.jwt === "storage") ? classic : ours[name];

export const setLanes = (next) => {
  mode = next;
  marks.lane = next === "jwt" ? "jwt" : "session";
};
export const lanes = () => (mode === "compare" ? ["session", "jwt"] : [mode]);

/** Do the same in every lane that is shown, at the same time; gives what came of it, by lane. */
export const inLanes = async (work) => {
  const names = lanes();
  const done = await Promise.all(names.map((name) => work(clientOf(name), name)));
  return Object.fromEntries(names.map((name, at) => [name, done[at]]));
};

/** What an answer says: its status, 0 where nobody answered, and its stable code. */
export const told = async (answer) => {
  try {
    const response = await answer;
    if (!response) return { status: 204, code: "", body: null };
    const body = await response.json().catch(() => null);
    return { status: response.status, code: body?.code ?? "", body };
  } catch (error) {
    return { status: error.status ?? 0, code: error.code ?? "", body: null };
  }
};

/** The same for what is refused by an error. */
export const outcome = (promise) =>
  promise.then(
    (value) => ({ status: 200, code: "", value }),
    (error) => ({ status: error.status ?? 0, code: error.code ?? "" }),
  );

/** Ask with a credential in the hand, past every client: what is sent is what is given. */
export const bare = (server, path, token, name = "jwt") =>
  told(
    fetch(servers[server] + path, {
      credentials: "omit",
      headers: { ...(token ? { Authorization: `Bearer ${token}` } : {}), ...lane(name) },
    }),
  );

/** Ask with the cookies of this browser. */
export const byCookie = (server, path) =>
  told(fetch(servers[server] + path, { credentials: "include", headers: lane("session") }));

export const get = (it, server, path) => told(it.fetch(servers[server] + path));
