// The explorer. Every request it shows is this browser's own, or the stage's; every arrow is one that was recorded.

import { startAws } from "./aws.js";
import { startCalling } from "./chapter-call.js";
import { startDeciding } from "./chapter-decide.js";
import { startEntering } from "./chapter-enter.js";
import { startExpiry } from "./chapter-expiry.js";
import { startLeaving } from "./chapter-logout.js";
import { startStealing } from "./chapter-stolen.js";
import { startTampering } from "./chapter-tamper.js";
import { startTwo } from "./chapter-two.js";
import { showCost } from "./cost.js";
import { $, all } from "./dom.js";
import { onStage, perform, tell } from "./doing.js";
import { startInspector } from "./inspector.js";
import { clientOf, lanes, outcome, setLanes } from "./lanes.js";
import { showWho } from "./people.js";
import { player, setMode, start } from "./player.js";
import { startRail } from "./rail.js";
import { follow, record, settle } from "./record.js";
import { act, key, up } from "./stage.js";

const MODE = "explorer mode";
/** Which run this browser was in last. */
const KNOWN = "explorer";

/** Choose session, JWT or both, wherever it was chosen. */
const choose = (mode) => {
  sessionStorage.setItem(MODE, mode);
  document.body.dataset.mode = mode;
  for (const each of all("input[name=mode], input[name=start-mode]")) each.checked = each.value === mode;
  for (const each of all("[data-for]")) each.hidden = !each.dataset.for.split(" ").includes(mode);
  setLanes(mode);
  setMode(mode);
  showWho();
  showCost();
  $("questions").elements.where.value = mode === "jwt" ? "spa" : "pages";
  window.auth = clientOf(lanes().at(-1));
};

const live = (on) => {
  $("live").dataset.live = on ? "on" : "off";
  $("live-text").textContent = on ? $("live-text").dataset.on : $("live-text").dataset.off;
};

/** What the browser still holds from before the page was loaded. */
const restore = () =>
  Promise.all(
    lanes()
      .map(clientOf)
      .filter((client) => client.restore)
      .map((client) => outcome(client.restore())),
  );

const startChoices = () => {
  for (const each of all("input[name=mode], input[name=start-mode]")) {
    each.addEventListener("change", () => {
      choose(each.value);
      document.dispatchEvent(new CustomEvent("chosen"));
    });
  }
  $("theme").onchange = () => {
    document.documentElement.dataset.theme = $("theme").value;
    const url = new URL($("language").href);
    url.searchParams.set("theme", $("theme").value);
    $("language").href = url;
  };
  for (const button of all("[data-clock]")) {
    button.onclick = () => perform(() => onStage("clock", { seconds: Number(button.dataset.clock) }));
  }
  $("reset").onclick = async () => {
    await act("reset");
    localStorage.clear();
    sessionStorage.clear();
    location.reload();
  };
};

start(tell);
startInspector(tell);
startRail();
choose(sessionStorage.getItem(MODE) ?? "jwt");
startChoices();
for (const begin of [startEntering, startCalling, startExpiry, startLeaving, startTampering, startStealing, startAws, startDeciding]) begin();
player.addEventListener("step", showCost);
record.addEventListener("event", () => {
  showWho();
  showCost();
});
record.addEventListener("live", ({ detail }) => live(detail));
up.catch(() => live(false));
const { seq } = await up;
const again = localStorage.getItem(KNOWN) === key.slice(0, 8);
follow(again ? 0 : seq);
await startTwo();
if (again) await restore();
localStorage.setItem(KNOWN, key.slice(0, 8));
settle();
showWho();
document.body.dataset.ready = "";
