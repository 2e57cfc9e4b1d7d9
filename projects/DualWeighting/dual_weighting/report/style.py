"""How a report looks, and the one thing in it that moves: tables are sorted by a click."""

STYLE = """
:root { color-scheme: light; --ink: #1f2328; --soft: #57606a; --faint: #8b949e; --rule: #e3e6e9;
  --ground: #fff; --shade: #f6f8fa; --accent: #2b6cb0; --bad: #c53030; --good: #2f855a; }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0; background: var(--ground); color: var(--ink); line-height: 1.5;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", Helvetica, Arial,
  sans-serif; font-variant-numeric: tabular-nums; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
.page { max-width: 1400px; margin: 0 auto; padding: 32px 40px 80px; display: grid;
  grid-template-columns: 176px minmax(0, 1fr); column-gap: 56px; }
nav { grid-row: 1 / span 2; font-size: 13.5px; }
nav ol { position: sticky; top: 32px; list-style: none; margin: 0; padding: 6px 0 0; }
nav li { margin: 0 0 7px; }
nav a { color: var(--soft); }
nav .absent { color: var(--faint); }
main { min-width: 0; }
header { margin-bottom: 40px; }
.kind { color: var(--faint); font-size: 13px; letter-spacing: .02em; margin: 0; }
h1 { font-size: 30px; line-height: 1.2; font-weight: 650; margin: 2px 0 8px; letter-spacing: -.01em;
  overflow-wrap: anywhere; }
.lead { color: var(--soft); max-width: 72ch; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 19px; font-weight: 650; margin: 0 0 4px; letter-spacing: -.005em; }
h3 { font-size: 14px; font-weight: 600; margin: 0 0 6px; }
section { border-top: 1px solid var(--rule); padding: 26px 0 34px; scroll-margin-top: 8px; }
section p { max-width: 76ch; margin: 0 0 16px; color: var(--soft); overflow-wrap: anywhere; }
.missing { background: var(--shade); border-left: 3px solid var(--faint); padding: 9px 14px;
  color: var(--soft); max-width: 76ch; margin: 8px 0 0; overflow-wrap: anywhere; }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(128px, 1fr));
  gap: 22px 28px; margin: 28px 0 0; padding: 0; }
.numbers > div { border-top: 2px solid var(--rule); padding-top: 8px; }
.numbers > .first { border-color: var(--accent); }
.numbers dt { font-size: 13px; color: var(--soft); }
.numbers dd { margin: 0; }
.numbers .value { font-size: 28px; line-height: 1.25; font-weight: 600; letter-spacing: -.02em; }
.numbers .first .value { color: var(--accent); }
.numbers .about { font-size: 12.5px; color: var(--faint); }
.notices { margin: 14px 0 0; padding: 0; list-style: none; max-width: 86ch; }
.notices li { padding: 7px 0 7px 20px; position: relative; overflow-wrap: anywhere; }
.notices li::before { content: ""; position: absolute; left: 0; top: 15px; width: 8px; height: 8px;
  border-radius: 50%; background: var(--faint); }
.notices li.bad::before { background: var(--bad); }
.notices li.good::before { background: var(--good); }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr));
  gap: 32px 36px; margin-top: 14px; }
figure { margin: 0; min-width: 0; }
.zoom { display: block; cursor: zoom-in; }
.zoom input { position: absolute; opacity: 0; }
.zoom:focus-within { outline: 2px solid var(--accent); }
.zoom:has(:checked) { position: fixed; inset: 0; z-index: 9; overflow: auto; cursor: zoom-out;
  background: var(--ground); }
.zoom :checked + * { width: 100%; height: 100%; min-width: 800px; min-height: 600px; margin: 0;
  object-fit: contain; }
.zoom svg { max-width: 100%; height: auto; }
.zoom :checked + svg { max-width: none; min-width: 1200px; min-height: 1200px; }
figcaption { font-size: 13px; color: var(--soft); overflow-wrap: anywhere; }
figcaption strong, .chart-title { font-size: 14px; font-weight: 600; color: var(--ink); }
svg { display: block; }
svg text { font: 11.5px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", Helvetica, Arial,
  sans-serif; fill: var(--soft); font-variant-numeric: tabular-nums; }
svg.matrix text:not([fill]) { fill: var(--ink); }
svg text[fill="#fff"] { fill: #fff; }
svg text[fill="#000"] { fill: #000; }
svg.chart { width: 100%; height: auto; margin-top: 6px; overflow: visible; }
svg.small text { font-size: 9.5px; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 2px 16px; margin: 6px 0 0;
  padding: 0; font-size: 12.5px; color: var(--soft); }
.legend li { display: flex; align-items: center; gap: 6px; min-width: 0; max-width: 100%; }
.legend span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.legend i { flex: none; width: 16px; border-top: 2.5px solid; }
.legend i.dashed { border-top-style: dashed; }
.legend i.box { width: 11px; height: 11px; border: 2.5px solid; background: none; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 380px), 1fr));
  gap: 28px 56px; margin-top: 14px; }
.split { display: flex; flex-wrap: wrap; gap: 28px 56px; align-items: flex-start; }
.split > div { min-width: 0; margin-top: 12px; }
.scroll { overflow-x: auto; margin-top: 12px; }
table { border-collapse: collapse; font-size: 14px; }
table.wide { width: 100%; }
th, td { padding: 5px 14px 5px 0; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--rule); vertical-align: baseline; }
th:last-child, td:last-child { padding-right: 2px; }
th { font-weight: 500; font-size: 12.5px; color: var(--soft); border-bottom-color: var(--faint);
  vertical-align: bottom; }
th[data-sort] { cursor: pointer; }
th[data-sort]:hover { color: var(--ink); }
th[aria-sort=ascending]::after { content: " \\2191"; }
th[aria-sort=descending]::after { content: " \\2193"; }
td.name, th.name { text-align: left; }
td.name { max-width: 280px; overflow: hidden; text-overflow: ellipsis; }
td.text { text-align: left; white-space: normal; overflow-wrap: anywhere; min-width: 110px; }
td.bar { width: 22%; min-width: 90px; }
td.bar i { display: block; height: 9px; background: var(--accent); opacity: .75; }
tbody tr:hover { background: var(--shade); }
tr.own td { font-weight: 600; }
.tall { max-height: 640px; overflow-y: auto; }
.tall thead th { position: sticky; top: 0; background: var(--ground); }
.change { color: var(--faint); font-size: 12.5px; }
.pictures { display: grid; gap: 24px 20px; margin-top: 14px;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); align-items: start; }
.pictures img, .snapshots img { display: block; width: 100%; height: auto; margin-bottom: 6px;
  background: var(--shade); }
.snapshots { margin-top: 14px; display: grid; gap: 28px; }
.snapshots .scroll { margin: 0; }
.snapshots img { min-width: 720px; }
details { margin-top: 14px; }
summary { cursor: pointer; color: var(--accent); font-size: 14px; }
pre { background: var(--shade); padding: 14px 16px; overflow: auto; max-height: 560px;
  font: 12.5px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; margin: 10px 0 0; }
footer { color: var(--faint); font-size: 12.5px; border-top: 1px solid var(--rule);
  padding-top: 14px; overflow-wrap: anywhere; }
@media (max-width: 900px) {
  .page { display: block; padding: 22px 18px 60px; }
  nav { border-bottom: 1px solid var(--rule); margin-bottom: 22px; }
  nav ol { position: static; display: flex; flex-wrap: wrap; gap: 0 16px; padding: 0 0 8px; }
  h1 { font-size: 25px; }
  .numbers { grid-template-columns: repeat(auto-fit, minmax(118px, 1fr)); gap: 16px 18px; }
  .numbers .value { font-size: 24px; }
  td.name { max-width: 136px; }
}
@media print { nav { display: none; } .page { display: block; } .tall { max-height: none; } }
"""

SCRIPT = """
document.querySelectorAll("th[data-sort]").forEach(head => head.addEventListener("click", () => {
  const table = head.closest("table"), place = head.cellIndex;
  const up = head.getAttribute("aria-sort") === "descending";
  table.querySelectorAll("th[aria-sort]").forEach(th => th.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const key = row => row.cells[place].dataset.value ?? row.cells[place].textContent;
  const order = (a, b) => {
    const x = key(a), y = key(b);
    if (x === "" || y === "") return (x === "") - (y === "");
    return (up ? 1 : -1) * (isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y);
  };
  const body = table.tBodies[0];
  body.append(...[...body.rows].sort(order));
}));
"""
