// Jobs: what the server does to make, configure and destroy workers, with how far it is
// and what it says meanwhile.

import { call, get, query } from "./api.js";
import { ago, attempt, confirm, h, say, status, when } from "./dom.js";
import { drawing, gently } from "./events.js";
import { Grid } from "./grid.js";

const SHOWN = 500;
const at = (job) => "/jobs/" + job.job_id;

const ACTS = {
  log: { verb: "Log", help: "What it says", can: () => true },
  restart: { verb: "Restart", help: "Try it again", can: (job) => job.status === "failed" },
  delete: { verb: "Delete", kind: "danger", help: "Forget it",
            can: (job) => job.status !== "running" },
};

const columns = [
  { name: "Job", class: "number id", show: (cell, job) => job.job_id },
  { name: "Does", class: "name", show: (cell, job) => job.action.replace("_", " ") },
  { name: "To", class: "target", show: (cell, job) => {
    cell.title = job.target ?? "";
    cell.dir = "auto";
    return job.target;
  } },
  { name: "Status", class: "state", show: (cell, job) => {
    if (cell.dataset.shown !== job.status) cell.replaceChildren(status(job.status));
    cell.dataset.shown = job.status;
  } },
  { name: "Progress", class: "progress",
    make: (cell) => cell.append(h("progress", { max: 100, "aria-label": "Progress" })),
    show: (cell, job) => {
      cell.firstChild.value = job.status === "succeeded" ? 100 : job.progression ?? 0;
    } },
  { name: "Since", class: "since faint", show: (cell, job) => {
    const date = job.modification_date ?? job.creation_date;
    cell.title = when(date);
    return ago(date);
  } },
  { name: "", class: "acts", make: (cell) => cell.append(
    ...Object.entries(ACTS).map(([name, how]) =>
      h("button", { "data-act": name, class: how.kind, title: how.help }, how.verb))),
    show: (cell, job) => {
      for (const button of cell.children)
        button.disabled = !ACTS[button.dataset.act].can(job);
    } },
];

// A job's log in a dialog, which grows while it is open.
class Log {
  constructor(job) {
    this.id = job.job_id;
    this.text = h("pre", { class: "output", tabindex: 0, dir: "auto" });
    this.state = h("span");
    this.element = h("dialog", { class: "wide", onclose: () => this.element.remove() },
      h("h2", { dir: "auto" }, `Job ${job.job_id}: ${job.action} ${job.target ?? ""} `, this.state),
      this.text,
      h("div", { class: "buttons" },
        h("button", { onclick: () => this.element.close() }, "Close")));
    document.body.append(this.element);
    this.element.showModal();
    attempt(async () => this.tell(await get(at(job))));
  }

  tell(job) {
    if (job.job_id !== this.id || job.deleted) return;
    this.state.replaceChildren(status(job.status));
    say(this.text, job.log || "It has said nothing yet.");
    this.text.scrollTop = this.text.scrollHeight;
  }
}

export class Jobs {
  constructor() {
    this.jobs = new Map();
    this.grid = new Grid({ label: "Jobs", kind: "jobs", columns, key: (job) => job.job_id,
                           opened: (job) => this.act("log", job),
                           acted: (name, job) => this.act(name, job) });
    this.grid.setEmpty(h("p", {}, "No jobs: deploying and destroying workers makes some."));
    this.clear = h("button", { "data-act": "clear", onclick: () => this.forget() },
      "Forget those that ended");
    this.refresh = gently(() => attempt(async () => {
      const rows = await get(query("/jobs/", { reverse: "true", limit: SHOWN,
        fields: "job_id,target,action,status,progression,creation_date,modification_date" }));
      this.jobs = new Map(rows.map((job) => [job.job_id, job]));
      this.show();
    }), 1000);
    this.show = drawing(() => this.draw());
    this.element = h("section", { class: "jobs-part", "aria-label": "Jobs" },
      h("div", { class: "tools" }, h("h2", {}, "Jobs"), this.clear), this.grid.element);
  }

  draw() {
    this.grid.setRows([...this.jobs.values()].sort((a, b) => b.job_id - a.job_id));
    this.clear.disabled = ![...this.jobs.values()].some((job) =>
      ["succeeded", "failed"].includes(job.status));
  }

  async act(name, job) {
    if (name === "log") this.log = new Log(job);
    else if (name === "restart")
      await attempt(() => call("POST", at(job) + "/restart"), `Job ${job.job_id} starts again`);
    else if (await confirm(`Delete job ${job.job_id}?`, "What it did stays.", "Delete"))
      await attempt(() => call("DELETE", at(job)), `Job ${job.job_id} deleted`);
  }

  async forget() {
    if (await confirm("Forget all jobs that have ended?", "Their logs go with them.", "Forget"))
      await attempt(() => call("DELETE", "/jobs/"), "Forgotten");
  }

  tell(job) {
    this.log?.tell(job);
    if (job.deleted) this.jobs.delete(job.job_id);
    else this.jobs.set(job.job_id, { ...job, log: null });
    this.show();
  }
}
