/**
 * The conformance suite for authors of a `Transport`: what the rest of the project takes for granted of one.
 *
 * It needs `vitest` and `@effect/vitest`, which are optional peer dependencies of the testkit, and is therefore not part
 * of its main module.
 *
 * **Example** (Checking a transport of one's own)
 *
 * ```ts
 * import { Address } from "@effect-gossip/core"
 * import * as TransportSuite from "@effect-gossip/testkit/TransportSuite"
 * import { MyTransport } from "./MyTransport.ts"
 *
 * TransportSuite.suite("MyTransport", {
 *   layer: (options) => MyTransport.layer({ ...options, address: options.address ?? "127.0.0.1:0" }),
 *   unreachable: Address.fromStringUnsafe("127.0.0.1:1"),
 *   time: "live"
 * })
 * ```
 *
 * @since 0.1.0
 */
import type { Address } from "@effect-gossip/core/Address"
import { Transport, type TransportError } from "@effect-gossip/core/Transport"
import { describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { datagrams } from "./internal/transportSuite/datagrams.ts"
import { exchanges } from "./internal/transportSuite/exchanges.ts"
import type { OpenOptions, Register } from "./internal/transportSuite/fixture.ts"
import { lifecycle } from "./internal/transportSuite/lifecycle.ts"
import * as VirtualTime from "./VirtualTime.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

export type { OpenOptions }

/** What the suite must know of a transport. */
export interface Options<R = never, E = never> {
  /** Opens a transport. */
  readonly layer: (options: OpenOptions) => Layer.Layer<Transport, TransportError, R>

  /** What the transports of one test share, for example a network. Default: nothing. */
  readonly shared?: Layer.Layer<R, E> | undefined

  /** An address at which nothing listens, and where that is noticed sooner than `streamTimeout`. */
  readonly unreachable: Address

  /**
   * What the tests' time is: the machine's, Effect's `TestClock` (which the suite moves on by itself), or virtual time.
   */
  readonly time: "live" | "TestClock" | "VirtualTime"

  /** How long to wait to be sure that nothing is under way any more. Default: 100 milliseconds. */
  readonly settle?: Duration.Input | undefined
}

// -----------------------------------------------------------------------------
// suite
// -----------------------------------------------------------------------------

/** Registers the tests of the suite with vitest, in a block of this name. */
export const suite = <R = never, E = never>(name: string, options: Options<R, E>): void => {
  const register: Register = (name, test) => {
    const program = Effect.gen(function*() {
      // `shared` may only be left out when nothing is required of it.
      const shared = yield* Layer.build((options.shared ?? Layer.empty) as Layer.Layer<R, E>)
      let index = 0
      yield* test({
        open: (asked) =>
          Effect.suspend(() => Layer.build(options.layer({ ...asked, index: index++ }))).pipe(
            Effect.map((context) => Context.get(context, Transport)),
            Effect.provideContext(shared)
          ),
        unreachable: options.unreachable,
        settle: Effect.sleep(options.settle ?? "100 millis")
      })
    })
    switch (options.time) {
      case "live":
        return it.live(name, () => program)
      case "TestClock":
        return it.effect(name, () => Effect.andThen(Effect.forkScoped(passing), program))
      case "VirtualTime":
        return it(name, () => VirtualTime.runUnsafe(Effect.scoped(program)))
    }
  }
  describe(name, () => {
    describe("datagrams", () => datagrams(register))
    describe("exchanges", () => exchanges(register))
    describe("lifecycle", () => lifecycle(register))
  })
}

// Time that passes by itself, as the tests expect of a clock.
const passing = Effect.forever(Effect.andThen(TestClock.adjust("1 millis"), Effect.yieldNow))
