"use strict";
const order = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
function sort(button) {
  const head = button.parentElement, row = head.parentElement, body = row.closest("table").tBodies[0];
  const at = [...row.cells].indexOf(head), up = head.getAttribute("aria-sort") !== "ascending";
  const value = (one) => one.cells[at].dataset.v ?? one.cells[at].textContent;
  const rows = [...body.rows].map((one) => [value(one), one]);
  rows.sort((a, b) => order.compare(a[0], b[0]) * (up ? 1 : -1));
  for (const cell of row.cells) cell.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  body.append(...rows.map((one) => one[1]));
}
document.addEventListener("click", (event) => {
  const button = event.target.closest("th button");
  if (button) sort(button);
});
