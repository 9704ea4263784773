// The form that recruits workers: flavors, providers and regions are completed from what
// the providers offer, and what the choice comes to is told below it.

import { call, get, query } from "./api.js";
import { ask, field, h, notice, say } from "./dom.js";

const OFFERS = 10000;

function described(offer) {
  const parts = [`${offer.cpu} CPUs`, `${offer.ram} GB of memory`];
  if (offer.disk) parts.push(`${offer.disk} GB of disk`);
  if (offer.gpu) parts.push(`GPU ${offer.gpu}`);
  if (offer.cost !== null) parts.push(`${offer.cost} per hour`);
  if (offer.eviction) parts.push(`evicted ${offer.eviction} % per hour`);
  return parts.join(", ");
}

const choices = (id, values) => h("datalist", { id },
  ...[...new Set(values)].map((value) => h("option", { value })));

function flavorChoices(offers) {
  const first = new Map();
  for (const offer of offers) if (!first.has(offer.name)) first.set(offer.name, offer);
  return h("datalist", { id: "flavors" }, ...[...first.values()].map((offer) =>
    h("option", { value: offer.name, label: `${offer.name}: ${described(offer)}` })));
}

export async function deploy() {
  let offers = [];
  try {
    offers = await get(query("/flavor/", { limit: OFFERS, max_eviction: 100 }));
  } catch (e) {
    notice(e.message, "error");
  }
  const text = (name, list, value) => h("input", { name, list, value, autocomplete: "off",
                                                   spellcheck: "false" });
  const number = (name, value, min) => h("input", { name, value, min, type: "number",
                                                    required: true });
  const inputs = {
    flavor: text("flavor", "flavors"), provider: text("provider", "providers", "auto"),
    region: text("region", "regions", "auto"), number: number("number", 1, 1),
    concurrency: number("concurrency", 1, 1), prefetch: number("prefetch", 0, 0),
    batch: text("batch", "deploy-batches") };
  inputs.flavor.required = inputs.flavor.autofocus = true;
  const told = h("p", { class: "faint", role: "status", dir: "auto" });

  // What the form comes to so far.
  function tell() {
    const [flavor, provider, region] = ["flavor", "provider", "region"].map((key) =>
      inputs[key].value.trim());
    const left = offers.filter((o) => o.name === flavor &&
      (["", "auto"].includes(provider) || o.provider === provider) &&
      (["", "auto"].includes(region) || o.region === region));
    if (!offers.length)
      say(told, "No flavor is known yet: scitq-manage flavor update -P PROVIDER asks for them.");
    else if (!flavor) say(told, `Offers known: ${offers.length}`);
    else if (!left.length) say(told, "Nobody is known to offer that.");
    else
      say(told, `${described(left[0])}; in ${left.map((o) =>
        `${o.region ?? "?"} (${o.provider})` +
        (o.available === null ? "" : `: ${o.available} left`)).slice(0, 6).join(", ")}`);
  }

  const batches = await get("/batch/").catch(() => []);
  tell();
  const done = await ask({
    title: "Deploy workers", verb: "Deploy", wide: true,
    content: [h("div", { class: "fields", oninput: tell },
      field("Flavor", inputs.flavor), field("Provider", inputs.provider, "auto: the cheapest"),
      field("Region", inputs.region, "auto: any"), field("How many", inputs.number),
      field("Concurrency", inputs.concurrency, "tasks at once, on each"),
      field("Prefetch", inputs.prefetch, "tasks whose data is fetched ahead"),
      field("Batch", inputs.batch)),
    told, flavorChoices(offers), choices("providers", ["auto", ...offers.map((o) => o.provider)]),
    choices("regions", ["auto", ...offers.map((o) => o.region).filter(Boolean)]),
    choices("deploy-batches", batches.map((b) => b.batch))],
    submit: async (data) => {
      const body = Object.fromEntries([...data].map(([key, value]) => [key, value.trim()])
        .filter(([, value]) => value !== ""));
      for (const key of ["number", "concurrency", "prefetch"]) body[key] = Number(body[key]);
      await call("PUT", "/workers/deploy", body);
    } });
  if (done) notice("Workers are on their way: see their jobs");
}
