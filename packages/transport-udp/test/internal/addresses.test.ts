import * as Address from "@effect-gossip/core/Address"
import { assert, describe, it } from "@effect/vitest"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Os from "node:os"
import * as addresses from "../../src/internal/addresses.ts"

const ip = NetAddress.ipFromStringUnsafe

const machine = (...entries: ReadonlyArray<readonly [address: string, internal?: boolean]>) => ({
  all: entries.map(([address, internal = false]) => ({ address, internal }) as Os.NetworkInterfaceInfo)
})

const advertised = (bound: string, available: ReturnType<typeof machine>) =>
  NetAddress.formatIp(addresses.advertisable(ip(bound), available))

const reach = (bound: string) =>
  addresses.makeReach(NetAddress.inetAddressUnsafe(ip(bound), 1), { lookup: () => assert.fail("looked up") })

const route = (bound: string, to: string) =>
  Result.match(reach(bound).route(Address.fromStringUnsafe(to)), {
    onFailure: (error) => error.reason._tag,
    onSuccess: ({ datagram, inet }) => [NetAddress.formatInet(datagram), NetAddress.formatInet(inet)]
  })

describe("advertisable", () => {
  it("is the address that was bound", () => {
    assert.strictEqual(advertised("10.1.2.3", machine(["192.168.0.1"])), "10.1.2.3")
    assert.strictEqual(advertised("::1", machine(["192.168.0.1"])), "::1")
  })

  it("is the first address that is not internal, of the family of 0.0.0.0", () => {
    const available = machine(["127.0.0.1", true], ["::1", true], ["fd00::2"], ["192.168.0.1"], ["10.0.0.1"])
    assert.strictEqual(advertised("0.0.0.0", available), "192.168.0.1")
    assert.strictEqual(advertised("::", available), "fd00::2")
  })

  it("is a link-local IPv4 address only when there is no other, and never a link-local IPv6 one", () => {
    assert.strictEqual(advertised("0.0.0.0", machine(["169.254.7.7"], ["10.0.0.1"])), "10.0.0.1")
    assert.strictEqual(advertised("0.0.0.0", machine(["169.254.7.7"])), "169.254.7.7")
    assert.strictEqual(advertised("::", machine(["fe80::1"])), "::1")
  })

  it("of :: is an IPv4 address where there is no IPv6", () => {
    assert.strictEqual(advertised("::", machine(["::1", true], ["fe80::1"], ["172.17.0.2"])), "172.17.0.2")
  })

  it("is the loopback address on a machine without a network", () => {
    assert.strictEqual(advertised("0.0.0.0", machine(["127.0.0.1", true])), "127.0.0.1")
    assert.strictEqual(advertised("::", machine()), "::1")
  })

  it("works on this machine", () => {
    assert.isFalse(NetAddress.isUnspecified(addresses.advertisable(NetAddress.ipv4Unspecified)))
  })
})

describe("fromNative", () => {
  const from = (host: string, port = 7946) => Option.getOrUndefined(addresses.fromNative(host, port))

  it("writes IPv6 in brackets, canonically, and IPv4-mapped addresses as IPv4", () => {
    assert.strictEqual(from("127.0.0.1"), "127.0.0.1:7946")
    assert.strictEqual(from("::1"), "[::1]:7946")
    assert.strictEqual(from("2001:db8:0:0:0:0:0:1"), "[2001:db8::1]:7946")
    assert.strictEqual(from("::ffff:10.0.0.1"), "10.0.0.1:7946")
  })

  it("keeps the zone of a link-local address by number", () => {
    assert.strictEqual(from("fe80::1%3"), "[fe80::1%3]:7946")
  })

  it("is none for a source nobody can answer to", () => {
    assert.isUndefined(from("10.0.0.1", 0))
    assert.isUndefined(from("fe80::1%no-such-interface"))
  })

  it("gives addresses that read back as themselves", () => {
    for (const host of ["127.0.0.1", "::1", "::ffff:10.0.0.1", "fe80::1%3", "2001:db8::1"]) {
      const address = from(host)!
      const inet = Option.getOrThrow(addresses.toInet(Address.fromStringUnsafe(address)))
      assert.strictEqual(Option.getOrThrow(addresses.fromInet(inet)), address)
    }
  })
})

describe("route", () => {
  it("goes to addresses of the bound family only", () => {
    assert.deepStrictEqual(route("127.0.0.1", "10.0.0.1:1"), ["10.0.0.1:1", "10.0.0.1:1"])
    assert.deepStrictEqual(route("127.0.0.1", "[::ffff:10.0.0.1]:1"), ["10.0.0.1:1", "10.0.0.1:1"])
    assert.strictEqual(route("0.0.0.0", "[::1]:1"), "Unreachable")
    assert.strictEqual(route("::1", "127.0.0.1:1"), "Unreachable")
  })

  it("goes to both families from ::, datagrams to IPv4 by mapped addresses", () => {
    assert.deepStrictEqual(route("::", "[::1]:1"), ["[::1]:1", "[::1]:1"])
    assert.deepStrictEqual(route("::", "10.0.0.1:1"), ["[::ffff:10.0.0.1]:1", "10.0.0.1:1"])
  })

  it("does not go to names, which would be looked up for a peer's asking", () => {
    assert.strictEqual(route("127.0.0.1", "seed.example:1"), "Unreachable")
  })

  it("does not go to addresses of no host or of many", () => {
    for (const to of ["0.0.0.0:1", "255.255.255.255:1", "224.0.0.1:1"]) {
      assert.strictEqual(route("0.0.0.0", to), "Unreachable")
    }
    for (const to of ["[::]:1", "[ff02::1]:1"]) assert.strictEqual(route("::", to), "Unreachable")
  })

  it("is remembered within bounds", () => {
    const { route } = reach("127.0.0.1")
    for (let i = 0; i < 9000; i++) {
      const to = Address.fromStringUnsafe(`10.0.${i >> 8 & 255}.${i & 255}:${1 + i}`)
      assert.isTrue(Result.isSuccess(route(to)))
      assert.strictEqual(Result.getOrThrow(route(to)), Result.getOrThrow(route(to)))
    }
  })
})
