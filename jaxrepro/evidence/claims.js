"use strict";
const boxes = [...document.querySelectorAll("[data-filter]")];
const claims = [...document.querySelectorAll("details.claim")];
const search = document.getElementById("search");

function show() {
  const chosen = { paper: [], status: [] };
  for (const box of boxes) if (box.getAttribute("aria-pressed") === "true") chosen[box.dataset.filter].push(box.value);
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let num = 0;
  for (const claim of claims) {
    const fits = ["paper", "status"].every((key) => !chosen[key].length || chosen[key].includes(claim.dataset[key]))
      && words.every((word) => claim.textContent.toLowerCase().includes(word));
    claim.hidden = !fits;
    num += fits;
  }
  document.getElementById("shown").textContent = `${num} of ${claims.length} claims`;
}
for (const box of boxes) box.addEventListener("click", () => {
  box.setAttribute("aria-pressed", box.getAttribute("aria-pressed") === "true" ? "false" : "true");
  show();
});
search.addEventListener("input", show);
for (const button of document.querySelectorAll("button.copy")) button.addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(button.previousElementSibling.textContent);
    button.textContent = "copied";
  } catch {
    getSelection().selectAllChildren(button.previousElementSibling);
  }
});
if (location.hash) {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (named) { named.open = true; named.scrollIntoView(); }
}
show();
