import * as DirectMail from "@effect-gossip/core/dissemination/DirectMail"
import * as DisseminationOptions from "@effect-gossip/core/dissemination/DisseminationOptions"
import * as PushThenPull from "@effect-gossip/core/dissemination/PushThenPull"
import * as RumorMongering from "@effect-gossip/core/dissemination/RumorMongering"
import { type Host, type Rumor, type Spreading, Strategy } from "@effect-gossip/core/dissemination/Strategy"
import { assert, describe, it } from "@effect/vitest"
import * as Layer from "effect/Layer"
import type * as DisseminationSuite from "../src/DisseminationSuite.ts"
import { type Case, cases } from "../src/internal/disseminationSuite/cases.ts"

// -----------------------------------------------------------------------------
// cripples
// -----------------------------------------------------------------------------

/** Direct mail of a test's own, whose every push is made in another way. */
const mail = (push: (host: Host, to: Parameters<Host["push"]>[0], rumor: Rumor) => void) =>
  Layer.succeed(Strategy, {
    kind: 200,
    name: "test",
    roundInterval: 1000,
    make: (host): Spreading => ({
      heard: (rumor, from) => {
        if (from !== undefined) return
        for (const peer of host.selector.next(host.peers.size)) push(host, peer.address, rumor)
      },
      heardAgain: () => {},
      received: () => {},
      round: () => false,
      forget: () => {}
    })
  })

const unrepaired = DisseminationOptions.layer({ antiEntropy: "off" })

const altered = (payload: Uint8Array) => {
  const copy = payload.slice()
  copy[copy.length - 1]! ^= 1
  return copy
}

// -----------------------------------------------------------------------------
// running the suite
// -----------------------------------------------------------------------------

/** The test of a name, for the first size on the first network. */
const named = (options: DisseminationSuite.Options, name: string): Case => {
  const found = cases(options).find((test) => test.name === name)
  assert(found !== undefined, `there is no test "${name}"`)
  return found
}

const problemOf = (options: DisseminationSuite.Options, name: string): string | undefined => {
  try {
    named(options, name).run()
    return undefined
  } catch (error) {
    assert(error instanceof Error)
    return error.message
  }
}

const faults: ReadonlyArray<{
  readonly what: string
  readonly options: DisseminationSuite.Options
  /** The test that finds it, and what that says. */
  readonly test: string
  readonly says: RegExp
}> = [
  {
    what: "tells nobody",
    options: { strategy: Layer.mergeAll(mail(() => {}), unrepaired) },
    test: "what is published at a node is told to all, once",
    says: /8 nodes are to be told within 10s, but n1 was not told 1 of them, first 0/
  },
  {
    what: "leaves out one node",
    options: {
      strategy: Layer.mergeAll(
        mail((host, to, rumor) => to === "10.0.0.8:7946" ? undefined : host.push(to, rumor)),
        unrepaired
      )
    },
    test: "who does not take part in a topic passes it on",
    says: /n7 was not told/
  },
  {
    what: "takes longer than its bound",
    options: {
      strategy: RumorMongering.layer({ eager: false, roundInterval: "5 seconds" }),
      bounds: { spread: "2 seconds" }
    },
    test: "what is published at a node is told to all, once",
    says: /within 2s, but n\d was not told/
  },
  {
    what: "tells a message under two names",
    options: {
      strategy: mail((host, to, rumor) => {
        host.push(to, rumor)
        host.push(to, { ...rumor, id: (rumor.id + 1) % 1000 })
      })
    },
    test: "what is published at a node is told to all, once",
    says: /n\d was told \d twice/
  },
  {
    what: "forgets how many have passed it on",
    options: { strategy: mail((host, to, rumor) => host.push(to, { ...rumor, hops: 100 })) },
    test: "each is told who published it, when, and how many passed it on",
    says: /expected 101 to be below 8/
  },
  {
    what: "says that somebody else has published it",
    options: { strategy: mail((host, to, rumor) => host.push(to, { ...rumor, origin: "n5" })) },
    test: "each is told who published it, when, and how many passed it on",
    says: /expected 'n5' to equal 'n0'/
  },
  {
    what: "spoils payloads",
    options: { strategy: mail((host, to, rumor) => host.push(to, { ...rumor, payload: altered(rumor.payload) })) },
    test: "payloads of all sizes around that of a datagram arrive as they were",
    says: /the body of \d+ at n\d|was not told|which it was not to be/
  },
  {
    what: "does not tell large payloads",
    options: {
      strategy: Layer.mergeAll(
        mail((host, to, rumor) => rumor.large ? undefined : host.push(to, rumor)),
        unrepaired
      )
    },
    test: "payloads far larger than a datagram arrive as they were, several at a time",
    says: /was not told/
  },
  {
    what: "sends less than it may be given",
    options: { strategy: DisseminationOptions.layer({ maxPayloadSize: 500_000 }) },
    test: "a payload of the largest size arrives, and a larger one is refused",
    says: /above the limit of 500000 bytes/
  },
  {
    what: "does not make up for losses",
    options: { strategy: Layer.mergeAll(DirectMail.layer(), unrepaired) },
    test: "all are told everything, once",
    says: /was not told/
  },
  {
    what: "does not make up for an outage",
    options: { strategy: Layer.mergeAll(PushThenPull.layer(), unrepaired) },
    test: "a node that is cut off for less than the retention is told what it missed, and tells what others did",
    says: /within 1m, but n\d was not told/
  },
  {
    what: "holds news for less long than an outage",
    options: { strategy: DisseminationOptions.layer({ retention: "5 seconds" }) },
    test: "either half of a partition is told what the other has published",
    says: /was not told/
  },
  {
    what: "talks when there is no news, though it says that it does not",
    options: { strategy: RumorMongering.layer({ mode: "pull" }) },
    test: "who has no news is silent, and so are all when news has spread and is forgotten",
    says: /messages of n0: expected \d+ to equal/
  },
  {
    what: "throws, and has its node restarted",
    options: {
      strategy: mail((host, to, rumor) => {
        host.push(to, rumor)
        if (to === "10.0.0.4:7946" && host.now > 0) throw new Error("thrown, as the test wants")
      })
    },
    test: "what is published at a node is told to all, once",
    says: /the node broke|restarts of n\d after a defect/
  }
]

describe("DisseminationSuite", { timeout: 60_000 }, () => {
  for (const { options, says, test, what } of faults) {
    it(`finds a strategy that ${what}`, () => {
      const problem = problemOf(options, test)
      assert.isDefined(problem, `"${test}" passed`)
      assert.match(problem, says)
      // what it takes to see it again
      assert.match(problem, /\(seed 0, 8 nodes on [\w\s%]+\)$/)
    })
  }

  for (const test of new Set(faults.map((fault) => fault.test))) {
    it(`finds nothing in the same mail unharmed: ${test}`, () => {
      assert.isUndefined(problemOf({ strategy: mail((host, to, rumor) => host.push(to, rumor)) }, test))
    })
  }

  it("says the seed it was told, and the size", () => {
    const options = { strategy: DirectMail.layer(), bounds: { spread: 0 }, seed: "a seed", nodes: [5] }
    const problem = problemOf(options, "what is published at a node is told to all, once")
    assert.match(problem!, /\(seed "a seed", 5 nodes on a calm network\)$/)
  })

  it("has every test for each size on each network, and those of loss for each loss", () => {
    const all = cases({
      strategy: DirectMail.layer(),
      nodes: [3, 7],
      links: { "a calm network": {}, "a slow one": { latency: "20 millis" } },
      loss: [0.15]
    })
    const conditions = new Map<string, Array<string>>()
    for (const { condition, group, name } of all) {
      conditions.set(condition, [...conditions.get(condition) ?? [], `${group} ${name}`])
    }
    assert.deepStrictEqual([...conditions.keys()], [
      "3 nodes on a calm network",
      "3 nodes on a slow one",
      "3 nodes on a network that loses 15%",
      "7 nodes on a calm network",
      "7 nodes on a slow one",
      "7 nodes on a network that loses 15%"
    ])
    assert.deepStrictEqual(conditions.get("7 nodes on a slow one"), conditions.get("3 nodes on a calm network"))
    for (const names of conditions.values()) assert.strictEqual(new Set(names).size, names.length)
  })

  it("takes bounds by the size of the cluster", () => {
    const asked: Array<number> = []
    const options: DisseminationSuite.Options = {
      strategy: DirectMail.layer(),
      nodes: [4, 9],
      bounds: (nodes) => (asked.push(nodes), { spread: nodes / 10 })
    }
    assert.match(problemOf(options, "what is published at a node is told to all, once")!, /within 400000ns/)
    assert.deepStrictEqual(asked, [4, 9])
  })

  it("refuses clusters in which nobody could only relay", () => {
    for (const nodes of [2, 4.5, 0]) {
      assert.throws(() => cases({ strategy: DirectMail.layer(), nodes: [nodes] }), RangeError, `received ${nodes}`)
    }
  })
})
