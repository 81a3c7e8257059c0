"use strict";
// The page is complete without this: a switch for the theme, and tables that sort and filter.
(() => {
  const UNITS = { "µs": 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, KiB: 1024, MiB: 1048576, GiB: 1073741824,
    "MFLOP/s": 1e6, "GFLOP/s": 1e9, "TFLOP/s": 1e12 };

  const make = (name, fields, parent) => parent.appendChild(Object.assign(document.createElement(name), fields));

  function theme() {
    const root = document.documentElement;
    const dark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
    const button = make("button", { type: "button", className: "theme" }, document.body);
    const say = () => { button.textContent = dark() ? "Light" : "Dark"; button.setAttribute("aria-label", `${button.textContent} theme`); };
    button.onclick = () => { root.dataset.theme = dark() ? "light" : "dark"; say(); };
    document.querySelector("nav").before(button);
    say();
  }

  // The number that a cell begins with, in the unit that follows it; text has none.
  function number(text) {
    const found = /^[−-]?[\d,]*\.?\d+(?:e[+-]?\d+)?/.exec(text);
    if (!found) return NaN;
    const value = Number(found[0].replace("−", "-").replaceAll(",", ""));
    const unit = text.slice(found[0].length).trim().split(/[ (]/)[0];
    return value * (UNITS[unit] ?? 1);
  }

  function compare(one, other) {
    const [a, b] = [number(one), number(other)];
    if (Number.isNaN(a) !== Number.isNaN(b)) return Number.isNaN(a) ? 1 : -1;
    return Number.isNaN(a) ? one.localeCompare(other) : a - b;
  }

  function sort(table, head) {
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...table.tBodies[0].rows].map((row) => [row.cells[head.cellIndex]?.textContent ?? "", row]);
    rows.sort(([one], [other]) => compare(one, other));
    if (down) rows.reverse();
    table.tBodies[0].append(...rows.map(([, row]) => row));
  }

  function filter(table) {
    const box = make("input", { type: "search", className: "filter", placeholder: "Filter rows" }, document.body);
    box.setAttribute("aria-label", `Filter rows: ${table.caption.textContent}`);
    box.oninput = () => {
      const words = box.value.toLowerCase().split(/\s+/);
      for (const row of table.tBodies[0].rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      }
    };
    table.parentNode.before(box);
  }

  function prepare(table) {
    if (table.tBodies[0].rows.length < 3 || !table.tHead) return;
    for (const head of table.tHead.querySelectorAll("th")) {
      const button = make("button", { type: "button" }, head);
      if (head.querySelector("a")) {
        button.setAttribute("aria-label", `Sort by ${head.textContent}`);
        button.className = "beside";
      } else button.append(...[...head.childNodes].filter((one) => one !== button));
      button.onclick = () => sort(table, head);
    }
    if (table.tBodies[0].rows.length > 7) filter(table);
  }

  theme();
  document.querySelectorAll("table").forEach(prepare);
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
})();
