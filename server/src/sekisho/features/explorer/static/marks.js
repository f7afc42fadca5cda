// What this page writes on its own requests, so that the record can say which of them belong together.

import { servers } from "./stage.js";

/** What the visitor is doing, and by which lane, for requests that do not say so themselves. */
export const marks = { act: null, lane: "jwt" };

const LANE = "Sekisho-Explorer-Lane";
const ACT = "Sekisho-Explorer-Act";

const send = window.fetch.bind(window);

/** Every request to a server of the stage gets them, those of the browser client included; they end at the tap. */
window.fetch = (input, init) => {
  const request = new Request(input, init);
  if (marks.act && Object.values(servers).includes(new URL(request.url).origin)) {
    request.headers.set(ACT, marks.act);
    if (!request.headers.has(LANE)) request.headers.set(LANE, marks.lane);
  }
  return send(request);
};

export const lane = (name) => ({ [LANE]: name });
