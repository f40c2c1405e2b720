// Keys and small comforts. Every page works without this file: each state is an address, each action a link or form.

const help = document.getElementById("help");
const search = document.getElementById("find");
const rows = () => [...document.querySelectorAll("[data-rows] > [data-row]")];
const link = (row) => row.querySelector("a[href]");
let chosen = -1;
let waits = false; // was `g` pressed just now?

function choose(place) {
  const found = rows();
  if (!found.length) return;
  chosen = Math.max(0, Math.min(found.length - 1, place));
  found.forEach((row, at) => row.classList.toggle("chosen", at === chosen));
  link(found[chosen])?.focus({ preventScroll: true });
  found[chosen].scrollIntoView({ block: "nearest" });
}

function go(selector) {
  const found = document.querySelector(selector);
  if (found) found.click();
  return Boolean(found);
}

const ALWAYS = {
  "/": () => { search.focus(); search.select(); },
  "?": () => help.showModal(),
};
// A page of labelling has its own keys (label.js).
const KEYS = document.getElementById("question") ? ALWAYS : {
  ...ALWAYS,
  g: () => {
    waits = true;
    setTimeout(() => { waits = false; }, 1500);
  },
  j: () => choose(chosen + 1),
  k: () => choose(chosen - 1),
  n: () => go("[data-turn=n]"),
  p: () => go("[data-turn=p]"),
  u: () => go("[data-up]"),
};

function pressed(event) {
  if (event.ctrlKey && event.key === "Enter" && event.target.form) return event.target.form.requestSubmit();
  const writes = event.target.matches("input, textarea, select, [contenteditable]");
  if (event.key === "Escape" && writes) event.target.blur();
  if (writes || event.ctrlKey || event.altKey || event.metaKey || event.isComposing || help.open) return;
  if (waits) {
    waits = false;
    if (go(`header [data-key="${CSS.escape(event.key)}"]`)) event.preventDefault();
    return;
  }
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

// A page that takes a while says so at once, and not when it is quick.
function leaving() {
  const timer = setTimeout(() => document.documentElement.setAttribute("aria-busy", "true"), 150);
  addEventListener("pageshow", () => { clearTimeout(timer); document.documentElement.removeAttribute("aria-busy"); });
}

// The source of a page begins with what nobody kept: show the longest part that was.
for (const pane of document.querySelectorAll("pre.markup")) {
  const kept = [...pane.querySelectorAll("ins")];
  const longest = kept.reduce((best, one) => (one.textContent.length > best.textContent.length ? one : best), kept[0]);
  if (longest) pane.scrollTop = longest.offsetTop - pane.offsetTop - 80;
}

document.addEventListener("keydown", pressed);
document.getElementById("keys").addEventListener("click", ALWAYS["?"]);
document.addEventListener("submit", leaving);
document.addEventListener("click", (event) => {
  const to = event.target.closest("a[href]");
  if (to && !to.target && !to.hasAttribute("download") && to.getAttribute("href")[0] === "/") leaving();
});

// A slider moves over the columns of a histogram, whose edges may stand at powers of two.
function between(slider) {
  const edges = JSON.parse(slider.dataset.edges);
  const place = Math.min(Math.floor(slider.value), edges.length - 2);
  const value = edges[place] + (slider.value - place) * (edges[place + 1] - edges[place]);
  return slider.dataset.whole ? Math.round(value) : Number(value.toPrecision(4));
}

for (const form of document.querySelectorAll("form[data-live]")) {
  form.addEventListener("change", () => form.requestSubmit());
  for (const slider of form.querySelectorAll("input[type=range]")) {
    slider.addEventListener("input", () => { form.elements[slider.dataset.shows].value = between(slider); });
  }
}
