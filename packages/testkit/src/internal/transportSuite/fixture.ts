import type { Address } from "@effect-gossip/core/Address"
import type { Transport, TransportError } from "@effect-gossip/core/Transport"
import type * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** What a test asks of a transport it opens. What is left out is up to the author. */
export interface OpenOptions {
  /** Counts up from 0 within a test: transports of different numbers have different addresses. */
  readonly index: number
  /** Open exactly here: the address of a transport that was open before, or still is. */
  readonly address?: Address | undefined
  readonly maxDatagramSize?: number | undefined
  readonly maxExchangeSize?: number | undefined
  /** How many datagrams wait to be pulled before the next ones are dropped. */
  readonly receiveBufferCapacity?: number | undefined
  /** How long an exchange may take. */
  readonly streamTimeout?: Duration.Input | undefined
}

/** What the tests of the suite work with. */
export interface Fixture {
  /** Opens a transport until the scope closes; each one at an address of its own, unless one is given. */
  readonly open: (
    options?: Omit<OpenOptions, "index">
  ) => Effect.Effect<Transport["Service"], TransportError, Scope.Scope>
  readonly unreachable: Address
  /** Waits until nothing is under way. */
  readonly settle: Effect.Effect<void>
}

/** Registers a test. */
export type Register = (
  name: string,
  test: (fixture: Fixture) => Effect.Effect<void, TransportError | Cause.TimeoutError, Scope.Scope>
) => void
