/**
 * How bytes leave a node and reach it: datagrams, which may be lost, and exchanges, which are answered or fail.
 *
 * A transport carries bytes and nothing else: it knows no message, no member and no retry. Everything above it
 * is the same on UDP, in memory and in a simulation, so a transport must keep to what is said here; the testkit
 * exports a conformance suite for authors of further ones.
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Address } from "./Address.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** A datagram as it arrived. The payload belongs to the receiver, who may keep it. */
export interface Packet {
  /** Where to answer. It need not be the address the sender advertises. */
  readonly from: Address
  readonly payload: Uint8Array
}

/**
 * The receiving side of an open transport.
 *
 * `pull` returns all that arrived since the last pull, or waits for the next datagram. What arrives while the
 * buffer is full is dropped and counted in `dropped`.
 */
export interface Receiver {
  readonly pull: Effect.Effect<NonEmptyReadonlyArray<Packet>, TransportError>
  /** Datagrams dropped because the receive buffer was full, since the receiver opened. */
  readonly dropped: () => number
}

/**
 * Answers a request of a peer. It cannot fail: a handler that does not want to answer dies or is interrupted,
 * and the peer's `exchange` then fails with `Refused`. `from` may be no more than the peer's end of the stream, whose
 * port is closed with it: what the peer advertises is for the request to say.
 */
export type Handler = (from: Address, request: Uint8Array) => Effect.Effect<Uint8Array>

/** The largest datagram by default, in bytes: memberlist's, which fits an Ethernet frame through common tunnels. */
export const defaultMaxDatagramSize = 1400

/** The largest request or answer of an exchange by default, in bytes (4 MiB). */
export const defaultMaxExchangeSize = 4 * 1024 * 1024

// -----------------------------------------------------------------------------
// service
// -----------------------------------------------------------------------------

/**
 * The edge of a node towards its network.
 *
 * The layer that provides it opens what the transport needs (sockets, ports) and closes it with its scope. Whatever
 * waits then, and whatever is asked later, fails with `Closed`.
 */
export class Transport extends Context.Service<Transport, {
  /** The address peers reach this node at: what it advertises, which need not be what it bound. */
  readonly address: Address

  /** The largest datagram in bytes. `send` refuses a larger one with `TooLarge`. */
  readonly maxDatagramSize: number

  /** The largest request or answer of an exchange in bytes. */
  readonly maxExchangeSize: number

  /**
   * All addresses that a seed's address stands for, in the order to try them: a host name is looked up each time
   * and may have several. An address that needs no look-up is returned as it is. Fails with `UnknownHost`.
   */
  readonly resolve: (address: Address) => Effect.Effect<NonEmptyReadonlyArray<Address>, TransportError>

  /**
   * Sends a datagram. Success says that it left, not that it arrived. The bytes must not be changed afterwards. The
   * address is numeric: a host name has to be resolved first, and is `Unreachable` here.
   * Fails with `TooLarge` for a datagram above `maxDatagramSize`, and with `Unreachable` or `Closed`.
   */
  readonly send: (to: Address, datagram: Uint8Array) => Effect.Effect<void, TransportError>

  /**
   * Opens the receiving side; at most one is open at a time, and another waits for it to close. Datagrams that
   * arrive while none is open are dropped.
   */
  readonly datagrams: Effect.Effect<Receiver, TransportError, Scope.Scope>

  /**
   * Sends a request and waits for its answer, over a stream that keeps order and loses nothing. Fails with
   * `TooLarge`, `Unreachable`, `Refused` (the peer closed without an answer), `TimedOut` or `Closed`. Interruption
   * closes the stream. As with `send`, the address is numeric. A request above the peer's own limit is `Refused`; an
   * answer above this side's is `TooLarge`.
   */
  readonly exchange: (to: Address, request: Uint8Array) => Effect.Effect<Uint8Array, TransportError>

  /**
   * Answers the requests of peers until the scope closes. At most one handler serves at a time, and another waits for
   * it to end; requests that arrive while there is none are refused. A handler whose peer has gone is interrupted.
   */
  readonly serve: (handler: Handler) => Effect.Effect<void, TransportError, Scope.Scope>
}>()("@effect-gossip/core/Transport") {}

// -----------------------------------------------------------------------------
// errors
// -----------------------------------------------------------------------------

/** The address is taken by another process, or by another transport of this one. Nothing was opened. */
export class AddressInUse extends Schema.TaggedError<AddressInUse>()("AddressInUse", {
  address: Schema.String,
  cause: Schema.optional(Schema.Defect())
}) {
  override get message() {
    return `${this.address} is already in use: stop the program that holds it, or choose another port (0 takes a free one)`
  }
}

/** The address is not one of this machine's. Nothing was opened. */
export class AddressNotAvailable extends Schema.TaggedError<AddressNotAvailable>()("AddressNotAvailable", {
  address: Schema.String,
  cause: Schema.optional(Schema.Defect())
}) {
  override get message() {
    return `${this.address} is not an address of this machine: bind one that is (0.0.0.0 for all of them), and advertise the other`
  }
}

/** The operating system forbids it, for example a port below 1024. Nothing was opened. */
export class PermissionDenied extends Schema.TaggedError<PermissionDenied>()("PermissionDenied", {
  address: Schema.String,
  cause: Schema.optional(Schema.Defect())
}) {
  override get message() {
    return `not permitted to use ${this.address}: choose a port of 1024 or above, or give the process the right to lower ones`
  }
}

/** The address could not be opened for another reason, for example too many open files. Nothing was opened. */
export class OpenFailed extends Schema.TaggedError<OpenFailed>()("OpenFailed", {
  address: Schema.String,
  cause: Schema.Defect()
}) {
  override get message() {
    const { cause } = this
    return `${this.address} could not be opened: ${cause instanceof Error ? cause.message : String(cause)}`
  }
}

/** A host name has no address. The transport stays usable. */
export class UnknownHost extends Schema.TaggedError<UnknownHost>()("UnknownHost", {
  host: Schema.String,
  cause: Schema.optional(Schema.Defect())
}) {
  override get message() {
    return `no address is known for the host ${this.host}: check its spelling and the name service`
  }
}

/** An option of a transport is not usable. Nothing was opened. */
export class InvalidOption extends Schema.TaggedError<InvalidOption>()("InvalidOption", {
  option: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `option ${this.option}: ${this.problem}`
  }
}

/** More bytes than the transport carries at a time. They were not sent, or, of an answer, not taken. */
export class TooLarge extends Schema.TaggedError<TooLarge>()("TooLarge", {
  what: Schema.Literals(["datagram", "request", "answer"]),
  size: Schema.Int,
  limit: Schema.Int
}) {
  override get message() {
    const article = this.what === "answer" ? "an" : "a"
    return `${article} ${this.what} of ${this.size} bytes is above the limit of ${this.limit} bytes`
  }
}

/** The peer or its network cannot be reached. The transport stays usable. */
export class Unreachable extends Schema.TaggedError<Unreachable>()("Unreachable", {
  address: Schema.String,
  cause: Schema.optional(Schema.Defect())
}) {
  override get message() {
    return `${this.address} cannot be reached`
  }
}

/** The peer took the stream and closed it without an answer. The transport stays usable. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", {
  address: Schema.String,
  cause: Schema.optional(Schema.Defect())
}) {
  override get message() {
    return `${this.address} closed the stream without an answer`
  }
}

/** The peer did not answer in time. The stream is closed; the transport stays usable. */
export class TimedOut extends Schema.TaggedError<TimedOut>()("TimedOut", {
  address: Schema.String
}) {
  override get message() {
    return `${this.address} did not answer in time`
  }
}

/** The transport is closed, or its socket failed for good. */
export class Closed extends Schema.TaggedError<Closed>()("Closed", {
  cause: Schema.optional(Schema.Defect())
}) {
  override get message() {
    return "the transport is closed"
  }
}

/** Why a transport failed. */
export const TransportErrorReason = Schema.Union([
  AddressInUse,
  AddressNotAvailable,
  PermissionDenied,
  OpenFailed,
  UnknownHost,
  InvalidOption,
  TooLarge,
  Unreachable,
  Refused,
  TimedOut,
  Closed
])

/** @since 0.1.0 */
export type TransportErrorReason = typeof TransportErrorReason.Type

/** The failure of a transport. Its message is that of its reason. */
export class TransportError extends Schema.TaggedError<TransportError>()("TransportError", {
  reason: TransportErrorReason
}) {
  override get message() {
    return this.reason.message
  }
}
