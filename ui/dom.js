// What the pages are built of.  Text from outside (a task's command, its output, a
// worker's name) enters a page only as text, here: nothing is ever parsed as HTML.

// h("button", {class: "danger", onclick: f}, "Delete"): an element.  A property that
// begins with "on" is a listener, false and null leave it out.
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...children.filter((c) => c !== null && c !== undefined));
  return element;
}

// Give an element its text, touching it only where it differs.
export function say(element, text) {
  const wanted = text === null || text === undefined ? "" : String(text);
  if (element.textContent !== wanted) element.textContent = wanted;
}

// A sentence with a name in it: characters that turn the direction of writing would
// turn the sentence, so that it asks for something else than it says.
const sentence = (text) => text.replace(
  /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");

// ---- words for values

export function ago(date) {
  if (!date) return "";
  const s = Math.max(0, (Date.now() - Date.parse(date + "Z")) / 1000);
  return s < 5 ? "now" : `${span(s)} ago`;
}

export function when(date) {
  return date ? new Date(date + "Z").toLocaleString() : "";
}

export function span(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 100) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min`
    : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export function bytes(n) {
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (n < 1024) return `${Number(n.toFixed(n < 10 && unit !== "B" ? 1 : 0))} ${unit}`;
    n /= 1024;
  }
  return `${n.toFixed(1)} TiB`;
}

export function status(word) {
  return h("span", { class: "status " + word }, word);
}

// ---- what is said to a person

let messages = null;

export function notice(text, kind = "done") {
  messages ??= document.body.appendChild(
    h("div", { class: "notices", "aria-live": "polite" }));
  const shown = h("div", { class: "notice " + kind, role: kind === "error" ? "alert" : null },
    h("span", {}, sentence(text)),
    h("button", { class: "plain", "aria-label": "Dismiss",
                  onclick: () => shown.remove() }, "✕"));
  messages.append(shown);
  while (messages.children.length > 4) messages.firstChild.remove();
  if (kind !== "error") setTimeout(() => shown.remove(), 4000);
}

// Do it, and say how it went: `done` on success, else the server's words.
export async function attempt(work, done) {
  try {
    await work();
    if (done) notice(done);
    return true;
  } catch (e) {
    notice(e.message, "error");
    return false;
  }
}

// ---- dialogs

// A form in a dialog: resolves with its data, or with null when it was left.  `submit`,
// if given, is awaited first; an error of it is shown and the dialog stays.
export function ask({ title, text, content = [], verb, kind = "", submit, wide }) {
  return new Promise((done) => {
    let answer = null;
    const error = h("p", { class: "error", role: "alert", dir: "auto" });
    const go = h("button", { type: "submit", class: "primary " + kind }, verb);
    const form = h("form", {
      onsubmit: async (e) => {
        e.preventDefault();
        const data = new FormData(form);
        go.disabled = true;
        try {
          if (submit) await submit(data);
          answer = data;
          dialog.close();
        } catch (problem) {
          say(error, problem.message);
        } finally {
          go.disabled = false;
        }
      } },
    h("h2", {}, sentence(title)),
    text ? h("p", { class: "clip" }, sentence(text)) : null,
    ...content, error,
    h("div", { class: "buttons" },
      h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"), go));
    const dialog = h("dialog", { class: wide ? "wide" : null,
      onclose: () => {
        dialog.remove();
        done(answer);
      } }, form);
    document.body.append(dialog);
    dialog.showModal();
    (form.querySelector("[autofocus]") ?? (kind ? form.querySelector("button") : go)).focus();
  });
}

export const confirm = (title, text, verb) =>
  ask({ title, text, verb, kind: "danger" }).then((answer) => answer !== null);

export function field(label, input, hint) {
  return h("label", { class: "field" }, h("span", {}, label), input,
    hint ? h("small", {}, hint) : null);
}

export async function askToken(words) {
  for (;;) {
    const input = h("input", { name: "token", type: "password", required: true,
                               autocomplete: "off", autofocus: true });
    const data = await ask({
      title: "This server asks for a token",
      text: words ||
        "Paste yours: its administrator has them. It is kept until this tab is closed.",
      content: [field("Token", input)], verb: "Continue" });
    const token = data?.get("token").trim();
    if (token) return token;
  }
}
