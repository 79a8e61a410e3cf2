/** `pnpm lab direct-mail`: what is lost, with and without anti-entropy behind it. */
import { Effect } from "effect"
import { Command } from "effect/cli"
import { json, plot, print, seed, threads, write } from "../flags.ts"
import { table } from "../table.ts"
import { show } from "./figures.ts"
import * as Flags from "./flags.ts"
import type { DirectMail as Key } from "./keys.ts"
import { drawn } from "./plotting.ts"
import { type Cell, printed, run } from "./runs.ts"
import * as Spread from "./spread.ts"

export const command = Command.make(
  "direct-mail",
  {
    nodes: Flags.nodes(1000),
    loss: Flags.losses([0.05]),
    timing: Flags.timing("synchronous"),
    runs: Flags.runs(100),
    seed,
    threads,
    plot,
    json
  },
  Effect.fnUntraced(function*({ json, loss: losses, nodes, plot, runs, seed, threads, timing }) {
    const cells = yield* run(
      [false, true].flatMap((antiEntropy) => losses.map((loss): Key => ({ nodes, loss, antiEntropy }))),
      ({ antiEntropy, loss, nodes }) => ({
        ...Spread.defaults,
        nodes,
        loss,
        timing,
        strategy: { name: "direct-mail", options: {} },
        antiEntropy: antiEntropy ? { mode: "pushPull", settling: 1 } : undefined
      }),
      { runs, seed, threads }
    )
    yield* write(plot, drawn(({ directMail }) => directMail(cells)))
    const alone = cells.filter(({ antiEntropy }) => !antiEntropy)
    const backed = ({ loss }: Cell<Key>) => cells.find((cell) => cell.antiEntropy && cell.loss === loss)!
    const text = table(
      ["loss", "residue", "theory", "traffic", "with anti-entropy: residue", "traffic", "control", "t_last"],
      alone.map((cell) => [
        String(cell.loss),
        show(cell.figures, "residue"),
        String(cell.loss * (nodes - 1) / nodes),
        show(cell.figures, "traffic"),
        show(backed(cell).figures, "residue"),
        show(backed(cell).figures, "traffic"),
        show(backed(cell).figures, "control"),
        show(backed(cell).figures, "delayLast")
      ])
    )
    yield* print(
      `direct mail: ${nodes} nodes, ${runs} runs\n\n${text}`,
      printed({ seed, timing }, alone.map(({ antiEntropy: _, ...cell }) => cell), (cell) => ({
        theory: { residue: cell.loss * (nodes - 1) / nodes },
        withAntiEntropy: backed({ ...cell, antiEntropy: false }).figures
      })),
      json
    )
  })
).pipe(
  Command.withDescription(`Direct mail: the publisher sends the rumor to everybody, once.

  Demers et al. 1987 §1.2. What the network loses stays lost: with a loss of p
  the residue is p. Anti-entropy behind it, by which each node compares with a
  random one each round, makes up for it: the residue is 0.
${Flags.legend}`),
  Command.withShortDescription("The publisher tells all, once: what is lost stays lost"),
  Command.withExamples([
    { command: "lab direct-mail --loss 0,0.01,0.05,0.1,0.2,0.5", description: "Over how much is lost" },
    { command: "lab direct-mail --loss 0.1 --json", description: "For a script" }
  ])
)
