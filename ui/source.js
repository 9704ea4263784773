// The tasks that a filter leaves, as a list that is read page by page and kept true by
// events.  What is kept of a task is what a row shows; past KEPT rows the list says that
// it is not whole instead of growing.

import { get, query } from "./api.js";

const PAGE = 200; // at first; who scrolls on gets more at a time
const PAGE_MAX = 2000;
export const KEPT = 50000;
const FIELDS = "task_id,name,status,command,batch,creation_date,status_date";
const COMMAND = 300; // characters of a command that a row shows

const slim = (task) => ({
  task_id: task.task_id, name: task.name, status: task.status, batch: task.batch,
  command: task.command.slice(0, COMMAND), creation_date: task.creation_date,
  status_date: task.status_date });

export class TaskSource {
  // changed(): the rows are others; failed(error).
  constructor(changed, failed) {
    Object.assign(this, { changed, failed, rows: [], filter: {}, whole: false, epoch: 0 });
    this.news = new Map(); // task_id: the row, or null when it is gone
  }

  // filter: {status, batch, worker_id, name_has, newest}: everything is read anew.
  async read(filter) {
    this.filter = filter;
    this.epoch++;
    this.reading = null;
    this.whole = false;
    await this.more(true);
  }

  parameters() {
    const { status, batch, worker_id, name_has } = this.filter;
    return { status, batch, worker_id, name_has };
  }

  // The next page.  `anew`: the first one, in the place of all that there is.
  more(anew = false) {
    if (this.whole || (!anew && this.rows.length >= KEPT)) return this.reading;
    this.reading ??= this.page(anew, this.epoch);
    return this.reading;
  }

  async page(anew, epoch) {
    const last = anew ? null : this.rows.at(-1)?.task_id;
    const limit = Math.max(PAGE, Math.min(anew ? 0 : this.rows.length, PAGE_MAX));
    try {
      const tasks = await get(query("/tasks/", {
        ...this.parameters(), fields: FIELDS, limit, after: last,
        reverse: this.filter.newest ? "true" : null }));
      if (epoch !== this.epoch) return;
      this.whole = tasks.length < limit;
      this.rows = (anew ? [] : this.rows).concat(tasks.map(slim));
      this.changed();
    } catch (e) {
      if (epoch === this.epoch) this.failed(e);
    } finally {
      if (epoch === this.epoch) this.reading = null;
    }
  }

  // ---- what events tell

  fits(task) {
    const { status, batch, name_has } = this.filter;
    return (!status || task.status === status) && (!batch || task.batch === batch) &&
      (!name_has || (task.name ?? "").includes(name_has));
  }

  tell(task) {
    this.news.set(task.task_id, task.deleted || !this.fits(task) ? null : slim(task));
    this.soon();
  }

  // An execution of it changed: with a filter by worker, the server is asked.
  tellId(id) {
    if (id) this.news.set(id, this.news.get(id) ?? null);
    this.soon();
  }

  // Whose worker it is only the server knows.
  soon() {
    this.timer ??= setTimeout(async () => {
      this.timer = null;
      const news = this.news;
      this.news = new Map();
      if (this.filter.worker_id) await this.resolve(news);
      this.merge(news);
    }, 200);
  }

  async resolve(news) {
    const ids = [...news.keys()], epoch = this.epoch;
    for (let i = 0; i < ids.length; i += PAGE) {
      const some = ids.slice(i, i + PAGE);
      const tasks = await get(query("/tasks/", {
        ...this.parameters(), task_id: some, fields: FIELDS })).catch(() => []);
      if (epoch !== this.epoch) return;
      for (const id of some) news.set(id, null);
      for (const task of tasks) news.set(task.task_id, slim(task));
    }
  }

  // Rows changed, gone, and new ones where they belong; what lies beyond the rows read
  // so far comes with its page.
  merge(news) {
    const order = this.filter.newest ? -1 : 1;
    const kept = [];
    for (const row of this.rows) {
      const now = news.get(row.task_id);
      if (now !== null) kept.push(now ?? row);
      news.delete(row.task_id);
    }
    const last = this.rows.at(-1);
    const added = [...news.values()].filter((row) => row &&
      (this.whole || (last && (row.task_id - last.task_id) * order < 0)));
    this.rows = added.length
      ? kept.concat(added).sort((a, b) => (a.task_id - b.task_id) * order) : kept;
    if (this.rows.length > KEPT + PAGE) {
      this.rows.length = KEPT;
      this.whole = false;
    }
    this.changed();
  }
}
