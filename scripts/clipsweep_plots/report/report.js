"use strict";
// Sorts and filters the tables, builds the table of runs when it is opened, and copies commands.
// Without JavaScript the page only lacks that one table.

const compareTexts = new Intl.Collator("en", { numeric: true }).compare;

function sortKey(row, column) {
  const cell = row.cells[column];
  const text = cell.dataset.sort ?? cell.firstChild?.textContent ?? "";
  if (text === "" || text === "–") return null;
  const number = Number(text);
  return Number.isNaN(number) ? text : number;
}

// Compares two keys; a missing one comes last in both directions.
function compareKeys(left, right, sign) {
  if (left === null || right === null) return (left === null) - (right === null);
  if (typeof left === "number" && typeof right === "number") return sign * (left - right);
  return sign * compareTexts(String(left), String(right));
}

function sortRows(table, column, direction) {
  const sign = direction === "ascending" ? 1 : -1;
  const keyed = Array.from(table.tBodies[0].rows, (row) => [sortKey(row, column), row]);
  keyed.sort(([left], [right]) => compareKeys(left, right, sign));
  table.tBodies[0].append(...keyed.map(([, row]) => row));
}

function onSortClick(heading) {
  const table = heading.closest("table");
  const opposite = { ascending: "descending", descending: "ascending" };
  const direction = opposite[heading.getAttribute("aria-sort")] ?? heading.dataset.first;
  for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", direction);
  sortRows(table, heading.cellIndex, direction);
}

function makeSortable(table) {
  for (const heading of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => onSortClick(heading));
    heading.append(button);
  }
}

function matches(row, words, facets) {
  const text = row.textContent.toLowerCase();
  return (
    words.every((word) => text.includes(word)) &&
    facets.every((select) => !select.value || row.dataset[select.dataset.facet] === select.value)
  );
}

function filterRows(form) {
  const rows = document.getElementById(form.dataset.table).tBodies[0].rows;
  const words = form.querySelector("input").value.toLowerCase().split(/\s+/).filter(Boolean);
  const facets = Array.from(form.querySelectorAll("select"));
  let shown = 0;
  for (const row of rows) {
    row.hidden = !matches(row, words, facets);
    shown += !row.hidden;
  }
  form.querySelector("output").textContent = `${shown} of ${rows.length} rows`;
}

function enableFilter(form) {
  form.hidden = false;
  form.addEventListener("input", () => filterRows(form));
  form.addEventListener("submit", (event) => event.preventDefault());
  filterRows(form);
}

function buildCell(content, heading, isFirst) {
  const [text, key, note] = Array.isArray(content) ? content : [content];
  const cell = document.createElement(isFirst ? "th" : "td");
  if (isFirst) cell.scope = "row";
  cell.className = heading.className;
  cell.append(text);
  if (key !== undefined && key !== null) cell.dataset.sort = key;
  if (note) cell.append(Object.assign(document.createElement("small"), { textContent: note }));
  return cell;
}

function buildRows(table) {
  const headings = table.tHead.rows[0].cells;
  const rows = JSON.parse(document.getElementById(table.dataset.rows).textContent);
  for (const contents of rows) {
    const row = table.tBodies[0].insertRow();
    row.append(...contents.map((content, k) => buildCell(content, headings[k], k === 0)));
  }
}

function enableRuns(details) {
  details.hidden = false;
  document.getElementById("runs-elsewhere").className = "only-print";
  details.addEventListener(
    "toggle",
    () => {
      buildRows(details.querySelector("table"));
      enableFilter(details.querySelector("form"));
    },
    { once: true },
  );
}

// Only what scrolls sideways is a stop of the Tab key, with which a keyboard can scroll it.
function watchScrolling(region) {
  const mark = () => {
    if (region.scrollWidth > region.clientWidth + 1) region.tabIndex = 0;
    else region.removeAttribute("tabindex");
  };
  new ResizeObserver(mark).observe(region);
  mark();
}

async function copyText(button) {
  const source = document.getElementById(button.dataset.copy);
  getSelection().selectAllChildren(source);
  try {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Selected: press Ctrl-C";
  }
}

function enableCopying(button) {
  button.hidden = false;
  button.addEventListener("click", () => copyText(button));
}

// Opens sections for printing, and closes them again.
function enablePrinting() {
  const closed = () => document.querySelectorAll("details.in-print:not([open])");
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = Array.from(closed());
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
  });
}

document.querySelectorAll("table.sortable").forEach(makeSortable);
document.querySelectorAll("section > form.controls").forEach(enableFilter);
document.querySelectorAll("[data-copy]").forEach(enableCopying);
enableRuns(document.getElementById("runs-details"));
enablePrinting();
document.querySelectorAll(".scroll").forEach(watchScrolling);
