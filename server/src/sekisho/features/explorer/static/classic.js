// The classic design, as many applications have it: both tokens in the answer, both kept in localStorage.
// It works, and chapter 6 shows what is wrong with it.

import { lane } from "./marks.js";
import { servers } from "./stage.js";

const NAME = "tokens";
const AGAIN = /^token_(expired|stale|revoked|key_unknown)/;

const read = () => JSON.parse(localStorage.getItem(NAME) ?? "null");
const keep = (said) => {
  const { access_token, refresh_token } = said;
  localStorage.setItem(NAME, JSON.stringify({ access_token, refresh_token, next: crypto.randomUUID() }));
  return said;
};

const post = async (path, body, headers = {}) => {
  const response = await fetch(servers.auth + path, {
    method: "POST",
    credentials: "omit",
    headers: { "Content-Type": "application/json", ...lane("jwt"), ...headers },
    body: JSON.stringify(body),
  });
  const said = response.status === 204 ? null : await response.json();
  if (!response.ok) throw Object.assign(new Error(said.detail), { status: response.status, code: said.code });
  return said;
};

export const classic = {
  get user() {
    return read() && { email: localStorage.getItem("who") };
  },
  async login({ email, password }) {
    keep(await post("/v1/login", { email, password, mode: "token" }));
    localStorage.setItem("who", email);
  },
  async refresh() {
    const held = read();
    try {
      keep(await post("/v1/refresh", { refresh_token: held?.refresh_token ?? "" }, { "Idempotency-Key": held?.next ?? "-" }));
    } catch (error) {
      if (error.status === 401) this.forget();
      throw error;
    }
  },
  async fetch(url, again = true) {
    const headers = { Authorization: `Bearer ${read()?.access_token}`, ...lane("jwt") };
    const answer = await fetch(url, { credentials: "omit", headers: read() ? headers : lane("jwt") });
    if (answer.status !== 401 || !again || !read()) return answer;
    const { code } = await answer.clone().json();
    if (!AGAIN.test(code)) return answer;
    await this.refresh();
    return this.fetch(url, false);
  },
  async logout() {
    const held = read();
    this.forget();
    if (held) await post("/v1/logout", { refresh_token: held.refresh_token });
  },
  forget() {
    localStorage.removeItem(NAME);
    localStorage.removeItem("who");
  },
};
