import {byId, element, write} from "./dom.js";

const maxShown = 200; // rows in the page
const body = byId("rows").tBodies[0];
let bottle = "", held = [], paused = false, skipped = 0, earlier = 0, opened = -1;

// scrolled is how far down the person has gone. To ask the box, while much comes, would
// have it laid out for each answer.
let scrolled = 0;
byId("rows-box").addEventListener("scroll", e => { scrolled = e.target.scrollTop; });

// addRows shows rows, the latest on top, or keeps them back while it is paused.
export function addRows(of, state) {
  const had = state.reset && (document.activeElement === byId("exchanges") || body.contains(document.activeElement));
  bottle = of;
  if (state.reset) {
    held = [];
    skipped = 0;
    body.replaceChildren();
  }
  skipped += state.skipped;
  if (paused && !state.reset) held = held.concat(state.rows).slice(-maxShown);
  else show(state.rows);
  if (had) focusRow(0);
  earlier = state.earlier;
  note();
}

function show(rows) {
  const focused = body.contains(document.activeElement) ? document.activeElement : null;
  const box = byId("rows-box"), height = scrolled ? box.scrollHeight : 0;
  body.prepend(...rows.map(makeRow).reverse());
  while (body.rows.length > maxShown && body.lastChild !== focused?.closest("tr")) body.lastChild.remove();
  if (scrolled) box.scrollTop = scrolled + box.scrollHeight - height; // what is read stays in its place
  if (!body.querySelector("button[tabindex='0']")) body.querySelector("button")?.setAttribute("tabindex", "0");
  byId("no-rows").hidden = body.rows.length > 0;
}

function makeRow(r) {
  const button = element("button", {type: "button", tabindex: "-1", "aria-label": `${r.time}: details of ${r.verdict} ${r.method} ${r.host}`}, r.time);
  const row = element("tr", {"data-number": r.number}, element("td", {}, button),
    element("td", {class: ["allow", "deny", "end", "note"].includes(r.verdict) ? r.verdict : null}, r.verdict),
    element("td", {}, r.method), element("td", {title: r.host}, r.host), element("td", {title: r.path}, r.path), element("td", {title: r.rule}, r.rule),
    element("td", {class: "number"}, r.status ? String(r.status) : ""), element("td", {class: "number"}, r.bytes));
  if (r.number === opened) row.className = "chosen";
  return row;
}

function note() {
  const parts = [];
  if (paused) parts.push(`${held.length} new`);
  if (skipped) parts.push(`${skipped} came too fast to be shown: filter, or use bottle logs`);
  if (earlier) parts.push(`${earlier} earlier lines of the journal are not counted here: bottle logs has them`);
  write(byId("skipped"), parts.join("; "));
}

// pause keeps new rows back, or shows what was kept.
export function pause() {
  paused = !paused;
  byId("pause").setAttribute("aria-pressed", String(paused));
  if (!paused) {
    show(held);
    held = [];
  }
  note();
}

// focusRow moves the focus by so many rows, from the one that has it.
export function focusRow(by) {
  const buttons = [...body.querySelectorAll("button")];
  if (!buttons.length) return byId("exchanges").focus();
  const at = buttons.findIndex(b => b.tabIndex === 0);
  const next = buttons[Math.min(buttons.length - 1, Math.max(0, at + by))];
  buttons[at]?.setAttribute("tabindex", "-1");
  next.setAttribute("tabindex", "0");
  next.focus();
}

async function open(row) {
  opened = Number(row.dataset.number);
  for (const r of body.querySelectorAll(".chosen")) r.className = "";
  row.className = "chosen";
  const fields = byId("fields");
  try {
    const r = await fetch(`exchange?${new URLSearchParams({bottle, row: opened})}`);
    const reply = await r.json();
    if (!r.ok) throw new Error(reply.error);
    fields.replaceChildren(...reply.events.map(list => element("dl", {}, ...list.flatMap(f => [element("dt", {}, f.name), element("dd", {}, f.value)]))));
    const id = reply.events[0].find(f => f.name === "id");
    if (id) fields.append(element("p", {class: "quiet"}, `What decided, where it is written and what would allow it: bottle why ${id.value}`));
  } catch (e) {
    fields.replaceChildren(element("p", {}, String(e.message)));
  }
  reveal(true);
  byId("details-title").focus();
}

function reveal(details) {
  byId("details").hidden = !details;
  byId("details").parentElement.classList.toggle("detailed", details);
}

// close puts the details away and goes back to their row. It reports whether there
// were any.
export function close() {
  if (byId("details").hidden) return false;
  reveal(false);
  const row = body.querySelector(".chosen");
  opened = -1;
  if (row) {
    row.className = "";
    body.querySelector("button[tabindex='0']")?.setAttribute("tabindex", "-1");
    row.querySelector("button").setAttribute("tabindex", "0");
    row.querySelector("button").focus();
  } else {
    byId("exchanges").focus();
  }
  return true;
}

body.addEventListener("click", e => {
  const row = e.target.closest("tr");
  if (row) open(row);
});
body.addEventListener("keydown", e => {
  const by = {ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, End: maxShown, Home: -maxShown}[e.key];
  if (!by) return;
  e.preventDefault();
  focusRow(by);
});
