import * as GossipMetrics from "@effect-gossip/core/GossipMetrics"
import type { TopicError } from "@effect-gossip/core/Topic"
import { assert } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { type Fixture, type Life, News, type SimulationError } from "./fixture.ts"

// -----------------------------------------------------------------------------
// waiting
// -----------------------------------------------------------------------------

/** Moves time on until nothing is wrong any more, at most to a bound; the test then fails with what still is. */
export const eventually = <E>(
  { sim }: Fixture,
  expected: string,
  bound: Duration.Duration,
  check: Effect.Effect<string | undefined, E>
): Effect.Effect<void, E | SimulationError> => {
  let problem: string | undefined
  return sim.until(Effect.map(check, (found) => (problem = found) === undefined), { atMost: bound, every: 10 }).pipe(
    Effect.catchIf(
      (error) => problem !== undefined && isNotReached(error),
      () => Effect.sync(() => assert.fail(`${expected} within ${Duration.format(bound)}, but ${problem}`))
    ),
    Effect.asVoid
  )
}

const isNotReached = (error: unknown): boolean =>
  (error as { readonly reason?: { readonly _tag?: string } }).reason?._tag === "NotReached"

/** Moves time on until all who run see each other, at most 30 s. */
export const agree = (fixture: Fixture) =>
  eventually(
    fixture,
    "all are to see each other",
    Duration.seconds(30),
    Effect.map(fixture.sim.isAgreed, (isAgreed) => isAgreed ? undefined : "they do not")
  )

// -----------------------------------------------------------------------------
// news
// -----------------------------------------------------------------------------

/** Publishes at a node, and moves time on until that is done. */
export const publish = (
  { sim }: Fixture,
  name: string,
  n: number,
  body?: Uint8Array
): Effect.Effect<void, SimulationError | TopicError> =>
  sim.on(name, News.use((news) => news.publish(body === undefined ? { n } : { n, body })))

/** What a process was not told of these, or was told besides, or twice. */
export const differences = ({ name, told }: Life, expected: Iterable<number>): string | undefined => {
  const missing = new Set(expected)
  const heard = new Set<number>()
  for (const { payload: { n } } of told) {
    if (heard.has(n)) return `${name} was told ${n} twice`
    heard.add(n)
    if (!missing.delete(n)) return `${name} was told ${n}, which it was not to be`
  }
  const [first] = missing
  return first === undefined ? undefined : `${name} was not told ${missing.size} of them, first ${first}`
}

/** Moves time on until each of these has been told exactly of these. */
export const areTold = (
  fixture: Fixture,
  names: ReadonlyArray<string>,
  expected: Iterable<number>,
  bound: Duration.Duration = fixture.bounds.spread
) => {
  const all = [...expected]
  return eventually(
    fixture,
    `${names.length} nodes are to be told`,
    bound,
    Effect.sync(() => {
      for (const name of names) {
        const difference = differences(fixture.journal.of(name), all)
        if (difference !== undefined) return difference
      }
      return undefined
    })
  )
}

export const range = (from: number, to: number): Array<number> =>
  Array.from({ length: to - from }, (_, index) => from + index)

/** How many messages of dissemination a node has sent. */
export const sent = ({ sim }: Fixture, name: string): number =>
  sim.count(name, GossipMetrics.controlMessages) + sim.count(name, GossipMetrics.payloadMessages)

/** Bytes that tell themselves from others. */
export const bodyOf = (size: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, index) => Math.imul(size + index, 0x9e3779b1) >>> 24)

/** What must be so at the end of every test, whatever happened. */
export const assertSound = ({ journal, sim }: Fixture): void => {
  for (const name of sim.running()) {
    // a machine that throws is restarted, and could pass all the same
    assert.strictEqual(sim.count(name, GossipMetrics.restarts), 0, `restarts of ${name} after a defect`)
    for (const reason of ["TooLarge", "SendFailed", "TopicBufferFull"]) {
      assert.strictEqual(sim.count(name, GossipMetrics.drops, { reason }), 0, `${reason} at ${name}`)
    }
  }
  for (const { name, told } of journal.lives) {
    const heard = new Set<number>()
    for (const { origin, hops, payload: { body, n } } of told) {
      assert.isFalse(heard.has(n), `${name} was told ${n} twice`)
      heard.add(n)
      assert.strictEqual(hops === 0, origin === name, `hops of ${n} from ${origin} to ${name}: ${hops}`)
      if (body !== undefined) assert.deepStrictEqual(body, bodyOf(body.length), `the body of ${n} at ${name}`)
    }
  }
}
