// Batches: what is in each, how long its tasks took, and what can be done to all of it.
// Their counts are asked for again when some task or worker has changed.

import { call, get } from "./api.js";
import { attempt, confirm, h, notice, say, span } from "./dom.js";
import { gently, listen } from "./events.js";
import { Grid } from "./grid.js";
import { page } from "./page.js";

const COUNTS = ["succeeded", "running", "accepted", "pending", "failed"];
const ACTS = {
  pause: { verb: "Pause", path: "/stop", signal: 20, done: "paused",
           help: "Pause its workers and what they run" },
  go: { verb: "Go", path: "/go", signal: 18, done: "goes on",
        help: "Its workers, and what was paused, go on" },
  stop: { verb: "Stop", path: "/stop", signal: 3, done: "stopped",
          help: "Pause its workers and ask what they run to end",
          sure: "Its workers are paused and the commands they run are asked to end." },
  kill: { verb: "Kill", path: "/stop", signal: 9, done: "killed", kind: "danger",
          help: "Pause its workers and kill what they run",
          sure: "Its workers are paused and the commands they run are killed." },
  delete: { verb: "Delete", done: "deleted", kind: "danger",
            help: "Delete its tasks with their outputs, and its recruiters",
            sure: "Its tasks, their executions and outputs and its recruiters are deleted " +
                  "for good. Its workers stay." },
};

const at = (name) => "/batch/" + encodeURIComponent(name);

async function act(name, { batch }) {
  const how = ACTS[name];
  if (how.sure && !await confirm(`${how.verb} batch ${batch}?`, how.sure, how.verb)) return;
  await attempt(() => how.path
    ? call("PUT", at(batch) + how.path, { signal: how.signal })
    : call("DELETE", at(batch)), `Batch ${batch}: ${how.done}`);
  refresh();
}

// ---- columns

function makeShare(cell) {
  for (const count of COUNTS) cell.append(h("i", { class: count }));
}

function showShare(cell, row) {
  COUNTS.forEach((count, i) => { cell.children[i].style.flexGrow = row[count] ?? 0; });
  cell.title = COUNTS.map((count) => `${row[count] ?? 0} ${count}`).join(", ");
}

function showWorkers(cell, row) {
  const names = row.workers ? row.workers.split(",") : [];
  cell.title = names.join(", ");
  return names.length || "";
}

const lasted = new Map(); // batch: {counts, succeeded, failed}

function showLasted(cell, row) {
  const known = lasted.get(row.batch)?.succeeded;
  cell.title = known?.count
    ? `of ${known.count} successes: ${span(known.minimum)} to ${span(known.maximum)}` : "";
  return known?.count ? span(known.mean) : "";
}

const columns = [
  { name: "Batch", class: "name",
    make: (cell) => cell.append(h("a", { dir: "auto" })),
    show: (cell, row) => {
      say(cell.firstChild, row.batch);
      cell.firstChild.href = "/ui/task/?batch=" + encodeURIComponent(row.batch);
      cell.title = row.batch;
    } },
  { name: "", class: "share", make: makeShare, show: showShare },
  ...["pending", "accepted", "running", "failed", "succeeded"].map((count) => ({
    name: count[0].toUpperCase() + count.slice(1), class: "number " + count,
    show: (cell, row) => { cell.dataset.label = count; return row[count] ?? ""; } })),
  { name: "Mean time", class: "number lasted", show: showLasted },
  { name: "Workers", class: "number workers", show: showWorkers },
  { name: "", class: "acts",
    make: (cell) => cell.append(...Object.entries(ACTS).map(([name, how]) =>
      h("button", { "data-act": name, class: how.kind, title: how.help }, how.verb))),
    show: () => undefined },
];

const grid = new Grid({ label: "Batches", kind: "batches", columns, key: (row) => row.batch,
                        acted: act });
grid.setEmpty(h("h2", {}, "No batch has tasks yet"),
  h("p", {}, "A task joins a batch when it is queued:"),
  h("pre", {}, "scitq-launch -b mybatch echo hello"));

// ---- what there is

const refresh = gently(async () => {
  try {
    grid.setRows(await get("/batch/"));
    requestAnimationFrame(measure);
  } catch (e) {
    notice(e.message, "error");
  }
}, 500);

// How long tasks took is worked out from all of them: for a batch that can be seen, and
// has changed since.
const measure = gently(async () => {
  for (const { data: row } of grid.shown.values()) {
    const counts = `${row.succeeded} ${row.failed}`;
    if (lasted.get(row.batch)?.counts === counts || !(row.succeeded || row.failed)) continue;
    try {
      lasted.set(row.batch, { counts, ...await get(at(row.batch) + "/durations") });
    } catch {
      continue; // deleted meanwhile: the list will say so
    }
    grid.soon();
  }
}, 3000);

grid.body.addEventListener("scroll", measure);
const live = page(grid.element);
listen("/events?kind=task&kind=worker", { anew: refresh, changed: refresh, state: live });
