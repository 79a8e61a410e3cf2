import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type { Link } from "../../SimulatedNetwork.ts"
import * as Simulation from "../../Simulation.ts"
import { churn } from "./churn.ts"
import { type Application, Journal, News, OtherNews, type Register } from "./fixture.ts"
import { assertSound } from "./helpers.ts"
import { lives } from "./lives.ts"
import { loss } from "./loss.ts"
import { boundsOf, defaults, type Options } from "./options.ts"
import { outages } from "./outages.ts"
import { payloads } from "./payloads.ts"
import { relaying } from "./relaying.ts"
import { spreading } from "./spreading.ts"

/** A test of the suite for one size of cluster on one network. */
export interface Case {
  /** The size and the network. */
  readonly condition: string
  readonly group: string
  readonly name: string
  /** Throws when the strategy does not pass. */
  readonly run: () => void
}

/** All tests of the suite, in order. */
export const cases = (options: Options): ReadonlyArray<Case> => {
  const all: Array<Case> = []
  const seed = options.seed ?? defaults.seed
  for (const nodes of options.nodes ?? defaults.nodes) {
    // with fewer there is nobody who only relays
    if (!(Number.isSafeInteger(nodes) && nodes >= 3)) {
      throw new RangeError(`DisseminationSuite: a cluster needs 3 nodes or more, received ${nodes}`)
    }
    const bounds = boundsOf(options, nodes)
    const under = (network: string, link: Partial<Link>) => {
      const condition = `${nodes} nodes on ${network}`
      return (group: string): Register => (name, test, setup = {}) => {
        const run = () => {
          const journal = new Journal()
          const { knows, mistakes, ofTopic = false, start = true } = setup
          const topic = ofTopic ? Layer.provide(News.layer, options.strategy) : News.layer
          const layer = (node: Simulation.SimulatedNode, index: number) =>
            (mistakes?.(index, nodes) === true
              ? OtherNews.layer
              : knows?.(index, nodes) === false
              ? Layer.empty
              : Layer.provideMerge(journal.collect(node.name), topic)) as Application
          const exit = Simulation.run(
            {
              nodes,
              seed,
              link,
              start,
              layer,
              protocol: ofTopic ? Layer.empty : options.strategy
            },
            (sim) =>
              Effect.suspend(() => {
                journal.now = sim.now
                const fixture = { sim, names: sim.nodes.map((node) => node.name), bounds, journal }
                return Effect.andThen(test(fixture), Effect.sync(() => assertSound(fixture)))
              })
          )
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
      spreading(register("spreading"), options.talksWhenIdle ?? defaults.talksWhenIdle)
      relaying(register("relaying"))
      payloads(register("payloads"))
      outages(register("outages"))
      lives(register("lives"))
      churn(register("churn"))
    }
    for (const probability of options.loss ?? defaults.loss) {
      loss(under(`a network that loses ${probability * 100}%`, { loss: probability })("loss"))
    }
  }
  return all
}
