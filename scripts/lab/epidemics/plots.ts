/** Plots of epidemics. */
import type { Effect } from "effect"
import { colored, render, renderRow } from "../vega.ts"
import { get, type Name, roundMillis } from "./contenders.ts"
import { endgame } from "./endgame.ts"
import type { Figures, Means } from "./figures.ts"
import {
  type AntiEntropy,
  type Compare,
  type DirectMail,
  publishedOf,
  type PushThenPull,
  type Ring,
  ringBound,
  type Rumor,
  theoryOf
} from "./keys.ts"
import type { Cell } from "./runs.ts"
import { milestoneSteps } from "./spread.ts"
import * as Theory from "./theory.ts"

// -----------------------------------------------------------------------------
// parts
// -----------------------------------------------------------------------------

const width = 240
const height = 210

/** So that the highest tick is at the upper edge, and all titles at one height. */
const even = { scale: { zero: true, nice: 5 }, axis: { tickCount: 5 } }

/** Shares on a logarithmic axis, down to one at the least. */
const shares = (least: number) => {
  const decades = Math.ceil(-Math.log10(least) - 1e-9)
  return {
    scale: { type: "log", domain: [10 ** -decades, 1], nice: false },
    axis: { values: Array.from({ length: decades + 1 }, (_, at) => 10 ** -at), format: "~%" }
  }
}

const quantitative = (field: string, title: string | null, options: object = {}) => ({
  field,
  type: "quantitative",
  title,
  ...options
})

/** A figure, with two standard errors to either side. */
const estimated = (figures: Figures, name: keyof Means, least = 0) => ({
  value: figures[name],
  low: Math.max(least, figures[name] - 2 * figures.standardErrors[name]),
  high: figures[name] + 2 * figures.standardErrors[name]
})

const distinct = <A>(values: ReadonlyArray<A>): ReadonlyArray<A> => [...new Set(values)]

const sized = (sizes: ReadonlyArray<number>) => ({
  type: "quantitative",
  title: "nodes",
  scale: { type: "log", nice: false, padding: 12 },
  axis: { values: distinct(sizes), format: "~s", labelOverlap: true }
})

const errorBars = (x: object, y: object, color: object) => ({
  mark: { type: "rule", strokeWidth: 1.5, clip: true },
  encoding: { x, y: { ...y, field: "low" }, y2: { field: "high" }, color }
})

// -----------------------------------------------------------------------------
// rumor
// -----------------------------------------------------------------------------

const modeTitles: { readonly [mode in Theory.Mode]: string } = { push: "push", pull: "pull", pushPull: "push-pull" }

/** A table of Demers et al. as plots: what was published, and what we see. */
export const rumor = (cells: ReadonlyArray<Cell<Rumor>>): Effect.Effect<string> =>
  distinct(cells.map(({ k }) => k)).length === 1 ? rumorCurves(cells) : rumorTable(cells)

const seriesOf = ({ timing }: Rumor): string => timing

const rumorTable = (cells: ReadonlyArray<Cell<Rumor>>): Effect.Effect<string> => {
  const published = "published"
  const isPublished = cells.some((cell) => publishedOf(cell) !== undefined)
  const series = [...distinct(cells.map(seriesOf)), ...(isPublished ? [published] : [])]
  const color = colored("series", series)
  const ks = distinct(cells.map(({ k }) => k))
  // beside each other, not on top of each other
  const offset = (at: number) => (at - (series.length - 1) / 2) * 0.2
  const values = (name: keyof Means) =>
    cells.map((cell) => ({
      k: cell.k + offset(series.indexOf(seriesOf(cell))),
      series: seriesOf(cell),
      ...estimated(cell.figures, name, name === "residue" ? 1e-7 : 0)
    })).filter(({ value }) => value > 0)
  const theirs = (name: "residue" | "traffic" | "delayAverage" | "delayLast") =>
    cells.flatMap((cell) => {
      const row = publishedOf(cell)
      return row === undefined ? [] : [{ k: cell.k + offset(series.length - 1), series: published, value: row[name] }]
    })
  const x = quantitative("k", `k (${cells[0]!.nodes} nodes)`, {
    axis: { values: ks, format: "d", grid: false },
    scale: { domain: [Math.min(...ks) - 0.4, Math.max(...ks) + 0.4], nice: false }
  })
  const layers = (name: "residue" | "traffic" | "delayAverage" | "delayLast", y: object, shape = "circle") => [
    { data: { values: values(name) }, ...errorBars(x, y, color) },
    {
      data: { values: values(name) },
      mark: { type: "point", filled: true, size: 55, shape, opacity: 1 },
      encoding: { x, y: { ...y, field: "value" }, color }
    },
    {
      data: { values: theirs(name) },
      mark: { type: "point", filled: false, size: 75, strokeWidth: 2, shape, opacity: 1 },
      encoding: { x, y: { ...y, field: "value" }, color }
    }
  ]
  const least = Math.min(...[...values("residue"), ...theirs("residue")].map(({ value }) => value), 0.1)
  const rounds = quantitative("value", "rounds", even)
  const { interest, mode, stop } = cells[0]!
  return renderRow([
    {
      title: `${modeTitles[mode]}, ${interest}, ${stop}: left out`,
      width,
      height,
      layer: layers("residue", quantitative("value", null, shares(least)))
    },
    {
      title: "payloads sent, a node",
      width,
      height,
      layer: layers("traffic", quantitative("value", "messages", even))
    },
    {
      title: "average (□) and last (○) to hear it",
      width,
      height,
      layer: [...layers("delayLast", rounds), ...layers("delayAverage", rounds, "square")]
    }
  ])
}

const rumorCurves = (cells: ReadonlyArray<Cell<Rumor>>): Effect.Effect<string> => {
  const series = cells.map(seriesOf)
  return render({
    title: `Rumor mongering: ${modeTitles[cells[0]!.mode]}, k = ${cells[0]!.k}, ${cells[0]!.nodes} nodes`,
    width: 420,
    height: 240,
    data: {
      values: cells.flatMap((cell) =>
        cell.figures.curve.map((share, round) => ({ series: seriesOf(cell), round, share }))
      )
    },
    mark: { type: "line", strokeWidth: 2.5, point: { size: 20 } },
    encoding: {
      x: quantitative("round", "rounds"),
      y: quantitative("share", "nodes that know it", { axis: { format: ".0%" }, scale: { domain: [0, 1] } }),
      color: colored("series", series)
    }
  })
}

// -----------------------------------------------------------------------------
// anti-entropy
// -----------------------------------------------------------------------------

/** Curves of infection, rounds over the number of nodes, and the endgame, beside theory. */
export const antiEntropy = (cells: ReadonlyArray<Cell<AntiEntropy>>): Effect.Effect<string> => {
  const modes = distinct(cells.map(({ mode }) => mode))
  const sizes = distinct(cells.map(({ nodes }) => nodes)).toSorted((a, b) => a - b)
  const largest = sizes.at(-1)!
  const color = colored("mode", modes.map((mode) => modeTitles[mode]))
  const ofLargest = cells.filter(({ nodes }) => nodes === largest)
  const least = 1 / largest
  const steps = ofLargest.flatMap((cell) =>
    endgame(cell).filter(({ next }) => next >= least / 10).map(({ error, next, p }) => ({
      mode: modeTitles[cell.mode],
      p,
      value: next,
      low: Math.max(least / 10, next - 2 * error),
      high: next + 2 * error
    }))
  )
  const lines = modes.flatMap((mode) =>
    Array.from({ length: 40 }, (_, at) => 0.55 * (least / 0.55) ** (at / 39)).map((p) => ({
      mode: modeTitles[mode],
      p,
      value: Theory.next(mode, p, largest)
    }))
  )
  const axis = shares(least)
  const p = quantitative("p", "share that does not know it before a round", {
    ...axis,
    scale: { ...axis.scale, reverse: true }
  })
  const next = quantitative("value", "and after it", shares(least / 10))
  const x = { ...sized(sizes), field: "nodes" }
  const rounds = quantitative("value", "rounds", even)
  const theory = modes.flatMap((mode) =>
    Array.from({ length: 30 }, (_, at) => sizes[0]! * (largest / sizes[0]!) ** (at / 29)).map((nodes) => ({
      mode: modeTitles[mode],
      nodes,
      value: Theory.rounds(mode, nodes)
    }))
  )
  return renderRow([
    {
      title: `one rumor, ${largest} nodes`,
      width,
      height,
      data: {
        values: ofLargest.flatMap((cell) =>
          cell.figures.curve.map((share, round) => ({ mode: modeTitles[cell.mode], round, share }))
        )
      },
      mark: { type: "line", strokeWidth: 2.5, point: { size: 18 } },
      encoding: {
        x: quantitative("round", "rounds"),
        y: quantitative("share", "nodes that know it", { axis: { format: ".0%" }, scale: { domain: [0, 1] } }),
        color
      }
    },
    {
      title: "until all know it; dashed: theory",
      width,
      height,
      layer: [
        {
          data: { values: sizes.length === 1 ? [] : theory },
          mark: { type: "line", strokeDash: [5, 4], strokeWidth: 1.5 },
          encoding: { x, y: rounds, color }
        },
        {
          data: {
            values: cells.map((cell) => ({
              mode: modeTitles[cell.mode],
              nodes: cell.nodes,
              value: cell.figures.delayLast
            }))
          },
          mark: { type: "point", filled: true, size: 60, opacity: 1 },
          encoding: { x, y: rounds, color }
        }
      ]
    },
    {
      title: "the endgame; lines: recurrences",
      width,
      height,
      layer: [
        {
          data: { values: lines },
          mark: { type: "line", strokeWidth: 1.5, clip: true },
          encoding: { x: p, y: next, color }
        },
        { data: { values: steps }, ...errorBars(p, next, color) },
        {
          data: { values: steps },
          mark: { type: "point", filled: true, size: 45, opacity: 1 },
          encoding: { x: p, y: next, color }
        }
      ]
    }
  ])
}

// -----------------------------------------------------------------------------
// direct mail
// -----------------------------------------------------------------------------

/** Residue over loss. */
export const directMail = (cells: ReadonlyArray<Cell<DirectMail>>): Effect.Effect<string> => {
  const titles = ["direct mail", "with anti-entropy behind it"]
  const color = colored("series", titles)
  const seriesOf = ({ antiEntropy }: DirectMail) => titles[antiEntropy ? 1 : 0]!
  const x = quantitative("loss", "datagrams lost", { axis: { format: ".0%", tickCount: 6 } })
  const panel = (title: string, name: keyof Means, y: object) => ({
    mark: { type: "line", strokeWidth: 2.5, point: { size: 45 } },
    title,
    width,
    height,
    data: {
      values: cells.map((cell) => ({ series: seriesOf(cell), loss: cell.loss, value: cell.figures[name] }))
    },
    encoding: { x, y: { field: "value", type: "quantitative", ...y }, color }
  })
  return renderRow([
    panel("nodes that are left out", "residue", {
      title: null,
      scale: { nice: 5 },
      axis: { format: ".0%", tickCount: 5 }
    }),
    panel("payloads sent, a node", "traffic", { title: "messages", ...even }),
    panel("the last to hear it hears it after", "delayLast", { title: "rounds", ...even })
  ])
}

// -----------------------------------------------------------------------------
// push-then-pull
// -----------------------------------------------------------------------------

const variantTitles = {
  announced: "PushThenPull",
  always: "PushThenPull, pull: always",
  "median-counter": "MedianCounter"
}

/** Payloads and rounds over the number of nodes. */
export const pushThenPull = (cells: ReadonlyArray<Cell<PushThenPull>>): Effect.Effect<string> => {
  const variants = distinct(cells.map(({ variant }) => variant))
  const color = colored("series", variants.map((variant) => variantTitles[variant]))
  const sizes = distinct(cells.map(({ nodes }) => nodes)).toSorted((a, b) => a - b)
  const x = { ...sized(sizes), field: "nodes" }
  const values = (name: keyof Means) =>
    cells.map((cell) => ({
      series: variantTitles[cell.variant],
      nodes: cell.nodes,
      ...estimated(cell.figures, name)
    }))
  const theory = variants.flatMap((variant) =>
    Array.from({ length: 30 }, (_, at) => sizes[0]! * (sizes.at(-1)! / sizes[0]!) ** (at / 29)).map((nodes) => ({
      series: variantTitles[variant],
      nodes,
      value: theoryOf({ nodes, variant }).rounds
    }))
  )
  const lines = (data: ReadonlyArray<object>, y: object) => [
    { data: { values: data }, ...errorBars(x, y, color) },
    {
      data: { values: data },
      mark: { type: "line", strokeWidth: 2.5, point: { size: 45 } },
      encoding: { x, y: { ...y, field: "value" }, color }
    }
  ]
  const rounds = quantitative("value", "rounds", even)
  const payloads = quantitative(
    "value",
    "messages",
    variants.includes("median-counter")
      ? { scale: { type: "log", domain: [0.9, 20], nice: false }, axis: { values: [1, 2, 5, 10, 20], format: "d" } }
      : { scale: { domain: [0.98, 1.04], zero: false, nice: false }, axis: { tickCount: 5 } }
  )
  return renderRow([
    {
      title: "payloads sent, a node",
      width,
      height,
      layer: lines(values("traffic"), payloads)
    },
    {
      title: "messages without a payload, a node",
      width,
      height,
      layer: lines(values("control"), quantitative("value", "messages", even))
    },
    {
      title: "until all know it; dashed: theory",
      width,
      height,
      layer: [
        {
          data: { values: sizes.length === 1 ? [] : theory },
          mark: { type: "line", strokeDash: [5, 4], strokeWidth: 1.5 },
          encoding: { x, y: rounds, color }
        },
        ...lines(values("delayLast"), rounds)
      ]
    }
  ])
}

// -----------------------------------------------------------------------------
// ring
// -----------------------------------------------------------------------------

/** Rounds over the number of nodes. */
export const ring = (cells: ReadonlyArray<Cell<Ring>>): Effect.Effect<string> => {
  const titles: { readonly [mode in Ring["mode"]]: string } = { mail: "told once", ...modeTitles }
  const modes = distinct(cells.map(({ mode }) => mode))
  const sizes = distinct(cells.map(({ nodes }) => nodes)).toSorted((a, b) => a - b)
  const x = { ...sized(sizes), field: "nodes" }
  const decades = [1, 10, 100, 1000, 10_000, 100_000].filter((decade) => decade < 10 * Math.max(...sizes))
  const y = quantitative("value", "rounds", {
    scale: { type: "log", domain: [1, decades.at(-1)], nice: false },
    axis: { values: decades, format: "~s" }
  })
  return renderRow([{
    title: "a ring: until all know it; dashed: n − 1",
    width: 380,
    height: 230,
    layer: [
      {
        data: { values: sizes.map((nodes) => ({ nodes, value: ringBound(nodes) })) },
        mark: { type: "line", strokeDash: [5, 4], color: "#777" },
        encoding: { x, y }
      },
      {
        data: {
          // those that lie on each other, one within the other
          values: cells.map((cell) => ({
            series: titles[cell.mode],
            nodes: cell.nodes,
            value: cell.figures.delayLast,
            size: 250 - 70 * modes.indexOf(cell.mode)
          }))
        },
        mark: { type: "point", filled: true, opacity: 1 },
        encoding: {
          x,
          y,
          size: { field: "size", type: "quantitative", scale: null, legend: null },
          color: {
            ...colored("series", modes.map((mode) => titles[mode])),
            legend: { orient: "bottom", symbolType: "circle", symbolSize: 80, columns: 4 }
          }
        }
      }
    ]
  }])
}

// -----------------------------------------------------------------------------
// compare
// -----------------------------------------------------------------------------

/** What strategies cost, how long they take, and whom they miss. */
export const compare = (cells: ReadonlyArray<Cell<Compare<Name>>>): Effect.Effect<string> => {
  const strategies = distinct(cells.map(({ strategy }) => strategy))
  const titles = strategies.map((strategy) => get(strategy).title)
  const color = colored("series", titles, 3)
  const nodes = Math.max(...cells.map((cell) => cell.nodes))
  const these = cells.filter((cell) => cell.nodes === nodes)
  const losses = distinct(these.map(({ loss }) => loss))
  const unlost = these.filter(({ loss }) => loss === Math.min(...losses))
  const points = unlost.map((cell) => ({
    series: get(cell.strategy).title,
    traffic: cell.figures.traffic,
    millis: cell.figures.delayLast * roundMillis
  }))
  const curves = unlost.flatMap((cell) =>
    milestones(cell).map((rounds, at) => ({
      series: get(cell.strategy).title,
      millis: rounds * roundMillis,
      share: at / milestoneSteps
    })).filter(({ millis }) => millis >= 5)
  )
  // what so many runs cannot tell from none
  const floor = 10 ** Math.floor(Math.log10(1 / nodes / Math.max(...these.map(({ runs }) => runs.length))))
  const left = these.map((cell) => ({
    series: get(cell.strategy).title,
    loss: cell.loss,
    value: Math.max(floor, cell.figures.residue)
  }))
  const axis = shares(floor)
  const ticks = [50, 100, 200, 500, 1000, 2000, 5000]
  return renderRow([
    {
      title: `one rumor, ${nodes} nodes: what it costs`,
      width,
      height,
      data: { values: points },
      mark: { type: "point", filled: true, size: 150, opacity: 1 },
      encoding: {
        x: quantitative("traffic", "payloads sent, a node", {
          scale: { type: "log", domain: [0.8, 20], nice: false },
          axis: { values: [1, 2, 5, 10, 20], format: "d" }
        }),
        y: quantitative("millis", "ms until all know it", {
          scale: { type: "log", domain: [ticks[0], ticks.at(-1)], nice: false, clamp: true },
          axis: { values: ticks, format: "d" }
        }),
        color
      }
    },
    {
      title: "who knows it after so long",
      width,
      height,
      data: { values: curves },
      mark: { type: "line", strokeWidth: 2.5 },
      encoding: {
        x: quantitative("millis", "ms", {
          scale: { type: "log", domain: [5, ticks.at(-1)], nice: false },
          axis: { values: [5, 20, 100, 500, 2000], format: "d" }
        }),
        y: quantitative("share", null, { axis: { format: ".0%" }, scale: { domain: [0, 1] } }),
        color,
        // a line as it is, not in the order of its values
        order: { field: "share" }
      }
    },
    {
      title: "who is left out, without anti-entropy",
      width,
      height,
      data: { values: left },
      mark: { type: "line", strokeWidth: 2.5, point: { size: 40 } },
      encoding: {
        x: quantitative("loss", "datagrams lost", { axis: { format: ".0%", tickCount: 4 } }),
        y: quantitative("value", null, {
          ...axis,
          axis: { ...axis.axis, labelExpr: `datum.value <= ${floor * 1.01} ? 'nobody' : datum.label` }
        }),
        color
      }
    }
  ])
}

/** When so many knew it, on average over the runs that came to it; while these are half of all. */
const milestones = ({ runs }: Cell<object>): ReadonlyArray<number> => {
  const means: Array<number> = []
  for (let at = 0; at <= milestoneSteps; at++) {
    const times = runs.flatMap(({ milestones }) => milestones.slice(at, at + 1))
    if (2 * times.length < runs.length) break
    means.push(times.reduce((sum, time) => sum + time, 0) / times.length)
  }
  return means
}
