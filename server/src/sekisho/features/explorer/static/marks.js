// What this page writes on its own requests, so that the record can say which of them belong together.

import { servers } from "./stage.js";

/** What the visitor is doing, by which lane where a request does not say so itself, how often it was answered; whether of AWS. */
export const marks = { act: null, lane: "jwt", answered: 0, aws: false };

const LANE = "Sekisho-Explorer-Lane";
const ACT = "Sekisho-Explorer-Act";

const send = window.fetch.bind(window);

/** Every request to a server of the stage gets them, those of the browser client included; they end at the tap. */
window.fetch = async (input, init) => {
  const request = new Request(input, init);
  const { act } = marks;
  if (!act || !Object.values(servers).includes(new URL(request.url).origin)) return send(request);
  request.headers.set(ACT, act);
  if (!request.headers.has(LANE)) request.headers.set(LANE, marks.lane);
  const response = await send(request);
  if (act === marks.act) marks.answered += 1;
  return response;
};

export const lane = (name) => ({ [LANE]: name });
