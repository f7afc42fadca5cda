// The auth server whose SECRET_KEY is at AWS Secrets Manager: when it asks there, and when it does not.

import { $, all } from "./dom.js";
import { judge, onStage, perform, recorded } from "./doing.js";
import { told } from "./lanes.js";
import { lane, marks } from "./marks.js";
import { table } from "./panel-tables.js";
import { openTab } from "./inspector.js";
import { passwords } from "./people.js";
import { record, until } from "./record.js";
import { have } from "./sets.js";
import { people, servers } from "./stage.js";
import { decode } from "./token-text.js";
import { say } from "./words.js";

const PLACE = "aws-verdict";
/** Seconds of a skip: the time between two readings. */
const EVERY = 60;
/** Seconds that it may take to notice. */
const PATIENCE = 20;

const kid = (token) => JSON.parse(decode(token.split(".")[0])).kid;
const asked = (event) => event.msg.id === "ev.aws.get";
const countAsked = (from, to = Infinity) => record.events.filter((event) => asked(event) && event.seq > from && event.seq < to).length;
const newest = () => record.events.at(-1)?.seq ?? 0;

/** Log in there, the tokens in the answer; gives the token, and says at `place` who signed it and who was asked. */
export const logInAtAws = async (email, password, place) => {
  if (!(await have("aws", place))) return null;
  const body = JSON.stringify({ email, password, mode: "token" });
  const headers = { "Content-Type": "application/json", ...lane("jwt") };
  const answer = await told(fetch(`${servers.auth_aws}/v1/login`, { method: "POST", credentials: "omit", headers, body }));
  await recorded();
  if (answer.status !== 200) {
    judge(place, say("act.refused", { code: answer.code || answer.status }), "no");
    return null;
  }
  const { request, response } = [...record.exchanges.values()].findLast((each) => each.request.act === marks.act && each.request.msg.id === "ev.login");
  const token = answer.body.access_token;
  judge(place, say("act.aws_login", { kid: kid(token), count: countAsked(request.seq, response.seq) }), "yes");
  return token;
};

const aya = () => [people[0].email, passwords.get(people[0].email)];

const step = async (name, words) => {
  if (!(await have("aws", PLACE))) return;
  await onStage("secret", { step: name });
  judge(PLACE, say(words), "yes");
};

/** Whether it has read since: the last of the three stages was answered. */
const hasRead = (from) =>
  record.events.some((event) => event.seq > from && asked(event) && event.refs.stage === "AWSPREVIOUS" && record.exchanges.get(event.id)?.response);

const read = async () => {
  const before = await logInAtAws(...aya(), PLACE);
  if (!before) return;
  judge(PLACE, say("act.aws_late"), "no");
  const from = newest();
  await onStage("clock", { seconds: EVERY });
  await until(() => hasRead(from), PATIENCE).catch(() => null);
  const after = await logInAtAws(...aya(), PLACE);
  if (!after) return;
  const headers = { Authorization: `Bearer ${before}`, ...lane("jwt") };
  const { status, code } = await told(fetch(`${servers.auth_aws}/v1/me`, { credentials: "omit", headers }));
  judge(PLACE, say("act.aws_read", { kid: kid(after), old: kid(before), status: `${status} ${code}`.trim() }), status === 200 ? "yes" : "no");
};

const ACTS = {
  start: async () => {
    const there = servers.auth_aws;
    const from = newest();
    if (!(await have("aws", PLACE))) return;
    await until(() => there || hasRead(from), PATIENCE);
    judge(PLACE, there ? say("act.aws_there") : say("act.aws_up", { count: countAsked(from) }), "yes");
  },
  login: () => logInAtAws(...aya(), PLACE),
  pending: () => step("pending", "act.aws_pending"),
  promote: () => step("promote", "act.aws_promoted"),
  read,
};

const showVersions = () => {
  const versions = record.tables.find(({ name }) => name === "secretsmanager");
  $("aws-versions").hidden = !versions;
  if (versions) $("aws-table").replaceChildren(table(versions));
};

export const startAws = () => {
  for (const button of all("[data-aws]")) {
    button.onclick = () => {
      openTab("http");
      return perform(ACTS[button.dataset.aws]);
    };
  }
  record.addEventListener("event", ({ detail }) => (!detail || detail.kind === "rows") && showVersions());
};
