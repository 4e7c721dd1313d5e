"""The look of the HTML page: no script, no font and no picture from elsewhere."""

from __future__ import annotations

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}</body>
</html>
"""

STYLE = """
.derivation { --ink: #1d2433; --soft: #5b6577; --line: #e3e7ee; --paper: #ffffff; --tint: #f6f8fb; --accent: #2456c7;
  --input: #2e7d32; --parameter: #b26a00; --loss: #b3261e;
  max-width: 46rem; margin: 2.5rem auto; padding: 0 1.25rem; color: var(--ink);
  font: 16px/1.6 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
.derivation math { font-size: 1.08em; }
.derivation h1 { font-weight: 600; font-size: 1.6rem; margin: 0 0 1.25rem; }
.derivation h1 math { font-size: 1em; margin-left: .2em; }
.derivation .network { background: var(--tint); border: 1px solid var(--line); border-radius: 10px;
  padding: .8rem 1.1rem; overflow-x: auto; }
.derivation table { border-collapse: collapse; width: 100%; background: none; }
.derivation td { padding: .22rem .6rem .22rem 0; border: 0; text-align: left; vertical-align: middle; }
.derivation td:nth-child(2) { color: var(--soft); font-size: .9em; white-space: nowrap; }
.derivation td:nth-child(3) { font-size: .8em; text-align: right; }
.derivation tr.input td:nth-child(3) { color: var(--input); }
.derivation tr.parameter td:nth-child(3) { color: var(--parameter); }
.derivation tr.loss td:nth-child(3) { color: var(--loss); }
.derivation .note { color: var(--soft); font-size: .88em; margin: .7rem 0 0; }
.derivation ol { list-style: none; counter-reset: step; margin: 1.6rem 0; padding: 0; }
.derivation li { counter-increment: step; position: relative; padding: 0 0 1.3rem 3rem; }
.derivation li::before { content: counter(step); position: absolute; left: 0; top: 0; width: 1.9rem; height: 1.9rem;
  border-radius: 50%; background: var(--accent); color: var(--paper); font-weight: 600; font-size: .85rem;
  display: grid; place-items: center; z-index: 1; }
.derivation li:not(:last-child)::after { content: ""; position: absolute; left: .92rem; top: 1.9rem; bottom: 0;
  border-left: 2px solid var(--line); }
.derivation li header { display: flex; flex-wrap: wrap; gap: .2rem 1rem; justify-content: space-between;
  align-items: baseline; padding-top: .12rem; }
.derivation li header b { font-weight: 600; }
.derivation .source { color: var(--soft); font-size: .92em; }
.derivation li > math { background: var(--tint); border-radius: 8px; padding: .75rem .5rem; margin: .55rem 0;
  overflow-x: auto; }
.derivation li p { margin: .3rem 0 0; color: var(--soft); font-size: .93em; }
.derivation .shape { display: inline-block; white-space: nowrap; font-size: .86em; padding: 0 .5rem;
  border: 1px solid var(--line); border-radius: 999px; color: var(--ink); }
.derivation h2 { font-weight: 600; font-size: 1.1rem; margin: 1.4rem 0 .6rem; }
.derivation .simplified { margin: 0 0 1.6rem; }
.derivation .simplified > math { background: var(--tint); border-radius: 8px; padding: .75rem .5rem; margin: .55rem 0;
  overflow-x: auto; }
.derivation .simplified p { margin: .2rem 0 .8rem; color: var(--soft); font-size: .93em; text-align: center; }
.derivation p.check { font-size: .82em; }
.derivation p.check.holds { color: var(--input); }
.derivation p.check.fails { color: var(--loss); font-weight: 600; }
.derivation .result { border: 2px solid var(--accent); border-radius: 10px; padding: .9rem 1.1rem; overflow-x: auto; }
.derivation .result > math:first-child { font-size: 1.3em; }
.derivation .result p { margin: .4rem 0 .2rem; color: var(--soft); text-align: center; font-size: .93em; }
.derivation .result math { margin: .6rem 0; }
@media (prefers-color-scheme: dark) {
  body:has(> .derivation) { background: #14181f; }
  .derivation { --ink: #e7eaf0; --soft: #a2abbb; --line: #2d3441; --paper: #14181f; --tint: #1b212b;
    --accent: #8ab0ff; --input: #81c784; --parameter: #ffb74d; --loss: #ff8a80; }
}
"""
