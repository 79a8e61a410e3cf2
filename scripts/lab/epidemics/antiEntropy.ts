/** `pnpm lab anti-entropy`: simple epidemics, beside theory. */
import * as DisseminationMachine from "@effect-gossip/core/dissemination/DisseminationMachine"
import { uniform } from "@effect-gossip/core/dissemination/PeerSelection"
import * as Experiment from "@effect-gossip/testkit/Experiment"
import { Effect } from "effect"
import { Command } from "effect/cli"
import { json, oneOf, plot, print, seed, several, threads, write } from "../flags.ts"
import { table } from "../table.ts"
import { endgame } from "./endgame.ts"
import { show } from "./figures.ts"
import * as Flags from "./flags.ts"
import type { AntiEntropy as Key } from "./keys.ts"
import { drawn } from "./plotting.ts"
import { printed, run } from "./runs.ts"
import * as Spread from "./spread.ts"
import * as Strategies from "./strategies.ts"
import * as Theory from "./theory.ts"

const modes = ["push", "pull", "pushPull"] as const

// -----------------------------------------------------------------------------
// messages of an exchange
// -----------------------------------------------------------------------------

/** Datagrams that two nodes need to make up for what they lack, when each knows what the other does not, or one alone. */
export const messagesPerExchange = (mode: Theory.Mode): number => {
  const experiment = Experiment.makeUnsafe({
    nodes: 2,
    seed: "exchange",
    machine: (birth, place) =>
      DisseminationMachine.makeProtocol({
        peers: place.peers,
        selection: uniform,
        strategy: Strategies.make({ name: "none" }),
        retention: Infinity,
        dedupWindow: Infinity,
        // the first begins after a second, and the other never
        antiEntropy: { mode, interval: place.index === 0 ? 1000 : 1e9, settling: 0, talksWhenEmpty: true },
        pacing: { phase: place.index === 0 ? 0 : 0.5 }
      }).make(birth)
  })
  for (const [node] of experiment.places.entries()) {
    experiment.command(node, { _tag: "Publish", topic: "lab", payload: new Uint8Array(1) })
  }
  experiment.run({ until: 1500 })
  return experiment.counters.datagrams
}

// -----------------------------------------------------------------------------
// command
// -----------------------------------------------------------------------------

export const theoryOf = ({ mode, nodes }: Key) => ({
  rounds: Number(Theory.rounds(mode, nodes).toFixed(3)),
  formula: Theory.formulas[mode]
})

const round = (value: number) => Number(value.toPrecision(4))

export const command = Command.make(
  "anti-entropy",
  {
    nodes: Flags.sizes([1000]),
    mode: several<Theory.Mode>("mode", "Who makes up for what", `of ${modes.join(", ")}`, oneOf(modes), [
      "pushPull",
      ["pushPull"]
    ]),
    timing: Flags.timing("synchronous"),
    selection: Flags.selection,
    loss: Flags.loss,
    runs: Flags.runs(100),
    seed,
    threads,
    plot,
    json
  },
  Effect.fnUntraced(function*({ json, loss, mode, nodes: sizes, plot, runs, seed, selection, threads, timing }) {
    const cells = yield* run(
      mode.flatMap((mode) => sizes.map((nodes): Key => ({ nodes, mode }))),
      ({ mode, nodes }): Spread.Setting => ({
        ...Spread.defaults,
        nodes,
        loss,
        selection,
        timing,
        strategy: { name: "none" },
        antiEntropy: { mode, settling: 0 },
        untilAllKnow: true
      }),
      { runs, seed, threads }
    )
    yield* write(plot, drawn(({ antiEntropy }) => antiEntropy(cells)))
    const rounds = table(
      ["mode", "nodes", "rounds until all know", "theory", "t_ave", "traffic", "control", "datagrams an exchange"],
      cells.map((cell) => [
        cell.mode,
        String(cell.nodes),
        show(cell.figures, "delayLast"),
        `${theoryOf(cell).rounds.toFixed(1)} + O(1)`,
        show(cell.figures, "delayAverage"),
        show(cell.figures, "traffic"),
        show(cell.figures, "control"),
        String(messagesPerExchange(cell.mode))
      ])
    )
    const steps = table(
      ["the endgame: mode", "nodes", "p", "p'", "recurrence"],
      cells.filter(({ nodes }) => nodes === Math.max(...sizes)).flatMap((cell) =>
        endgame(cell).map(({ error, next, p, recurrence }) => [
          cell.mode,
          String(cell.nodes),
          p.toPrecision(3),
          `${next.toPrecision(3)} ±${error.toPrecision(1)}`,
          recurrence.toPrecision(3)
        ])
      )
    )
    yield* print(
      `anti-entropy alone: a simple epidemic; ${runs} runs\n\n${rounds}\n\n${steps}`,
      printed({ seed, timing, selection, loss }, cells, (cell) => ({
        theory: theoryOf(cell),
        messagesPerExchange: messagesPerExchange(cell.mode),
        endgame: endgame(cell).map((step) => ({
          p: round(step.p),
          next: round(step.next),
          error: round(step.error),
          recurrence: round(step.recurrence)
        }))
      })),
      json
    )
  })
).pipe(
  Command.withDescription(`Anti-entropy alone: each round every node compares with a random one.

  Demers et al. 1987 §1.3: a simple epidemic, which reaches all for certain. In
  push who begins sends what it has, in pull it gets what it lacks, in pushPull
  both. While few know a rumor push spreads it well; when few are left who do
  not (the endgame), pull finds them at once: a share p becomes p².

    rounds   until all know it, beside ${modes.map((mode) => Theory.formulas[mode]).join(", ")}
    p, p'    the share that does not know it before a round and after it, beside
             ${modes.map((mode) => Theory.recurrences[mode]).join(", ")}
${Flags.legend}`),
  Command.withShortDescription("Anti-entropy alone: a simple epidemic, beside theory"),
  Command.withExamples([
    {
      command: "lab anti-entropy --mode push,pull,pushPull --nodes 100,1000,10000 --plot anti-entropy.svg",
      description: "Curves, rounds and the endgame"
    },
    { command: "lab anti-entropy --mode pull --nodes 1000 --runs 1000 --json", description: "For a script" }
  ])
)
