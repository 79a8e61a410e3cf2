/** `pnpm lab reconcile`: what it costs to find out in what two replicas differ. */
import * as Reconciliation from "@effect-gossip/core/replication/Reconciliation"
import { Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { BadArguments, int, isWhole, json, oneOf, plot, print, seed, several, write } from "../flags.ts"
import { table } from "../table.ts"
import { measure } from "./measure.ts"
import * as Plots from "./plots.ts"

const strategies = Reconciliation.Strategy.literals

const show = (value: number): string => value >= 1000 ? String(Math.round(value)) : String(Number(value.toFixed(1)))

export const command = Command.make(
  "reconcile",
  {
    keys: int("keys", "Keys that both replicas hold", 0, 2_000_000, 100_000),
    different: several("different", "How many keys differ", "whole numbers from 0 to 1000000", isWhole(0, 1_000_000), [
      "0,1,10,100,1000,10000",
      [0, 1, 10, 100, 1000, 10_000]
    ]),
    strategy: several("strategy", "How they are compared", `of ${strategies.join(", ")}`, oneOf(strategies), [
      "all",
      strategies
    ]),
    changed: Flag.Finite("changed").pipe(
      Flag.filter((share) => share >= 0 && share <= 1, () => "a share from 0 to 1"),
      Flag.withDescription(
        "Share of the keys that differ of which both hold a version, each another, 0 to 1; the others are new, one half at " +
          "each; 0 by default"
      ),
      Flag.withDefault(0)
    ),
    value: int("value", "Bytes of a value", 0, 100_000, 64),
    runs: int("runs", "Sessions of each, whose figures are averaged", 1, 10_000, 20),
    seed,
    plot,
    json
  },
  Effect.fnUntraced(function*({ json, plot, strategy: chosen, ...what }) {
    const { changed, different: differences, keys, runs, seed, value } = what
    const most = Math.max(...differences)
    if (Math.round(most * changed) > keys) {
      return yield* new BadArguments({
        problem: `${Math.round(most * changed)} of ${keys} keys cannot have changed: there are not as many`
      })
    }
    const cells: Array<Plots.Cell> = []
    for (const strategy of chosen) {
      for (const different of differences) {
        const figures = yield* Effect.sync(() => measure({ strategy, keys, different, changed, value }, { runs, seed }))
        cells.push({ strategy, different, ...figures })
      }
    }
    yield* write(plot, Plots.reconcile(cells, what))
    const text = table(
      ["strategy", "different", "metadata B", "a key", "entries B", "messages", "trips", "symbols/item", "cpu ms"],
      cells.map((cell) => [
        cell.strategy,
        String(cell.different),
        show(cell.metadataBytes),
        cell.different === 0 ? "" : show(cell.metadataBytes / cell.different),
        show(cell.valueBytes),
        show(cell.messages),
        show(cell.roundTrips),
        cell.symbolsPerDifference === null ? "" : cell.symbolsPerDifference.toFixed(2),
        show(cell.cpuMillis)
      ])
    )
    const setting = { keys, changed, value, runs, seed }
    const [cell] = cells
    const figures = cells.length === 1 && cell !== undefined
      ? { keys, ...cell, changed, value, runs, seed }
      : { ...setting, cells: cells }
    yield* print(`two replicas of ${keys} keys: ${runs} sessions each\n\n${text}`, figures, json)
  })
).pipe(
  Command.withDescription(`What it costs to find out in what two replicas differ, and to make up for it.

  Two replicas hold the same keys, and then some are written at one of them alone.
  One opens a session with the other; every message is encoded and decoded. Of one
  strategy and one number of keys that differ, --json prints one flat object.

    metadataBytes         of all messages both ways, with what is asked for by name,
                          but without the entries themselves, as keys, versions and
                          values are
    valueBytes            of these entries
    symbolsPerDifference  coded symbols that were received for each differing item: a
                          new key makes one, and a changed key two (see --changed)
    cpuMillis             processor time of both together; this alone differs from run
                          to run

  digest    all items, in pages that fit a datagram
  checksum  the latest items, and all only if that does not make checksums equal. Here
            those that differ are the latest
  merkle    a hash tree with 16 children
  rateless  coded symbols (Yang, Gilad, Alizadeh 2024)`),
  Command.withShortDescription("What it costs to find out in what two replicas differ"),
  Command.withExamples([
    { command: "lab reconcile --plot reconcile.svg", description: "All strategies, over how much differs" },
    {
      command: "lab reconcile --keys 100000 --different 100 --strategy rateless --json",
      description: "One of them, for a script"
    },
    { command: "lab reconcile --strategy merkle,rateless --changed 1", description: "Keys that both have written" }
  ])
)

/** The commands. */
export const commands = [command] as const
