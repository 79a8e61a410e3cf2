import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Address from "../../src/Address.ts"
import { PeerList } from "../../src/dissemination/internal/peers.ts"
import * as PeerSelection from "../../src/dissemination/PeerSelection.ts"
import { between } from "../support/arbitraries.ts"
import { generator } from "../support/generator.ts"

const address = Address.make({ host: "10.0.0.1", port: 7946 })

const listOf = (ids: Iterable<string>) => {
  const peers = new PeerList()
  for (const id of ids) peers.set(id, address)
  return peers
}
const numbered = (count: number) => listOf(Array.from({ length: count }, (_, index) => `n${index}`))
const ids = (chosen: ReadonlyArray<PeerSelection.Peer>) => chosen.map((peer) => peer.id)

const all = [PeerSelection.uniform, PeerSelection.shuffledRoundRobin, PeerSelection.ring]

for (const selection of all) {
  describe(selection.name, () => {
    const step = Arbitrary.all({
      came: Arbitrary.array(Arbitrary.schema(between(0, 12)), { maxLength: 3 }),
      gone: Arbitrary.array(Arbitrary.schema(between(0, 12)), { maxLength: 3 }),
      count: Arbitrary.schema(between(0, 15))
    })

    it.prop(
      "gives so many different peers of those there are now, or all",
      { steps: Arbitrary.array(step, { maxLength: 30 }), seed: Arbitrary.schema(between(0, 1000)) },
      ({ seed, steps }) => {
        const peers = new PeerList()
        const selector = selection.make("n6b", peers, generator(`${seed}`))
        for (const { came, count, gone } of steps) {
          for (const index of came) peers.set(`n${index}`, address)
          for (const index of gone) peers.delete(`n${index}`)
          const chosen = selector.next(count)
          assert.strictEqual(chosen.length, Math.min(count, peers.size))
          assert.strictEqual(new Set(ids(chosen)).size, chosen.length)
          for (const peer of chosen) assert.strictEqual(peers.get(peer.id), peer)
        }
      }
    )

    it("gives the same for the same history and chance", () => {
      const run = () => {
        const peers = numbered(20)
        const selector = selection.make("n5", peers, generator("same"))
        const first = ids(selector.next(7))
        peers.delete("n3")
        peers.set("n30", address)
        return [...first, ...ids(selector.next(30)), ...ids(selector.next(1))]
      }
      assert.deepStrictEqual(run(), run())
    })

    it("gives a peer's new address", () => {
      const peers = numbered(3)
      const selector = selection.make("n5", peers, generator("moved"))
      selector.next(3)
      const moved = Address.make({ host: "10.0.0.2", port: 7946 })
      peers.set("n1", moved)
      assert.strictEqual(selector.next(3).find((peer) => peer.id === "n1")?.address, moved)
    })
  })
}

describe("uniform", () => {
  it("gives each peer, and each pair of them, as often as any other", () => {
    const nodes = 10
    const rounds = 20_000
    const selector = PeerSelection.uniform.make("self", numbered(nodes), generator("uniform"))
    const single = new Map<string, number>()
    const firsts = new Map<string, number>()
    const pairs = new Map<string, number>()
    const count = (counts: Map<string, number>, key: string) => counts.set(key, (counts.get(key) ?? 0) + 1)
    for (let round = 0; round < rounds; round++) {
      for (const id of ids(selector.next(1))) count(single, id)
      const [first, second, third] = ids(selector.next(3))
      count(firsts, first!)
      for (const pair of [[first, second], [first, third], [second, third]]) count(pairs, pair.sort().join())
    }
    const near = (counts: Map<string, number>, size: number, expected: number) => {
      assert.strictEqual(counts.size, size)
      // five standard deviations
      for (const [key, seen] of counts) assert.closeTo(seen, expected, 5 * Math.sqrt(expected), key)
    }
    near(single, nodes, rounds / nodes)
    near(firsts, nodes, rounds / nodes)
    near(pairs, 45, rounds * 3 / 45)
  })
})

describe("shuffled round-robin", () => {
  it("gives each peer once a round, and in another order in the next", () => {
    const selector = PeerSelection.shuffledRoundRobin.make("self", numbered(20), generator("rounds"))
    const rounds = Array.from({ length: 10 }, () => Array.from({ length: 20 }, () => selector.next(1)[0]!.id))
    for (const round of rounds) assert.strictEqual(new Set(round).size, 20)
    assert.strictEqual(new Set(rounds.map((round) => round.join())).size, 10)
  })

  it.prop(
    "lets nobody wait for longer than it takes to go round twice, however many are chosen at a time",
    {
      nodes: Arbitrary.schema(between(1, 20)),
      counts: Arbitrary.array(Arbitrary.schema(between(1, 7)), { minLength: 1, maxLength: 5 }),
      seed: Arbitrary.schema(between(0, 1000))
    },
    ({ counts, nodes, seed }) => {
      const selector = PeerSelection.shuffledRoundRobin.make("self", numbered(nodes), generator(`${seed}`))
      const turns: Array<string> = []
      for (let call = 0; turns.length < 6 * nodes; call++) {
        turns.push(...ids(selector.next(counts[call % counts.length]!)))
      }
      for (let index = 0; index < nodes; index++) {
        let last = -1
        for (let turn = turns.indexOf(`n${index}`); turn !== -1; turn = turns.indexOf(`n${index}`, turn + 1)) {
          assert.isBelow(turn - last, 2 * nodes)
          last = turn
        }
        assert.isBelow(turns.length - last, 2 * nodes)
      }
    }
  )

  it("gives who is new in this round, and nobody else of it twice", () => {
    const peers = numbered(10)
    const selector = PeerSelection.shuffledRoundRobin.make("self", peers, generator("new"))
    const before = ids(selector.next(4))
    peers.set("late", address)
    const rest = ids(selector.next(7))
    assert.sameMembers([...before, ...rest], [...Array.from({ length: 10 }, (_, index) => `n${index}`), "late"])
  })
})

describe("ring", () => {
  it("gives the successor in the order of names, and those after it", () => {
    const peers = listOf(["a", "e", "c", "g"])
    const next = (self: string, count: number) =>
      ids(PeerSelection.ring.make(self, peers, generator("ring")).next(count))
    assert.deepStrictEqual(next("d", 1), ["e"])
    assert.deepStrictEqual(next("d", 3), ["e", "g", "a"])
    assert.deepStrictEqual(next("z", 2), ["a", "c"])
    assert.deepStrictEqual(next("A", 9), ["a", "c", "e", "g"])
  })

  it("closes over who has gone, and opens for who comes", () => {
    const peers = listOf(["a", "c", "e"])
    const selector = PeerSelection.ring.make("b", peers, generator("ring"))
    assert.deepStrictEqual(ids(selector.next(1)), ["c"])
    peers.delete("c")
    assert.deepStrictEqual(ids(selector.next(1)), ["e"])
    peers.set("bb", address)
    assert.deepStrictEqual(ids(selector.next(1)), ["bb"])
  })
})

describe("the layers", () => {
  it.effect("set how a node chooses, which is uniform without one", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* PeerSelection.PeerSelection, PeerSelection.uniform)
      for (
        const [layer, selection] of [
          [PeerSelection.layerUniform, PeerSelection.uniform],
          [PeerSelection.layerShuffledRoundRobin, PeerSelection.shuffledRoundRobin],
          [PeerSelection.layerRing, PeerSelection.ring]
        ] as const
      ) {
        assert.strictEqual(yield* Effect.provide(PeerSelection.PeerSelection, layer), selection)
      }
    }))
})
