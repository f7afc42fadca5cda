// The code stands behind the # of the link, which no browser sends anywhere: it is put into the form, and taken
// out of the address bar and the history. Also where the link is pasted while the page is open.
const take = () => {
  const code = document.querySelector("#code");
  const given = location.hash.slice(1);
  if (!(code instanceof HTMLInputElement) || !given) return;
  code.value = given;
  history.replaceState(null, "", location.pathname);
  document.querySelector("#email")?.focus();
};
addEventListener("hashchange", take);
take();
