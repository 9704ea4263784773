// What changes on the server, as it changes: /events, read with fetch since EventSource
// sends no headers.  A lost connection is taken up again where it ended; where the
// server does not know that place any more, everything is to be looked at anew.
//
// A hidden page listens to nothing: browsers have six connections to a server, and a
// seventh tab would wait for ever.

import { open } from "./api.js";

const SILENCE_MS = 40000; // the server says something every 15 s
const HIDDEN_MS = 5000;
const PAUSE_MS = [500, 1000, 2000, 5000, 10000];

// The events in a stream of bytes: {event, id, data}.
async function* parse(stream, alive) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    alive();
    rest += value;
    for (let end; (end = rest.indexOf("\n\n")) >= 0; rest = rest.slice(end + 2)) {
      const event = {};
      for (const line of rest.slice(0, end).split("\n")) {
        const colon = line.indexOf(":");
        if (colon > 0) event[line.slice(0, colon)] = line.slice(colon + 1).trimStart();
      }
      yield event;
    }
  }
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

const shown = () => document.visibilityState === "visible"
  ? Promise.resolve()
  : new Promise((done) => document.addEventListener("visibilitychange",
    function look() {
      if (document.visibilityState !== "visible") return;
      document.removeEventListener("visibilitychange", look);
      done();
    }));

// Listen for ever.  `path` is /events with its filters.
//   anew()           everything is to be read: at first, and when events were missed
//   changed(kind, row)   a row as it is, or {its id, deleted: true}
//   state(live)      for a person to know
export async function listen(path, { anew, changed, state }) {
  let id = "", failures = 0;
  for (;;) {
    await shown();
    const stop = new AbortController();
    let silence;
    const alive = () => {
      clearTimeout(silence);
      silence = setTimeout(() => stop.abort(), SILENCE_MS);
    };
    let hidden;
    const look = () => {
      clearTimeout(hidden);
      if (document.visibilityState !== "visible")
        hidden = setTimeout(() => stop.abort(), HIDDEN_MS);
    };
    document.addEventListener("visibilitychange", look);
    try {
      alive();
      const answer = await open(path, { headers: id ? { "Last-Event-ID": id } : {},
                                        signal: stop.signal });
      state(true);
      for await (const event of parse(answer.body, alive)) {
        failures = 0;
        id = event.id || id;
        if (!event.event) continue;
        if (event.event === "ready" || event.event === "reset") anew();
        else changed(event.event, JSON.parse(event.data));
      }
    } catch {
      // whatever it was, it is tried again
    } finally {
      clearTimeout(silence);
      clearTimeout(hidden);
      document.removeEventListener("visibilitychange", look);
    }
    state(false);
    await sleep(PAUSE_MS[Math.min(failures++, PAUSE_MS.length - 1)]);
  }
}

// `work` before the page is drawn again, once however often it is asked for.
export function drawing(work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      work();
    });
  };
}

// `work` soon, once however often it is asked for, and never more than a tenth of the
// time: what is slow is done more seldom.
export function gently(work, everyMs) {
  let wanted = false, busy = false;
  async function run() {
    busy = true;
    try {
      while (wanted) {
        wanted = false;
        const begun = performance.now();
        await work();
        await sleep(Math.max(everyMs, 10 * (performance.now() - begun)));
      }
    } finally {
      busy = false;
    }
  }
  return () => {
    wanted = true;
    if (!busy) run();
  };
}
