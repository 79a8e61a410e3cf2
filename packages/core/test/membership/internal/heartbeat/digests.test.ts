import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import { fromClaim } from "../../../../src/membership/Claim.ts"
import { isIn, Ring } from "../../../../src/membership/internal/heartbeat/digests.ts"
import { ArrivalWindow } from "../../../../src/membership/internal/heartbeat/phi.ts"
import { KeyValueState, Peer } from "../../../../src/membership/internal/heartbeat/state.ts"
import { Entry, keyOf } from "../../../../src/membership/internal/table.ts"
import { type Digest, digestSize } from "../../../../src/wire/HeartbeatMessage.ts"
import { between } from "../../../support/arbitraries.ts"
import { peer as member } from "../swim/harness.ts"

const peerOf = (index: number): Peer => {
  const { alive } = member(index)
  return new Peer(new Entry(keyOf(alive), fromClaim(alive), 0), new KeyValueState(), new ArrivalWindow(10, 0), 0)
}

const digestOf = ({ fingerprint }: Peer): Digest => ({
  fingerprint,
  incarnation: 1_700_000_000_000,
  heartbeat: 1000,
  version: 0,
  status: "Alive"
})

const size = digestSize(digestOf(peerOf(1)))

const ringOf = (count: number): { readonly ring: Ring; readonly peers: ReadonlyArray<Peer> } => {
  const ring = new Ring()
  const peers = Array.from({ length: count }, (_, i) => peerOf(i + 1))
  for (const peer of peers) ring.add(peer)
  return { ring, peers }
}

describe("the ring of digests", () => {
  it.prop(
    "is cut so that each peer has its turn in as many messages as are needed, and none is left out",
    {
      count: Arbitrary.schema(between(1, 60)),
      room: Arbitrary.schema(between(1, 20)),
      start: Arbitrary.schema(between(0, 2 ** 48 - 1))
    },
    ({ count, room, start }) => {
      const { peers, ring } = ringOf(count)
      ring.seek(start)
      const named = new Map<number, number>()
      const rounds = Math.ceil(count / room)
      for (let round = 0; round < rounds; round++) {
        const { digests } = ring.cut(room * size, digestOf)
        assert.isAtMost(digests.length, room)
        for (const { fingerprint } of digests) named.set(fingerprint, (named.get(fingerprint) ?? 0) + 1)
      }
      assert.strictEqual(named.size, peers.length)
      for (const times of named.values()) assert.isAtMost(times, 2)
    }
  )

  it.prop(
    "is cut into parts that hold those who are named, and nobody else",
    {
      count: Arbitrary.schema(between(1, 40)),
      room: Arbitrary.schema(between(1, 20)),
      start: Arbitrary.schema(between(0, 2 ** 48 - 1)),
      hidden: Arbitrary.schema(between(1, 5))
    },
    ({ count, hidden, room, start }) => {
      const { peers, ring } = ringOf(count)
      ring.seek(start)
      const isNamed = (peer: Peer) => peers.indexOf(peer) % hidden === 0
      for (let round = 0; round < 5; round++) {
        const { digests, part } = ring.cut(room * size, (peer) => isNamed(peer) ? digestOf(peer) : undefined)
        const named = new Set(digests.map(({ fingerprint }) => fingerprint))
        for (const peer of peers) {
          if (!isNamed(peer)) assert.isFalse(named.has(peer.fingerprint))
          else assert.strictEqual(isIn(peer.fingerprint, part), named.has(peer.fingerprint))
        }
      }
    }
  )

  it("has no room for anybody in a message that is too small, and says so", () => {
    const { peers, ring } = ringOf(5)
    const { digests, part } = ring.cut(size - 1, digestOf)
    assert.deepStrictEqual(digests, [])
    for (const peer of peers) assert.isFalse(isIn(peer.fingerprint, part))
  })

  it("finds peers by their fingerprints for as long as they are known", () => {
    const { peers, ring } = ringOf(20)
    for (const peer of peers) assert.strictEqual(ring.get(peer.fingerprint), peer)
    ring.remove(peers[3]!)
    ring.remove(peerOf(100))
    assert.isUndefined(ring.get(peers[3]!.fingerprint))
    assert.strictEqual(ring.size, 19)
    assert.deepStrictEqual(
      [...ring].map(({ fingerprint }) => fingerprint).sort((a, b) => a - b),
      [
        ...ring
      ].map(({ fingerprint }) => fingerprint)
    )
  })

  it("names one whose fingerprint another had, once that is gone", () => {
    const { peers, ring } = ringOf(3)
    const [one] = peers as [Peer]
    const namesakes = [peerOf(50), peerOf(51)].map((peer) =>
      Object.defineProperty(peer, "fingerprint", { value: one.fingerprint })
    )
    for (const peer of namesakes) ring.add(peer)
    assert.strictEqual(ring.size, 3)
    ring.remove(namesakes[0]!)
    assert.strictEqual(ring.get(one.fingerprint), one)
    ring.remove(one)
    assert.strictEqual(ring.get(one.fingerprint), namesakes[1])
    assert.strictEqual(ring.size, 3)
    ring.remove(namesakes[1]!)
    assert.isUndefined(ring.get(one.fingerprint))
  })

  it("gives no two of many nodes the same fingerprint", () => {
    const fingerprints = new Set(Array.from({ length: 20_000 }, (_, i) => peerOf(i).fingerprint))
    assert.strictEqual(fingerprints.size, 20_000)
  })
})
