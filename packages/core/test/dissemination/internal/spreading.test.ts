/** Whatever the network does: all are told of everything, once, and then it is quiet. */
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import {
  defaultConfig as direct,
  makeStrategy as makeDirectMail
} from "../../../src/dissemination/internal/directMail.ts"
import { defaultConfig, makeStrategy } from "../../../src/dissemination/internal/pushThenPull.ts"
import { ring, shuffledRoundRobin, uniform } from "../../../src/dissemination/PeerSelection.ts"
import { between, of } from "../../support/arbitraries.ts"
import { Cluster } from "./harness.ts"

const strategies = {
  pushThenPull: makeStrategy(defaultConfig),
  inRounds: makeStrategy({ ...defaultConfig, eager: false }),
  always: makeStrategy({ ...defaultConfig, pull: "always" }),
  directMail: makeDirectMail(direct)
}

const run = (input: {
  readonly strategy: keyof typeof strategies
  readonly selection: number
  readonly nodes: number
  readonly loss: number
  readonly delay: number
  readonly publishes: ReadonlyArray<{ readonly wait: number; readonly index: number; readonly size: number }>
  readonly restarts: number
}) => {
  const cluster = new Cluster(input.nodes, {
    strategy: strategies[input.strategy],
    strategies: Object.values(strategies),
    selection: [uniform, shuffledRoundRobin, ring][input.selection]!,
    retention: 20_000
  })
  for (let i = 0; i < input.nodes; i++) cluster.random.nextDoubleUnsafe()
  let loss = input.loss / 100
  cluster.latency = (random) => 0.1 + input.delay * random.nextDoubleUnsafe()
  cluster.loses = () => loss > 0 && cluster.random.nextDoubleUnsafe() < loss
  const ids: Array<number> = []
  const delivered = new Map<string, Array<number>>()
  const collect = () => {
    for (const { delivered: rumors, id } of cluster.labs) {
      delivered.set(id, [...delivered.get(id) ?? [], ...rumors.splice(0).map(({ id }) => id)])
    }
  }
  for (const [index, { size, wait, index: at }] of input.publishes.entries()) {
    cluster.advance(wait)
    ids.push(cluster.publish(at % input.nodes, new Uint8Array(size)))
    collect()
    if (index < input.restarts) cluster.restart((at * 7) % input.nodes)
  }
  loss = 0
  cluster.advance(15_000)
  collect()
  return { cluster, ids, delivered }
}

const scenario = {
  strategy: of(["pushThenPull", "inRounds", "always", "directMail"]),
  selection: Arbitrary.schema(between(0, 2)),
  nodes: Arbitrary.schema(between(1, 24)),
  loss: of([0, 0, 5, 30]),
  delay: of([0, 5, 200]),
  publishes: Arbitrary.array(
    Arbitrary.all({
      wait: of([0, 1, 10, 300]),
      index: Arbitrary.schema(between(0, 23)),
      size: of([0, 10, 100, 100, 1300, 5000])
    }),
    { minLength: 1, maxLength: 25 }
  ),
  restarts: of([0, 0, 3])
}

describe("what is published", () => {
  it.prop(
    "reaches every node once, whatever is lost and whoever restarts, and then it is quiet",
    scenario,
    (input) => {
      const { cluster, delivered, ids } = run(input)
      for (const [id, rumors] of delivered) {
        assert.deepStrictEqual([...rumors].sort(), [...ids].sort(), `at ${id}`)
      }
      const { payloadMessages, redundant } = cluster.report()
      // each payload is either new to its receiver, redundant, or lost
      const fresh = ids.length * (input.nodes - 1)
      assert.isAtLeast(payloadMessages, fresh + (input.restarts === 0 && input.loss === 0 ? redundant : 0))
      cluster.advance(60_000)
      for (const { machine } of cluster.labs) {
        assert.deepStrictEqual(machine.held, { rumors: 0, bytes: 0 })
        assert.strictEqual(machine.wanted, 0)
      }
      if (input.strategy !== "always") assert.isTrue(cluster.isQuiet)
    },
    { timeout: 120_000, arbitrary: { runs: 60 } }
  )

  it("spreads in the same way in every run", () => {
    const input = {
      strategy: "pushThenPull",
      selection: 0,
      nodes: 20,
      loss: 10,
      delay: 30,
      restarts: 2,
      publishes: Array.from({ length: 20 }, (_, index) => ({ wait: index % 7, index: index * 5, size: 100 * index }))
    } as const
    const once = run(input)
    const again = run(input)
    assert.deepStrictEqual(once.cluster.report(), again.cluster.report())
    assert.deepStrictEqual([...once.delivered], [...again.delivered])
  })
})
