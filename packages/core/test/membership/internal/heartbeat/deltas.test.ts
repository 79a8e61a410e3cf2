import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import { fromClaim } from "../../../../src/membership/Claim.ts"
import { cut, firstSize, sizeOf, type Wanted } from "../../../../src/membership/internal/heartbeat/deltas.ts"
import { ArrivalWindow } from "../../../../src/membership/internal/heartbeat/phi.ts"
import { KeyValueState, Peer } from "../../../../src/membership/internal/heartbeat/state.ts"
import { Entry, keyOf } from "../../../../src/membership/internal/table.ts"
import { encodeMessage } from "../../../../src/wire/Frame.ts"
import { between } from "../../../support/arbitraries.ts"
import { generator } from "../../../support/generator.ts"
import { peer as member } from "../swim/harness.ts"

const peerOf = (index: number, values: number, metadata = 0): Peer => {
  const alive = { ...member(index).alive, metadata: new Uint8Array(metadata) }
  const state = new KeyValueState()
  state.generation = alive.incarnation
  for (let i = 1; i <= values; i++) state.values.set(`key-${i}`, { value: "v".repeat(20), version: i })
  state.version = values
  return new Peer(new Entry(keyOf(alive), fromClaim(alive), 0), state, new ArrivalWindow(10, 0), 0)
}

const room = 1300

describe("deltas", () => {
  it.prop(
    "fit the room that they are given, and take no more bytes than they are said to",
    {
      nodes: Arbitrary.array(
        Arbitrary.all({
          values: Arbitrary.schema(between(0, 64)),
          metadata: Arbitrary.schema(between(0, 512)),
          claim: Arbitrary.schema(between(0, 1))
        }),
        { maxLength: 20 }
      ),
      room: Arbitrary.schema(between(0, 3000)),
      turn: Arbitrary.schema(between(0, 99))
    },
    ({ nodes, room, turn }) => {
      const wanted = nodes.map(({ claim, metadata, values }, index): Wanted => ({
        peer: peerOf(index, values, metadata),
        claim: claim === 1,
        since: 0
      }))
      const { deltas, more } = cut(wanted, room, turn / 100, 0)
      assert.isAtMost(sizeOf(deltas), room)
      assert.isAtMost(encodeMessage({ _tag: "DigestAck2", deltas }).length, sizeOf(deltas) + 16)
      const told = deltas.reduce((sum, { keyValues = [] }) => sum + keyValues.length, 0)
      const all = nodes.reduce((sum, { values }) => sum + values, 0)
      assert.strictEqual(
        more,
        told < all || deltas.length < wanted.filter(({ claim, peer }) => claim || peer.keyValues.version > 0).length
      )
      for (const { since = 0, version = 0, keyValues = [] } of deltas) {
        assert.deepStrictEqual(keyValues.map((each) => each.version), keyValues.map((_, i) => since + i + 1))
        assert.strictEqual(version, keyValues.at(-1)?.version ?? since)
      }
    }
  )

  it("tell of those whom the other does not know before others", () => {
    const wanted = Array.from({ length: 40 }, (_, i): Wanted => ({ peer: peerOf(i, 5), claim: i >= 35, since: 0 }))
    for (const turn of [0, 0.3, 0.9]) {
      const ids = cut(wanted, room, turn, 0).deltas.map(({ id }) => id)
      assert.sameMembers(ids.slice(0, 5), ["n35", "n36", "n37", "n38", "n39"])
    }
  })

  it("are as large as is said of the first, whose turn it is, when there is room for no more", () => {
    const wanted: ReadonlyArray<Wanted> = [
      { peer: peerOf(1, 0), claim: false, since: 0 },
      { peer: peerOf(2, 0), claim: true, since: 0 },
      { peer: peerOf(3, 0, 512), claim: true, since: 0 },
      { peer: peerOf(4, 9), claim: false, since: 0 }
    ]
    for (let turn = 0; turn < 1; turn += 0.05) {
      const [first] = cut(wanted, Infinity, turn, 0).deltas
      assert.deepStrictEqual(cut(wanted, firstSize(wanted, turn, 0), turn, 0).deltas.map(({ id }) => id), [first!.id])
    }
    // of one whose claim is known the first value
    for (const turn of [0, 0.3, 0.6]) {
      const values: ReadonlyArray<Wanted> = [wanted[0]!, wanted[3]!]
      const size = firstSize(values, turn, 0)
      assert.deepStrictEqual(cut(values, size, turn, 0).deltas.map(({ keyValues }) => keyValues?.length), [1])
      assert.deepStrictEqual(cut(values, size - 1, turn, 0).deltas, [])
    }
    assert.strictEqual(firstSize([wanted[0]!], 0, 0), 0)
  })

  it("give each of several nodes a value more in turn, however much one of them has to say", () => {
    const wanted = [peerOf(1, 60), peerOf(2, 3), peerOf(3, 3)].map((peer): Wanted => ({ peer, claim: false, since: 0 }))
    const { deltas, more } = cut(wanted, room, 0, 0)
    assert.isTrue(more)
    assert.deepStrictEqual(deltas.slice(1).map(({ keyValues }) => keyValues?.length), [3, 3])
    assert.isAbove(deltas[0]!.keyValues!.length, 10)
  })

  it("starve nobody, while all have ever more to say than there is room for", () => {
    const random = generator("starving")
    const peers = Array.from({ length: 60 }, (_, i) => peerOf(i, 0))
    const known = peers.map(() => 0)
    const waited = peers.map(() => 0)
    let longest = 0
    for (let round = 1; round <= 500; round++) {
      for (const [index, { keyValues }] of peers.entries()) {
        // some say a lot, most a little
        const says = index < 5 ? 10 : 1
        for (let i = 0; i < says; i++) {
          keyValues.version++
          keyValues.values.set(`key-${keyValues.version % 64}`, { value: "v".repeat(20), version: keyValues.version })
        }
      }
      const wanted = peers.map((peer, index): Wanted => ({ peer, claim: false, since: known[index]! }))
      for (const delta of cut(wanted, room, random.nextDoubleUnsafe(), 0).deltas) {
        const index = Number(delta.id.slice(1))
        known[index] = delta.version!
        waited[index] = round
      }
      for (const since of waited) longest = Math.max(longest, round - since)
    }
    // a message has room for about 9 of 60
    assert.isAtMost(longest, 60)
  })

  it("of one who has left tell that alone, and since when", () => {
    const peer = peerOf(1, 5, 100)
    peer.entry.set({ ...peer.entry.state, status: "Left" })
    const { deltas } = cut([{ peer, claim: true, since: 0 }], room, 0, 7500)
    assert.deepStrictEqual(deltas, [{
      id: "n1",
      address: peer.entry.state.address,
      incarnation: peer.entry.state.incarnation,
      heartbeat: 0,
      left: true,
      age: 7
    }])
  })
})
