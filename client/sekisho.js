// The browser client of sekisho. Types: sekisho.d.ts.

/** A refusal: the problem document of the server. */
export class SekishoError extends Error {
  name = "SekishoError";
  constructor(problem) {
    super(problem.detail);
    Object.assign(this, problem);
  }
}

// What another access token may mend, and what ends a session.
const STALE = /^(session_|token_(expired|stale|revoked|key_unknown))/;
const OVER = /^(session_|refresh_|token_missing)/;

/** @type {typeof import("./sekisho.js").createAuth} */
export function createAuth({ issuer = location.origin, mode = "session", apis = [], patience = 4000 } = {}) {
  const base = issuer.replace(/\/$/, "");
  const origins = [base, ...apis].map((url) => new URL(url).origin);
  const name = `sekisho ${mode} ${base}`;
  const channel = new BroadcastChannel(name);
  const listeners = new Set();
  const bySession = mode === "session";
  const credentials = "include";
  let turn, until, access, csrf, user, flight;

  // A login or logout begins a turn, `number.secret`; news of an earlier one counts for nothing. It is the
  // Idempotency-Key too: there before it is needed, the same in all tabs.
  const nth = (turn) => parseInt(turn) || 0;
  const now = (next) => {
    const kept = localStorage.getItem(name);
    // A message may come before its storage.
    if (kept !== turn && nth(kept) >= nth(turn)) [turn, access, csrf, user] = [kept, , , user || undefined];
    if (next || !kept) localStorage.setItem(name, (turn = nth(turn) + 1 + "." + crypto.randomUUID()));
    return turn;
  };
  const become = (said, why) => {
    const id = user?.id;
    access = said?.access_token;
    csrf = said?.csrf_token;
    until = performance.now() + said?.expires_in * 900;
    user = said && said.user;
    if (user?.id !== id) listeners.forEach((listener) => queueMicrotask(() => listener(user, why)));
  };
  const tell = (said, why) => {
    now(why !== "refresh");
    become(said, why);
    channel.postMessage([turn, said, why]);
  };
  channel.onmessage = ({ data: [when, said, why] }) => {
    if (nth(when) < nth(now())) return;
    turn = when;
    become(said, why);
  };

  // A lock that nobody gives back is not waited for.
  const alone = async (act) => {
    let entered;
    try {
      const signal = AbortSignal.timeout(patience * 1.25);
      return await navigator.locks.request(name, { signal }, () => act((entered = true)));
    } catch (error) {
      if (entered) throw error;
      return act();
    }
  };

  const read = async (response) => {
    if (response.status === 204) return;
    const body = await response.json().catch(() => response);
    if (response.ok) return body;
    throw new SekishoError({ status: response.status, ...body, retryAfter: +response.headers.get("Retry-After") });
  };

  const refresh = async (spent, tries = 0) => {
    let mine;
    try {
      await alone(async () => {
        mine = now();
        if (user === null || (access && access !== spent)) return;
        const headers = { "Sekisho-Client": "1", "Idempotency-Key": mine };
        const signal = AbortSignal.timeout(patience);
        const said = await read(await fetch(base + "/v1/refresh", { method: "POST", headers, signal, credentials }));
        if (mine === now()) tell(said, "refresh");
      });
    } catch (error) {
      const ended = OVER.test(error.code);
      // Believed when said twice: the cookie may just have been replaced.
      if (ended && (tries || !user)) return mine === now() && tell(null, error.code);
      if (!ended && (tries > 1 || error.status < 500)) throw error;
      await new Promise((go) => setTimeout(go, 400 * (tries + Math.random())));
      return refresh(spent, tries + 1);
    }
  };
  const renew = (spent) => (flight ??= refresh(spent).finally(() => (flight = undefined)));

  const send = async (request, byCookie, again) => {
    const { origin } = new URL(request.url);
    if (!origins.includes(origin)) throw new TypeError(origin + " is not in apis");
    const mine = now();
    if (!byCookie && user !== null && !(access && performance.now() < until)) {
      await renew(access).catch((error) => {
        if (!access) throw error;
      });
    }
    const sent = !byCookie && access;
    const copy = request.clone();
    if (sent) copy.headers.set("Authorization", "Bearer " + sent);
    if (byCookie && !/GET|HEAD/.test(request.method)) {
      csrf ??= (await read(await fetch(base + "/v1/csrf", { credentials }))).csrf_token;
      copy.headers.set("Sekisho-CSRF", csrf);
    }
    const response = await fetch(copy, byCookie || origin === origins[0] ? { credentials } : {});
    if (![401, 403].includes(response.status)) return response;
    const { code } = await response.clone().json().catch(() => response);
    if (byCookie && OVER.test(code) && mine === now()) tell(null, code);
    if (again) return response;
    if (byCookie && code === "csrf_failed") csrf = undefined;
    else if (sent && STALE.test(code)) sent === access && (await renew(sent));
    else return response;
    // Nothing was done: it may go again, once.
    return mine === now() && (byCookie || access) ? send(request, byCookie, true) : response;
  };

  const call = async (method, path, body, byCookie = bySession) => {
    const headers = { "Content-Type": "application/json" };
    return read(await send(new Request(base + path, { method, headers, body: JSON.stringify(body) }), byCookie));
  };

  return {
    get user() {
      return user;
    },
    call,
    fetch: async (input, init) => send(new Request(input, init), bySession),
    me: () => call("GET", "/v1/me"),
    async restore() {
      try {
        if (user === undefined) await (bySession ? this.me().then((me) => become({ user: me })) : renew());
      } catch (error) {
        if (user !== null) throw error;
      }
      return user;
    },
    login: ({ email, password }) =>
      alone(async () => {
        tell(await call("POST", "/v1/login", { email, password, mode }, true), "login");
        return user;
      }),
    logout: ({ scope } = {}) =>
      alone(async () => {
        await call("POST", "/v1/logout", { scope }, true).catch((error) => {
          if (user !== null) throw error;
        });
        if (user !== null && scope !== "others") tell(null, "logout");
      }),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
