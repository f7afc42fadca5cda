/** Who is logged in, as the server says it. Rights in here are for what a page shows; APIs decide by themselves. */
export interface User {
  id: string;
  email: string;
  locale: string;
  roles: string[];
  groups: string[];
  entitlements: string[];
}

/** `GET /v1/me`: the user, and the session of this browser. */
export interface Me extends User {
  session_id: string;
  auth_time: string;
  amr: string[];
  created_at: string;
}

/** One line of `GET /v1/sessions`. */
export interface Session {
  id: string;
  mode: "session" | "browser" | "token";
  created_at: string;
  last_used_at: string;
  ip: string;
  user_agent: string;
  current: boolean;
}

/**
 * Why `user` changed: something was done in this tab or another one, or the `code` by which the server ended it, such
 * as `session_revoked` or `refresh_reused`. Where it was found at the start of a page: `refresh`, or none.
 */
export type Why = "login" | "logout" | "refresh" | (string & {}) | undefined;

export interface Options {
  /** The URL of the auth server. By default the origin of the page. */
  issuer?: string;
  /**
   * How the session is carried. `session` (by default): an HttpOnly cookie alone. `browser`: an access token in the
   * memory of the page, and a refresh token in an HttpOnly cookie.
   */
  mode?: "session" | "browser";
  /** Origins of your APIs. No others but the issuer's are sent anything. */
  apis?: string[];
  /** Milliseconds after which a refresh is given up and tried again: less than half of `SEKISHO_REFRESH_GRACE`. */
  patience?: number;
}

export interface Auth {
  /** Who is logged in; null when nobody is, undefined before that is known. */
  readonly user: User | null | undefined;

  /** Find out who is logged in, at the start of a page; null when nobody is. */
  restore(): Promise<User | null>;

  /**
   * Log in, in every tab of this origin.
   *
   * @throws SekishoError `invalid_credentials`, `rate_limited` with `retryAfter`
   */
  login(credentials: { email: string; password: string }): Promise<User>;

  /**
   * Log out here (`this`, by default), everywhere else (`others`), or both (`all`). Where the server cannot be
   * reached it rejects, and the user is still logged in.
   */
  logout(options?: { scope?: "this" | "others" | "all" }): Promise<void>;

  /**
   * The `fetch` of the browser, with the credential of the session. A refusal that another access token or CSRF token
   * mends is mended, and the request repeated once, whatever its method or body: it had been refused unread.
   *
   * @throws TypeError where the origin is not in `apis`, or nobody answers
   */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;

  /**
   * Ask the auth server, in JSON: `call("DELETE", "/v1/sessions/...")`. An answer without content is undefined.
   *
   * @throws SekishoError whatever was refused
   */
  call<T = unknown>(method: "GET" | "POST" | "DELETE", path: string, body?: object): Promise<T>;

  /** @throws SekishoError `token_missing`, `session_revoked` and others, where nobody is logged in */
  me(): Promise<Me>;

  /** Be told when somebody logs in or out, in whichever tab. Returns what ends that. */
  subscribe(listener: (user: User | null, why: Why) => void): () => boolean;
}

/** One client for a page: make it once, share it. */
export function createAuth(options?: Options): Auth;

/** A refusal: the problem document of the server (RFC 9457). Compare `code`, show `detail`. */
export class SekishoError extends Error {
  readonly name: "SekishoError";
  /** Stable. Undefined where something else than the auth server answered, such as a proxy. */
  readonly code?: string;
  readonly status: number;
  readonly title?: string;
  readonly detail?: string;
  readonly request_id?: string;
  /** Of `validation_failed`: each field by its JSON pointer. */
  readonly errors?: { pointer: string; code: string; detail: string }[];
  /** Seconds to wait, with `rate_limited` and `unavailable`; else 0. */
  readonly retryAfter: number;
}
