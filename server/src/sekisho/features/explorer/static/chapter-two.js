// Chapter 7: what one server knows, and another does not; what goes on when the auth server is gone.

import { $, all } from "./dom.js";
import { judge, onStage, perform, wait } from "./doing.js";
import { byCookie, get, inLanes, lanes } from "./lanes.js";
import { be } from "./people.js";
import { openTab } from "./inspector.js";
import { laneName } from "./player.js";
import { have } from "./sets.js";
import { people, state } from "./stage.js";
import { actor } from "./steps.js";
import { number, say } from "./words.js";

const line = (name, { status, code }) => `${name}: ${status ? `${status} ${code}`.trim() : say("play.nobody")}`;

const showUp = (button, up) => {
  button.setAttribute("aria-pressed", !up);
  button.textContent = up ? button.dataset.stop : button.dataset.start;
};
const showAuth = (up) => showUp($("stop-auth"), up);

/** Whom A and B ask is what they share; for each way of sharing, the two shops, and the set that they are of. */
const STORES = {
  shared: { a: "a", b: "b" },
  memory: { a: "a", b: "b_alone", set: "alone" },
  redis: { a: "a_redis", b: "b_redis", set: "redis" },
};

/** A token is looked up nowhere, so without a session there is nothing to choose. */
const store = () => (lanes().includes("session") ? document.querySelector("input[name=store]:checked").value : "shared");

const ready = async () => {
  const { set } = STORES[store()];
  return !set || have(set, "two-verdict");
};

const showStore = (redisUp = true) => {
  const redis = store() === "redis";
  $("redis-what").hidden = $("stop-redis").hidden = !redis;
  showUp($("stop-redis"), redisUp);
};

const chooseStore = () => {
  showStore();
  return perform(async () => {
    $("two-verdict").hidden = true;
    if (!(await ready())) {
      document.querySelector("input[name=store][value=shared]").checked = true;
      showStore();
      return;
    }
    showStore((await state()).servers.redis?.up);
    if (store() === "redis") openTab("tables");
    judge("two-verdict", say("act.store_ready"), "yes");
  });
};

const turnRedis = () =>
  perform(async () => {
    const up = $("stop-redis").getAttribute("aria-pressed") === "true";
    await onStage("server", { name: "redis", up });
    showUp($("stop-redis"), up);
    judge("two-verdict", say(up ? "act.started_redis" : "act.stopped_redis"), up ? "yes" : "no");
  });

const ask = (which) =>
  perform(async () => {
    if (!(await ready()) || !(await be())) return;
    const server = STORES[store()][which];
    // Our client asks the shops that it was told of; the cookie goes to each of this host.
    const answers = await inLanes((it, lane) => (lane === "session" ? byCookie(server, "/products") : get(it, server, "/products")));
    const text = lanes().map((lane) => line(`${laneName(lane)}, ${actor(server)}`, answers[lane]));
    judge("two-verdict", text.join(" · "), Object.values(answers).every(({ status }) => status === 200) ? "yes" : "no");
  });

const turnAuth = () =>
  perform(async () => {
    const up = $("stop-auth").getAttribute("aria-pressed") === "true";
    if (!up && !(await be())) return;
    await onStage("server", { name: "auth", up });
    showAuth(up);
    judge("two-verdict", say(up ? "act.started" : "act.stopped"), up ? "yes" : "no");
  });

/** What comes of the next call; of one that has to end, until it does. */
const afterwards = async (it, ends) => {
  let answer = await get(it, "a", "/products");
  for (let tries = 0; ends && answer.status === 200 && tries < 60; tries += 1) {
    await wait(50);
    answer = await get(it, "a", "/products");
  }
  return answer;
};

const operate = (what) =>
  perform(async () => {
    const aya = people[0].email;
    const told = what !== "enable" && (await be(aya));
    const { command } = await onStage("operate", what === "rotate-key" ? { what } : { what, email: aya });
    const began = performance.now();
    const answers = told ? await inLanes((it) => afterwards(it, what === "disable")) : {};
    const seconds = (performance.now() - began) / 1000;
    const text = Object.entries(answers).map(([lane, answer]) => `${line(laneName(lane), answer)} (${say("note.seconds", { seconds: number(seconds) })})`);
    judge("two-verdict", [say("act.operator", { command }), ...text].join(" · "), "yes");
  });

export const startTwo = async () => {
  for (const button of all("[data-two]")) button.onclick = () => ask(button.dataset.two);
  for (const button of all("[data-operate]")) button.onclick = () => operate(button.dataset.operate);
  $("stop-auth").onclick = turnAuth;
  $("stop-redis").onclick = turnRedis;
  for (const each of all("input[name=store]")) each.addEventListener("change", chooseStore);
  document.addEventListener("chosen", () => showStore());
  const { servers: found } = await state();
  showAuth(found.auth.up);
};
