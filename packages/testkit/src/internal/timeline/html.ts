/** The page: header, legend, and the run as data beside the script that draws it. */
import { draw } from "./draw.ts"
import { type Arrow, legend, type Model, summary } from "./model.ts"
import { changes, type Colour, colours, fates, type Glyph, glyphs } from "./palette.ts"
import { script } from "./script.ts"
import { style } from "./style.ts"
import { count, escape, json, many, seconds } from "./text.ts"

// -----------------------------------------------------------------------------
// data
// -----------------------------------------------------------------------------

const sorts: ReadonlyArray<Arrow["sort"]> = ["Datagram", "Copy", "Request", "Answer"]
const outcomes: ReadonlyArray<Arrow["fate"]> = ["Arrived", "Lost", "UnderWay"]

/** What the script reads: what there is much of without the names of its fields. */
const pack = ({ arrows, contents, marks, ...model }: Model) => ({
  model,
  contents: contents.map((content) => content.flat()),
  arrows: arrows.map((arrow) => [
    sorts.indexOf(arrow.sort),
    arrow.from,
    arrow.to,
    arrow.sent,
    arrow.end,
    outcomes.indexOf(arrow.fate),
    arrow.bytes,
    arrow.content,
    arrow.remark,
    arrow.probe,
    arrow.isCorrupted ? 1 : 0
  ]),
  marks: marks.map((mark) => [mark.lane, mark.at, mark.look, mark.member, mark.label, mark.text]),
  colours,
  glyphs
})

// -----------------------------------------------------------------------------
// parts
// -----------------------------------------------------------------------------

// A window of time, as the address of the page has it.
const moment = (from: number, to: number): string =>
  `#t=${Number((Math.max(from, 0) / 1000).toFixed(3))}-${Number((to / 1000).toFixed(3))}`

const facts = (model: Model): string => {
  const [duration, ...rest] = summary(model)
  const broken = model.violations.length === 0
    ? ""
    : `<span class="bad">${escape(many(model.violations.length, "violation"))}</span>`
  return `<div class="facts"><span>seed <b>${escape(model.seed)}</b></span><span>${duration}</span>${
    rest.map((fact) => `<span>${escape(fact)}</span>`).join("")
  }${broken}</div>`
}

const replay = (line: string | undefined): string =>
  line === undefined
    ? ""
    : `<div class="replay"><code id="replay">${escape(line)}</code><button id="copy" type="button">copy</button></div>`

const violations = (model: Model): string =>
  model.violations.length === 0
    ? ""
    : `<section class="violations" aria-label="Violations">${
      model.violations.slice(0, 50).map(({ at, invariant, problem }) =>
        `<div><a href="${moment(at - 4000, at + 1000)}">${seconds(at)}</a><b>${escape(invariant)}</b><pre>${
          escape(problem)
        }</pre></div>`
      ).join("")
    }</section>`

const faults = (model: Model): string =>
  model.faults.length === 0
    ? ""
    : `<details class="faults" open><summary>${many(model.faults.length, "fault")}</summary><ol class="list">${
      model.faults.map(({ at, colour, end, words }) => {
        const pad = end > at ? Math.max((end - at) * 0.15, 300) : 2000
        return `<li><a href="${moment(at - pad, end + pad)}" title="${escape(words)}"><span class="at">${
          seconds(at)
        }</span><i style="background:var(--${colour})"></i><span>${escape(words)}</span></a></li>`
      }).join("")
    }</ol></details>`

const warning = ({ missing: { events, undrawn, until } }: Model): string => {
  const said = [
    ...(events === 0 ? [] : [`${many(events, "event")} not kept: what travelled is drawn from ${seconds(until)} on`]),
    ...(undrawn === 0 ? [] : [`${many(undrawn, "event")} not drawn`])
  ]
  return said.length === 0 ? "" : `<div class="warning">${said.join("; ")}</div>`
}

const toggle = (kind: string, group: string, words: string, picture: string, of: number | undefined): string =>
  `<button type="button" class="toggle" data-kind="${
    escape(kind)
  }" data-group="${group}" aria-pressed="true" title="Show or hide; with Shift, only this">${picture}${escape(words)}${
    of === undefined ? "" : `<small>${count(of)}</small>`
  }</button>`

const stroke = (colour: Colour, dash: string): string =>
  `<svg width="18" height="10" aria-hidden="true"><path d="M0 5H12" stroke="var(--${colour})" stroke-width="2.2"${dash}/><path d="M18 5L11 1.6V8.4Z" fill="var(--${colour})"/></svg>`

const picture = (glyph: Glyph, colour: Colour): string => {
  const { path, pen } = glyphs[glyph]
  const ink = pen === 0
    ? `fill="var(--${colour})"`
    : `fill="none" stroke="var(--${colour})" stroke-width="${pen}" stroke-linecap="round"`
  return `<svg width="11" height="11" viewBox="-5.5 -5.5 11 11" aria-hidden="true"><path ${ink} d="${path}"/></svg>`
}

const key = (model: Model): string => {
  const kinds = legend(model).map((index) => {
    const { colour, count, name } = model.kinds[index]!
    const dash = name === "Exchange"
      ? ` stroke-dasharray="4 2"`
      : name === "PingRequest"
      ? ` stroke-dasharray="3 2"`
      : ""
    return toggle(name, "message", name, stroke(colour, dash), count)
  })
  const { lost } = model.totals
  const fate = lost === 0 ? [] : [
    `<span class="gap"></span>`,
    toggle("Arrived", "fate", "arrived", stroke("soft", ""), undefined),
    toggle("Lost", "fate", "lost", picture("cross", "violation"), lost)
  ]
  const counts = new Map<number, number>()
  for (const { look } of model.marks) counts.set(look, (counts.get(look) ?? 0) + 1)
  const looks = [...Object.entries(fates), ...Object.entries(changes)].flatMap(([kind, { colour, glyph, words }]) => {
    const index = model.looks.findIndex((look) => look.kind === kind)
    return index < 0 ? [] : [toggle(kind, "mark", words, picture(glyph, colour), counts.get(index) ?? 0)]
  })
  return [...kinds, ...fate, ...(looks.length === 0 ? [] : [`<span class="gap"></span>`]), ...looks].join("")
}

const help = [
  ["wheel", "zoom at the pointer"],
  ["drag", "move; up and down as well when there are many nodes"],
  ["Shift + drag", "zoom to what is marked"],
  ["Shift + wheel", "move in time"],
  ["double click, F, 0", "the whole run"],
  ["+ − ← → ↑ ↓", "zoom and move"],
  ["click a message or mark", "keeps what is said of it open; Esc closes it"],
  ["click a node's name", "its messages and the claims about it; below each line what that node believed of it"],
  ["click a fault", "zoom to it"],
  ["V", "the first violation"],
  ["Shift + click a kind", "that kind alone"],
  ["the address", "links to what is seen: #t=9.5-14"]
].map(([term, words]) => `<dt>${escape(term!)}</dt><dd>${escape(words!)}</dd>`).join("")

const beliefs =
  ([["alive", "alive", 4], ["suspect", "suspected", 6], ["dead", "dead", 8], ["left", "left", 3]] as const)
    .map(([colour, words, height]) =>
      `<span><i style="height:${height}px;background:var(--${colour})"></i>${words}</span>`
    ).join("")

// -----------------------------------------------------------------------------
// page
// -----------------------------------------------------------------------------

// Nothing is fetched, whatever a text of the run says.
const policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"

// Some bundlers wrap functions in calls of `__name`, which the page therefore has.
const drawText = draw.toString()

/** The page of a run. */
export const page = (model: Model): string =>
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${model.violations.length > 0 ? "✗ " : ""}${escape(model.title)} · seed ${escape(model.seed)}</title>
<style>${style}</style>
</head>
<body>
<header>
<div class="title"><h1>${escape(model.title)}</h1>
${facts(model)}
${replay(model.replay)}
${violations(model)}
${warning(model)}</div>
${faults(model)}
</header>
<nav aria-label="Legend">${
    key(model)
  }<span class="end"><button type="button" data-act="left" title="Earlier">◀</button><button type="button" data-act="right" title="Later">▶</button><button type="button" data-act="out" title="Zoom out">−</button><button type="button" data-act="in" title="Zoom in">+</button><button type="button" data-act="fit" title="The whole run">fit</button><details class="help"><summary>?</summary><dl>${help}</dl></details></span></nav>
<div id="beliefs" hidden>Below each line: what that node believed of <b id="believed"></b>${beliefs}<button type="button" id="clear">all nodes</button></div>
<main id="plot"><canvas id="base"></canvas><canvas id="over" tabindex="0" role="img" aria-label="Space-time diagram"></canvas><div id="tip" role="status" hidden></div></main>
<canvas id="map" aria-hidden="true"></canvas>
<noscript><p>This page draws the run by script. Timeline.svg draws it without.</p></noscript>
<script type="application/json" id="data">${json(pack(model))}</script>
<script>
"use strict";
(() => {
const data = JSON.parse(document.getElementById("data").textContent);
const __name = (f) => f;
const draw = ${drawText};
${script}
})();
</script>
</body>
</html>
`
