// What can be done to tasks, as scitq-manage does it: what has not started is held back
// or let go by its status, what runs by signals to its execution.

import { call, get, query } from "./api.js";
import { ask, confirm, field, h, notice } from "./dom.js";

const WAITS = ["waiting", "pending", "assigned", "accepted"];
const ENDED = ["failed", "succeeded"];

export const ACTS = {
  relaunch: { verb: "Relaunch", can: [...ENDED, "paused", "debug"],
              help: "Run it again" },
  pause: { verb: "Pause", can: [...WAITS, "running"],
           help: "Hold it back, or suspend what runs" },
  resume: { verb: "Resume", can: ["paused", "running"],
            help: "Let it run, or go on" },
  stop: { verb: "Stop", can: ["running"], signal: 3,
          help: "Ask its command to end (SIGQUIT)" },
  kill: { verb: "Kill", can: ["running"], signal: 9, kind: "danger", sure: true,
          help: "Kill its command (SIGKILL)" },
  delete: { verb: "Delete", can: null, kind: "danger", sure: true,
            help: "Delete it with its executions and outputs" },
};

export const able = (name, task) => !ACTS[name].can || ACTS[name].can.includes(task.status);

const at = (task) => "/tasks/" + task.task_id;

async function put(task, fields) {
  await call("PUT", at(task), fields);
}

// What has requirements waits for them; the server makes it pending when they succeeded.
async function start(task) {
  const whole = await get(at(task));
  await put(task, { status: whole.required_task_ids?.length ? "waiting" : "pending" });
}

async function signal(task, number) {
  const [execution] = await get(query("/executions/", {
    task_id: task.task_id, status: "running", no_output: "true", limit: 1,
    fields: "execution_id,worker_id" }));
  if (!execution) throw new Error(`task ${task.task_id} does not run any more`);
  await call("POST", `/workers/${execution.worker_id}/signals`,
    { execution_id: execution.execution_id, signal: number });
}

const runs = (task) => task.status === "running";

const DO = {
  relaunch: start,
  pause: (task) => runs(task) ? signal(task, 20) : put(task, { status: "paused" }),
  resume: (task) => runs(task) ? signal(task, 18) : start(task),
  stop: (task) => signal(task, 3),
  kill: (task) => signal(task, 9),
  delete: (task) => call("DELETE", at(task)),
};

const named = (task) => `task ${task.task_id}` + (task.name ? ` (${task.name})` : "");

// To one task or to several.  True when all of it was done.
export async function act(name, tasks) {
  const how = ACTS[name];
  const one = tasks.length === 1;
  const what = one ? named(tasks[0]) : `${tasks.length} tasks`;
  if (how.sure && !await confirm(`${how.verb} ${what}?`, how.help + ".", how.verb))
    return false;
  let failed = 0, words = "";
  for (const task of tasks) {
    try {
      await DO[name](task);
    } catch (e) {
      failed++;
      words = e.message;
    }
  }
  if (!failed) notice(`${how.verb}: ${what}`);
  else notice(one ? words : `${failed} of ${tasks.length} not done; the last: ${words}`,
    "error");
  return failed === 0;
}

// The command in a form; `relaunch` is offered for what has run.
export async function editCommand(task) {
  const text = h("textarea", { name: "command", required: true, autofocus: true,
                               spellcheck: "false", dir: "auto" });
  text.value = task.command;
  const again = h("input", { type: "checkbox", name: "again" });
  const done = await ask({
    title: `Command of ${named(task)}`, verb: "Save", wide: true,
    content: [field("Command", text),
      ENDED.includes(task.status)
        ? h("label", { class: "check" }, again, " and run it again") : null]
      .filter(Boolean),
    submit: async (data) => {
      await put(task, { command: data.get("command") });
      if (data.get("again")) await start(task);
    } });
  if (done) notice(`Command of ${named(task)} saved`);
}
