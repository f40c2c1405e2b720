// One question: what is chosen, by mouse or keyboard, and its way to the server. The form of an answer is that of
// stages/labels/values.py. Offsets are characters (code points) there and UTF-16 units here.

const root = document.getElementById("question");
const box = document.getElementById("text");
const text = box.textContent;
const kind = root.dataset.kind;
const given = (name) => JSON.parse(root.dataset[name]);
const labels = kind === "questions" ? ["answer"] : given("labels");
const marksText = ["spans", "relations", "questions"].includes(kind);
const several = kind === "multilabel";
const byId = (id) => document.getElementById(id);

let chosen = new Set();
let spans = []; // {start, end, label}, in UTF-16 units
let links = []; // [from, to, class], by places in `spans`
let none = false; // said outright that nothing applies

const points = (units) => Array.from(text.slice(0, units)).length;
const units = (place) => Array.from(text).slice(0, place).join("").length;

// --- what was answered before, or what a model says

function taken(answer, guess) {
  if (answer === null) {
    const values = guess.map((result) => result.value ?? {});
    if (!marksText) return kind === "generation" ? values[0]?.text?.[0] ?? null : values.flatMap((value) => value.choices ?? []);
    const marked = guess.filter((result) => result.type === "labels").map((result) => ({ id: result.id, ...result.value }));
    const between = guess.filter((result) => result.type === "relation").map((result) => [result.from_id, result.to_id, result.labels[0]]);
    return kind === "relations" ? { spans: marked, relations: between } : marked;
  }
  return answer;
}

function restore() {
  const answer = given("answer");
  const value = taken(answer, given("guess"));
  if (value === null) return;
  if (kind === "generation") byId("written").value = value;
  else if (marksText) {
    const marked = kind === "relations" ? value.spans : value;
    spans = marked.map((span) => ({ start: units(span.start), end: units(span.end), label: span.labels[0] }));
    const at = new Map(marked.map((span, place) => [span.id ?? place, place]));
    links = kind === "relations" ? value.relations.map(([from, to, name]) => [at.get(from), at.get(to), name]) : [];
  } else chosen = new Set([value].flat());
  none = answer !== null && isEmpty();
}

// --- the answer

const isEmpty = () => (kind === "generation" ? !byId("written").value.trim() : marksText ? !spans.length : !chosen.size);

function label() {
  if (kind === "generation") return byId("written").value;
  if (!marksText) return several ? [...chosen] : [...chosen][0];
  const marked = spans.map((span, place) => ({
    id: place, start: points(span.start), end: points(span.end), text: text.slice(span.start, span.end), labels: [span.label],
  }));
  return kind === "relations" ? { spans: marked, relations: links } : marked;
}

async function send(skipped) {
  if (!skipped && isEmpty() && !(none && (several || marksText))) return;
  const body = JSON.stringify({ label: skipped ? null : label(), skipped });
  const headers = { "Content-Type": "application/json" };
  try {
    const response = await fetch(`${root.dataset.here}/${root.dataset.number}`, { method: "POST", headers, body });
    if (!response.ok) throw new Error(await response.text());
    const next = Math.min(Number(root.dataset.number) + 1, Number(root.dataset.of));
    location.assign(`${root.dataset.here}/${next}`);
  } catch (error) {
    byId("failed").textContent = String(error);
    byId("failed").hidden = false;
  }
}

function back() {
  const before = Math.max(Number(root.dataset.number) - 1, 1);
  location.assign(`${root.dataset.here}/${before}`);
}

// --- the text: marks, and words to move over

function draw() {
  if (marksText) drawMarks();
  for (const button of byId("labels").children) {
    const on = button.dataset.none ? none : chosen.has(button.dataset.label);
    button.setAttribute("aria-pressed", String(on));
  }
}

function drawMarks() {
  const edges = [...new Set([0, text.length, ...spans.flatMap((span) => [span.start, span.end])])].sort((a, b) => a - b);
  const parts = edges.slice(1).map((end, place) => {
    const start = edges[place];
    const over = spans.filter((span) => span.start <= start && span.end >= end);
    if (!over.length) return document.createTextNode(text.slice(start, end));
    const mark = document.createElement("mark");
    mark.dataset.label = over.map((span) => span.label).join(" ");
    mark.textContent = text.slice(start, end);
    return mark;
  });
  box.replaceChildren(...parts);
  list("spans", spans, (span) => `${text.slice(span.start, span.end)} · ${span.label}`, unmark);
  if (kind !== "relations") return;
  const name = (place) => text.slice(spans[place].start, spans[place].end);
  list("links", links, ([from, to, said]) => `${name(from)} → ${said} → ${name(to)}`, (place) => links.splice(place, 1));
  for (const id of ["from", "to"]) byId(id).replaceChildren(...spans.map((_, place) => new Option(name(place), place)));
}

function list(id, items, shown, remove) {
  const lines = items.map((item, place) => {
    const line = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "×";
    button.addEventListener("click", () => { remove(place); draw(); });
    line.append(button, ` ${shown(item)}`);
    return line;
  });
  byId(id).replaceChildren(...lines);
}

function unmark(place) {
  spans.splice(place, 1);
  const moved = (end) => (end > place ? end - 1 : end);
  links = links.filter(([from, to]) => from !== place && to !== place).map(([from, to, name]) => [moved(from), moved(to), name]);
}

function selected() {
  const selection = getSelection();
  if (!selection.rangeCount || selection.isCollapsed) return null;
  const range = selection.getRangeAt(0);
  if (!box.contains(range.startContainer) || !box.contains(range.endContainer)) return null;
  const before = document.createRange();
  before.setStart(box, 0);
  before.setEnd(range.startContainer, range.startOffset);
  const start = before.toString().length;
  const words = range.toString();
  const skip = words.length - words.trimStart().length;
  return words.trim() ? { start: start + skip, end: start + skip + words.trim().length } : null;
}

let words = null;
let [first, last] = [-1, -1]; // words that are selected by keyboard

function move(step, extend) {
  words ??= [...new Intl.Segmenter(undefined, { granularity: "word" }).segment(text)].filter((word) => word.isWordLike);
  if (!words.length) return;
  const to = Math.max(0, Math.min(words.length - 1, (first < 0 ? -1 : step > 0 ? last : extend ? last : first) + step));
  [first, last] = extend && first >= 0 ? [first, Math.max(first, to)] : [to, to];
  const range = document.createRange();
  range.setStart(...placeOf(words[first].index));
  range.setEnd(...placeOf(words[last].index + words[last].segment.length));
  getSelection().removeAllRanges();
  getSelection().addRange(range);
  const seen = range.getBoundingClientRect();
  const frame = box.getBoundingClientRect();
  if (seen.bottom > frame.bottom || seen.top < frame.top) box.scrollTop += seen.top - frame.top - frame.height / 3;
}

function placeOf(offset) {
  const walker = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
  let node = walker.nextNode();
  while (offset > node.length) {
    offset -= node.length;
    node = walker.nextNode();
  }
  return [node, offset];
}

// --- choosing

function choose(name) {
  none = false;
  if (marksText) {
    const span = selected();
    if (!span) return;
    if (kind === "questions") spans = [];
    spans.push({ ...span, label: name });
  } else if (several) chosen.has(name) ? chosen.delete(name) : chosen.add(name);
  else chosen = new Set([name]);
  draw();
}

function nothing() {
  none = !none;
  [chosen, spans, links] = [new Set(), [], []];
  draw();
}

function addButtons() {
  const buttons = labels.map((name, place) => button(place < 9 ? `${place + 1} ${name}` : name, () => choose(name), { label: name }));
  if (several || marksText) buttons.push(button(`0 ${root.dataset.none}`, nothing, { none: "yes" }));
  byId("labels").replaceChildren(...buttons);
}

function button(shown, act, data) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = shown;
  Object.assign(made.dataset, data);
  made.addEventListener("mousedown", (event) => event.preventDefault()); // keeps what is selected
  made.addEventListener("click", act);
  return made;
}

const KEYS = {
  Enter: () => send(false),
  Backspace: back,
  s: () => send(true),
  u: () => { if (spans.length) unmark(spans.length - 1); draw(); },
  0: () => { if (several || marksText) nothing(); },
  ArrowRight: (event) => move(1, event.shiftKey),
  ArrowLeft: (event) => move(-1, event.shiftKey),
};

function pressed(event) {
  const writing = ["TEXTAREA", "INPUT", "SELECT"].includes(event.target.tagName);
  if (event.altKey || event.metaKey || event.isComposing) return;
  if (writing && !(event.key === "Enter" && event.ctrlKey)) return;
  if (event.target.tagName === "BUTTON" && event.key === "Enter") return;
  if (event.target.tagName === "SUMMARY" && event.key === "Enter") return;
  const digit = /^[1-9]$/.test(event.key) ? labels[Number(event.key) - 1] : undefined;
  const act = digit !== undefined ? () => choose(digit) : KEYS[event.key] ?? KEYS[event.key.toLowerCase()];
  if (!act || (event.key.startsWith("Arrow") && !marksText)) return;
  event.preventDefault();
  act(event);
}

addButtons();
restore();
draw();
document.addEventListener("keydown", pressed);
byId("next").addEventListener("click", () => send(false));
byId("skip").addEventListener("click", () => send(true));
byId("previous").addEventListener("click", back);
byId("undo")?.addEventListener("click", KEYS.u);
if (kind === "relations") {
  byId("relation").replaceChildren(...given("relations").map((name) => new Option(name, name)));
  byId("link").addEventListener("click", () => {
    links.push([Number(byId("from").value), Number(byId("to").value), byId("relation").value]);
    draw();
  });
}
