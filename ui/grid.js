// A list of any length of which only the rows that can be seen are in the document.
//
// Rows have one height (--row in app.css), so that what can be seen follows from where
// the list is scrolled to; a row's element lives as long as its key can be seen, so that
// a button keeps the focus while rows come and go around it.  With the keyboard: arrows,
// Page and Home, End move, Enter opens, the space bar selects; buttons in rows are
// reached with Tab.

import { h, say } from "./dom.js";

const AROUND = 6; // rows more than can be seen, on either side

export class Grid {
  // columns: [{name, class, make(cell, grid), show(cell, row)}]: `make` once for an
  // element, `show` for each row that it shows.  key(row), opened(row), acted(name, row),
  // near(): its end is near, more rows may be wanted.
  constructor({ label, kind, columns, key, selects, opened, acted, near, chosen }) {
    Object.assign(this, { columns, key, opened, acted, near, chosen });
    this.rows = [];
    this.shown = new Map();
    this.selected = selects ? new Set() : null;
    this.cursor = -1;
    this.space = h("div", { class: "grid-space", role: "rowgroup" });
    this.empty = h("div", { class: "empty", hidden: true });
    this.body = h("div", { class: "grid-body", tabindex: 0, role: "grid",
                           "aria-label": label, onkeydown: (e) => this.pressed(e),
                           onclick: (e) => this.clicked(e),
                           onscroll: () => this.soon() }, this.space, this.empty);
    this.all = selects
      ? h("input", { type: "checkbox", "aria-label": "Select all",
                     onchange: () => this.selectAll(this.all.checked) }) : null;
    this.element = h("section", { class: "grid " + kind },
      h("div", { class: "row head", "aria-hidden": selects ? null : true },
        this.all ? h("span", { class: "check" }, this.all) : null,
        ...columns.map((c) => h("span", { class: c.class }, c.name))),
      this.body);
    new ResizeObserver(() => this.soon()).observe(this.body);
  }

  // ---- what is shown

  setRows(rows) {
    this.rows = rows;
    if (this.selected?.size) {
      const there = new Set(rows.map(this.key));
      for (const key of this.selected) if (!there.has(key)) this.selected.delete(key);
    }
    if (this.cursor >= rows.length) this.cursor = rows.length - 1;
    this.soon();
  }

  setEmpty(...content) {
    this.empty.replaceChildren(...content);
  }

  soon() {
    this.pending ??= requestAnimationFrame(() => {
      this.pending = null;
      this.draw();
    });
  }

  height() {
    return parseFloat(getComputedStyle(this.element).getPropertyValue("--row")) || 36;
  }

  draw() {
    const height = this.height(), n = this.rows.length;
    this.space.style.height = `${n * height}px`;
    this.empty.hidden = n > 0;
    this.body.setAttribute("aria-rowcount", n);
    const first = Math.max(0, Math.floor(this.body.scrollTop / height) - AROUND);
    const last = Math.min(n, Math.ceil(
      (this.body.scrollTop + this.body.clientHeight) / height) + AROUND);
    const gone = new Map(this.shown);
    for (let i = first; i < last; i++) {
      const key = this.key(this.rows[i]);
      const row = this.shown.get(key) ?? this.make(key);
      gone.delete(key);
      this.show(row, i, height);
    }
    for (const [key, row] of gone) {
      row.element.remove();
      this.shown.delete(key);
    }
    const active = this.shown.get(this.rows[this.cursor] && this.key(this.rows[this.cursor]));
    if (active) this.body.setAttribute("aria-activedescendant", active.element.id);
    else this.body.removeAttribute("aria-activedescendant");
    if (this.all) this.all.checked = n > 0 && this.selected.size === n;
    if (this.near && last > n - 3 * AROUND) this.near();
  }

  make(key) {
    const cells = this.columns.map((c) => {
      const cell = h("span", { class: c.class, role: "gridcell" });
      c.make?.(cell);
      return cell;
    });
    const box = this.selected
      ? h("input", { type: "checkbox", "data-act": "select", tabindex: -1,
                     "aria-label": "Select" }) : null;
    const element = h("div", { class: "row", role: "row", id: "row-" + key },
      box ? h("span", { class: "check" }, box) : null, ...cells);
    const row = { element, cells, box };
    this.shown.set(key, row);
    this.space.append(element);
    return row;
  }

  show(row, i, height) {
    const data = this.rows[i], { element } = row;
    row.data = data;
    const place = `translateY(${i * height}px)`;
    if (element.style.transform !== place) element.style.transform = place;
    element.classList.toggle("cursor", i === this.cursor);
    element.setAttribute("aria-rowindex", i + 1);
    if (row.box) {
      row.box.checked = this.selected.has(this.key(data));
      element.setAttribute("aria-selected", row.box.checked);
    }
    this.columns.forEach((c, k) => {
      const shown = c.show(row.cells[k], data);
      if (shown !== undefined) say(row.cells[k], shown);
    });
  }

  // ---- what is done with it

  chosenRows() {
    return this.rows.filter((row) => this.selected.has(this.key(row)));
  }

  select(row, on) {
    if (on) this.selected.add(this.key(row));
    else this.selected.delete(this.key(row));
    this.chosen?.();
    this.soon();
  }

  selectAll(on) {
    this.selected = new Set(on ? this.rows.map(this.key) : []);
    this.chosen?.();
    this.soon();
  }

  rowOf(target) {
    const element = target.closest(".row");
    for (const row of this.shown.values()) if (row.element === element) return row.data;
    return undefined;
  }

  clicked(event) {
    const row = this.rowOf(event.target);
    const button = event.target.closest("[data-act]");
    if (!row || event.target.closest("a")) return;
    this.cursor = this.rows.indexOf(row);
    if (!button) this.opened?.(row);
    else if (button.dataset.act === "select") this.select(row, button.checked);
    else this.acted(button.dataset.act, row);
    this.soon();
  }

  move(to) {
    const height = this.height();
    this.cursor = Math.max(0, Math.min(this.rows.length - 1, to));
    const top = this.cursor * height, room = this.body.clientHeight - height;
    if (top < this.body.scrollTop) this.body.scrollTop = top;
    else if (top > this.body.scrollTop + room) this.body.scrollTop = top - room;
    this.soon();
  }

  pressed(event) {
    const page = Math.max(1, Math.floor(this.body.clientHeight / this.height()) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page,
                    Home: -Infinity, End: Infinity };
    const row = this.rows[this.cursor];
    if (event.target !== this.body || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key in steps) this.move(this.cursor < 0 ? 0 : this.cursor + steps[event.key]);
    else if (event.key === "Enter" && row) this.opened?.(row);
    else if (event.key === " " && row && this.selected)
      this.select(row, !this.selected.has(this.key(row)));
    else return;
    event.preventDefault();
  }
}
