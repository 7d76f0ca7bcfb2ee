// What the agent chose comes escaped from the server, and goes into the page as text
// only: nothing here makes markup of a string, and the page's policy forbids it.

export const byId = id => document.getElementById(id);

// element makes one with attributes and children: elements, or strings as text.
export function element(name, attributes = {}, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) e.setAttribute(key, "");
    else if (value !== false && value != null) e.setAttribute(key, value);
  }
  e.append(...children);
  return e;
}

// shape makes an element of SVG.
export function shape(name, attributes = {}, ...children) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  e.append(...children);
  return e;
}

// write sets a text that changes, and leaves alone one that does not: what is read to
// a person is read again otherwise.
export function write(e, text) {
  if (e.textContent !== text) e.textContent = text;
}

// say tells the person something, also who hears the page.
export function say(text) {
  const said = byId("said");
  said.textContent = "";
  said.textContent = text;
}
