"""The style of a page: one column that reads on a phone, on paper, and in the dark."""

CSS = """
:root{color-scheme:light dark;--ink:#1b1f24;--muted:#59636e;--line:#d9dee3;--ground:#fff;--soft:#f4f6f8;--mark:#0072b2}
@media (prefers-color-scheme:dark){:root{--ink:#e8ebee;--muted:#a3adb8;--line:#3d444d;--ground:#111418;--soft:#1a1f25;
--mark:#5fb6f2}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:2rem 1.25rem 4rem;background:var(--ground);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;overflow-wrap:anywhere}
h1{font-size:1.8rem;line-height:1.2;margin:0 0 .5rem}
h2{font-size:1.35rem;margin:3rem 0 .5rem;padding-top:1rem;border-top:1px solid var(--line)}
h3,.part{font-size:1.05rem;margin:2rem 0 .5rem;padding:0;border:0}
p{margin:.5rem 0;max-width:46rem}
a{color:var(--mark)}
.lead{color:var(--muted)}
.verdict{border-left:4px solid var(--mark);background:var(--soft);padding:.75rem 1rem;margin:1rem 0}
.verdict p:first-child{font-size:1.15rem;font-weight:600;margin-top:0}
.verdict p:last-child{margin-bottom:0}
.scroll{overflow-x:auto;margin:1rem 0}
table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums}
caption{caption-side:bottom;text-align:left;color:var(--muted);padding-top:.4rem}
th,td{padding:.25rem .9rem .25rem 0;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
th:first-child,td:first-child,.word{text-align:left}
.word{white-space:normal;min-width:6rem}
tbody th{padding-top:.8rem;white-space:normal}
tr.best td{font-weight:700;background:var(--soft)}
figure{margin:1.75rem 0;break-inside:avoid}
figure img{display:block;max-width:100%;height:auto;margin:0 auto}
pre{overflow-x:auto;padding:.8rem 1rem;border:1px solid var(--line);border-radius:6px;font-size:.85rem}
figcaption{color:var(--muted);font-size:.88rem;max-width:46rem;margin-top:.5rem}
dl{display:grid;grid-template-columns:minmax(7rem,max-content) 1fr;gap:.15rem 1.25rem;font-size:.88rem}
dt{color:var(--muted)}
dd{margin:0}
.live>.chart{display:block}
.live>img{display:none}
.toggles{display:flex;flex-wrap:wrap;gap:.4rem;margin:0 0 .5rem}
.toggles button{font:inherit;font-size:.85rem;line-height:1.4;display:inline-flex;gap:.4rem;align-items:baseline;
padding:.15rem .7rem;border:1px solid var(--muted);border-radius:1rem;background:var(--soft);color:var(--ink);
cursor:pointer;text-align:left}
.toggles button[aria-pressed=false]{background:none;border-style:dashed;color:var(--muted)}
.toggles button[aria-pressed=false] bdi{text-decoration:line-through}
.toggles button[aria-pressed=false] span{visibility:hidden}
:focus-visible{outline:2px solid var(--mark);outline-offset:2px}
@page{margin:1.5cm}
@media print{:root{color-scheme:light;--ink:#000;--muted:#444;--line:#bbb;--ground:#fff;--soft:#f4f4f4;--mark:#0072b2}
body{max-width:none;padding:0;font-size:11px}h2,h3{break-after:avoid}.scroll{overflow:visible}
.toggles,.live>.chart{display:none}.live>img{display:block}}
"""
