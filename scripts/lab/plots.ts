/**
 * The lab's plots, as SVG by vega-lite.
 */
import type { Effect } from "effect"
import { formatMillis } from "./durations.ts"
import type { Cell, LifeguardKey, LoadKey, LossKey } from "./experiments.ts"
import { lifeguardTotals } from "./experiments.ts"
import * as Protocols from "./protocols.ts"
import { colored, render } from "./vega.ts"

const titlesOf = (names: ReadonlyArray<Protocols.Name>) =>
  Protocols.names.filter((name) => names.includes(name)).map((name) => Protocols.get(name).title)

/** Detection time and false positives of protocols, over loss. */
export const loss = (
  cells: ReadonlyArray<Cell<LossKey>>,
  { nodes }: { readonly nodes: number }
): Effect.Effect<string> => {
  const values = cells.map(({ figures: { detection, falsePositives }, loss, protocol }) => ({
    protocol: Protocols.get(protocol).title,
    loss,
    first: seconds(detection.firstMillis.median),
    firstP99: seconds(detection.firstMillis.p99),
    all: seconds(detection.allMillis.median),
    allP99: seconds(detection.allMillis.p99),
    falsePositives: falsePositives.aboutHealthyPerNodeHour
  }))
  const color = colored("protocol", titlesOf(cells.map(({ protocol }) => protocol)))
  const x = { field: "loss", type: "quantitative", title: "datagrams lost", axis: { format: ".0%", tickCount: 6 } }
  const times = (title: string, field: string, upper: string) => ({
    title,
    width: 230,
    height: 190,
    data: { values },
    encoding: { x, color },
    layer: [
      {
        mark: { type: "area", opacity: 0.13 },
        encoding: { y: { field, type: "quantitative", title: "seconds, median to p99" }, y2: { field: upper } }
      },
      {
        mark: { type: "line", strokeWidth: 2.5, point: { size: 30 } },
        encoding: { y: { field, type: "quantitative" } }
      }
    ]
  })
  return render({
    hconcat: [
      times(`${nodes} nodes: a crash is first declared`, "first", "firstP99"),
      times("it is known to all", "all", "allP99"),
      {
        title: "running nodes are declared dead",
        width: 230,
        height: 190,
        data: { values },
        mark: { type: "line", strokeWidth: 2.5, point: { size: 30 } },
        encoding: {
          x,
          color,
          y: {
            field: "falsePositives",
            type: "quantitative",
            title: "per node-hour",
            scale: { type: "symlog", constant: 0.1 },
            axis: { values: [0, 0.1, 1, 10, 100, 1000, 10_000, 100_000], format: "~r" }
          }
        }
      }
    ]
  })
}

/** False positives and detection time of Swim, with parts of Lifeguard. */
export const lifeguard = (
  cells: ReadonlyArray<Cell<LifeguardKey>>,
  { nodes }: { readonly nodes: number }
): Effect.Effect<string> => {
  const variants = Protocols.variantNames.filter((name) => cells.some(({ variant }) => variant === name))
  const titleOf = (variant: Protocols.Variant) => Protocols.variants[variant].title
  const color = colored("variant", variants.map(titleOf), 3)
  // it lies on the line of plain SWIM, which shows through
  const dash = {
    field: "variant",
    type: "nominal",
    legend: null,
    scale: {
      domain: variants.map(titleOf),
      range: variants.map((variant) => variant === "buddy" ? [4, 4] : [1, 0])
    }
  }
  const over = (key: "paused" | "pauseFor") =>
    variants.flatMap((variant) =>
      [...new Set(cells.map((cell) => cell[key]))].sort((a, b) => a - b).map((at) => {
        const these = cells.filter((cell) => cell.variant === variant && cell[key] === at)
        const [total] = lifeguardTotals(these)
        return { variant: titleOf(variant), at, falsePositives: total!.aboutHealthyPerNodeHour }
      })
    )
  const totals = lifeguardTotals(cells).map(({ firstMillis, variant }) => ({
    variant: titleOf(variant),
    median: seconds(firstMillis.median),
    p99: seconds(firstMillis.p99)
  }))
  const falsePositives = (title: string, values: ReadonlyArray<object>, x: object, isFirst: boolean) => ({
    title,
    width: 250,
    height: 190,
    data: { values },
    mark: { type: "line", strokeWidth: 2.5, point: { size: 30 } },
    encoding: {
      x: { field: "at", type: "ordinal", ...x },
      color,
      strokeDash: dash,
      y: {
        field: "falsePositives",
        type: "quantitative",
        title: isFirst ? "per node-hour" : null,
        scale: { type: "symlog", constant: 0.1 },
        axis: { values: [0, 0.1, 1, 10, 100, 1000, 10_000, 100_000], format: "~r" }
      }
    }
  })
  return render({
    hconcat: [
      falsePositives(`${nodes} nodes: healthy ones declared dead`, over("paused"), {
        title: "nodes that stall at once",
        axis: { labelAngle: 0 }
      }, true),
      falsePositives(
        "the same, by how long others stall",
        over("pauseFor").map((value) => ({
          ...value,
          at: formatMillis(Number(value.at.toPrecision(3))),
          order: value.at
        })),
        { title: "stall", sort: { field: "order" }, axis: { labelAngle: 0 } },
        false
      ),
      {
        title: "a crash is first declared",
        width: 170,
        height: 190,
        data: { values: totals },
        encoding: {
          y: { field: "variant", type: "nominal", title: null, sort: variants.map(titleOf), axis: null },
          color
        },
        layer: [
          {
            mark: { type: "rule", strokeWidth: 2 },
            encoding: {
              x: { field: "median", type: "quantitative", title: "seconds, median to p99", scale: { zero: true } },
              x2: { field: "p99" }
            }
          },
          {
            mark: { type: "point", filled: true, size: 70 },
            encoding: { x: { field: "median", type: "quantitative" } }
          }
        ]
      }
    ]
  })
}

/** What an idle node sends, over the size of the cluster. */
export const load = (cells: ReadonlyArray<Cell<LoadKey>>): Effect.Effect<string> => {
  const values = cells.map(({ figures: { load }, nodes, protocol }) => ({
    protocol: Protocols.get(protocol).title,
    nodes,
    messages: load.messagesPerNodeSecond,
    bytes: load.bytesPerNodeSecond + load.exchangeBytesPerNodeSecond
  }))
  const color = colored("protocol", titlesOf(cells.map(({ protocol }) => protocol)))
  const panel = (field: string, title: string) => ({
    title,
    width: 300,
    height: 220,
    data: { values },
    mark: { type: "line", strokeWidth: 2.5, point: { size: 30 } },
    encoding: {
      x: {
        field: "nodes",
        type: "quantitative",
        title: "nodes in the cluster",
        scale: { type: "log", base: 2, nice: false },
        axis: { values: [...new Set(values.map(({ nodes }) => nodes))] }
      },
      y: { field, type: "quantitative", title: "per node and second", scale: { type: "log", nice: true } },
      color
    }
  })
  return render({
    hconcat: [panel("messages", "datagrams that an idle node sends"), panel("bytes", "bytes, exchanges included")]
  })
}

const seconds = (millis: number | null): number | null => millis === null ? null : millis / 1000
