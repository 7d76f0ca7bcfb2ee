import {drawHosts, drawSeconds, drawSpent, drawTotals} from "./charts.js";
import {byId, element, write} from "./dom.js";
import {drawQuestions, toFirst} from "./questions.js";
import {addRows, close, focusRow, pause} from "./rows.js";

let source, bottle = new URLSearchParams(location.hash.slice(1)).get("bottle") ?? "";

// follow opens the stream of the bottle that is chosen, with the filter as it is.
function follow() {
  source?.close();
  const query = new URLSearchParams({bottle, text: byId("text").value});
  if (byId("denied").checked) query.set("denied", "1");
  source = new EventSource(`events?${query}`);
  source.onopen = () => write(byId("connection"), "live");
  source.onerror = () => {
    const over = source.readyState === EventSource.CLOSED;
    write(byId("connection"), over ? "ended: bottle ui --web starts another view" : "connection lost, trying again …");
  };
  source.onmessage = e => draw(JSON.parse(e.data));
  source.addEventListener("gone", e => {
    source.close();
    const state = JSON.parse(e.data);
    drawNotices(state.notices);
    drawBottles(state.bottles, state.bottle);
    write(byId("connection"), "nothing to show");
  });
  source.addEventListener("stopped", () => {
    source.close();
    write(byId("connection"), "stopped");
    drawNotices(["This view was stopped at its terminal. The bottle goes on; bottle ui --web starts another view."]);
  });
}

function draw(state) {
  bottle = state.bottle;
  drawNotices(state.notices);
  drawBottles(state.bottles, state.bottle);
  drawQuestions(state.bottle, state.questions);
  drawTotals(state.totals);
  drawSpent(state.limits, state.models);
  drawSeconds(state.seconds);
  drawHosts(state.hosts, text => setFilter(text));
  addRows(state.bottle, state);
}

function drawNotices(notices) {
  const box = byId("notices");
  if (notices.length === box.children.length && notices.every((n, i) => box.children[i].textContent === n)) return;
  box.replaceChildren(...notices.map(n => element("p", {}, n)));
}

function drawBottles(bottles, shown) {
  const select = byId("bottle");
  const list = bottles.some(b => b.id === shown) ? bottles : [...bottles, {id: shown, status: "", workspace: ""}];
  const texts = list.map(b => [b.id, b.status, b.workspace].filter(Boolean).join("  "));
  if (texts.length !== select.length || texts.some((t, i) => select.options[i].textContent !== t)) {
    select.replaceChildren(...list.map((b, i) => element("option", {value: b.id}, texts[i])));
  }
  select.value = shown;
}

function setFilter(text) {
  byId("text").value = text;
  follow();
}

// after calls f once, when it was not asked for again for a moment.
let timer;
function after(f) {
  clearTimeout(timer);
  timer = setTimeout(f, 250);
}

byId("text").addEventListener("input", () => after(follow));
byId("denied").addEventListener("change", follow);
byId("pause").addEventListener("click", pause);
byId("close").addEventListener("click", close);
byId("filters").addEventListener("submit", e => {
  e.preventDefault();
  clearTimeout(timer);
  focusRow(0);
  follow(); // the focus stays in the rows
});
byId("bottle").addEventListener("change", e => {
  bottle = e.target.value;
  history.replaceState(null, "", `#${new URLSearchParams({bottle})}`);
  close();
  follow();
});

const keys = {
  "/": () => byId("text").focus(),
  d: () => byId("denied").click(),
  p: () => byId("pause").click(),
  q: toFirst,
  e: () => focusRow(0),
};

document.addEventListener("keydown", e => {
  if (e.key === "Escape") {
    if (!close() && (byId("text").value || byId("denied").checked)) {
      byId("denied").checked = false;
      setFilter("");
    }
    return;
  }
  const typing = e.target.closest("input[type=search], select, textarea");
  if (typing || e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || !byId("shortcuts").checked || !keys[e.key]) return;
  e.preventDefault();
  keys[e.key]();
});

follow();
