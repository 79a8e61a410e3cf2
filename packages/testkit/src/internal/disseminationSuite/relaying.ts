import * as GossipMetrics from "@effect-gossip/core/GossipMetrics"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { OtherNews, type Register } from "./fixture.ts"
import { agree, areTold, publish, range } from "./helpers.ts"

const isOuter = (index: number, nodes: number) => index === 0 || index === nodes - 1
const isLast = (index: number, nodes: number) => index === nodes - 1

export const relaying = (test: Register): void => {
  test("who does not take part in a topic passes it on", (fixture) =>
    Effect.gen(function*() {
      const { names, sim } = fixture
      const outer = [names[0]!, names.at(-1)!]
      yield* agree(fixture)
      for (const n of range(0, 5)) yield* publish(fixture, outer[n % 2]!, n)
      yield* areTold(fixture, outer, range(0, 5))
      // the two cannot do it alone
      const relays = names.slice(1, -1)
      yield* publish(fixture, outer[0]!, 5)
      yield* areTold(fixture, outer, range(0, 6))
      yield* sim.advance("5 seconds")
      for (const name of relays) {
        assert.isAtLeast(sim.count(name, GossipMetrics.rumorsDelivered), 6, `what ${name} took in`)
      }
    }), { knows: isOuter })

  test("a strategy may be a topic's own, unknown to who relays it", (fixture) =>
    Effect.gen(function*() {
      const { names } = fixture
      const outer = [names[0]!, names.at(-1)!]
      yield* agree(fixture)
      for (const n of range(0, 5)) yield* publish(fixture, outer[n % 2]!, n)
      yield* areTold(fixture, outer, range(0, 5))
    }), { ofTopic: true, knows: isOuter })

  test(
    "what is not of the schema is counted and told to nobody, and what follows is told",
    (fixture) =>
      Effect.gen(function*() {
        const { names, sim } = fixture
        const others = names.slice(0, -1)
        yield* agree(fixture)
        yield* sim.on(names.at(-1)!, OtherNews.use((news) => news.publish({ n: "not a number" })))
        yield* publish(fixture, names[0]!, 1)
        yield* areTold(fixture, others, [1])
        yield* sim.advance(fixture.bounds.spread)
        for (const name of others) {
          assert.strictEqual(sim.count(name, GossipMetrics.drops, { reason: "InvalidPayload" }), 1, name)
        }
        yield* areTold(fixture, others, [1])
      }),
    { mistakes: isLast }
  )
}
