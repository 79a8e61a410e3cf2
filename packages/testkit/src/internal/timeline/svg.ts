/** The static picture: the whole run, or a window of it, as SVG without script. */
import { draw, type Drawing, type Layer, type Shape } from "./draw.ts"
import { legend, type Model, summary } from "./model.ts"
import { changes, type Colour, colours, fates, type Glyph, glyphs } from "./palette.ts"
import { count, escape, many, seconds } from "./text.ts"

/** Which part of a run to draw, and how wide. */
export interface Picture {
  readonly from: number
  readonly to: number
  readonly width: number
  readonly focus: number
}

// One decimal is below what can be seen.
const n = (value: number): string => String(Math.round(value * 10) / 10)

const opacity = (a: number): string => a >= 1 ? "" : ` opacity="${String(Math.round(a * 100) / 100)}"`

const lines = (points: ReadonlyArray<number>): string => {
  let path = ""
  for (let i = 0; i + 3 < points.length; i += 4) {
    const [x1, y1, x2, y2] = [n(points[i]!), n(points[i + 1]!), n(points[i + 2]!), n(points[i + 3]!)]
    path += `M${x1} ${y1}${x1 === x2 ? `V${y2}` : y1 === y2 ? `H${x2}` : `L${x2} ${y2}`}`
  }
  return path
}

const triangles = (points: ReadonlyArray<number>): string => {
  let path = ""
  for (let i = 0; i + 5 < points.length; i += 6) {
    path += `M${n(points[i]!)} ${n(points[i + 1]!)}L${n(points[i + 2]!)} ${n(points[i + 3]!)} ${n(points[i + 4]!)} ${
      n(points[i + 5]!)
    }Z`
  }
  return path
}

const glyph = (g: Glyph, colour: Colour, x: number, y: number, scale: number, a: number): string => {
  const { path, pen } = glyphs[g]
  const style = pen === 0 ? `class="f-${colour}"` : `class="s-${colour}" stroke-width="${pen}" stroke-linecap="round"`
  return `<path ${style}${opacity(a)} transform="translate(${n(x)} ${n(y)}) scale(${
    n(scale * 10) === "10" ? "1" : Math.round(scale * 100) / 100
  })" d="${path}"/>`
}

const paint = (shape: Shape): string => {
  switch (shape.k) {
    case "lines": {
      if (shape.p.length === 0) return ""
      const dash = shape.dash === undefined ? "" : ` stroke-dasharray="${shape.dash.join(" ")}"`
      return `<path class="s-${shape.c}" stroke-width="${shape.w}"${dash}${opacity(shape.a)} d="${lines(shape.p)}"/>`
    }
    case "triangles":
      return `<path class="f-${shape.c}"${opacity(shape.a)} d="${triangles(shape.p)}"/>`
    case "rect": {
      const size = `x="${n(shape.x)}" y="${n(shape.y)}" width="${n(shape.w)}" height="${n(shape.h)}"`
      return `<rect class="f-${shape.c}"${opacity(shape.a)} ${size}${shape.r === 0 ? "" : ` rx="${n(shape.r)}"`}/>`
    }
    case "text": {
      const anchor = shape.anchor === "start" ? "" : ` text-anchor="${shape.anchor}"`
      const style = `class="f-${shape.c}${shape.halo ? " halo" : ""}${shape.isBold ? " bold" : ""}"`
      return `<text ${style}${opacity(shape.a)} x="${n(shape.x)}" y="${
        n(shape.y)
      }" font-size="${shape.size}"${anchor}>${escape(shape.text)}</text>`
    }
    case "glyph":
      return glyph(shape.g, shape.c, shape.x, shape.y, shape.scale, shape.a)
  }
}

const layer = ({ clip, shapes }: Layer, id: string): string => {
  const content = shapes.map(paint).join("\n")
  if (clip === undefined) return `<g>${content}</g>`
  const [x, y, w, h] = clip
  const rect = `<rect x="${n(x)}" y="${n(y)}" width="${n(w)}" height="${n(h)}"/>`
  return `<clipPath id="${id}">${rect}</clipPath><g clip-path="url(#${id})">\n${content}\n</g>`
}

const rules = (theme: 0 | 1): string =>
  Object.entries(colours)
    .map(([name, values]) => `.f-${name}{fill:${values[theme]}}.s-${name}{stroke:${values[theme]};fill:none}`)
    .join("") + `.halo{stroke:${colours.paper[theme]}}`

const style = `<style>text{font-family:ui-sans-serif,system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}` +
  `.bold{font-weight:600}.halo{stroke-width:3px;stroke-linejoin:round;paint-order:stroke}` +
  `${rules(0)}@media (prefers-color-scheme:dark){${rules(1)}}</style>`

// As wide as DejaVu Sans, which is wider than most.
const widthOf = (text: string, size: number): number => text.length * size * 0.6

/** A row of things, which goes on in the next line where it is too wide. */
const flow = (
  items: ReadonlyArray<{ readonly w: number; readonly draw: (x: number, y: number) => string }>,
  left: number,
  right: number,
  top: number
): { readonly content: string; readonly bottom: number } => {
  let [x, y] = [left, top]
  const parts: Array<string> = []
  for (const item of items) {
    if (x + item.w > right && x > left) [x, y] = [left, y + 20]
    parts.push(item.draw(x, y))
    x += item.w + 18
  }
  return { content: parts.join("\n"), bottom: y + 20 }
}

const text = (content: string, x: number, y: number, size: number, colour: Colour, isBold = false): string =>
  `<text class="f-${colour}${isBold ? " bold" : ""}" x="${n(x)}" y="${n(y)}" font-size="${size}">${
    escape(content)
  }</text>`

const key = (model: Model, left: number, right: number, top: number) => {
  const kinds = legend(model).map((index) => {
    const { colour, count: of, name } = model.kinds[index]!
    const words = `${name} ${count(of)}`
    const dash = name === "Exchange"
      ? ` stroke-dasharray="7 3"`
      : name === "PingRequest"
      ? ` stroke-dasharray="5 2"`
      : ""
    return {
      w: 28 + widthOf(words, 11),
      draw: (x: number, y: number) =>
        `<path class="s-${colour}" stroke-width="2.4"${dash} d="M${n(x)} ${n(y - 4)}h20"/>` +
        text(words, x + 26, y, 11, "soft")
    }
  })
  const looks = [...Object.entries(fates), ...Object.entries(changes)]
    .filter(([kind]) => model.looks.some((look) => look.kind === kind))
    .map(([, look]) => ({
      w: 18 + widthOf(look.words, 11),
      draw: (x: number, y: number) =>
        glyph(look.glyph, look.colour, x + 5, y - 4, 1, 1) + text(look.words, x + 15, y, 11, "soft")
    }))
  const lost = model.totals.lost === 0 ? [] : [{
    w: 18 + widthOf("lost", 11),
    draw: (x: number, y: number) =>
      `<path class="s-violation" stroke-width="1.4" d="M${n(x + 2)} ${n(y - 7)}l6 6m0-6l-6 6"/>` +
      text("lost", x + 15, y, 11, "soft")
  }]
  return flow([...kinds, ...lost, ...looks], left, right, top)
}

/** Draws the picture. */
export const svg = (model: Model, picture: Picture): string => {
  const { focus, from, to, width } = picture
  const laneHeight = Math.round(Math.min(Math.max(500 / Math.max(model.lanes.length, 1), 24), 84))
  const drawing: Drawing = draw(model, { from, to, width, height: 0, laneHeight, scroll: 0, hidden: {}, focus })
  const left = 18
  const head: Array<string> = [text(model.title, left, 32, 20, "ink", true)]
  const facts = [`seed ${model.seed}`, ...summary(model)]
  if (from > 0 || to < model.end) {
    facts.push(`shown from ${seconds(Math.max(from, 0))} to ${seconds(Math.min(to, model.end))}`)
  }
  if (model.missing.events > 0) facts.push(`${many(model.missing.events, "event")} not kept`)
  head.push(text(facts.join("  ·  "), left, 54, 12, "soft"))
  let top = 66
  for (const { at, invariant, problem } of model.violations.slice(0, 3)) {
    const line = `${seconds(at)}  ${invariant}: ${problem.replace(/\s+/g, " ")}`
    head.push(`<path class="s-violation" stroke-width="2.4" d="M${left + 1} ${top}l8 8m0-8l-8 8"/>`)
    head.push(text(line.length > 180 ? `${line.slice(0, 179)}…` : line, left + 18, top + 9, 13, "violation", true))
    top += 20
  }
  const { bottom, content } = key(model, left, width - left, top + drawing.height + 18)
  const height = Math.ceil(bottom)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${
      escape(`${model.title}: a space-time diagram`)
    }">`,
    `<title>${escape(model.title)}</title>`,
    style,
    `<rect class="f-paper" width="${width}" height="${height}"/>`,
    ...head,
    `<g transform="translate(0 ${top})">`,
    ...drawing.layers.map((each, index) => layer(each, `clip${index}`)),
    `</g>`,
    content,
    `</svg>`
  ].join("\n") + "\n"
}
