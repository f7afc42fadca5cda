// The steps tick themselves while somebody looks. Without this script, loading the page again does.
const steps = [...document.querySelectorAll("[data-check]")];
const every = 2_000; // milliseconds

const show = (found) => {
  for (const step of steps) {
    const done = found[step.dataset.check];
    const text = done ? step.dataset.yes : step.dataset.no;
    step.classList.toggle("done", done);
    if (step.textContent !== text) step.textContent = text;
  }
  return steps.every((step) => found[step.dataset.check]);
};

const look = async () => {
  if (document.visibilityState === "visible") {
    const answer = await fetch(`${location.pathname}/state`).catch(() => null);
    // Logged out meanwhile, or all is done: there is nothing more to see. A server that is away comes back.
    if (answer && (answer.status < 500) && (!answer.ok || show(await answer.json()))) return;
  }
  setTimeout(look, every);
};
look();
