import {byId, element, say, write} from "./dom.js";

// answers are in the order of their buttons. The keys are those of the terminal view.
const answers = [
  {key: "y", allow: true, scope: "", label: "Allow once"},
  {key: "s", allow: true, scope: "session", label: "Allow for this session"},
  {key: "w", allow: true, scope: "always", label: "Always allow"},
  {key: "n", allow: false, scope: "", label: "Deny"},
  {key: "S", allow: false, scope: "session", label: "Deny for this session"},
  {key: "W", allow: false, scope: "always", label: "Always deny"},
];

// settleTime is how long, in milliseconds, a question that came or moved is not answered
// by the mouse. An agent can take a question back, or put one, just as the person clicks
// on the place of another.
const settleTime = 1500;

const cards = new Map(); // by id
let bottle = "", started = false;

// drawQuestions shows what waits in a bottle.
export function drawQuestions(of, questions) {
  const asked = byId("asked"), fresh = [];
  if (of !== bottle) {
    bottle = of;
    cards.clear();
    started = false;
  }
  const focused = document.activeElement?.closest(".question");
  const now = performance.now(), ids = new Set(questions.map(q => q.id));
  for (const id of cards.keys()) if (!ids.has(id)) cards.delete(id);
  // One of which a yes gives something else by now is another question.
  for (const q of questions) if (cards.has(q.id) && told(cards.get(q.id).q) !== told(q)) cards.delete(q.id);
  questions.forEach((q, i) => {
    let card = cards.get(q.id);
    if (!card) {
      card = makeCard(q);
      cards.set(q.id, card);
      fresh.push(q);
    }
    if (card.place !== i) Object.assign(card, {place: i, moved: now});
    card.q = q;
    write(card.standing, standing(q));
  });
  const items = questions.map(q => cards.get(q.id).item);
  // Only what changed is touched, so that the focus stays where it is.
  for (const item of [...asked.children]) if (!items.includes(item)) item.remove();
  items.forEach((item, i) => { if (asked.children[i] !== item) asked.insertBefore(item, asked.children[i] ?? null); });
  // The keys of one that is gone are not for the next.
  if (focused && !focused.isConnected) byId("questions").focus();
  byId("none").hidden = questions.length > 0;
  byId("questions").classList.toggle("some", questions.length > 0);
  write(byId("waiting"), String(questions.length));
  document.title = (questions.length ? `(${questions.length}) ` : "") + "bottle " + of;
  if (fresh.length && started) say(`A new question: ${fresh[fresh.length - 1].subject}`);
  started = true;
}

const told = q => JSON.stringify([q.about, q.once, q.lasting]);

const standing = q => {
  const left = Math.max(0, Math.round((q.until - Date.now()) / 1000));
  const time = left >= 60 ? `${Math.floor(left / 60)} min ${left % 60} s` : `${left} s`;
  return `${q.id}, ${q.waiting} waiting, ${time} left, then it is a no${q.rule ? `; asked by ${q.rule}` : ""}`;
};

function makeCard(q) {
  const title = `question-${q.id}`;
  const card = {item: element("li"), standing: element("p", {class: "quiet"}), place: -1};
  const buttons = element("div", {class: "buttons"});
  for (const a of answers) {
    const button = element("button", {
      type: "button", class: (a.allow ? "yes" : "no") + (a.key === "n" ? " first" : ""), "aria-keyshortcuts": a.key === a.key.toUpperCase() ? `Shift+${a.key}` : a.key, disabled: !possible(q, a),
    }, a.label);
    button.addEventListener("click", e => {
      if (e.detail > 0 && performance.now() - card.moved < settleTime) {
        say("The questions have just moved: look at this one, and press again.");
        return;
      }
      answer(card, a);
    });
    buttons.append(button);
  }
  const box = element("div", {class: "question", role: "group", tabindex: "0", "aria-labelledby": title},
    element("h3", {id: title}, q.subject), card.standing, element("ul", {}, ...q.about.map(l => element("li", {}, l))));
  if (q.detail.length) box.append(element("div", {class: "detail", role: "region", tabindex: "0", "aria-label": "what it brings"}, ...q.detail.map(l => element("p", {}, l))));
  box.append(buttons);
  box.addEventListener("keydown", e => {
    const a = answers.find(a => a.key === e.key);
    if (!a || e.ctrlKey || e.metaKey || e.altKey || !byId("shortcuts").checked) return;
    e.preventDefault();
    if (possible(card.q, a)) answer(card, a);
    else say("This answer is not possible here: the question says why.");
  });
  card.item.append(box);
  return card;
}

// possible says whether a question can be answered so.
function possible(q, a) {
  if (a.scope === "") return !a.allow || q.once;
  return q.lasting;
}

async function answer(card, a) {
  if (card.busy) return;
  card.busy = true;
  try {
    const r = await fetch("answer", {
      method: "POST", headers: {"Content-Type": "application/json"},
      body: JSON.stringify({bottle, id: card.q.id, allow: a.allow, scope: a.scope}),
    });
    const reply = await r.json();
    say(r.ok ? reply.text : `Not answered: ${reply.error}`);
  } catch {
    say("Not answered: the view is not there any more. bottle ui --web starts another.");
  } finally {
    card.busy = false;
  }
}

// toFirst moves the focus to the first question.
export function toFirst() {
  (document.querySelector(".question") ?? byId("questions")).focus();
}
