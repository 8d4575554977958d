"use strict";
(() => {
  const table = document.getElementById("list");
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const verdicts = ["violation", "warning", "unknown", "ok"];
  const units = { ns: 1e-9, "µs": 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600 };
  const compare = new Intl.Collator("en", { numeric: true }).compare;

  // What a cell is sorted by: a length of time in seconds, the rank of a verdict, or its text; null where it has nothing.
  const span = /^(?:-?[\d.]+ (?:ns|µs|ms|s|min|h) ?)+$/;
  const keyOf = (text) => {
    if (text === "" || text === "-") return null;
    if (verdicts.includes(text)) return verdicts.indexOf(text);
    if (!span.test(text)) return text;
    const parts = text.matchAll(/(-?[\d.]+) (ns|µs|ms|s|min|h)/g);
    return [...parts].reduce((sum, [, number, unit]) => sum + number * units[unit], 0);
  };
  const byKey = (one, other) => {
    if (typeof one === "number" && typeof other === "number") return one - other;
    return compare(one, other);
  };

  const sortBy = (column, direction) => {
    const rows = [...body.rows].map((row) => [keyOf(row.cells[column].textContent.trim()), row]);
    rows.sort(([one], [other]) => {
      if (one === null || other === null) return (one === null) - (other === null);
      return direction * byKey(one, other);
    });
    body.append(...rows.map(([, row]) => row));
    heads.forEach((head, at) => {
      if (at === column) head.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
  };
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => {
      sortBy(column, head.getAttribute("aria-sort") === "ascending" ? -1 : 1);
    });
    head.append(button);
  });

  const filter = document.getElementById("filter");
  const text = document.getElementById("text");
  const boxes = [...filter.querySelectorAll("input[type=checkbox]")];
  const count = document.getElementById("count");
  const all = [...body.rows].map((row) => [row, row.textContent.toLowerCase()]);
  const apply = () => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    let shown = 0;
    for (const [row, told] of all) {
      row.hidden = !(wanted.has(row.className) && words.every((word) => told.includes(word)));
      shown += row.hidden ? 0 : 1;
    }
    count.textContent = `${shown.toLocaleString("en")} of ${all.length.toLocaleString("en")} shown`;
  };
  let waiting;
  text.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(apply, 100);
  });
  boxes.forEach((box) => box.addEventListener("change", apply));
  filter.hidden = false;
  apply();
})();
