/**
 * Where a node can be reached: `host:port`.
 *
 * The host is an IPv4 address, an IPv6 address in brackets, or a host name. Members carry the address they
 * advertise, which on UDP is an IP address; host names are for seeds, and are resolved each time they are tried.
 *
 * An address has one spelling, the canonical one, since peers are told apart by it: no leading zeros, IPv6 as RFC 5952
 * has it, IPv4-mapped IPv6 as IPv4, host names in lower case and without a final dot. From a peer nothing else is taken;
 * what a user wrote is brought into that form by {@link fromString} and its kind.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as Host from "effect/net/Host"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/** Longest address in characters: a host name has at most 253 (RFC 1035 §2.3.4), a port 5, and a colon. */
export const maxLength = 259

const octet = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
const ipv4 = new RegExp(`^${octet}(?:\\.${octet}){3}:[1-9][0-9]{0,4}$`)

/** The host of an address without brackets, and its port (1 to 65535). */
export interface Parts {
  readonly host: string
  readonly port: number
}

const hostOf = (text: string): string | undefined => {
  if (text.startsWith("[")) {
    if (!text.endsWith("]")) return undefined
    // the port is of no matter; a zone comes with a socket address only
    const inet = NetAddress.inetAddressFromString(`${text}:1`)
    return Result.isSuccess(inet) ? NetAddress.formatInet(NetAddress.toCanonical(inet.success)).slice(0, -2) : undefined
  }
  if (text.includes(":")) return undefined
  const parsed = Host.hostFromString(text)
  if (Result.isFailure(parsed)) return undefined
  const host = Host.formatHost(parsed.success)
  return host.endsWith(".") ? host.slice(0, -1) || undefined : host
}

/** The one spelling of an address. */
const canonical = (text: string): string | undefined => {
  if (text.length > maxLength + 1) return undefined
  const colon = text.lastIndexOf(":")
  const digits = text.slice(colon + 1)
  if (colon < 1 || !/^[0-9]{1,5}$/.test(digits)) return undefined
  const port = Number(digits)
  if (port < 1 || port > 65_535) return undefined
  const host = hostOf(text.slice(0, colon))
  return host === undefined ? undefined : `${host}:${port}`
}

// addresses are checked with every claim, so the common ones take the short way
const isAddress = (text: string): boolean =>
  ipv4.test(text) ? Number(text.slice(text.lastIndexOf(":") + 1)) <= 65_535 : canonical(text) === text

/**
 * A `host:port` string that has been checked, in its canonical spelling.
 *
 * **Example** (Decoding an address)
 *
 * ```ts import.meta.vitest
 * import { Address } from "@effect-gossip/core"
 * import { Schema } from "effect"
 *
 * Schema.decodeSync(Address.Address)("[::1]:7946") // => "[::1]:7946"
 * Schema.is(Address.Address)("10.0.0.1") // => false
 * Schema.is(Address.Address)("[0::1]:7946") // => false
 * Address.fromStringUnsafe("[0::1]:7946") // => "[::1]:7946"
 * ```
 */
export const Address = Schema.String.check(
  Schema.makeFilter((text: string) => isAddress(text) || "an address as host:port, for example 10.0.0.1:7946")
).pipe(Schema.brand("@effect-gossip/core/Address"))

/** @since 0.1.0 */
export type Address = typeof Address.Type

const decodeEffect = Schema.decodeEffect(Address)
const decodeSync = Schema.decodeSync(Address)

/**
 * Reads an address from text a user wrote, in whatever spelling. Fails with a `SchemaError` that shows the form
 * expected.
 */
export const fromString = (text: string): Effect.Effect<Address, Schema.SchemaError> =>
  decodeEffect(canonical(text) ?? text)

/** Like {@link fromString}, with an `Option`. */
export const fromStringOption = (text: string): Option.Option<Address> =>
  Option.fromUndefinedOr(canonical(text) as Address | undefined)

/** Like {@link fromString}, but throws. */
export const fromStringUnsafe = (text: string): Address => decodeSync(canonical(text) ?? text)

/** Joins a host (an IPv6 address without brackets) and a port. Throws when they do not make an address. */
export const make = (parts: Parts): Address =>
  fromStringUnsafe(parts.host.includes(":") ? `[${parts.host}]:${parts.port}` : `${parts.host}:${parts.port}`)

/** The host, without brackets, and the port. */
export const parts = (address: Address): Parts => {
  const colon = address.lastIndexOf(":")
  const host = address.slice(0, colon)
  return { host: host.startsWith("[") ? host.slice(1, -1) : host, port: Number(address.slice(colon + 1)) }
}
