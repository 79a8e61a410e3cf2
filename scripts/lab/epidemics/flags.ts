/** Flags that experiments on epidemics have in common. */
import { Flag } from "effect/cli"
import { int, isProbability, isWhole, several } from "../flags.ts"
import * as Spread from "./spread.ts"

export const sizes = (initial: ReadonlyArray<number>) =>
  several("nodes", "Nodes", "whole numbers from 2 to 100000", isWhole(2, 100_000), [initial.join(","), initial])

export const losses = (initial: ReadonlyArray<number>) =>
  several("loss", "Share of datagrams that are lost", "shares from 0 to 0.95", isProbability, [
    initial.join(","),
    initial
  ])

export const nodes = (initial: number) => int("nodes", "Nodes", 2, 100_000, initial)

export const loss = Flag.Finite("loss").pipe(
  Flag.filter((loss) => loss >= 0 && loss <= 0.95, () => "a share from 0 to 0.95"),
  Flag.withDescription("Share of datagrams that are lost: 0 to 0.95, 0 by default"),
  Flag.withDefault(0)
)

export const runs = (initial: number) =>
  int("runs", "How often a rumor is spread, each time with a seed of its own", 1, 1_000_000, initial)

const timings: ReadonlyArray<Spread.Timing> = ["synchronous", "asynchronous"]

export const timing = (initial: Spread.Timing) =>
  Flag.Literals("timing", timings as ["synchronous", "asynchronous"]).pipe(
    Flag.withDescription(
      "synchronous: all rounds begin at once, and messages take no time, as in the papers. asynchronous: each node has " +
        `rounds of its own, up to a tenth late, and a message takes a twentieth of a round or more; ${initial} by default`
    ),
    Flag.withDefault(initial)
  )

export const selection = Flag.Literals("selection", Object.keys(Spread.selections) as [Spread.Selection]).pipe(
  Flag.withDescription("How peers are chosen; uniform by default"),
  Flag.withDefault("uniform" as Spread.Selection)
)

/** What the figures mean, for `--help`. */
export const legend = `
    residue         share of nodes that the rumor does not reach
    traffic         messages with the payload, per node
    redundant       of these, the ones that came to who knew it, per node
    control         messages without the payload, per node; payloadBytes and
                    controlBytes are the bytes of both kinds
    busiest         messages, of either kind, that the busiest node sends
    delayAverage    rounds until a node hears it, on average; delayLast until the last one does
    incompleteRuns  runs in which it did not reach all`
