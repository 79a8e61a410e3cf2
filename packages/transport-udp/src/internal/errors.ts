/**
 * From what Node and Effect's sockets report to the reasons of a `TransportError`.
 */
import * as Transport from "@effect-gossip/core/Transport"

/** A `TransportError` for a reason. */
export const failure = (reason: Transport.TransportErrorReason): Transport.TransportError =>
  new Transport.TransportError({ reason })

export const invalidOption = (option: string, problem: string): Transport.TransportError =>
  failure(new Transport.InvalidOption({ option, problem }))

export const closed = (cause?: unknown): Transport.TransportError =>
  failure(new Transport.Closed(cause === undefined ? {} : { cause }))

export const unreachable = (address: string, cause: unknown): Transport.TransportError =>
  failure(new Transport.Unreachable({ address, cause }))

/** The system's code of an error, such as `EADDRINUSE`, looked for along the chain of causes. */
export const codeOf = (error: unknown): string | undefined => {
  // Four links are more than any library in between adds; the bound keeps a cycle from looping.
  for (let depth = 0; depth < 4 && typeof error === "object" && error !== null; depth++) {
    const { cause, code } = error as { readonly cause?: unknown; readonly code?: unknown }
    if (typeof code === "string") return code
    error = cause
  }
  return undefined
}

/** Why a socket could not be opened at `address`. */
export const openFailure = (address: string, cause: unknown): Transport.TransportError => {
  switch (codeOf(cause)) {
    case "EADDRINUSE":
      return failure(new Transport.AddressInUse({ address, cause }))
    case "EACCES":
    case "EPERM":
      return failure(new Transport.PermissionDenied({ address, cause }))
    // A family the machine does not speak, and a link-local address without its interface, are addresses this
    // machine does not have.
    case "EADDRNOTAVAIL":
    case "EAFNOSUPPORT":
    case "EINVAL":
      return failure(new Transport.AddressNotAvailable({ address, cause }))
    default:
      return failure(new Transport.OpenFailed({ address, cause }))
  }
}

/** Why a stream to `address` ended without an answer. */
export const streamFailure = (address: string, cause: unknown, opened: boolean): Transport.TransportError => {
  switch (codeOf(cause)) {
    case "ETIMEDOUT":
      return failure(new Transport.TimedOut({ address }))
    // A peer that refuses a stream resets it, which can be noticed before the connection counts as open.
    case "ECONNRESET":
    case "ECONNABORTED":
    case "EPIPE":
      return failure(new Transport.Refused({ address, cause }))
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "EHOSTDOWN":
    case "ENETDOWN":
      return unreachable(address, cause)
    default:
      return opened ? failure(new Transport.Refused({ address, cause })) : unreachable(address, cause)
  }
}
