/**
 * The drawing, as a list of shapes: for the static picture, and again and again in the browser, where a window of time is
 * zoomed and moved. Nothing here knows SVG or canvas.
 */
import type { Arrow, Model } from "./model.ts"
import type { Colour, Glyph } from "./palette.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** What part of a run to draw, how large, and what of it. */
export interface View {
  /** The window of time, in milliseconds. */
  readonly from: number
  readonly to: number
  readonly width: number
  /** The height of all; or, for a drawing that is as high as it needs to be, that of each lane. */
  readonly height: number
  readonly laneHeight: number | undefined
  /** How far the lanes are scrolled down. */
  readonly scroll: number
  /** Kinds of messages, kinds of marks, and `Lost`, that are not to be drawn. */
  readonly hidden: { readonly [kind: string]: boolean | undefined }
  /** The lane whose node is looked at, or -1. */
  readonly focus: number
}

/** Something to paint; `a` is its opacity, and positions are pixels. */
export type Shape =
  /** Segments, four numbers each. */
  | {
    readonly k: "lines"
    readonly c: Colour
    readonly a: number
    readonly w: number
    readonly dash: ReadonlyArray<number> | undefined
    readonly p: ReadonlyArray<number>
  }
  /** Triangles, six numbers each. */
  | { readonly k: "triangles"; readonly c: Colour; readonly a: number; readonly p: ReadonlyArray<number> }
  | {
    readonly k: "rect"
    readonly c: Colour
    readonly a: number
    readonly x: number
    readonly y: number
    readonly w: number
    readonly h: number
    readonly r: number
  }
  | {
    readonly k: "text"
    readonly c: Colour
    readonly a: number
    readonly x: number
    readonly y: number
    readonly size: number
    readonly text: string
    readonly anchor: "start" | "middle" | "end"
    readonly isBold: boolean
    /** Whether it is kept legible on what is beneath. */
    readonly halo: boolean
  }
  | {
    readonly k: "glyph"
    readonly c: Colour
    readonly a: number
    readonly x: number
    readonly y: number
    readonly g: Glyph
    readonly scale: number
  }

/** Shapes that are cut off outside of a rectangle. */
export interface Layer {
  readonly clip: readonly [x: number, y: number, w: number, h: number] | undefined
  readonly shapes: ReadonlyArray<Shape>
}

/** Where something can be pointed at. */
export interface Spot {
  readonly sort: "Marks" | "Fault" | "Note" | "Violation" | "Lane"
  readonly x: number
  readonly y: number
  readonly w: number
  readonly h: number
  /** Which marks, fault, note, violation or lane. */
  readonly of: ReadonlyArray<number>
}

export interface Drawing {
  readonly layers: ReadonlyArray<Layer>
  /** Where time is drawn. */
  readonly left: number
  readonly right: number
  /** Where lanes are drawn. */
  readonly top: number
  readonly bottom: number
  readonly height: number
  readonly laneHeight: number
  /** How high the lanes are together, seen or not. */
  readonly content: number
  /** Of each arrow drawn: its index, and from where to where. */
  readonly arrows: ReadonlyArray<number>
  readonly spots: ReadonlyArray<Spot>
}

// -----------------------------------------------------------------------------
// draw
// -----------------------------------------------------------------------------

/**
 * Draws a window of a run.
 *
 * The text of this function is embedded in the page: it may refer to nothing outside of itself.
 */
export const draw = (model: Model, view: View): Drawing => {
  const { focus, from, hidden, to, width } = view
  const lanes = model.lanes
  const spots: Array<Spot> = []
  const layers: Array<Layer> = []

  // ---------------------------------------------------------------------------
  // text
  // ---------------------------------------------------------------------------

  // An estimate, so that the picture is the same wherever it is drawn.
  const widthOf = (text: string, size: number): number => {
    let total = 0
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      total += code >= 0x2e80
        ? 1
        : "iljtfr.,:;'|!()[] ".includes(text[i]!)
        ? 0.36
        : "mwMW@%".includes(text[i]!)
        ? 0.92
        : 0.6
    }
    return total * size
  }
  const cut = (text: string, size: number, room: number): string => {
    if (widthOf(text, size) <= room) return text
    let end = text.length - 1
    while (end > 0 && widthOf(text.slice(0, end), size) + size * 0.8 > room) end--
    if (end > 0 && text.charCodeAt(end - 1) >= 0xd800 && text.charCodeAt(end - 1) < 0xdc00) end--
    return end < 1 ? "" : `${text.slice(0, end).trimEnd()}…`
  }
  const label = (
    shapes: Array<Shape>,
    text: string,
    x: number,
    y: number,
    options: {
      readonly c?: Colour
      readonly a?: number
      readonly size?: number
      readonly anchor?: "start" | "middle" | "end"
      readonly isBold?: boolean
      readonly halo?: boolean
    }
  ): void => {
    const { a = 1, anchor = "start", c = "ink", halo = false, isBold = false, size = 11 } = options
    if (text !== "") shapes.push({ k: "text", c, a, x, y, size, text, anchor, isBold, halo })
  }

  // ---------------------------------------------------------------------------
  // geometry
  // ---------------------------------------------------------------------------

  let widest = 0
  for (const lane of lanes) {
    widest = Math.max(widest, lane.isStranger ? widthOf(lane.name, 10.5) : widthOf(lane.name, 13) * 1.1)
    widest = Math.max(widest, Math.min(widthOf(lane.address, 8.5), 100))
  }
  const left = Math.round(Math.min(Math.max(widest + 30, 76), 200))
  const right = width - 18
  const scale = (right - left) / (to - from)
  const x = (at: number): number => left + (at - from) * scale
  // as it is when all of the run is seen: rows are the same however far it is zoomed
  const [first, last] = model.whole
  const wholeX = (at: number): number => left + (at - first) / (last - first) * (right - left)

  interface Item {
    readonly at: number
    readonly end: number
    readonly text: string
  }
  /** Rows for items such that their labels do not overlap, as long as there are rows. */
  const pack = (items: ReadonlyArray<Item>, size: number, most: number): { rows: Array<number>; count: number } => {
    const ends: Array<number> = []
    const rows = items.map((item) => {
      const start = wholeX(item.at)
      // what would end beyond the edge is moved to the left of it, and needs the place there
      const labelWidth = Math.min(widthOf(item.text, size) + 22, right - left)
      const begin = Math.min(start, right - labelWidth)
      let row = ends.findIndex((end) => end <= begin)
      if (row < 0) row = ends.length < most ? ends.length : ends.indexOf(Math.min(...ends))
      ends[row] = Math.max(ends[row] ?? 0, wholeX(item.end) + 4, begin + labelWidth)
      return row
    })
    return { rows, count: ends.length }
  }

  const rowHeight = 20
  const violations = model.violations.map(({ at, invariant }) => ({ at, end: at, text: invariant }))
  const notes = model.notes.map(({ at, text }) => ({
    at,
    end: at,
    text: text.length > 48 ? `${text.slice(0, 47)}…` : text
  }))
  const faults = model.faults.map(({ at, end, words }) => ({ at, end, text: words }))
  const violationRows = pack(violations, 11, 3)
  const faultRows = pack(faults, 11, 7)
  const noteRows = pack(notes, 10.5, 3)
  const violationTop = 6
  const faultTop = violationTop + violationRows.count * (rowHeight + 2)
  const noteTop = faultTop + faultRows.count * rowHeight + (faultRows.count > 0 ? 4 : 0)
  const axisTop = noteTop + noteRows.count * 16 + 2
  const top = axisTop + 24
  const foot = 8
  const laneHeight = view.laneHeight ??
    Math.min(Math.max(Math.floor((view.height - top - foot) / Math.max(lanes.length, 1)), 21), 92)
  const content = laneHeight * lanes.length
  const height = view.laneHeight === undefined ? view.height : top + content + foot
  const bottom = Math.min(height - foot, top + content)
  const laneTop = (lane: number): number => top + lane * laneHeight - view.scroll
  const y = (lane: number): number => Math.round(laneTop(lane) + laneHeight * (laneHeight < 34 ? 0.62 : 0.58))
  const isSeen = (lane: number): boolean => laneTop(lane) + laneHeight > top && laneTop(lane) < bottom
  const faint = (isRelated: boolean): number => focus < 0 || isRelated ? 1 : 0.1

  // ---------------------------------------------------------------------------
  // axis
  // ---------------------------------------------------------------------------

  const axis: Array<Shape> = []
  const grid: Array<Shape> = []
  const wanted = 92 / scale
  let step = 10 ** Math.floor(Math.log10(wanted))
  for (const factor of [1, 2, 5, 10]) {
    if (step * factor >= wanted) {
      step *= factor
      break
    }
  }
  const decimals = Math.min(Math.max(0, 3 - Math.floor(Math.log10(step) + 1e-9)), 6)
  const ticks: Array<number> = []
  const small: Array<number> = []
  const gridLines: Array<number> = []
  for (let i = Math.max(0, Math.ceil(from / step)); i * step <= to; i++) {
    const at = Math.round(x(i * step)) + 0.5
    if (at < left) continue
    ticks.push(at, top - 7, at, top)
    gridLines.push(at, top, at, bottom)
    label(axis, `${(i * step / 1000).toFixed(decimals)} s`, at, top - 11, { c: "soft", anchor: "middle" })
  }
  for (let i = Math.max(0, Math.ceil(from / step * 5)); i * step / 5 <= to; i++) {
    const at = Math.round(x(i * step / 5)) + 0.5
    if (at < left) continue
    small.push(at, top - 3, at, top)
  }
  axis.push({ k: "lines", c: "soft", a: 0.7, w: 1, dash: undefined, p: ticks })
  axis.push({ k: "lines", c: "soft", a: 0.4, w: 1, dash: undefined, p: small })
  axis.push({ k: "lines", c: "soft", a: 0.7, w: 1, dash: undefined, p: [left, top - 0.5, right, top - 0.5] })
  grid.push({ k: "lines", c: "grid", a: 1, w: 1, dash: undefined, p: gridLines })

  // ---------------------------------------------------------------------------
  // what is beneath: stripes, faults
  // ---------------------------------------------------------------------------

  const beneath: Array<Shape> = []
  for (let lane = 0; lane < lanes.length; lane++) {
    if (lane % 2 === 0 && isSeen(lane)) {
      beneath.push({ k: "rect", c: "stripe", a: 1, x: left, y: laneTop(lane), w: right - left, h: laneHeight, r: 0 })
    }
  }
  beneath.push(...grid)
  const hatch = (x0: number, y0: number, x1: number, y1: number, gap: number): Array<number> => {
    const [a, b] = [Math.max(x0, left - 40), Math.min(x1, right + 40)]
    const h = y1 - y0
    const points: Array<number> = []
    for (let at = Math.floor((a - h) / gap) * gap; at < b; at += gap) {
      const [start, end] = [Math.max(at, a), Math.min(at + h, b)]
      if (start < end) points.push(start, y1 - (start - at), end, y1 - (end - at))
    }
    return points
  }
  if (model.missing.until > from) {
    const edge = Math.min(x(model.missing.until), right)
    beneath.push({ k: "lines", c: "grid", a: 1, w: 1, dash: undefined, p: hatch(x(0), top, edge, bottom, 12) })
    if (edge - left > 120) {
      label(beneath, "not kept", Math.max(x(0), left) + 10, top + 16, { c: "soft", halo: true })
    }
  }
  // the lanes of a fault, as runs of neighbours
  const runs = (indexes: ReadonlyArray<number>): Array<[number, number]> => {
    const found: Array<[number, number]> = []
    for (const lane of indexes) {
      const last = found[found.length - 1]
      if (last !== undefined && last[1] === lane - 1) last[1] = lane
      else found.push([lane, lane])
    }
    return found
  }
  const edges: Array<Shape> = []
  for (const { at, colour, end, kind, lanes: concerned } of model.faults) {
    const [x0, x1] = [x(at), x(end)]
    if (x1 < left - 2 || x0 > right + 2) continue
    // a crash is seen by the lane that ends
    const isQuiet = kind === "Crash"
    // one of all nodes is in the strip above: a tint of everything says nothing
    if (concerned.length > 2 && concerned.length === lanes.length) continue
    const isWide = concerned.length > 2 && concerned.length * 2 > lanes.length
    for (const [first, last] of runs(concerned)) {
      const [y0, y1] = [laneTop(first) + 1, laneTop(last) + laneHeight - 1]
      if (end > at) {
        const [a, b] = [Math.max(x0, left - 4), Math.min(x1, right + 4)]
        beneath.push({
          ...{ k: "rect", c: colour, a: isQuiet ? 0.045 : isWide ? 0.06 : 0.1 },
          ...{ x: a, y: y0, w: Math.max(b - a, 1), h: y1 - y0, r: 0 }
        })
        edges.push({
          ...{ k: "lines", c: colour, a: isQuiet ? 0.25 : 0.55, w: 1, dash: [4, 3] },
          p: [x0, y0, x0, y1, x1, y0, x1, y1]
        })
      } else {
        edges.push({ k: "lines", c: colour, a: 0.8, w: 2, dash: [2, 3], p: [x0, y0, x0, y1] })
      }
    }
  }
  beneath.push(...edges)

  // ---------------------------------------------------------------------------
  // what travels
  // ---------------------------------------------------------------------------

  // The colour of a content is that of its weightiest kind that is shown, -1 if none is; and of those it is about the
  // node that is looked at, if it is.
  const kindOf: Array<number> = []
  const isAbout: Array<boolean> = []
  for (const content of model.contents) {
    let [found, best] = [-1, -1]
    let isFound = false
    for (const [kind, , about] of content) {
      const { name, weight } = model.kinds[kind]!
      if (hidden[name] === true) continue
      const isIt = focus >= 0 && about === focus
      const rank = weight + (isIt ? 100 : 0)
      if (rank > best) [found, best] = [kind, rank]
      isFound = isFound || isIt
    }
    kindOf.push(found)
    isAbout.push(isFound)
  }
  const concerns = (arrow: Arrow): boolean =>
    focus < 0 || arrow.from === focus || arrow.to === focus || isAbout[arrow.content]!
  const drawn: Array<number> = []
  let related = 0
  for (let i = 0; i < model.arrows.length; i++) {
    const arrow = model.arrows[i]!
    if (arrow.sent > to) break
    if (arrow.end < from || kindOf[arrow.content]! < 0) continue
    if (arrow.fate === "Lost" ? hidden["Lost"] === true : hidden["Arrived"] === true) continue
    drawn.push(i)
    if (concerns(arrow)) related++
  }
  // Many arrows are texture, a few are to be read: the more there are on a pixel, of all and thereabouts, the lighter.
  const density = related / Math.max(right - left, 1)
  const light = Math.min(1, Math.max(0.24, 0.66 / (1 + density * 0.9)))
  const bin = 6
  const crowd = new Array<number>(Math.ceil(width / bin) + 1).fill(0)
  const binOf = (arrow: Arrow): number => Math.min(Math.max(Math.floor(x(arrow.sent) / bin), 0), crowd.length - 1)
  for (const i of drawn) {
    const arrow = model.arrows[i]!
    if (concerns(arrow)) crowd[binOf(arrow)]!++
  }
  const crowding = (arrow: Arrow): number => {
    const near = crowd[binOf(arrow)]!
    return near <= 7 ? 1 : near <= 16 ? 0.62 : near <= 36 ? 0.4 : 0.24
  }
  const hasHeads = density < 0.35
  const hasLabels = related < 70 && laneHeight >= 24

  interface Batch {
    readonly lines: Array<number>
    readonly heads: Array<number>
    readonly colour: Colour
    readonly alpha: number
    readonly width: number
    readonly dash: ReadonlyArray<number> | undefined
    readonly order: number
  }
  const batches = new Map<string, Batch>()
  const crosses: { readonly near: Array<number>; readonly far: Array<number> } = { near: [], far: [] }
  const corrupted: Array<number> = []
  const arrows: Array<number> = []
  const arrowLabels: Array<{ x: number; y: number; text: string; c: Colour; w: number }> = []
  for (const i of drawn) {
    const arrow = model.arrows[i]!
    const kind = model.kinds[kindOf[arrow.content]!]!
    const isRelated = concerns(arrow)
    const isStream = arrow.sort === "Request" || arrow.sort === "Answer"
    const isProbe = kind.weight < 2
    const style = isStream ? 3 : arrow.sort === "Copy" ? 1 : kind.weight >= 4 ? 2 : 0
    const ease = isStream ? 1 : crowding(arrow)
    const key = `${kind.name}/${style}/${isRelated}/${arrow.fate === "UnderWay"}/${ease}`
    let batch = batches.get(key)
    if (batch === undefined) {
      const alpha = isStream ? Math.max(light, 0.7) : isProbe ? light * 0.8 : Math.min(1, light * 1.5)
      batch = {
        ...{ lines: [], heads: [], colour: kind.colour },
        alpha: (isRelated ? alpha * ease : alpha * 0.16) * (arrow.fate === "UnderWay" ? 0.6 : 1),
        width: isStream ? 2 : style === 2 && hasHeads ? 1.4 : 1,
        dash: isStream ? [7, 3] : style === 1 ? [2, 3] : kind.name === "PingRequest" ? [5, 2] : undefined,
        order: isRelated ? kind.weight + 1 : 0
      }
      batches.set(key, batch)
    }
    const [x1, y1] = [x(arrow.sent), y(arrow.from)]
    const x2 = x(arrow.end)
    let y2 = y(arrow.to)
    const way = y2 < y1 ? -1 : 1
    if (arrow.from === arrow.to) y2 = y1 - laneHeight * 0.3
    if (arrow.fate === "Lost") {
      const reach = Math.abs(y2 - y1)
      // lost at once, or at its receiver
      const length = arrow.end - arrow.sent < 0.0005
        ? Math.min(laneHeight * 0.42, 17, reach)
        : reach - Math.min(6, laneHeight / 4)
      y2 = y1 + way * length
      const cross = isRelated ? crosses.near : crosses.far
      cross.push(x2 - 2.6, y2 - 2.6, x2 + 2.6, y2 + 2.6, x2 - 2.6, y2 + 2.6, x2 + 2.6, y2 - 2.6)
    }
    // nothing far outside of the window, where it may be seen thousands of times enlarged
    let [ax, ay, bx, by] = [x1, y1, x2, y2]
    if (ax < left - 40) [ax, ay] = [left - 40, y1 + (y2 - y1) * (left - 40 - x1) / (x2 - x1)]
    if (bx > right + 40) [bx, by] = [right + 40, y1 + (y2 - y1) * (right + 40 - x1) / (x2 - x1)]
    batch.lines.push(ax, ay, bx, by)
    arrows.push(i, ax, ay, bx, by)
    if (arrow.isCorrupted && isRelated) {
      const [cx, cy] = [x1 + (x2 - x1) * 0.5, y1 + (y2 - y1) * 0.5]
      corrupted.push(cx - 5, cy + 3, cx - 2, cy - 4, cx - 2, cy - 4, cx + 2, cy + 4, cx + 2, cy + 4, cx + 5, cy - 3)
    }
    if (hasHeads && arrow.fate === "Arrived" && isRelated) {
      const length = Math.hypot(x2 - x1, y2 - y1) || 1
      const [ux, uy] = [(x2 - x1) / length, (y2 - y1) / length]
      const size = isStream ? 8 : 6.5
      const [hx, hy] = [x2 - ux * size, y2 - uy * size]
      const half = isStream ? 3.4 : 2.6
      batch.heads.push(x2, y2, hx - uy * half, hy + ux * half, hx + uy * half, hy - ux * half)
    }
    if (hasLabels && isRelated && arrow.sort !== "Copy" && x1 < right && x2 > left) {
      const parts = model.contents[arrow.content]!
      const isShown = parts.filter(([part]) => part === kindOf[arrow.content])
      const said = isShown.find(([, , about]) => about === focus) ?? isShown[0]!
      const about = isStream
        ? ` ${arrow.sort.toLowerCase()}`
        : kind.weight >= 2
        ? ` ${model.texts[said[1]]!.split(" ")[0]!}`
        : ""
      const more = parts.length > 1 ? ` +${parts.length - 1}` : ""
      const text = `${kind.name}${about}${more}`
      // beside its lane, where it is on its way
      const share = Math.min(0.5, 15 / Math.max(Math.abs(y2 - y1), 1))
      arrowLabels.push({
        ...{ x: x1 + (x2 - x1) * share + 5, y: y1 + (y2 - y1) * share + 3.5 },
        ...{ text, c: arrow.fate === "Lost" ? "violation" : kind.colour, w: widthOf(text, 10) }
      })
    }
  }
  const messages: Array<Shape> = []
  for (const batch of Array.from(batches.values()).sort((a, b) => a.order - b.order)) {
    const { alpha: a, colour: c, dash, heads, lines, width: w } = batch
    messages.push({ k: "lines", c, a, w, dash, p: lines })
    if (heads.length > 0) messages.push({ k: "triangles", c, a: Math.min(1, a * 1.4), p: heads })
  }
  if (corrupted.length > 0) messages.push({ k: "lines", c: "broken", a: 1, w: 1.6, dash: undefined, p: corrupted })
  const crossed = { k: "lines", c: "violation", w: 1.3, dash: undefined } as const
  if (crosses.far.length > 0) messages.push({ ...crossed, a: 0.12, p: crosses.far })
  if (crosses.near.length > 0) messages.push({ ...crossed, a: Math.max(0.6, light), p: crosses.near })

  // ---------------------------------------------------------------------------
  // lanes
  // ---------------------------------------------------------------------------

  const lives: Array<Shape> = []
  for (let i = 0; i < lanes.length; i++) {
    if (!isSeen(i)) continue
    const lane = lanes[i]!
    const at = y(i)
    lives.push({ k: "lines", c: "soft", a: 0.3, w: 1, dash: [1, 4], p: [left, at, right, at] })
    for (const life of lane.lives) {
      const [x0, x1, x2] = [Math.max(x(life.from), left), Math.min(x(life.leaves), right), Math.min(x(life.to), right)]
      if (x1 > x0) lives.push({ k: "lines", c: "lane", a: 1, w: 2, dash: undefined, p: [x0, at, x1, at] })
      if (x2 > Math.max(x1, left)) {
        lives.push({ k: "lines", c: "left", a: 1, w: 2, dash: [5, 3], p: [Math.max(x1, left), at, x2, at] })
      }
    }
    for (const [start, end] of lane.pauses) {
      const [x0, x1] = [Math.max(x(start), left), Math.min(x(end), right)]
      if (x1 <= x0) continue
      lives.push({ k: "rect", c: "paper", a: 1, x: x0, y: at - 5, w: x1 - x0, h: 10, r: 0 })
      lives.push({ k: "rect", c: "faultPause", a: 0.22, x: x0, y: at - 5, w: x1 - x0, h: 10, r: 0 })
      lives.push({ k: "lines", c: "faultPause", a: 0.9, w: 1.2, dash: undefined, p: hatch(x0, at - 5, x1, at + 5, 6) })
    }
  }

  // ---------------------------------------------------------------------------
  // what everyone believes of the node that is looked at
  // ---------------------------------------------------------------------------

  const beliefs: Array<Shape> = []
  if (focus >= 0) {
    const strips: { readonly [change: string]: { readonly c: Colour; readonly h: number } | null } = {
      Joined: { c: "alive", h: 4 },
      Refuted: { c: "alive", h: 4 },
      Updated: { c: "alive", h: 4 },
      Suspected: { c: "suspect", h: 6 },
      Died: { c: "dead", h: 8 },
      Left: { c: "left", h: 3 },
      Reaped: null
    }
    const open: Array<{ readonly at: number; readonly strip: { readonly c: Colour; readonly h: number } } | undefined> =
      []
    const close = (lane: number, end: number): void => {
      const last = open[lane]
      open[lane] = undefined
      if (last === undefined || !isSeen(lane)) return
      const [x0, x1] = [Math.max(x(last.at), left), Math.min(x(end), right)]
      if (x1 <= x0) return
      const room = Math.min(1, laneHeight * (1 - 0.6) / 14)
      const h = Math.max(2, last.strip.h * room)
      beliefs.push({ k: "rect", c: last.strip.c, a: 0.9, x: x0, y: y(lane) + 4, w: Math.max(x1 - x0, 1), h, r: 0 })
    }
    for (const mark of model.marks) {
      const { isFate, kind } = model.looks[mark.look]!
      if (isFate) {
        // what it believed is gone with its process
        if (kind === "Crashed" || kind === "Started") close(mark.lane, mark.at)
      } else if (mark.member === focus && mark.lane !== focus && strips[kind] !== undefined) {
        close(mark.lane, mark.at)
        const strip = strips[kind]
        if (strip !== null) open[mark.lane] = { at: mark.at, strip }
      }
    }
    for (let lane = 0; lane < lanes.length; lane++) {
      const life = lanes[lane]!.lives[lanes[lane]!.lives.length - 1]
      close(lane, life === undefined ? model.end : life.to)
    }
  }

  // ---------------------------------------------------------------------------
  // marks: near ones of a lane are drawn as one
  // ---------------------------------------------------------------------------

  const marks: Array<Shape> = []
  interface Cluster {
    readonly x0: number
    x1: number
    readonly of: Array<number>
    readonly looks: Array<number>
  }
  const taken: Array<{ readonly x: number; readonly y: number; readonly w: number; readonly h: number }> = []
  for (const isFate of [false, true]) {
    const clusters: Array<Array<Cluster>> = lanes.map(() => [])
    for (let i = 0; i < model.marks.length; i++) {
      const mark = model.marks[i]!
      const look = model.looks[mark.look]!
      if (look.isFate !== isFate || hidden[look.kind] === true || !isSeen(mark.lane)) continue
      const at = x(mark.at)
      if (at < left - 12 || at > right + 12) continue
      const row = clusters[mark.lane]!
      const last = row[row.length - 1]
      // those that would touch it as it is drawn, with a glyph for each look
      const reach = last === undefined ? 0 : last.x0 + 10 + 11 * (Math.min(last.looks.length, 3) - 1)
      if (last !== undefined && (at < reach || at - last.x1 < 10 && at - last.x0 < 26)) {
        last.x1 = at
        last.of.push(i)
        if (!last.looks.includes(mark.look)) last.looks.push(mark.look)
      } else row.push({ x0: at, x1: at, of: [i], looks: [mark.look] })
    }
    for (let lane = 0; lane < lanes.length; lane++) {
      const row = clusters[lane]!
      for (let c = 0; c < row.length; c++) {
        const cluster = row[c]!
        const next = row[c + 1]?.x0 ?? right + 40
        const isRelated = focus < 0 || lane === focus || cluster.of.some((i) => model.marks[i]!.member === focus)
        // the weightiest first
        const looks = cluster.looks.sort((a, b) => model.looks[b]!.weight - model.looks[a]!.weight)
        const a = faint(isRelated)
        const size = isFate ? 1.15 : laneHeight < 34 ? 0.82 : 0.95
        const at = isFate ? y(lane) : y(lane) - (laneHeight < 34 ? 8 : 11)
        let pen = isFate ? cluster.x1 : cluster.x0
        const begin = pen
        for (const look of isFate ? looks.slice(0, 1).reverse() : looks.slice(0, 3)) {
          const { colour, glyph } = model.looks[look]!
          // on paper of its own, so that it is seen among arrows
          const half = 5.6 * size
          if (isFate) {
            marks.push({
              k: "rect",
              c: "paper",
              a: a * 0.9,
              x: pen - half,
              y: at - half,
              w: half * 2,
              h: half * 2,
              r: half
            })
          }
          marks.push({ k: "glyph", c: colour, a, x: pen, y: at, g: glyph, scale: size })
          pen += 11 * size
        }
        const names: Array<string> = []
        for (const i of cluster.of) {
          const name = model.texts[model.marks[i]!.label]!
          if (name !== "" && !names.includes(name)) names.push(name)
        }
        const room = next - pen - 2
        const listed = isFate ? names.slice(-1).join("") : names.join(" ")
        const counted = cluster.of.length > 1 ? `×${cluster.of.length}` : ""
        // their names, if there is room for all of them
        const fits = widthOf(listed, 10) <= Math.min(room, 150) && looks.length === 1
        const text = fits ? listed : widthOf(counted, 10) <= room ? counted : ""
        if (text !== "") {
          const c = model.looks[looks[0]!]!.colour
          const w = widthOf(text, 10)
          label(marks, text, pen - 2, at + (isFate ? 13 : 3.5), {
            c,
            a,
            size: 10,
            halo: true,
            isBold: looks.length === 1
          })
          taken.push({ x: pen - 2, y: at - 6, w, h: 12 })
          pen += w
        }
        taken.push({ x: begin - 6, y: at - 6, w: 12, h: 12 })
        spots.push({ sort: "Marks", x: begin - 7, y: at - 8, w: Math.max(pen - begin + 4, 14), h: 16, of: cluster.of })
      }
    }
  }

  // labels of arrows come where nothing else is
  const arrowTexts: Array<Shape> = []
  for (const { c, text, w, x: at, y: line } of arrowLabels) {
    const box = { x: at, y: line - 8, w, h: 10 }
    const isFree = taken.every((other) =>
      other.x > box.x + box.w || other.x + other.w < box.x || other.y > box.y + box.h || other.y + other.h < box.y
    )
    if (!isFree) continue
    taken.push(box)
    label(arrowTexts, text, at, line, { c, size: 10, halo: true })
  }

  // ---------------------------------------------------------------------------
  // above the lanes: faults, notes, violations
  // ---------------------------------------------------------------------------

  const strip: Array<Shape> = []
  // Where a label begins, and the room it has: it stays in sight while what it is of is, and makes way for the next one.
  const place = (
    items: ReadonlyArray<Item>,
    rows: ReadonlyArray<number>,
    index: number,
    size: number
  ): { readonly at: number; readonly text: string } => {
    const item = items[index]!
    let next = right + 6
    for (let i = index + 1; i < items.length; i++) {
      if (rows[i] === rows[index]) {
        next = Math.min(next, x(items[i]!.at) - 4)
        break
      }
    }
    const wide = widthOf(item.text, size)
    const begin = x(item.at) + 6
    const stuck = Math.max(begin, Math.min(left + 6, x(item.end) - 30))
    const at = Math.max(begin, Math.min(stuck, next - wide - 4), next === right + 6 ? -Infinity : stuck)
    // the last of its row may begin further left to be seen whole
    const back = next === right + 6 && items[index - 1] === undefined
      ? Math.min(at, Math.max(left + 6, right - wide))
      : at
    return { at: back, text: cut(item.text, size, next - back) }
  }
  for (let i = 0; i < faults.length; i++) {
    const { at, colour, end } = model.faults[i]!
    const [x0, x1] = [x(at), x(end)]
    const { at: start, text } = place(faults, faultRows.rows, i, 11)
    if (Math.max(x1, start + widthOf(text, 11)) < left || x0 > right) continue
    const line = faultTop + faultRows.rows[i]! * rowHeight
    if (end > at) {
      const [a, b] = [Math.max(x0, left - 6), Math.min(x1, right + 6)]
      strip.push({ k: "rect", c: colour, a: 0.18, x: a, y: line + 1, w: Math.max(b - a, 2), h: rowHeight - 4, r: 3 })
      strip.push({ k: "rect", c: colour, a: 0.95, x: x0 - 1, y: line + 1, w: 3, h: rowHeight - 4, r: 1 })
    } else {
      strip.push({ k: "glyph", c: colour, a: 1, x: x0, y: line + 9, g: "bolt", scale: 1.1 })
    }
    label(strip, text, start + (end > at ? 0 : 2), line + 13, { c: "ink", halo: true })
    spots.push({
      sort: "Fault",
      x: Math.max(x0, left) - 3,
      y: line,
      w: Math.max(Math.min(x1, right) - Math.max(x0, left), start - x0 + widthOf(text, 11)) + 6,
      h: rowHeight,
      of: [i]
    })
  }
  for (let i = 0; i < notes.length; i++) {
    const at = x(notes[i]!.at)
    const { at: start, text } = place(notes, noteRows.rows, i, 10.5)
    if (at < left - 1 || at > right) continue
    const line = noteTop + noteRows.rows[i]! * 16
    strip.push({ k: "lines", c: "note", a: 0.7, w: 1, dash: undefined, p: [at, line + 2, at, top - 1] })
    strip.push({ k: "triangles", c: "note", a: 0.9, p: [at, line + 2, at + 6, line + 5, at, line + 8] })
    label(strip, text, Math.max(start + 3, left), line + 10, { c: "note", size: 10.5, halo: true })
    spots.push({ sort: "Note", x: at - 4, y: line, w: widthOf(text, 10.5) + 16, h: 16, of: [i] })
  }
  const alarm: Array<Shape> = []
  for (let i = 0; i < violations.length; i++) {
    const at = x(violations[i]!.at)
    if (at < left - 1 || at > right + 1) continue
    const line = violationTop + violationRows.rows[i]! * (rowHeight + 2)
    const text = cut(violations[i]!.text, 11, 320)
    const wide = widthOf(text, 11) * 1.12 + 28
    const start = Math.max(left, Math.min(at - 8, right - wide))
    alarm.push({ k: "rect", c: "violation", a: 0.14, x: at - 4, y: top, w: 8, h: bottom - top, r: 0 })
    alarm.push({ k: "lines", c: "violation", a: 1, w: 2, dash: undefined, p: [at, line + 10, at, bottom] })
    alarm.push({ k: "rect", c: "violation", a: 1, x: start, y: line, w: wide, h: rowHeight - 1, r: 4 })
    alarm.push({ k: "glyph", c: "paper", a: 1, x: start + 11, y: line + 9.5, g: "cross", scale: 0.8 })
    label(alarm, text, start + 20, line + 13.5, { c: "paper", isBold: true })
    spots.push({ sort: "Violation", x: start, y: line, w: wide, h: rowHeight, of: [i] })
    spots.push({ sort: "Violation", x: at - 4, y: top - 24, w: 8, h: 24, of: [i] })
  }

  // ---------------------------------------------------------------------------
  // names
  // ---------------------------------------------------------------------------

  const names: Array<Shape> = [{ k: "rect", c: "paper", a: 1, x: 0, y: top, w: left, h: bottom - top, r: 0 }]
  for (let i = 0; i < lanes.length; i++) {
    if (!isSeen(i)) continue
    const lane = lanes[i]!
    const at = y(i)
    const isFocus = focus === i
    const size = lane.isStranger ? 10.5 : 13
    const text = cut(lane.name, size, (left - 26) / (lane.isStranger ? 1 : 1.12))
    if (isFocus) {
      names.push({ k: "rect", c: "ping", a: 0.2, x: 4, y: at - 11, w: left - 10, h: 22, r: 6 })
    }
    const hasAddress = laneHeight >= 40 && !lane.isStranger
    label(names, text, left - 14, at + 4.5, {
      ...{ c: lane.isStranger ? "soft" : "ink", size, anchor: "end", isBold: !lane.isStranger },
      a: focus < 0 || isFocus ? 1 : 0.55
    })
    if (hasAddress) {
      label(names, cut(lane.address, 8.5, left - 12), left - 14, at + 15, { c: "soft", size: 8.5, anchor: "end" })
    }
    spots.push({ sort: "Lane", x: 0, y: laneTop(i), w: left - 4, h: laneHeight, of: [i] })
  }
  names.push({ k: "lines", c: "grid", a: 1, w: 1, dash: undefined, p: [left - 0.5, top, left - 0.5, bottom] })

  const plot = [left, top, right - left + 1, bottom - top] as const
  const beside = [left - 8, 0, right - left + 26, height] as const
  layers.push({ clip: undefined, shapes: axis })
  layers.push({ clip: plot, shapes: [...beneath, ...messages, ...beliefs, ...lives, ...marks, ...arrowTexts] })
  layers.push({ clip: [0, top, left, bottom - top], shapes: names })
  layers.push({ clip: beside, shapes: [...strip, ...alarm] })
  return { layers, left, right, top, bottom, height, laneHeight, content, arrows, spots }
}
