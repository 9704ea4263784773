// Calls of the server.  Whoever looks at the pages is who calls: where the server asks
// for a token, the page asks for it once and keeps it for this tab (sessionStorage); it
// is sent as a header and nowhere else, so that no other site's page can have it sent.
// Errors carry the server's own words.

import { askToken } from "./dom.js";

const KEY = "scitq.token";

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

function headers(more) {
  const token = sessionStorage.getItem(KEY);
  return token ? { ...more, Authorization: "Bearer " + token } : { ...more };
}

export function hasToken() {
  return sessionStorage.getItem(KEY) !== null;
}

// Is the token one that may look at things?  Then a refusal was of the role.
async function tokenIsKnown() {
  const answer = await fetch("/swagger.json", { method: "HEAD", headers: headers() });
  return answer.ok;
}

let asking = null; // one question at a time, whoever needs the answer

function ask(words) {
  asking ??= askToken(words)
    .then((token) => sessionStorage.setItem(KEY, token))
    .finally(() => { asking = null; });
  return asking;
}

async function words(answer) {
  const text = await answer.text();
  try {
    return JSON.parse(text).message || text;
  } catch {
    return text || `the server answered ${answer.status}`;
  }
}

// A response that is ok, whatever its kind; asks for a token where one is needed.
export async function open(path, options = {}) {
  for (;;) {
    const sent = sessionStorage.getItem(KEY);
    let answer;
    try {
      answer = await fetch(path, { cache: "no-store", ...options,
                                   headers: headers(options.headers) });
    } catch (e) {
      if (e.name === "AbortError") throw e;
      throw new ApiError(0, "the server cannot be reached");
    }
    if (answer.ok) return answer;
    const message = await words(answer);
    if (answer.status !== 401 || (sent !== null && await tokenIsKnown()))
      throw new ApiError(answer.status, message);
    if (sent === sessionStorage.getItem(KEY)) await ask(sent === null ? "" : message);
  }
}

export async function call(method, path, body) {
  const options = { method };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers = { "Content-Type": "application/json" };
  }
  return (await open(path, options)).json();
}

export const get = (path) => call("GET", path);

// "/tasks/" and {status: ["failed"], limit: 5} as a path with its query.
export function query(path, parameters) {
  const q = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters))
    for (const one of Array.isArray(value) ? value : [value])
      if (one !== undefined && one !== null && one !== "") q.append(key, one);
  const text = q.toString();
  return text ? path + "?" + text : path;
}

// A file of the server's saved under `name`.  With a token it has to be fetched first,
// since a link sends no header; without, the browser writes it as it comes.
export async function download(path, name) {
  const link = document.createElement("a");
  link.download = name;
  if (!hasToken()) {
    link.href = path;
    link.click();
    return;
  }
  const answer = await open(path);
  link.href = URL.createObjectURL(await answer.blob());
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
