import {byId, element, shape, write} from "./dom.js";

const height = 60, step = 2;

// drawSeconds draws what happened in each of the last seconds, as one shape of each kind:
// hundreds, several times a second, would keep a page from its work.
export function drawSeconds(seconds) {
  const most = Math.max(1, ...seconds.requests);
  const sum = list => list.reduce((a, b) => a + b, 0);
  describe("requests", `Requests per second in the last 2 minutes: ${sum(seconds.requests)} in all, ${most} at most, ${sum(seconds.denied)} denied`,
    ["requests", "denied"].map(kind => bars(kind, seconds[kind], most)));
  write(byId("most-requests"), `most ${Math.max(0, ...seconds.requests)}`);

  const peak = Math.max(1, ...seconds.bytes);
  const points = seconds.bytes.map((n, i) => `${i * step + 1},${(height - n / peak * (height - 4)).toFixed(1)}`);
  describe("bytes", `Bytes per second in the last 2 minutes: ${seconds.most} at most`,
    [["polygon", {class: "flow", points: [`1,${height + 2}`, ...points, `${seconds.bytes.length * step - 1},${height + 2}`].join(" ")}]]);
  write(byId("most-bytes"), `most ${seconds.most}`);
}

function bars(kind, list, most) {
  const one = (n, i) => n > 0 ? `M${i * step} ${height}v-${Math.max(1.5, Math.min(n, most) / most * (height - 4)).toFixed(1)}h${step - 0.4}V${height}z` : "";
  return ["path", {class: kind, d: list.map(one).join("")}];
}

// describe puts shapes into a chart, or changes those that are there.
function describe(id, text, shapes) {
  const svg = byId(id);
  if (svg.children.length === 0) svg.append(...shapes.map(([name]) => shape(name, {})));
  shapes.forEach(([, attributes], i) => set(svg.children[i], attributes));
  set(svg, {"aria-label": text});
}

function set(e, attributes) {
  for (const [name, value] of Object.entries(attributes)) if (e.getAttribute(name) !== value) e.setAttribute(name, value);
}

// drawHosts draws the table of volumes. The row of a host stays while it is in it, for
// the one that has the focus.
export function drawHosts(hosts, choose) {
  const body = byId("hosts").tBodies[0], old = new Map([...body.rows].map(r => [r.dataset.host, r]));
  const rows = hosts.map(h => {
    const row = old.get(h.name) ?? hostRow(h, choose);
    write(row.cells[1], h.out);
    write(row.cells[2], h.in);
    const [sent, received] = row.cells[3].firstChild.children;
    sent.setAttribute("width", h.out_part * 100);
    received.setAttribute("x", h.out_part * 100);
    received.setAttribute("width", h.in_part * 100);
    return row;
  });
  if (rows.length !== body.rows.length || rows.some((r, i) => r !== body.rows[i])) body.replaceChildren(...rows);
  byId("no-hosts").hidden = hosts.length > 0;
  byId("hosts").hidden = hosts.length === 0;
}

function hostRow(h, choose) {
  const button = element("button", {type: "button", title: "show its exchanges"}, h.name);
  button.addEventListener("click", () => choose(h.filter));
  const bars = shape("svg", {viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true"},
    shape("rect", {class: "sent", y: 1, height: 8}), shape("rect", {class: "received", y: 1, height: 8}));
  return element("tr", {"data-host": h.name}, element("td", {}, button), element("td", {class: "number"}), element("td", {class: "number"}), element("td", {class: "bar"}, bars));
}

// drawTotals shows the numbers of all that was read.
export function drawTotals(totals) {
  const list = byId("totals");
  if (list.children.length !== totals.length) {
    list.replaceChildren(...totals.map(t => element("div", {}, element("dt", {}, t.name), element("dd", {}))));
  }
  totals.forEach((t, i) => write(list.children[i].lastChild, t.value));
}

// drawSpent shows the budgets, and what models took. What is near is said in words, too.
export function drawSpent(limits, models) {
  const list = byId("limits");
  if (list.children.length !== limits.length) {
    list.replaceChildren(...limits.map(() => element("li", {}, element("span"),
      shape("svg", {viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true"}, shape("rect", {y: 1, height: 8})))));
  }
  limits.forEach((l, i) => {
    const [text, bar] = list.children[i].children;
    write(text, (l.near ? "near the limit: " : "") + l.text);
    list.children[i].className = l.near ? "near" : "";
    bar.firstChild.setAttribute("width", l.part * 100);
  });
  const used = byId("models");
  if (used.children.length !== models.length) used.replaceChildren(...models.map(() => element("li")));
  models.forEach((m, i) => write(used.children[i], m));
  list.hidden = limits.length === 0;
  used.hidden = models.length === 0;
}
