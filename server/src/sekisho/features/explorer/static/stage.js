// The servers of this run, and what may be done to them: the explorer's own API.

const told = JSON.parse(document.querySelector("meta[name=sekisho-explorer]").content);

/** Proves to the explorer that its own page asks, and names this run. */
export const key = told.key;
export const people = told.people;
export const CLIENT = told.client;
/** Origin by name; further ones come when a chapter summons them. */
export const servers = { ...told.servers };
/** What is known of the run: lifetimes in seconds, by how much the clock was moved, and whether the auth server is stopped. */
export const run = { access: 20, refresh: 600, idle: 600, offset: 0, stopped: false };

/** POSIX seconds on the clock of the servers. */
export const now = () => Date.now() / 1000 + run.offset;

export const eventsUrl = () => `/explore/events?key=${encodeURIComponent(key)}`;

const ask = async (path, init = {}) => {
  const headers = { "Sekisho-Explorer": key, "Content-Type": "application/json", ...init.headers };
  const response = await fetch(`/explore/${path}`, { ...init, headers });
  const body = await response.json();
  if (!response.ok) throw Object.assign(new Error(body.detail), { code: body.code, status: response.status });
  return body;
};

const learn = (state) => {
  for (const [name, server] of Object.entries(state.servers ?? {})) servers[name] = server.url;
  if (state.clock) run.offset = state.clock.now - Date.now() / 1000;
  run.access = state.access_ttl ?? run.access;
  run.refresh = state.refresh_ttl ?? run.refresh;
  run.idle = state.session_idle ?? run.idle;
  if (state.servers?.auth) run.stopped = !state.servers.auth.up;
  return state;
};

export const state = async () => learn(await ask("state"));
/** The page is there before the servers are: nobody does anything until the explorer tells how they stand. */
export const up = state();
export const tables = async () => (await ask("tables")).tables;

/** Do something to the stage. */
export const act = async (name, body = {}) => learn(await ask(`acts/${name}`, { method: "POST", body: JSON.stringify(body) }));
