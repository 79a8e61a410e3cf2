import * as GossipMetrics from "@effect-gossip/core/GossipMetrics"
import { assert } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Link } from "../../SimulatedNetwork.ts"
import * as Simulation from "../../Simulation.ts"
import { changes } from "./changes.ts"
import { failing } from "./failing.ts"
import type { Register } from "./fixture.ts"
import { joining } from "./joining.ts"
import { leaving } from "./leaving.ts"
import { loss } from "./loss.ts"
import { metadata } from "./metadata.ts"
import { names } from "./names.ts"
import { boundsOf, defaults, type Options } from "./options.ts"
import { partitions } from "./partitions.ts"
import { pauses } from "./pauses.ts"
import { traffic } from "./traffic.ts"

/** A test of the suite for one size of cluster on one network. */
export interface Case {
  /** The size and the network. */
  readonly condition: string
  readonly group: string
  readonly name: string
  /** Throws when the protocol does not pass. */
  readonly run: () => void
}

/** All tests of the suite, in order. */
export const cases = (options: Options): ReadonlyArray<Case> => {
  const all: Array<Case> = []
  const seed = options.seed ?? defaults.seed
  const minorityDeclaresDeath = options.minorityDeclaresDeath ?? defaults.minorityDeclaresDeath
  for (const nodes of options.nodes ?? defaults.nodes) {
    // with fewer, one that crashes and one that leaves are no minority any more
    if (!(Number.isSafeInteger(nodes) && nodes >= 4)) {
      throw new RangeError(`MembershipSuite: a cluster needs 4 nodes or more, received ${nodes}`)
    }
    const bounds = boundsOf(options, nodes)
    const under = (network: string, link: Partial<Link>) => {
      const condition = `${nodes} nodes on ${network}`
      return (group: string): Register => (name, test, setup) => {
        const run = () => {
          const { protocol } = options
          const exit = Simulation.run({ nodes, seed, link, protocol, ...setup?.(nodes) }, (sim) =>
            Effect.andThen(
              test({
                sim,
                names: sim.nodes.map((node) => node.name),
                bounds,
                minorityDeclaresDeath,
                outage: Duration.fromInputUnsafe(options.outage ?? defaults.outage)
              }),
              Effect.sync(() => assertSound(sim))
            ))
          if (Exit.isSuccess(exit)) return
          const error = Cause.squash(exit.cause)
          const message = error instanceof Error ? error.message : String(error)
          throw new Error(`${message} (seed ${JSON.stringify(seed)}, ${condition})`, { cause: error })
        }
        all.push({ condition, group, name, run })
      }
    }
    for (const [network, link] of Object.entries(options.links ?? defaults.links)) {
      const register = under(network, link)
      joining(register("joining"))
      leaving(register("leaving"))
      failing(register("failing"))
      partitions(register("partitions"), minorityDeclaresDeath)
      pauses(register("pauses"))
      metadata(register("metadata"))
      names(register("names"))
      changes(register("changes"))
      traffic(register("traffic"))
    }
    for (const probability of options.loss ?? defaults.loss) {
      loss(under(`a network that loses ${probability * 100}%`, { loss: probability })("loss"))
    }
  }
  return all
}

// a machine that throws is restarted, and could pass all the same
const assertSound = (sim: Simulation.Simulation): void => {
  for (const name of sim.running()) {
    assert.strictEqual(sim.count(name, GossipMetrics.restarts), 0, `restarts of ${name} after a defect`)
  }
}
