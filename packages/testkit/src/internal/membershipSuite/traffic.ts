import * as GossipMetrics from "@effect-gossip/core/GossipMetrics"
import * as MemoryTransport from "@effect-gossip/core/MemoryTransport"
import { assert } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { VirtualTime } from "../../VirtualTime.ts"
import type { Register } from "./fixture.ts"
import { agree, command, eventually, everyoneSees } from "./helpers.ts"

export const traffic = (test: Register): void => {
  test(
    "no datagram is above the transport's limit, however long names and metadata are",
    (fixture) =>
      Effect.gen(function*() {
        const { bounds, names, sim } = fixture
        const limit = MemoryTransport.defaults.maxDatagramSize
        let largest = 0
        yield* sim.network.observe((event) => {
          if (event._tag === "DatagramSent") largest = Math.max(largest, event.payload.length)
        })
        yield* agree(fixture)
        // all have something to say at once
        let said = 0
        for (const name of names) {
          said += yield* command(fixture, name, (membership) => {
            const metadata = new Uint8Array(membership.maxMetadataSize).fill(1)
            return Effect.as(membership.setMetadata(metadata), metadata.length)
          })
        }
        yield* sim.crash(names.at(-1)!)
        // a datagram holds a few of them, and each has its turn
        const bound = Duration.times(bounds.updated, Math.ceil(said / limit))
        for (const name of sim.running()) {
          const check = everyoneSees(fixture, name, (member) => member?.metadata[0] === 1)
          yield* eventually(fixture, `${name}'s metadata are to be known`, bound, check)
        }
        yield* sim.advance(bounds.crashed)
        for (const name of sim.running()) {
          // the transport refuses what is too large
          for (const reason of ["SendFailed", "TooLarge"]) {
            assert.strictEqual(sim.count(name, GossipMetrics.drops, { reason }), 0, `${reason} at ${name}`)
          }
        }
        assert.isAtMost(largest, limit)
      }),
    (nodes) => ({ nodes: Array.from({ length: nodes }, (_, index) => `${index}`.padStart(128, "n")) })
  )

  test(
    "when all nodes have closed nothing is sent any more, and nothing is waited for",
    (fixture) =>
      Effect.gen(function*() {
        const { names, sim } = fixture
        const time = yield* VirtualTime
        const timersBefore = time.counters().pendingTimers
        for (const name of names) yield* sim.start(name)
        yield* agree(fixture)
        yield* sim.crash(names.at(-1)!)
        yield* sim.advance("2 seconds")
        // the last ones leave with somebody missing, and with nobody to tell
        for (const name of names.slice(0, -1)) yield* sim.stop(name)
        // what was under way has arrived
        yield* sim.advance("1 second")
        const before = sim.network.totals()
        assert.strictEqual(time.counters().pendingTimers, timersBefore, "timers that are left behind")
        yield* sim.advance("10 minutes")
        const after = sim.network.totals()
        assert.strictEqual(after.datagramsSent, before.datagramsSent)
        assert.strictEqual(after.exchanges, before.exchanges)
      }),
    () => ({ start: false })
  )
}
