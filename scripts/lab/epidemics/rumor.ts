/** `pnpm lab rumor`: rumor mongering, beside the tables of Demers et al. 1987. */
import { Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { int, isWhole, json, plot, print, seed, several, threads, write } from "../flags.ts"
import { table } from "../table.ts"
import { show } from "./figures.ts"
import * as Flags from "./flags.ts"
import { publishedOf, type Rumor as Key } from "./keys.ts"
import { drawn } from "./plotting.ts"
import { type Cell, printed, run } from "./runs.ts"
import * as Spread from "./spread.ts"

const timings = (text: "synchronous" | "asynchronous" | "both"): ReadonlyArray<Spread.Timing> =>
  text === "both" ? ["synchronous", "asynchronous"] : [text]

const published = (key: Key): object => {
  const row = publishedOf(key)
  if (row === undefined) return {}
  const { delayAverage, delayLast, residue, table, traffic } = row
  return { published: { source: `Demers et al. 1987, table ${table}`, residue, traffic, delayAverage, delayLast } }
}

const text = (cells: ReadonlyArray<Cell<Key>>): string => {
  const isPublished = cells.some((cell) => publishedOf(cell) !== undefined)
  const beside = (cell: Cell<Key>, name: "residue" | "traffic" | "delayAverage" | "delayLast") =>
    isPublished ? [String(publishedOf(cell)?.[name] ?? "")] : []
  const head = isPublished ? ["published"] : []
  return table(
    [
      ...["timing", "k", "residue", ...head, "traffic", ...head, "t_ave", ...head, "t_last", ...head],
      ...["redundant", "control", "incomplete"]
    ],
    cells.map((cell) => [
      cell.timing,
      String(cell.k),
      show(cell.figures, "residue"),
      ...beside(cell, "residue"),
      show(cell.figures, "traffic"),
      ...beside(cell, "traffic"),
      show(cell.figures, "delayAverage"),
      ...beside(cell, "delayAverage"),
      show(cell.figures, "delayLast"),
      ...beside(cell, "delayLast"),
      show(cell.figures, "redundant"),
      show(cell.figures, "control"),
      `${cell.figures.incompleteRuns} of ${cell.runs.length}`
    ])
  )
}

export const command = Command.make(
  "rumor",
  {
    nodes: Flags.nodes(1000),
    mode: Flag.Literals("mode", ["push", "pull", "pushPull"]).pipe(
      Flag.withDescription(
        "push: who spreads the rumor tells a peer each round. pull: everybody asks a peer each round. pushPull: both in " +
          "one contact; push by default"
      ),
      Flag.withDefault("push")
    ),
    interest: Flag.Literals("interest", ["feedback", "blind"]).pipe(
      Flag.withDescription(
        "Which contacts make a node lose interest: unnecessary ones (feedback), or all (blind); feedback by default"
      ),
      Flag.withDefault("feedback")
    ),
    stop: Flag.Literals("stop", ["counter", "coin"]).pipe(
      Flag.withDescription("After k such contacts (counter), or after each with chance 1/k (coin); counter by default"),
      Flag.withDefault("counter")
    ),
    k: several("k", "Their number", "whole numbers from 1 to 100", isWhole(1, 100), ["4", [4]]),
    connectionLimit: int(
      "connectionLimit",
      "Most contacts that a node accepts in a round, and without limit at 0",
      0,
      1000,
      0
    ),
    hunting: int("hunting", "Other peers that are tried when a contact was refused", 0, 100, 0),
    eager: Flag.Boolean("eager").pipe(
      Flag.withDescription("Push a rumor to one peer as soon as it is heard, as nodes do by default"),
      Flag.withDefault(false)
    ),
    timing: Flag.Literals("timing", ["synchronous", "asynchronous", "both"]).pipe(
      Flag.withDescription(
        "synchronous: all rounds begin at once, and messages take no time, as in the paper. asynchronous: each node has " +
          "rounds of its own, up to a tenth late, and a message takes a twentieth of a round or more; synchronous by default"
      ),
      Flag.withDefault("synchronous")
    ),
    selection: Flags.selection,
    loss: Flags.loss,
    runs: Flags.runs(100),
    seed,
    threads,
    plot,
    json
  },
  Effect.fnUntraced(function*({ json, k: ks, plot, runs, seed, threads, timing, ...setting }) {
    const keys = timings(timing).flatMap((timing) => ks.map((k): Key => ({ ...setting, k, timing })))
    const cells = yield* run(keys, ({ connectionLimit, k, nodes, stop, ...key }) => ({
      ...Spread.defaults,
      nodes,
      loss: key.loss,
      selection: key.selection,
      timing: key.timing,
      strategy: {
        name: "rumor-mongering",
        options: {
          mode: key.mode,
          interest: key.interest,
          stop: stop === "counter" ? { counter: k } : { coin: k },
          connectionLimit: connectionLimit === 0 ? Infinity : connectionLimit,
          hunting: key.hunting,
          eager: key.eager
        }
      }
    }), { runs, seed, threads })
    yield* write(plot, drawn(({ rumor }) => rumor(cells)))
    const { interest, mode, nodes, stop } = setting
    const title = `rumor mongering: ${mode}, ${interest}, ${stop}; ${nodes} nodes, ${runs} runs`
    yield* print(
      `${title}\n\n${text(cells)}`,
      printed({ seed }, cells, published),
      json
    )
  })
).pipe(
  Command.withDescription(`Rumor mongering: who knows a rumor spreads it until it is old.

  Demers et al. 1987 §1.4. One node publishes; who hears it tells one peer after
  another, and loses interest after k contacts that were in vain. It stops by
  itself, and leaves some out: the more contacts, the fewer. With 1000 nodes
  and one of the paper's three settings its table is shown beside.
${Flags.legend}

  The table's t_ave and t_last are delayAverage and delayLast.`),
  Command.withShortDescription("Rumor mongering, beside the tables of Demers et al. 1987"),
  Command.withExamples([
    { command: "lab rumor --k 1,2,3,4,5", description: "The paper's table 1" },
    { command: "lab rumor --interest blind --stop coin --k 1,2,3,4,5", description: "Table 2" },
    { command: "lab rumor --mode pull --k 1,2,3 --runs 1000", description: "Table 3" },
    {
      command: "lab rumor --k 2 --timing both --loss 0.1 --plot rumor.svg",
      description: "What becomes of it on a network"
    },
    { command: "lab rumor --nodes 10000 --k 4 --runs 1 --json", description: "For a script" }
  ])
)
