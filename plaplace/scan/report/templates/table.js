// The tables of images: sort by a column, filter by text and verdict, switch between the two. Without it they are plain.
"use strict";

const tables = [...document.querySelectorAll(".images")];
const text = document.getElementById("filter-text");
const verdict = document.getElementById("filter-verdict");
const choices = [...document.querySelectorAll('input[name="table"]')];
const order = new Intl.Collator("en", { numeric: true }).compare;

// what a row is sorted by: a number, or the text; null where there is none, which comes last both ways
function value(row, column, numeric) {
  const cell = row.cells[column];
  const shown = cell.dataset.v ?? cell.textContent.trim();
  if (!numeric) return shown;
  const number = Number(shown);
  return shown === "" || Number.isNaN(number) ? null : number;
}

function sort(table, header) {
  const column = header.cellIndex;
  const numeric = header.classList.contains("number");
  const before = header.getAttribute("aria-sort");
  const downFirst = numeric && !["rank", "p_value", "q_value"].includes(header.dataset.column);
  const down = before ? before === "ascending" : downFirst;
  const rows = [...table.tBodies[0].rows].map((row) => [value(row, column, numeric), row]);
  rows.sort(([a], [b]) => {
    if (a === null || b === null) return (a === null) - (b === null);
    const way = numeric ? a - b : order(a, b);
    return down ? -way : way;
  });
  table.tBodies[0].append(...rows.map(([, row]) => row));
  for (const other of header.parentNode.cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", down ? "descending" : "ascending");
}

function show() {
  const chosen = choices.find((each) => each.checked)?.value;
  const wanted = text.value.trim().toLowerCase();
  for (const box of tables) {
    box.hidden = chosen !== undefined && box.id !== `table-${chosen}`;
    if (box.hidden) continue;
    const rows = [...box.querySelectorAll("tbody tr")];
    let shown = 0;
    for (const row of rows) {
      const its = row.querySelector(".badge")?.textContent;
      const kept = row.textContent.toLowerCase().includes(wanted) && (!verdict?.value || its === verdict.value);
      row.hidden = !kept;
      shown += kept;
    }
    document.getElementById("row-count").textContent = `${shown} of ${rows.length} rows shown`;
  }
}

if (tables.length) {
  for (const table of tables.map((box) => box.querySelector("table"))) {
    for (const header of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      button.addEventListener("click", () => sort(table, header));
      header.append(button);
    }
  }
  let waiting = 0;
  text.addEventListener("input", () => {
    clearTimeout(waiting); // one announcement when the typing pauses
    waiting = setTimeout(show, 150);
  });
  verdict?.addEventListener("change", show);
  for (const each of choices) each.addEventListener("change", show);
  document.querySelector(".controls").hidden = false;
  show();
}
