// Workers: what each does and how loaded its machine is, what can be changed of it, new
// ones by a form; below, the jobs that make and destroy them.
//
// Rows come by events.  Loads are no change of a row and have none: those of the workers
// that can be seen are asked for every few seconds.

import { call, get, query } from "./api.js";
import { deploy } from "./deploy.js";
import { ago, ask, attempt, confirm, field, h, notice, say, status } from "./dom.js";
import { drawing, gently, listen } from "./events.js";
import { Grid } from "./grid.js";
import { Jobs } from "./jobs.js";
import { page } from "./page.js";

const LOADS_MS = 5000;
const PRESSED_MS = 2000;
const at = (worker) => "/workers/" + worker.worker_id;
const send = (signal) => (worker) =>
  call("POST", at(worker) + "/signals", { execution_id: null, signal });
const put = (fields) => (worker) => call("PUT", at(worker), fields);

const ACTS = {
  pause: { verb: "Pause", help: "It takes no new tasks; what it runs goes on",
           can: (w) => ["running", "offline"].includes(w.status),
           work: put({ status: "paused" }) },
  resume: { verb: "Go", help: "It takes tasks again",
            can: (w) => ["paused", "failed", "evicted"].includes(w.status), work: put({ status: "running" }) },
  clean: { verb: "Clean", help: "Remove the directories that failed executions left",
           can: () => true, work: send(-1) },
  restart: { verb: "Restart", help: "Start its program anew; what it runs goes on",
             can: () => true, work: send(-2) },
  delete: { verb: "Delete", kind: "danger", help: "Delete it",
            can: () => true, work: (worker) => call("DELETE", at(worker)) },
};

function loss(workers) {
  const lent = workers.some((w) => !w.permanent);
  return "What runs there fails, or is tried again elsewhere where retries are left." +
    (lent ? " Machines that were recruited are destroyed." : "");
}

async function act(name, workers) {
  const how = ACTS[name];
  const what = workers.length === 1 ? `worker ${workers[0].name}` : `${workers.length} workers`;
  if (name === "delete" && !await confirm(`Delete ${what}?`, loss(workers), "Delete")) return;
  await attempt(async () => {
    for (const worker of workers) await how.work(worker);
  }, `${how.verb}: ${what}`);
}

// ---- columns

function twoLines(cell) {
  cell.append(h("b", { dir: "auto" }), h("small", { dir: "auto" }));
}

function sayLines(cell, first, second) {
  say(cell.children[0], first);
  say(cell.children[1], second);
}

const stats = (worker) => {
  try {
    return JSON.parse(worker.stats) ?? {};
  } catch {
    return {};
  }
};

const pair = (text) => (text ?? "").split("/").map((n) => Number(n).toFixed(1));

function showLoad(cell, worker) {
  const [, cpu, trend] = /^([\d.]+)(\D?)/.exec(worker.load ?? "") ?? [];
  sayLines(cell, cpu ? `CPU ${Math.round(cpu)} %${trend}` : "",
    worker.memory === null ? "" : `memory ${Math.round(worker.memory)} %`);
  cell.title = worker.load
    ? `processors used / waiting for disks: ${worker.load} %; load average: ` +
      `${stats(worker).load ?? "?"}` : "";
}

function showDisk(cell, worker) {
  const { disk } = stats(worker);
  const [read, written] = pair(disk?.speed);
  sayLines(cell, disk ? `r ${read} w ${written} MB/s` : "",
    (disk?.usage ?? []).map((u) => u.replace(/:(\d+)$/, " $1 %")).join(", "));
  cell.title = disk ? `read/written in all: ${disk.counter} GB` : "";
}

function showNetwork(cell, worker) {
  const { network } = stats(worker);
  const [sent, received] = pair(network?.speed);
  sayLines(cell, network ? `↑ ${sent} MB/s` : "", network ? `↓ ${received} MB/s` : "");
  cell.title = network ? `sent/received in all: ${network.counter} GB` : "";
}

const counts = new Map(); // worker_id: {running, accepted, …}

function showTasks(cell, worker) {
  const n = counts.get(worker.worker_id) ?? {};
  const link = cell.firstChild;
  link.href = "/ui/task/?worker=" + worker.worker_id;
  say(link, n.running ? `${n.running} run` : "none run");
  cell.title = Object.entries(n).map(([word, m]) => `${m} ${word}`).join(", ");
}

const steps = (key, name) => ({
  name, class: "step " + key,
  make: (cell) => cell.append(
    h("button", { "data-act": "less " + key, "aria-label": `Less ${key}` }, "−"),
    h("b"),
    h("button", { "data-act": "more " + key, "aria-label": `More ${key}` }, "+")),
  show: (cell, worker) => {
    cell.dataset.label = key;
    say(cell.children[1], worker[key]);
    cell.children[0].disabled = worker[key] <= 0;
  } });

const columns = [
  { name: "Name", class: "name", make: twoLines, show: (cell, w) => {
    cell.title = `${w.name} on ${w.hostname ?? "?"}`;
    sayLines(cell, w.name, [w.worker_id, w.flavor, w.region, w.provider]
      .filter(Boolean).join(" · "));
  } },
  { name: "Status", class: "state", make: (cell) => cell.append(h("span"), h("small")),
    show: (cell, w) => {
      if (cell.dataset.shown !== w.status) cell.firstChild.replaceChildren(status(w.status));
      cell.dataset.shown = w.status;
      say(cell.children[1], ago(w.last_contact_date));
    } },
  { name: "Batch", class: "batch", show: (cell, w) => {
    cell.title = w.batch ?? "";
    cell.dir = "auto";
    return w.batch;
  } },
  steps("concurrency", "Concurrency"), steps("prefetch", "Prefetch"),
  { name: "Tasks", class: "work", make: (cell) => cell.append(h("a")), show: showTasks },
  { name: "Load", class: "load", make: twoLines, show: showLoad },
  { name: "Disk", class: "disk", make: twoLines, show: showDisk },
  { name: "Network", class: "net", make: twoLines, show: showNetwork },
  { name: "", class: "acts", make: (cell) => cell.append(
    ...Object.entries(ACTS).map(([name, how]) =>
      h("button", { "data-act": name, class: how.kind, title: how.help }, how.verb))),
    show: (cell, w) => {
      for (const button of cell.children) {
        const how = ACTS[button.dataset.act];
        if (["pause", "resume"].includes(button.dataset.act)) button.hidden = !how.can(w);
      }
    } },
];

// A press counts at once, and the next one starts from it: what was pressed is shown
// until the server has it, and a little longer, since events on their way may tell of
// before.  One call at a time, so that they arrive in their order.
const pressed = new Map(); // "7 prefetch": {value, busy}

function keepPressed(worker) {
  for (const key of ["concurrency", "prefetch"]) {
    const press = pressed.get(`${worker.worker_id} ${key}`);
    if (press) worker[key] = press.value;
  }
  return worker;
}

async function step(worker, key, by) {
  const name = `${worker.worker_id} ${key}`;
  const press = pressed.get(name) ?? {};
  pressed.set(name, press);
  clearTimeout(press.end);
  press.value = worker[key] = Math.max(0, worker[key] + by);
  grid.soon();
  if (press.busy) return;
  press.busy = true;
  let sent, good = true;
  while (good && sent !== press.value) {
    sent = press.value;
    good = await attempt(() => put({ [key]: sent })(worker));
  }
  press.busy = false;
  press.end = setTimeout(() => {
    pressed.delete(name);
    refresh();
  }, good ? PRESSED_MS : 0);
}

const grid = new Grid({ label: "Workers", kind: "workers", columns, key: (w) => w.worker_id,
  selects: true, chosen: () => showChosen(), acted: (name, worker) => {
    const [verb, key] = name.split(" ");
    if (key) step(worker, key, verb === "more" ? 1 : -1);
    else act(name, [worker]);
  } });
grid.setEmpty(h("h2", {}, "There are no workers"),
  h("p", {}, "Start one on any machine that can reach this server:"),
  h("pre", {}, `scitq-worker ${location.host} 4`),
  h("p", {}, "or deploy some at a provider, with the button above."));

// ---- what there is

const workers = new Map();

const showRows = drawing(() => {
  grid.setRows([...workers.values()].map(keepPressed).sort((a, b) => a.worker_id - b.worker_id));
  showChosen();
});

const refresh = gently(() => attempt(async () => {
  const rows = await get("/workers/");
  workers.clear();
  for (const row of rows) workers.set(row.worker_id, row);
  showRows();
}), 1000);

const count = gently(async () => {
  const rows = await get("/workers/tasks").catch(() => []);
  counts.clear();
  for (const { worker_id, status: word, count: n } of rows)
    counts.set(worker_id, { ...counts.get(worker_id), [word]: n });
  grid.soon();
}, 1000);

async function readLoads() {
  const ids = [...grid.shown.keys()];
  if (document.visibilityState !== "visible" || !ids.length) return;
  const rows = await get(query("/workers/", { worker_id: ids,
    fields: "worker_id,load,memory,stats,last_contact_date" })).catch(() => []);
  for (const row of rows) {
    const known = workers.get(row.worker_id);
    if (known) Object.assign(known, row);
  }
  grid.soon();
}

// ---- what is chosen

async function editChosen(chosen) {
  const keep = "as it is";
  const inputs = {
    batch: h("input", { name: "batch", placeholder: keep, autofocus: true }),
    concurrency: h("input", { name: "concurrency", type: "number", min: 0, placeholder: keep }),
    prefetch: h("input", { name: "prefetch", type: "number", min: 0, placeholder: keep }),
    status: h("select", { name: "status" }, h("option", { value: "" }, keep),
      h("option", {}, "running"), h("option", {}, "paused")) };
  const done = await ask({
    title: `Change ${chosen.length} workers`, verb: "Change",
    text: "What is left empty stays as it is.",
    content: [h("div", { class: "fields" }, ...Object.entries(inputs).map(([name, input]) =>
      field(name[0].toUpperCase() + name.slice(1), input)))],
    submit: async (data) => {
      const fields = Object.fromEntries([...data].filter(([, value]) => value !== ""));
      for (const key of ["concurrency", "prefetch"])
        if (key in fields) fields[key] = Number(fields[key]);
      for (const worker of chosen) await put(fields)(worker);
    } });
  if (done) notice(`${chosen.length} workers changed`);
}

const tools = h("div", { class: "tools", role: "toolbar", "aria-label": "Workers" });

function showChosen() {
  const chosen = grid.chosenRows();
  tools.classList.toggle("chosen", chosen.length > 0);
  if (tools.dataset.shown === String(chosen.length) && !chosen.length) return;
  tools.dataset.shown = chosen.length;
  tools.replaceChildren(...chosen.length
    ? [h("b", {}, `${chosen.length} chosen`),
      h("button", { "data-act": "edit", onclick: () => editChosen(chosen) }, "Change…"),
      ...Object.entries(ACTS).map(([name, how]) =>
        h("button", { class: how.kind, "data-act": name, title: how.help,
                      onclick: () => act(name, chosen.filter(how.can)) }, how.verb)),
      h("button", { class: "plain", onclick: () => grid.selectAll(false) }, "None")]
    : [h("button", { class: "primary", "data-act": "deploy", onclick: deploy },
      "Deploy workers…")]);
}

// ---- live

const jobs = new Jobs();
showChosen();
const live = page(tools, grid.element, jobs.element);
listen("/events?kind=worker&kind=job&kind=execution", {
  anew() {
    refresh();
    count();
    jobs.refresh();
  },
  changed(kind, row) {
    if (kind === "execution") count();
    if (kind === "job") jobs.tell(row);
    if (kind !== "worker") return;
    if (row.deleted) workers.delete(row.worker_id);
    else workers.set(row.worker_id, row);
    showRows();
  },
  state: live });
setInterval(readLoads, LOADS_MS);
