// Tasks: a list of any length, filtered; one of them in a panel beside it; what is
// chosen or opened is acted upon.  The filters are in the address, so that a page can be
// kept and sent.

import { get } from "./api.js";
import { ACTS, able, act } from "./act.js";
import { ago, attempt, h, notice, say, status, when } from "./dom.js";
import { gently, listen } from "./events.js";
import { Grid } from "./grid.js";
import { page } from "./page.js";
import { KEPT, TaskSource } from "./source.js";
import { TaskPanel } from "./task.js";

const STATUSES = ["paused", "waiting", "pending", "assigned", "accepted", "running",
  "failed", "succeeded", "debug"];

// ---- the list

function showStatus(cell, task) {
  if (cell.dataset.shown === task.status) return;
  cell.dataset.shown = task.status;
  cell.replaceChildren(status(task.status));
}

function plain(key) {
  return (cell, task) => {
    cell.title = task[key] ?? "";
    cell.dir = "auto";
    return task[key];
  };
}

const columns = [
  { name: "Id", class: "number id", show: (cell, task) => task.task_id },
  { name: "Status", class: "state", show: showStatus },
  { name: "Name", class: "name", show: plain("name") },
  { name: "Command", class: "command", show: plain("command") },
  { name: "Batch", class: "batch faint", show: plain("batch") },
  { name: "Since", class: "since faint", show: (cell, task) => {
    const date = task.status_date ?? task.creation_date;
    cell.title = when(date);
    return ago(date);
  } },
];

const grid = new Grid({ label: "Tasks", kind: "tasks", columns, key: (task) => task.task_id,
  selects: true, opened: (task) => show(task.task_id), near: () => source.more(),
  chosen: () => showChosen() });

const source = new TaskSource(() => {
  grid.setRows(source.rows);
  showCount();
  showChosen();
}, (e) => notice(e.message, "error"));

// ---- filters

const form = {
  status: h("select", { name: "status" }, h("option", { value: "" }, "any status"),
    ...STATUSES.map((s) => h("option", { value: s }, s))),
  batch: h("input", { name: "batch", list: "batches", placeholder: "batch", type: "search" }),
  worker: h("select", { name: "worker" }, h("option", { value: "" }, "any worker")),
  name: h("input", { name: "name", placeholder: "name has…", type: "search" }),
  order: h("select", { name: "order" }, h("option", { value: "" }, "newest first"),
    h("option", { value: "oldest" }, "oldest first")),
};
for (const [key, input] of Object.entries(form))
  input.setAttribute("aria-label", key === "name" ? "Name has" : key);
const batches = h("datalist", { id: "batches" });
const count = h("span", { class: "count", role: "status" });
const filters = h("form", { class: "filters", role: "search",
  onsubmit: (e) => { e.preventDefault(); apply(); } }, ...Object.values(form), batches, count);

function readAddress() {
  const q = new URLSearchParams(location.search);
  for (const [key, input] of Object.entries(form)) {
    const value = q.get(key) ?? "";
    if (key === "worker" && value && ![...input.options].some((o) => o.value === value))
      input.append(h("option", { value }, "worker " + value));
    input.value = value;
  }
}

function writeAddress() {
  const q = new URLSearchParams();
  for (const [key, input] of Object.entries(form)) if (input.value) q.set(key, input.value);
  if (panel.task) q.set("task", panel.task.task_id);
  const text = q.toString();
  history.replaceState(null, "", location.pathname + (text ? "?" + text : ""));
}

function apply() {
  writeAddress();
  grid.body.scrollTop = 0;
  showEmpty();
  return source.read({ status: form.status.value, batch: form.batch.value,
    worker_id: form.worker.value, name_has: form.name.value,
    newest: form.order.value !== "oldest" });
}

let typing;
filters.addEventListener("input", (e) => {
  clearTimeout(typing);
  typing = setTimeout(apply, e.target.tagName === "SELECT" ? 0 : 300);
});

function showCount() {
  const n = source.rows.length.toLocaleString();
  say(count, source.whole ? `${n} ${n === "1" ? "task" : "tasks"}` : source.rows.length >= KEPT
    ? `the first ${n} tasks: filter to see others` : `${n} tasks and more`);
}

function showEmpty() {
  const filtered = ["status", "batch", "worker", "name"].some((key) => form[key].value);
  grid.setEmpty(...filtered
    ? [h("h2", {}, "No task is left by these filters"),
      h("button", { onclick: () => {
        for (const input of Object.values(form)) input.value = "";
        apply();
      } }, "Clear the filters")]
    : [h("h2", {}, "There are no tasks"), h("p", {}, "Queue one from a terminal:"),
      h("pre", {}, "scitq-launch -b mybatch echo hello")]);
}

// The names to choose from; who knows better may still type.
async function readNames() {
  const [rows, workers] = await Promise.all([
    get("/batch/"), get("/workers/?fields=worker_id,name&limit=2000")]);
  batches.replaceChildren(...rows.slice(0, 2000).map(({ batch }) => h("option", { value: batch })));
  const value = form.worker.value;
  form.worker.replaceChildren(h("option", { value: "" }, "any worker"),
    ...workers.map((w) => h("option", { value: w.worker_id }, `${w.name} (${w.worker_id})`)));
  if (value && !workers.some((w) => String(w.worker_id) === value))
    form.worker.append(h("option", { value }, "worker " + value));
  form.worker.value = value;
}

const names = gently(() => readNames().catch(() => {}), 5000);

// ---- what is chosen

const chosen = h("div", { class: "chosen", role: "toolbar", "aria-label": "Chosen tasks",
                          hidden: true });

function showChosen() {
  const tasks = grid.chosenRows();
  chosen.hidden = !tasks.length;
  if (!tasks.length) return;
  chosen.replaceChildren(h("b", {}, `${tasks.length} chosen`),
    ...Object.entries(ACTS).map(([name, how]) => {
      const fit = tasks.filter((task) => able(name, task));
      return h("button", { class: how.kind, "data-act": name, disabled: !fit.length,
                           title: how.help, onclick: () => act(name, fit) }, how.verb);
    }),
    h("button", { class: "plain", onclick: () => grid.selectAll(false) }, "None"));
}

// ---- one task

const panel = new TaskPanel({
  open: (id) => show(id),
  closed: () => {
    writeAddress();
    grid.body.focus();
  } });

async function show(id) {
  await attempt(() => panel.show(id));
  writeAddress();
}

// ---- live

const live = page(filters, chosen, h("div", { class: "beside" }, grid.element, panel.element));

listen("/events?kind=task&kind=execution&kind=worker", {
  anew() {
    apply();
    names();
    if (panel.task)
      attempt(() => panel.show(panel.task.task_id, false)).then((good) => good || panel.close());
  },
  changed(kind, row) {
    if (kind === "task") source.tell(row);
    else if (kind === "execution" && form.worker.value) source.tellId(row.task_id);
    else if (kind === "worker") names();
    panel.tell(kind, row);
  },
  state: live });

const asked = new URLSearchParams(location.search).get("task");
readAddress();
showEmpty();
if (/^\d+$/.test(asked ?? "")) show(Number(asked));
setInterval(() => grid.soon(), 10000); // "2 min ago"
