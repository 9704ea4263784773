// One task: what it is, why it does not run, its executions and what they write, live.

import { get, query } from "./api.js";
import { ACTS, able, act, editCommand } from "./act.js";
import { ago, h, say, status, when } from "./dom.js";
import { Output } from "./output.js";

const FACTS = [["container", "Container"], ["container_options", "Options"],
  ["input", "Input"], ["resource", "Resource"], ["output", "Output folder"],
  ["retry", "Retries left"], ["run_timeout", "Run timeout (s)"],
  ["download_timeout", "Download timeout (s)"]];
const FIELDS = "execution_id,worker_id,task_id,status,return_code,creation_date," +
  "modification_date,output_files,latest";
const EXECUTIONS = 50;

export class TaskPanel {
  constructor({ closed, open }) {
    this.closed = closed;
    this.open = open;
    this.output = new Output();
    this.title = h("h2", { dir: "auto", tabindex: -1 });
    this.state = h("span");
    this.why = h("p", { class: "why", dir: "auto" });
    this.command = h("pre", { dir: "auto" });
    this.facts = h("dl");
    this.picker = h("select", { "aria-label": "Execution",
                                onchange: () => this.pick(Number(this.picker.value)) });
    this.result = h("p", { class: "faint", dir: "auto" });
    this.written = h("section", { hidden: true }, h("h3", {}, "Executions"),
      this.picker, this.result, this.output.element);
    this.buttons = new Map(Object.entries(ACTS).map(([name, how]) =>
      [name, h("button", { class: how.kind, title: how.help, "data-act": name,
                           onclick: () => this.act(name) }, how.verb)]));
    this.element = h("aside", { class: "panel", hidden: true, "aria-label": "Task",
                                onkeydown: (e) => e.key === "Escape" && this.close() },
      h("div", { class: "panel-head" }, this.title, this.state,
        h("button", { class: "plain", "aria-label": "Close", onclick: () => this.close() },
          "✕")),
      h("div", { class: "panel-body" },
        h("div", { class: "acts" }, ...this.buttons.values(),
          h("button", { "data-act": "edit", title: "Change what it runs",
                        onclick: () => editCommand(this.task) }, "Edit command")),
        this.why, h("h3", {}, "Command"), this.command, this.facts, this.written));
  }

  async act(name) {
    if (await act(name, [this.task]) && name === "delete") this.close();
  }

  close() {
    this.task = null;
    this.output.stop();
    this.element.hidden = true;
    this.closed();
  }

  // Show the task of this id; an error of the server is the caller's.
  async show(id, focus = true) {
    const task = await get("/tasks/" + id);
    if (this.task?.task_id !== id) {
      this.execution = null;
      this.output.stop();
      this.written.hidden = true;
    }
    this.element.hidden = false;
    this.setTask(task);
    if (focus) this.title.focus();
    await this.readExecutions();
  }

  setTask(task) {
    const moved = this.task?.status !== task.status;
    this.task = task;
    say(this.title, `${task.task_id} ${task.name ?? ""}`);
    this.state.replaceChildren(status(task.status));
    say(this.command, task.command);
    for (const [name, button] of this.buttons) button.disabled = !able(name, task);
    this.showFacts();
    if (moved) this.ask();
  }

  showFacts() {
    const { task } = this;
    const facts = [["Batch", task.batch],
      ["Queued", `${when(task.creation_date)} (${ago(task.creation_date)})`],
      ...FACTS.map(([key, name]) => [name, task[key]])].filter(([, v]) => v);
    const needs = (task.required_task_ids ?? []).map((id) =>
      h("button", { class: "plain", onclick: () => this.open(id) }, id));
    this.facts.replaceChildren(
      ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", { dir: "auto" }, value)]),
      ...needs.length ? [h("dt", {}, "Requires"), h("dd", {}, ...needs)] : []);
  }

  // Why it is not running.
  async ask() {
    const { task } = this;
    const ended = ["running", "succeeded", "failed"].includes(task.status);
    let words = "";
    if (!ended)
      words = await get(`/tasks/${task.task_id}/why`).then((why) => why.sentence, () => "");
    if (this.task === task) say(this.why, words);
  }

  // ---- executions

  async readExecutions() {
    const { task } = this;
    const list = await get(query("/executions/", {
      task_id: task.task_id, reverse: "true", no_output: "true", limit: EXECUTIONS,
      fields: FIELDS })).catch(() => []);
    if (this.task?.task_id !== task.task_id) return;
    this.executions = list;
    this.written.hidden = !list.length;
    this.picker.replaceChildren(...list.map((e) =>
      h("option", { value: e.execution_id },
        `${e.execution_id}: ${e.status}, ${when(e.creation_date)}`)));
    if (!list.length) return;
    const same = list.find((e) => e.execution_id === this.execution?.execution_id);
    const newer = !same || (this.wasLatest && list[0] !== same);
    this.wasLatest = newer || list[0] === same;
    this.setExecution(newer ? list[0] : same, newer);
  }

  pick(id) {
    this.wasLatest = this.executions[0].execution_id === id;
    this.setExecution(this.executions.find((e) => e.execution_id === id), true);
  }

  setExecution(execution, other) {
    this.execution = execution;
    this.picker.value = execution.execution_id;
    const parts = [execution.status,
      execution.worker_id === null ? "taken from the cache" : `worker ${execution.worker_id}`];
    if (execution.return_code !== null) parts.push(`exit code ${execution.return_code}`);
    if (execution.output_files) parts.push(`files: ${execution.output_files}`);
    say(this.result, parts.join(", "));
    if (other) this.output.show(execution, execution.status === "failed" ? "stderr" : "stdout");
  }

  // ---- what events tell

  tell(kind, row) {
    if (!this.task || row.task_id !== this.task.task_id) return;
    if (kind === "task" && row.deleted) this.close();
    else if (kind === "task") this.setTask(row);
    else if (kind === "execution") this.readExecutions();
  }
}
