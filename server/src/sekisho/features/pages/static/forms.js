// What a form does beyond what it does by itself: it shows a password to who types it, and it is not sent while a
// word is being composed.
for (const input of document.querySelectorAll("input[data-reveal]")) {
  const button = document.createElement("button");
  const show = (shown) => {
    input.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
  };
  button.type = "button";
  button.className = "reveal";
  // For who does not see beside which field it stands.
  const of = document.createElement("span");
  of.className = "unseen";
  of.textContent = ` ${input.labels[0].textContent}`;
  button.append(input.dataset.reveal, of);
  button.setAttribute("aria-controls", input.id);
  button.addEventListener("click", () => show(input.type === "password"));
  show(false);
  input.after(button);
  // As what it is: managers keep passwords, and a browser offers again what was in a field of text.
  input.form?.addEventListener("submit", () => show(false));
}

// The Enter that ends a composition chooses a word (Safari tells it by the key code alone).
addEventListener("keydown", (event) => {
  const composing = event.isComposing || event.keyCode === 229;
  if (event.key === "Enter" && composing && event.target instanceof HTMLInputElement) event.preventDefault();
});
