import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as SimulatedNetwork from "../../src/SimulatedNetwork.ts"
import { addressOf, both, bytes, pair } from "./fixture.ts"

const bitsFlipped = (a: Uint8Array, b: Uint8Array) =>
  a.reduce((sum, byte, i) => sum + (byte ^ b[i]!).toString(2).replaceAll("0", "").length, 0)

describe("SimulatedNetwork corruption", () => {
  both(
    "a corrupted datagram arrives with 1 to 4 bits flipped, and its sender's bytes stay as they were",
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const a = yield* network.open({ address: addressOf(1) })
      const b = yield* network.open({ address: addressOf(2) })
      const receiver = yield* b.datagrams
      const payload = Uint8Array.from({ length: 100 }, (_, i) => i)
      const original = payload.slice()
      const sent: Array<Uint8Array> = []
      const corrupted: Array<Uint8Array> = []
      yield* network.observe((event) => {
        if (event._tag === "DatagramSent") sent.push(event.payload)
        if (event._tag === "DatagramCorrupted") corrupted.push(event.payload.slice())
      })
      for (let i = 0; i < 200; i++) yield* a.send(b.address, payload)
      yield* TestClock.adjust("1 millis")
      const packets = yield* receiver.pull
      assert.deepStrictEqual(payload, original)
      assert.deepStrictEqual(sent, sent.map(() => original))
      assert.deepStrictEqual(packets.map((packet) => packet.payload), corrupted)
      assert.deepStrictEqual(
        Array.from(new Set(packets.map((packet) => bitsFlipped(original, packet.payload)))).sort(),
        [1, 2, 3, 4]
      )
      assert.strictEqual(network.totals().datagramsCorrupted, 200)
      assert.strictEqual(network.totals().datagramsReceived, 200)
    }),
    { link: { corruption: 1 } }
  )

  both(
    "as many datagrams are corrupted as the link corrupts, and nothing flips in an empty one",
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const [a, b] = yield* pair
      for (let i = 0; i < 1000; i++) yield* a.send(b.address, bytes(0, 0, 0, 0))
      yield* TestClock.adjust("1 second")
      const { datagramsCorrupted, datagramsReceived } = network.totals()
      assert.closeTo(datagramsCorrupted, 300, 60)
      assert.strictEqual(datagramsReceived, 1000)
      for (let i = 0; i < 100; i++) yield* a.send(b.address, bytes())
      assert.strictEqual(network.totals().datagramsCorrupted, datagramsCorrupted)
    }),
    { link: { corruption: 0.3 } }
  )

  both(
    "both of a corrupted datagram that arrives twice are corrupted alike, each with bytes of its own",
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const a = yield* network.open({ address: addressOf(1) })
      const b = yield* network.open({ address: addressOf(2) })
      const receiver = yield* b.datagrams
      yield* a.send(b.address, bytes(1, 2, 3))
      yield* TestClock.adjust("1 millis")
      const [first, second] = (yield* receiver.pull).map((packet) => packet.payload)
      assert.deepStrictEqual(first, second)
      assert.notDeepEqual(first, bytes(1, 2, 3))
      assert.notStrictEqual(first!.buffer, second!.buffer)
      assert.strictEqual(network.totals().datagramsCorrupted, 1)
    }),
    { link: { corruption: 1, duplication: 1 } }
  )

  both(
    "a datagram that is lost is not corrupted as well",
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const [a, b] = yield* pair
      yield* a.send(b.address, bytes(1))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(network.totals().datagramsDropped.Loss, 1)
      assert.strictEqual(network.totals().datagramsCorrupted, 0)
    }),
    { link: { corruption: 1, loss: 1 } }
  )

  both(
    "exchanges arrive as they were sent",
    Effect.gen(function*() {
      const [a, b] = yield* pair
      yield* b.serve((_, request) => Effect.succeed(request))
      const fiber = yield* Effect.forkChild(a.exchange(b.address, bytes(1, 2, 3)))
      yield* TestClock.adjust("2 millis")
      assert.deepStrictEqual(yield* Fiber.join(fiber), bytes(1, 2, 3))
    }),
    { link: { corruption: 1 } }
  )
})
