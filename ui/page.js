// What all pages have in common: the bar with the ways to the others, and whether what
// is seen is live.

import { h, say } from "./dom.js";

const PAGES = [["Workers", "/ui/"], ["Tasks", "/ui/task/"], ["Batches", "/ui/batch/"]];

// The bar and, below it, `main`; returns what shows whether the page is live.
export function page(...main) {
  const live = h("span", { class: "live", role: "status" }, "connecting…");
  document.body.replaceChildren(
    h("header", { class: "bar" },
      h("a", { class: "brand", href: "/" }, h("img", { src: "/ui/icon.svg", alt: "" }), "scitq"),
      h("nav", { "aria-label": "Pages" }, ...PAGES.map(([name, path]) =>
        h("a", { href: path, "aria-current": path === location.pathname ? "page" : null },
          name))),
      live),
    h("main", {}, ...main));
  return (on) => {
    live.classList.toggle("on", on);
    say(live, on ? "live" : "reconnecting…");
  };
}
