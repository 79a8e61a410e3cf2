/**
 * The options of a transport, checked.
 */
import * as Address from "@effect-gossip/core/Address"
import type { TransportError } from "@effect-gossip/core/Transport"
import * as Duration from "effect/Duration"
import { format } from "effect/Formatter"
import * as Host from "effect/net/Host"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { Options } from "../UdpTransport.ts"
import * as errors from "./errors.ts"
import * as Frame from "./frame.ts"

/** Options with nothing left out. */
export type Complete = { readonly [K in Exclude<keyof Options, "advertise">]-?: Exclude<Options[K], undefined> } & {
  readonly advertise: string | undefined
}

export interface Settings {
  readonly host: Host.Host
  readonly port: number
  readonly advertise: { readonly host: Host.Host; readonly port: number | undefined } | undefined
  readonly maxDatagramSize: number
  readonly maxExchangeSize: number
  readonly receiveBufferCapacity: number
  readonly kernelReceiveBufferSize: number
  readonly kernelSendBufferSize: number
  readonly streamTimeout: Duration.Duration
  readonly maxInboundStreams: number
  readonly maxOutboundStreams: number
}

/** The largest payload of a UDP datagram over IPv4, in bytes: 65,535 less the IP and UDP headers. */
const largestDatagram = 65_507

/** The longest a timer of JavaScript waits, in milliseconds. */
const longestTimer = 2 ** 31 - 1

/** Fails with `InvalidOption` for the first option that is not usable. */
export const check = (options: Complete): Result.Result<Settings, TransportError> =>
  Result.gen(function*() {
    const host = yield* checkHost("host", options.host)
    return {
      host,
      port: yield* checkInteger("port", options.port, 0, 65_535),
      advertise: options.advertise === undefined ? undefined : yield* checkAdvertise(options.advertise),
      maxDatagramSize: yield* checkInteger("maxDatagramSize", options.maxDatagramSize, 1, largestDatagram),
      maxExchangeSize: yield* checkInteger("maxExchangeSize", options.maxExchangeSize, 1, Frame.maxPayloadSize),
      receiveBufferCapacity: yield* checkInteger("receiveBufferCapacity", options.receiveBufferCapacity, 1, 2 ** 20),
      kernelReceiveBufferSize: yield* checkInteger(
        "kernelReceiveBufferSize",
        options.kernelReceiveBufferSize,
        0,
        2 ** 30
      ),
      kernelSendBufferSize: yield* checkInteger("kernelSendBufferSize", options.kernelSendBufferSize, 0, 2 ** 30),
      streamTimeout: yield* checkTimeout("streamTimeout", options.streamTimeout),
      maxInboundStreams: yield* checkInteger("maxInboundStreams", options.maxInboundStreams, 1, 65_535),
      maxOutboundStreams: yield* checkInteger("maxOutboundStreams", options.maxOutboundStreams, 1, 65_535)
    }
  })

const invalid = (option: string, problem: string) => Result.fail(errors.invalidOption(option, problem))

const checkInteger = (option: string, value: number, min: number, max: number) =>
  Number.isInteger(value) && value >= min && value <= max
    ? Result.succeed(value)
    : invalid(option, `expected a whole number from ${min} to ${max}, got ${format(value)}`)

const checkTimeout = (option: string, value: Duration.Input) => {
  const duration = Option.getOrUndefined(Duration.fromInput(value))
  const millis = duration === undefined ? Number.NaN : Duration.toMillis(duration)
  // A timeout that never passes would let a silent peer hold a stream for ever.
  return duration !== undefined && millis >= 1 && millis <= longestTimer
    ? Result.succeed(duration)
    : invalid(option, `expected a duration from 1 millisecond to ${longestTimer} milliseconds, got ${format(value)}`)
}

const checkHost = (option: string, text: string): Result.Result<Host.Host, TransportError> => {
  const got = `got ${format(text)}`
  if (typeof text !== "string") return invalid(option, `expected an IP address or a host name, ${got}`)
  const bare = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text
  const host = Option.getOrUndefined(Result.getSuccess(Host.hostFromString(bare)))
  if (host === undefined) return invalid(option, `expected an IP address or a host name, ${got}`)
  // Node's server reports such an address with its zone, which NodeSocketServer cannot read.
  if (NetAddress.isScopedIpv6Literal(host)) return invalid(option, `an address with a zone is not supported, ${got}`)
  return Result.succeed(NetAddress.isIpAddress(host) ? NetAddress.toCanonical(host) : host)
}

const checkAdvertise = (text: string) =>
  Result.gen(function*() {
    const address = typeof text === "string" ? Address.fromStringOption(text) : Option.none()
    const parts = Option.isSome(address) ? Address.parts(address.value) : { host: text, port: undefined }
    const host = yield* Result.mapError(
      checkHost("advertise", parts.host),
      () => errors.invalidOption("advertise", `expected host or host:port, got ${format(text)}`)
    )
    if (NetAddress.isIpAddress(host) && !NetAddress.isUnicast(host)) {
      return yield* invalid("advertise", `peers cannot reach ${format(text)}: expected the address of one host`)
    }
    return { host, port: parts.port }
  })
