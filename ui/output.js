// What a command writes, as it writes it: the end of a stream first, then what follows,
// read from the raw log.  At most KEPT characters are in the page; earlier ones are
// asked for with a button, all of them by downloading.

import { download, open } from "./api.js";
import { bytes, h, say } from "./dom.js";

const TAIL = 64 << 10;
const KEPT = 512 << 10;

const STREAMS = [["stdout", "Output"], ["stderr", "Error"]];

export class Output {
  constructor() {
    this.text = h("pre", { class: "output", tabindex: 0, "aria-label": "What it wrote",
                           dir: "auto" });
    this.earlier = h("button", { hidden: true, onclick: () => this.showEarlier() },
      "Show what is before");
    this.note = h("small", { role: "status" });
    this.tabs = STREAMS.map(([stream, name]) =>
      h("button", { role: "tab", "data-stream": stream,
                    onclick: () => this.show(this.execution, stream) }, name));
    this.element = h("div", {},
      h("div", { class: "tabs", role: "tablist" }, ...this.tabs, this.note,
        h("button", { class: "end", title: "Save this stream as a file",
                      onclick: () => download(this.path(), this.fileName()) }, "Download")),
      this.earlier, this.text);
    this.stream = "stdout";
  }

  path() {
    return `/executions/${this.execution.execution_id}/log/${this.stream}`;
  }

  fileName() {
    return `task-${this.execution.task_id}.${this.execution.execution_id}.${this.stream}`;
  }

  stop() {
    this.stopped?.abort();
  }

  async show(execution, stream = this.stream) {
    this.stop();
    this.execution = execution;
    this.stream = stream;
    for (const tab of this.tabs)
      tab.setAttribute("aria-selected", tab.dataset.stream === stream);
    this.text.replaceChildren();
    this.earlier.hidden = true;
    this.kept = 0;
    const stopped = this.stopped = new AbortController();
    try {
      const from = await this.tail(stopped.signal);
      await this.follow(from, stopped.signal);
      this.tell("ended");
    } catch (e) {
      if (e.name !== "AbortError" && !stopped.signal.aborted) this.tell(e.message);
    }
  }

  tell(words) {
    say(this.note, this.kept || !["ended", "live"].includes(words)
      ? words : words === "ended" ? "nothing was written" : "nothing yet");
  }

  // The last bytes; where they end.
  async tail(signal) {
    const got = await this.part(`bytes=-${TAIL}`, signal);
    this.from = got.from;
    this.add(got.text, true);
    this.showWhatIsBefore();
    return got.to;
  }

  async part(range, signal) {
    try {
      const answer = await open(this.path(), { headers: { Range: range }, signal });
      const [, from, to] = /bytes (\d+)-(\d+)/.exec(answer.headers.get("Content-Range")) ??
        [0, 0, -1];
      const data = new Uint8Array(await answer.arrayBuffer());
      const left = leftOut(data);
      return { from: Number(from) + left, to: Number(to) + 1,
               text: new TextDecoder().decode(data.subarray(left)) };
    } catch (e) {
      if (e.status !== 416) throw e;
      return { from: 0, to: 0, text: "" }; // it is empty
    }
  }

  async follow(from, signal) {
    this.tell("live");
    const answer = await open(this.path() + "?follow=1",
      { headers: { Range: `bytes=${from}-` }, signal });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      this.add(value);
      this.tell("live");
    }
  }

  // Text goes to the end; what is too much leaves at the start.
  add(text) {
    if (!text) return;
    const box = this.text;
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
    box.append(document.createTextNode(text));
    this.kept += text.length;
    while (this.kept > KEPT) {
      const first = box.firstChild;
      const n = box.childNodes.length > 1 ? first.length : this.kept - KEPT;
      if (n === first.length) first.remove();
      else first.deleteData(0, n);
      this.kept -= n;
      this.from = null; // bytes are not characters: only the download has the rest
      this.showWhatIsBefore();
    }
    if (atEnd) box.scrollTop = box.scrollHeight;
  }

  showWhatIsBefore() {
    this.earlier.hidden = this.from === 0;
    this.earlier.disabled = this.from === null || this.kept + TAIL > KEPT;
    say(this.earlier, this.earlier.disabled
      ? "More was written: download it to see all"
      : `Show more (${bytes(this.from)} before)`);
  }

  async showEarlier() {
    const from = Math.max(0, this.from - TAIL);
    const got = await this.part(`bytes=${from}-${this.from - 1}`, this.stopped.signal);
    this.from = got.from;
    this.text.prepend(document.createTextNode(got.text));
    this.kept += got.text.length;
    this.showWhatIsBefore();
  }
}

// A piece may begin inside a character: so many bytes of it belong to the one before.
function leftOut(data) {
  let n = 0;
  while (n < 3 && n < data.length && (data[n] & 0xc0) === 0x80) n++;
  return n;
}
