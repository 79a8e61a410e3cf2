import * as Address from "@effect-gossip/core/Address"
import { Transport } from "@effect-gossip/core/Transport"
import { UdpTransport } from "@effect-gossip/transport-udp"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Dns from "effect/net/Dns"
import * as Scope from "effect/Scope"
import * as Dgram from "node:dgram"
import { isMainThread } from "node:worker_threads"
import {
  bytes,
  eventually,
  filled,
  freeAddress,
  listen,
  live6,
  open,
  portOf,
  reasonOf,
  refused,
  tagOf,
  take,
  udp,
  untilRefused,
  withMetrics
} from "./utils.ts"

/** Names that need no name service. */
const names = {
  "six-first.test": ["::1", "127.0.0.1"],
  "both.test": ["127.0.0.1", "::1", "127.0.0.2"],
  "six.test": ["::1"]
}
const withNames = Effect.provide(Dns.layerStatic({ hosts: names }))

/** Answers with the request it got. */
const echo = (_from: Address.Address, request: Uint8Array) => Effect.succeed(request)

describe("options", () => {
  const bad: ReadonlyArray<readonly [option: keyof UdpTransport.Options, value: unknown]> = [
    ["port", 70_000],
    ["port", -1],
    ["port", 1.5],
    ["port", Number.NaN],
    ["port", "7946"],
    ["host", ""],
    ["host", "not a host"],
    ["host", "1.2.3.4.5"],
    ["host", "127.0.0.1:7946"],
    ["host", "fe80::1%eth0"],
    ["host", null],
    ["advertise", ""],
    ["advertise", "10.0.0.1:0"],
    ["advertise", "10.0.0.1:70000"],
    ["advertise", "not a host"],
    ["advertise", "0.0.0.0"],
    ["advertise", "[::]:7946"],
    ["advertise", "224.0.0.1"],
    ["advertise", 7],
    ["maxDatagramSize", 0],
    ["maxDatagramSize", -1],
    ["maxDatagramSize", 65_508],
    ["maxDatagramSize", Number.POSITIVE_INFINITY],
    ["maxExchangeSize", 0],
    ["maxExchangeSize", 2 ** 32],
    ["receiveBufferCapacity", 0],
    ["receiveBufferCapacity", Number.NaN],
    ["kernelReceiveBufferSize", -1],
    ["kernelSendBufferSize", 0.5],
    ["streamTimeout", 0],
    ["streamTimeout", -1],
    ["streamTimeout", Number.POSITIVE_INFINITY],
    ["streamTimeout", "soon"],
    ["maxInboundStreams", 0],
    ["maxOutboundStreams", -5]
  ]
  it.live.each(bad)("that are not usable are named: %s = %j", ([option, value]) =>
    Effect.gen(function*() {
      const reason = yield* reasonOf(open({ [option]: value }))
      assert.strictEqual(reason._tag, "InvalidOption")
      assert.include(reason.message, `option ${option}:`)
    }))

  it.live("are read from configuration", () =>
    Effect.gen(function*() {
      const transport = yield* Transport.pipe(
        Effect.provide(UdpTransport.layerConfig({
          host: Config.String("HOST"),
          port: Config.Port("PORT").pipe(Config.withDefault(0)),
          advertise: Config.String("ADVERTISE"),
          streamTimeout: Config.Duration("TIMEOUT")
        }))
      )
      assert.match(transport.address, /^10\.9\.8\.7:\d+$/)
    }).pipe(
      Effect.provideService(
        ConfigProvider.ConfigProvider,
        ConfigProvider.fromUnknown({ HOST: "127.0.0.1", ADVERTISE: "10.9.8.7", TIMEOUT: "3 seconds" })
      )
    ))

  it.live("missing from configuration are a ConfigError", () =>
    Effect.gen(function*() {
      const layer = UdpTransport.layerConfig({ host: Config.String("HOST"), port: Config.Port("PORT") })
      const error = yield* Effect.flip(Effect.provide(Transport, layer))
      assert.strictEqual(error._tag, "ConfigError")
    }).pipe(Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown({ HOST: "127.0.0.1" }))))

  it.live("left out have the documented defaults", () =>
    Effect.gen(function*() {
      const transport = yield* open()
      assert.strictEqual(transport.maxDatagramSize, UdpTransport.defaults.maxDatagramSize)
      assert.strictEqual(transport.maxExchangeSize, UdpTransport.defaults.maxExchangeSize)
    }))
})

describe("binding", () => {
  it.live("to port 0 takes one port for datagrams and streams", () =>
    Effect.gen(function*() {
      const [a, b] = [yield* open(), yield* open()]
      const receiver = yield* b.datagrams
      yield* b.serve(echo)
      yield* a.send(b.address, bytes(1))
      assert.deepStrictEqual((yield* take(receiver, 1))[0]!.payload, bytes(1))
      assert.deepStrictEqual(yield* a.exchange(b.address, bytes(2)), bytes(2))
    }))

  it.live("to port 0 gives each of many transports another port", () =>
    Effect.gen(function*() {
      const transports = yield* Effect.all(Array.from({ length: 50 }, () => open()), { concurrency: "unbounded" })
      assert.strictEqual(new Set(transports.map((transport) => transport.address)).size, 50)
    }))

  it.live("to a port that was asked for takes that one", () =>
    Effect.gen(function*() {
      const address = yield* freeAddress
      assert.strictEqual((yield* open({ port: portOf(address) })).address, address)
    }))

  it.live("to a port whose TCP side is taken fails, and says what to do", () =>
    Effect.gen(function*() {
      const { address } = yield* listen(() => {})
      const reason = yield* reasonOf(open({ port: portOf(address) }))
      assert.strictEqual(reason._tag, "AddressInUse")
      assert.include(reason.message, `${address}/tcp is already in use`)
      assert.include(reason.message, "choose another port")
      // Nothing was opened: the UDP side is free.
      yield* udp({ port: portOf(address) })
    }))

  it.live("to a port whose UDP side is taken fails, and lets go of the TCP side", () =>
    Effect.gen(function*() {
      const port = (yield* udp()).address().port
      const reason = yield* reasonOf(open({ port }))
      assert.strictEqual(reason._tag, "AddressInUse")
      assert.include(reason.message, `127.0.0.1:${port}/udp is already in use`)
      yield* listen(() => {}, { port })
    }))

  it.live("to the port of another transport fails", () =>
    Effect.gen(function*() {
      const { address } = yield* open()
      assert.strictEqual(yield* tagOf(open({ port: portOf(address) })), "AddressInUse")
    }))

  it.live("to an address of another machine fails, and says what to do", () =>
    Effect.gen(function*() {
      const reason = yield* reasonOf(open({ host: "198.51.100.7" }))
      assert.strictEqual(reason._tag, "AddressNotAvailable")
      assert.include(reason.message, "198.51.100.7:0/tcp is not an address of this machine")
    }))

  it.live("to a name nobody knows fails, and says what to do", () =>
    Effect.gen(function*() {
      const reason = yield* reasonOf(open({ host: "no-such-host.test" }))
      assert.strictEqual(reason._tag, "UnknownHost")
      assert.include(reason.message, "no-such-host.test: check its spelling")
    }).pipe(withNames))

  it.live("to a port the system reserves fails, and says what to do", (context) =>
    Effect.gen(function*() {
      // Root may bind any port, so the process lays its rights down for a moment. A worker thread cannot.
      if (process.getuid?.() === 0 && isMainThread) {
        yield* Effect.acquireRelease(
          Effect.sync(() => process.seteuid!(65_534)),
          () => Effect.sync(() => process.seteuid!(0))
        )
      }
      const plain = yield* Effect.exit(Effect.scoped(listen(() => {}, { port: 1 })))
      if (Exit.isSuccess(plain)) return context.skip("this machine reserves no ports")
      const reason = yield* reasonOf(open({ port: 1 }))
      assert.strictEqual(reason._tag, "PermissionDenied")
      assert.include(reason.message, "choose a port of 1024 or above")
    }))

  it.live("to a name of the operating system works", () =>
    Effect.gen(function*() {
      const transport = yield* open({ host: "localhost" })
      yield* transport.serve(echo)
      assert.deepStrictEqual(yield* transport.exchange(transport.address, bytes(1)), bytes(1))
    }))

  it.live("to a name with addresses of both families takes the IPv4 one", () =>
    Effect.gen(function*() {
      assert.match((yield* open({ host: "six-first.test" })).address, /^127\.0\.0\.1:\d+$/)
    }).pipe(withNames))

  live6("to ::1 speaks IPv6", () =>
    Effect.gen(function*() {
      const [a, b] = [yield* open({ host: "::1" }), yield* open({ host: "[::1]" })]
      assert.match(a.address, /^\[::1\]:\d+$/)
      const receiver = yield* b.datagrams
      yield* b.serve((from, request) => Effect.succeed(bytes(Address.parts(from).host === "::1" ? 1 : 0, ...request)))
      yield* a.send(b.address, bytes(7))
      assert.deepStrictEqual(yield* take(receiver, 1), [{ from: a.address, payload: bytes(7) }])
      assert.deepStrictEqual(yield* a.exchange(b.address, bytes(8)), bytes(1, 8))
    }))

  live6("to :: speaks both families, and calls IPv4 peers by their IPv4 address", () =>
    Effect.gen(function*() {
      const [both, v4, v6] = [yield* open({ host: "::" }), yield* open(), yield* open({ host: "::1" })]
      const receiver = yield* both.datagrams
      yield* both.serve((from) => Effect.succeed(new TextEncoder().encode(Address.parts(from).host)))
      const port = portOf(both.address)

      yield* v4.send(Address.make({ host: "127.0.0.1", port }), bytes(4))
      yield* v6.send(Address.make({ host: "::1", port }), bytes(6))
      const packets = yield* take(receiver, 2)
      assert.sameDeepMembers(packets, [
        { from: v4.address, payload: bytes(4) },
        { from: v6.address, payload: bytes(6) }
      ])

      const [receiver4, receiver6] = [yield* v4.datagrams, yield* v6.datagrams]
      yield* both.send(v4.address, bytes(44))
      yield* both.send(v6.address, bytes(66))
      assert.deepStrictEqual((yield* take(receiver4, 1))[0]!.payload, bytes(44))
      assert.deepStrictEqual((yield* take(receiver6, 1))[0]!.payload, bytes(66))

      const answer = yield* v4.exchange(Address.make({ host: "127.0.0.1", port }), bytes())
      assert.strictEqual(new TextDecoder().decode(answer), "127.0.0.1")
    }))
})

describe("the advertised address", () => {
  it.live("is the bound one by default", () =>
    Effect.gen(function*() {
      assert.match((yield* open()).address, /^127\.0\.0\.1:[1-9]\d*$/)
    }))

  it.live("has the bound port when a host alone is given", () =>
    Effect.gen(function*() {
      const transport = yield* open({ advertise: "10.9.8.7" })
      yield* transport.serve(echo)
      const bound = Address.make({ host: "127.0.0.1", port: portOf(transport.address) })
      assert.match(transport.address, /^10\.9\.8\.7:/)
      assert.deepStrictEqual(yield* transport.exchange(bound, bytes(1)), bytes(1))
    }))

  it.live("has a port of its own when one is given", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* open({ advertise: "10.9.8.7:1234" })).address, "10.9.8.7:1234")
      assert.strictEqual((yield* open({ advertise: "[2001:db8:0::1]:1234" })).address, "[2001:db8::1]:1234")
      assert.match((yield* open({ advertise: "2001:db8::1" })).address, /^\[2001:db8::1\]:\d+$/)
      assert.strictEqual((yield* open({ advertise: "[::ffff:10.9.8.7]:1234" })).address, "10.9.8.7:1234")
    }))

  it.live("of a name is its address in the family that was bound", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* open({ advertise: "six-first.test:1234" })).address, "127.0.0.1:1234")
      assert.strictEqual((yield* open({ advertise: "six.test:1234" })).address, "[::1]:1234")
      assert.strictEqual(yield* tagOf(open({ advertise: "no-such-host.test" })), "UnknownHost")
    }).pipe(withNames))

  it.live("of 0.0.0.0 is one of this machine's", () =>
    Effect.gen(function*() {
      const transport = yield* open({ host: "0.0.0.0" })
      assert.notInclude(transport.address, "0.0.0.0")
      yield* transport.serve(echo)
      assert.deepStrictEqual(yield* transport.exchange(transport.address, bytes(1)), bytes(1))
    }))
})

describe("resolve", () => {
  it.live("returns a numeric address as it is", () =>
    Effect.gen(function*() {
      const transport = yield* open()
      for (const text of ["10.0.0.1:7946", "[::1]:7946", "[0:0:0:0:0:0:0:1]:7946"]) {
        assert.deepStrictEqual(yield* transport.resolve(Address.fromStringUnsafe(text)), [
          Address.fromStringUnsafe(text)
        ])
      }
    }))

  it.live("returns all addresses of a name that can be reached, in order", () =>
    Effect.gen(function*() {
      const transport = yield* open()
      const found = yield* transport.resolve(Address.fromStringUnsafe("both.test:7946"))
      assert.deepStrictEqual<ReadonlyArray<string>>(found, ["127.0.0.1:7946", "127.0.0.2:7946"])
    }).pipe(withNames))

  live6("returns addresses of both families to a transport on ::", () =>
    Effect.gen(function*() {
      const transport = yield* open({ host: "::" })
      const found = yield* transport.resolve(Address.fromStringUnsafe("both.test:7946"))
      assert.deepStrictEqual<ReadonlyArray<string>>(found, ["127.0.0.1:7946", "[::1]:7946", "127.0.0.2:7946"])
    }).pipe(withNames))

  it.live("fails for a name without an address, or without one that can be reached", () =>
    Effect.gen(function*() {
      const transport = yield* open()
      for (const text of ["no-such-host.test:7946", "six.test:7946"]) {
        assert.strictEqual(yield* tagOf(transport.resolve(Address.fromStringUnsafe(text))), "UnknownHost")
      }
      yield* transport.send(transport.address, bytes(1))
    }).pipe(withNames))

  it.live("asks the operating system by default", () =>
    Effect.gen(function*() {
      const transport = yield* open()
      const found = yield* transport.resolve(Address.fromStringUnsafe("localhost:7946"))
      assert.isTrue(found.some((address) => address === "127.0.0.1:7946"))
    }))
})

describe("datagrams", () => {
  it.live("arrive with the address to answer to", () =>
    Effect.gen(function*() {
      const [a, b] = [yield* open(), yield* open()]
      const receiver = yield* b.datagrams
      yield* a.send(b.address, bytes(1, 2, 3))
      assert.deepStrictEqual(yield* take(receiver, 1), [{ from: a.address, payload: bytes(1, 2, 3) }])
    }))

  it.live("come from the bound address, not the advertised one", () =>
    Effect.gen(function*() {
      const [a, b] = [yield* open({ advertise: "10.9.8.7" }), yield* open()]
      const receiver = yield* b.datagrams
      yield* a.send(b.address, bytes(1))
      assert.strictEqual((yield* take(receiver, 1))[0]!.from, `127.0.0.1:${portOf(a.address)}`)
    }))

  it.live("are plain arrays of bytes of their own", () =>
    Effect.gen(function*() {
      const [a, b] = [yield* open(), yield* open()]
      const receiver = yield* b.datagrams
      yield* a.send(b.address, bytes(1))
      yield* a.send(b.address, bytes(2))
      const [one, two] = yield* take(receiver, 2)
      assert.strictEqual(Object.getPrototypeOf(one!.payload), Uint8Array.prototype)
      one!.payload.fill(9)
      assert.deepStrictEqual(two!.payload, bytes(2))
    }))

  it.live("may be empty", () =>
    Effect.gen(function*() {
      const [a, b] = [yield* open(), yield* open()]
      const receiver = yield* b.datagrams
      yield* a.send(b.address, bytes())
      assert.deepStrictEqual((yield* take(receiver, 1))[0]!.payload, bytes())
    }))

  it.live("of the limit go out, and larger ones are TooLarge", () =>
    Effect.gen(function*() {
      const [a, b] = [yield* open(), yield* open()]
      const receiver = yield* b.datagrams
      const reason = yield* reasonOf(a.send(b.address, filled(1401)))
      assert.deepInclude(reason, { _tag: "TooLarge", what: "datagram", size: 1401, limit: 1400 })
      yield* a.send(b.address, filled(1400))
      assert.deepStrictEqual((yield* take(receiver, 1))[0]!.payload, filled(1400))
    }))

  it.live("of 65,507 bytes are the largest there are", () =>
    Effect.gen(function*() {
      const [a, b] = [yield* open({ maxDatagramSize: 65_507 }), yield* open()]
      const receiver = yield* b.datagrams
      yield* a.send(b.address, filled(65_507))
      assert.deepStrictEqual((yield* take(receiver, 1))[0]!.payload, filled(65_507))
    }))

  it.live("to names and to the other family are Unreachable", () =>
    Effect.gen(function*() {
      const transport = yield* open()
      for (const to of ["localhost:7946", "[::1]:7946", "255.255.255.255:7946"]) {
        assert.strictEqual(yield* tagOf(transport.send(Address.fromStringUnsafe(to), bytes(1))), "Unreachable")
      }
    }))

  it.live("to a port where nothing listens do no harm", () =>
    Effect.gen(function*() {
      const [a, b, nobody] = [yield* open(), yield* open(), yield* freeAddress]
      const receiver = yield* a.datagrams
      for (let i = 0; i < 200; i++) yield* a.send(nobody, bytes(i))
      yield* Effect.sleep("20 millis")
      yield* b.send(a.address, bytes(1))
      assert.deepStrictEqual((yield* take(receiver, 1))[0]!.payload, bytes(1))
    }))

  it.live("beyond the receive buffer are dropped and counted", () =>
    Effect.gen(function*() {
      const [a, b] = [yield* open(), yield* open({ receiveBufferCapacity: 4 })]
      const receiver = yield* b.datagrams
      for (let i = 0; i < 10; i++) yield* a.send(b.address, bytes(i))
      yield* eventually("6 drops", receiver.dropped, (dropped) => dropped === 6)
      assert.deepStrictEqual((yield* take(receiver, 4)).map((packet) => packet.payload[0]), [0, 1, 2, 3])
      yield* a.send(b.address, bytes(10))
      assert.deepStrictEqual((yield* take(receiver, 1))[0]!.payload, bytes(10))
      assert.strictEqual(receiver.dropped(), 6)
    }))

  it.live("that arrive while no receiver is open are dropped", () =>
    Effect.gen(function*() {
      const [a, b] = [yield* open(), yield* open()]
      yield* a.send(b.address, bytes(1))
      yield* Effect.sleep("50 millis")
      const receiver = yield* b.datagrams
      yield* a.send(b.address, bytes(2))
      assert.deepStrictEqual((yield* take(receiver, 1)).map((packet) => packet.payload[0]), [2])
      assert.strictEqual(receiver.dropped(), 0)
    }))

  it.live("go to one receiver at a time, and another waits for it to close", () =>
    Effect.gen(function*() {
      const transport = yield* open()
      const scope = yield* Scope.make()
      const first = yield* Scope.provide(transport.datagrams, scope)
      const pulling = yield* Effect.forkChild(reasonOf(first.pull), { startImmediately: true })
      const second = yield* Effect.forkScoped(transport.datagrams, { startImmediately: true })
      yield* Effect.sleep("20 millis")
      assert.isUndefined(second.pollUnsafe())
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* Fiber.join(pulling))._tag, "Closed")
      assert.strictEqual(yield* tagOf(first.pull), "Closed")
      const receiver = yield* Fiber.join(second)
      yield* transport.send(transport.address, bytes(1))
      assert.strictEqual((yield* take(receiver, 1)).length, 1)
    }))

  it.live("of a burst within one process all arrive", () =>
    Effect.gen(function*() {
      // No help from the kernel: the smallest buffer it gives.
      const [a, b] = [yield* open(), yield* open({ kernelReceiveBufferSize: 131_072 })]
      const receiver = yield* b.datagrams
      const taking = yield* Effect.forkChild(take(receiver, 2000))
      for (let i = 0; i < 2000; i++) yield* a.send(b.address, filled(1400, i))
      const packets = yield* Fiber.join(taking).pipe(Effect.timeout("10 seconds"))
      assert.strictEqual(packets.length, 2000)
      assert.strictEqual(receiver.dropped(), 0)
    }))

  it.live("end with Closed when the socket fails for good", () =>
    Effect.gen(function*() {
      const transport = yield* open()
      const receiver = yield* transport.datagrams
      const pulling = yield* Effect.forkChild(reasonOf(receiver.pull), { startImmediately: true })
      closeNatively(portOf(transport.address))
      assert.strictEqual((yield* Fiber.join(pulling))._tag, "Closed")
      assert.strictEqual(yield* tagOf(receiver.pull), "Closed")
      assert.strictEqual(yield* tagOf(transport.send(transport.address, bytes(1))), "Closed")
    }))
})

describe("exchange", () => {
  const pair = Effect.gen(function*() {
    return [yield* open(), yield* open()] as const
  })

  for (const size of [0, 1, 1400, 65_536, 1_000_000, UdpTransport.defaults.maxExchangeSize]) {
    it.live(`carries ${size} bytes there and back`, () =>
      Effect.gen(function*() {
        const [a, b] = yield* pair
        yield* b.serve((_from, request) => Effect.succeed(request.map((byte) => byte ^ 0xff)))
        const answer = yield* a.exchange(b.address, filled(size))
        assert.isTrue(Buffer.compare(answer, filled(size).map((byte) => byte ^ 0xff)) === 0)
      }))
  }

  it.live("of more than the limit is TooLarge, and nothing is sent", () =>
    Effect.gen(function*() {
      const a = yield* open({ maxExchangeSize: 100 })
      let streams = 0
      const { address } = yield* listen(() => streams++)
      const reason = yield* reasonOf(a.exchange(address, filled(101)))
      assert.deepInclude(reason, { _tag: "TooLarge", what: "request", size: 101, limit: 100 })
      yield* Effect.sleep("20 millis")
      assert.strictEqual(streams, 0)
    }))

  it.live("whose request is above the peer's limit is Refused", () =>
    Effect.gen(function*() {
      const [a, b] = [yield* open(), yield* open({ maxExchangeSize: 100 })]
      yield* b.serve(echo)
      assert.strictEqual(yield* tagOf(a.exchange(b.address, filled(2_000_000))), "Refused")
      assert.strictEqual(yield* refused("tooLarge"), 1)
    }).pipe(withMetrics))

  it.live("whose answer is above the limit is TooLarge", () =>
    Effect.gen(function*() {
      const [a, b] = [yield* open({ maxExchangeSize: 100 }), yield* open({ maxExchangeSize: 100 })]
      yield* b.serve(() => Effect.succeed(filled(101)))
      const reason = yield* reasonOf(a.exchange(b.address, bytes(1)))
      assert.deepInclude(reason, { _tag: "TooLarge", what: "answer", size: 101, limit: 100 })
      assert.strictEqual(yield* refused("handler"), 1)
    }).pipe(withMetrics))

  it.live("with an address where nothing listens is Unreachable", () =>
    Effect.gen(function*() {
      const a = yield* open()
      const reason = yield* reasonOf(a.exchange(yield* freeAddress, bytes(1)))
      assert.strictEqual(reason._tag, "Unreachable")
    }))

  it.live("with a name, and with the other family, is Unreachable", () =>
    Effect.gen(function*() {
      const a = yield* open()
      for (const to of ["localhost:7946", "[::1]:7946"]) {
        assert.strictEqual(yield* tagOf(a.exchange(Address.fromStringUnsafe(to), bytes(1))), "Unreachable")
      }
    }))

  it.live("with a peer that serves nothing is Refused", () =>
    Effect.gen(function*() {
      const [a, b] = yield* pair
      assert.strictEqual(yield* tagOf(a.exchange(b.address, bytes(1))), "Refused")
      assert.strictEqual(yield* refused("unserved"), 1)
    }).pipe(withMetrics))

  it.live("is Refused when the handler dies, throws or is interrupted, and the next one is answered", () =>
    Effect.gen(function*() {
      const [a, b] = yield* pair
      yield* b.serve((_from, request) => {
        switch (request[0]) {
          case 1:
            return Effect.die("no")
          case 2:
            return Effect.interrupt
          case 3:
            throw new Error("no")
          default:
            return Effect.succeed(request)
        }
      })
      for (const kind of [1, 2, 3]) assert.strictEqual(yield* tagOf(a.exchange(b.address, bytes(kind))), "Refused")
      assert.deepStrictEqual(yield* a.exchange(b.address, bytes(4)), bytes(4))
      assert.strictEqual(yield* refused("handler"), 3)
    }).pipe(withMetrics))

  it.live("with a peer that accepts and says nothing is TimedOut", () =>
    Effect.gen(function*() {
      const a = yield* open({ streamTimeout: "100 millis" })
      const { address, open: streams } = yield* listen((socket) => socket.resume())
      assert.strictEqual(yield* tagOf(a.exchange(address, bytes(1))), "TimedOut")
      yield* eventually("closed stream", () => streams.size, (size) => size === 0)
    }))

  it.live("with a peer that never reads a large request is TimedOut, and leaves no socket", () =>
    Effect.gen(function*() {
      const a = yield* open({ streamTimeout: "100 millis", maxExchangeSize: 64 * 1024 * 1024 })
      const { address } = yield* listen((socket) => socket.pause())
      const before = sockets()
      assert.strictEqual(yield* tagOf(a.exchange(address, new Uint8Array(64 * 1024 * 1024))), "TimedOut")
      // The stream's other end is this process's as well, and never notices.
      yield* eventually("one socket less", sockets, (now) => now <= before + 1)
    }))

  it.live("with a peer that sends a byte now and then is TimedOut", () =>
    Effect.gen(function*() {
      const a = yield* open({ streamTimeout: "150 millis" })
      const { address } = yield* listen((socket) => {
        socket.write(bytes(0, 0, 1, 0))
        const timer = setInterval(() => socket.write(bytes(0)), 10)
        socket.on("close", () => clearInterval(timer))
      })
      assert.strictEqual(yield* tagOf(a.exchange(address, bytes(1))), "TimedOut")
    }))

  it.live("with a peer that ends within its answer is Refused", () =>
    Effect.gen(function*() {
      const a = yield* open()
      for (const part of [bytes(), bytes(0, 0), bytes(0, 0, 0, 3, 1, 2)]) {
        const { address } = yield* listen((socket) => socket.end(part))
        assert.strictEqual(yield* tagOf(a.exchange(address, bytes(1))), "Refused")
      }
    }))

  it.live("with a peer that sends more than its answer is Refused", () =>
    Effect.gen(function*() {
      const a = yield* open()
      const { address } = yield* listen((socket) => socket.end(bytes(0, 0, 0, 1, 1, 2)))
      assert.strictEqual(yield* tagOf(a.exchange(address, bytes(1))), "Refused")
    }))

  it.live("with a peer that resets the stream is Refused", () =>
    Effect.gen(function*() {
      const a = yield* open()
      const { address } = yield* listen((socket) => socket.once("data", () => socket.resetAndDestroy()))
      assert.strictEqual(yield* tagOf(a.exchange(address, bytes(1))), "Refused")
    }))

  it.live("with a peer that announces 4 GiB is TooLarge at once", () =>
    Effect.gen(function*() {
      const a = yield* open()
      const { address } = yield* listen((socket) => socket.write(bytes(255, 255, 255, 255)))
      const reason = yield* reasonOf(a.exchange(address, bytes(1)))
      assert.deepInclude(reason, { _tag: "TooLarge", what: "answer", size: 0xffff_ffff })
    }))

  it.live("that is interrupted closes its stream and interrupts the handler", () =>
    Effect.gen(function*() {
      const [a, b] = yield* pair
      const started = yield* Deferred.make<void>()
      const interrupted = yield* Deferred.make<void>()
      yield* b.serve(() =>
        Deferred.succeed(started, void 0).pipe(
          Effect.andThen(Effect.never),
          Effect.onInterrupt(() => Deferred.succeed(interrupted, void 0))
        )
      )
      const asking = yield* Effect.forkChild(a.exchange(b.address, bytes(1)))
      yield* Deferred.await(started)
      yield* Fiber.interrupt(asking)
      yield* Deferred.await(interrupted).pipe(Effect.timeout("5 seconds"))
      yield* untilRefused("gone", 1)
    }).pipe(withMetrics))

  it.live("runs handlers concurrently", () =>
    Effect.gen(function*() {
      const [a, b] = yield* pair
      const all = yield* Deferred.make<void>()
      let running = 0
      yield* b.serve((_from, request) =>
        Effect.suspend(() => ++running === 20 ? Deferred.succeed(all, void 0) : Deferred.await(all)).pipe(
          Effect.as(request)
        )
      )
      const answers = yield* Effect.all(Array.from({ length: 20 }, (_, i) => a.exchange(b.address, bytes(i))), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(answers.map((answer) => answer[0]), Array.from({ length: 20 }, (_, i) => i))
    }))

  it.live("opens no more streams at a time than allowed", () =>
    Effect.gen(function*() {
      const [a, b] = [yield* open({ maxOutboundStreams: 3 }), yield* open()]
      let running = 0
      let most = 0
      yield* b.serve((_from, request) =>
        Effect.acquireUseRelease(
          Effect.sync(() => most = Math.max(most, ++running)),
          () => Effect.as(Effect.sleep("5 millis"), request),
          () => Effect.sync(() => running--)
        )
      )
      yield* Effect.all(Array.from({ length: 12 }, (_, i) => a.exchange(b.address, bytes(i))), {
        concurrency: "unbounded"
      })
      assert.strictEqual(most, 3)
    }))

  it.live("with itself works", () =>
    Effect.gen(function*() {
      const a = yield* open()
      yield* a.serve(echo)
      assert.deepStrictEqual(yield* a.exchange(a.address, bytes(1)), bytes(1))
    }))
})

describe("serve", () => {
  it.live("lets one handler serve at a time, and another waits for it", () =>
    Effect.gen(function*() {
      const [a, b] = [yield* open(), yield* open()]
      const scope = yield* Scope.make()
      yield* Scope.provide(b.serve(() => Effect.succeed(bytes(1))), scope)
      const second = yield* Effect.forkScoped(b.serve(() => Effect.succeed(bytes(2))), { startImmediately: true })
      assert.deepStrictEqual(yield* a.exchange(b.address, bytes()), bytes(1))
      assert.isUndefined(second.pollUnsafe())
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(second)
      assert.deepStrictEqual(yield* a.exchange(b.address, bytes()), bytes(2))
    }))

  it.live("refuses again once its scope is closed, and can be called anew", () =>
    Effect.gen(function*() {
      const [a, b] = [yield* open(), yield* open()]
      for (let i = 0; i < 3; i++) {
        yield* Effect.scoped(Effect.gen(function*() {
          yield* b.serve(echo)
          assert.deepStrictEqual(yield* a.exchange(b.address, bytes(i)), bytes(i))
        }))
        assert.strictEqual(yield* tagOf(a.exchange(b.address, bytes(i))), "Refused")
      }
    }))

  it.live("interrupts its handlers when its scope closes, and their peers are Refused", () =>
    Effect.gen(function*() {
      const [a, b] = [yield* open(), yield* open()]
      const started = yield* Deferred.make<void>()
      let interrupted = false
      const scope = yield* Scope.make()
      yield* Scope.provide(
        b.serve(() =>
          Deferred.succeed(started, void 0).pipe(
            Effect.andThen(Effect.never),
            Effect.onInterrupt(() => Effect.sync(() => interrupted = true))
          )
        ),
        scope
      )
      const asking = yield* Effect.forkChild(tagOf(a.exchange(b.address, bytes(1))))
      yield* Deferred.await(started)
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(interrupted)
      assert.strictEqual(yield* Fiber.join(asking), "Refused")
    }))

  it.live("runs handlers with the references of its caller", () =>
    Effect.gen(function*() {
      const [a, b] = [yield* open(), yield* open()]
      yield* b.serve(() =>
        Effect.map(Effect.currentSpan, (span) => new TextEncoder().encode(span.name)).pipe(Effect.orDie)
      ).pipe(Effect.withSpan("serving"))
      assert.strictEqual(new TextDecoder().decode(yield* a.exchange(b.address, bytes())), "serving")
    }))
})

// -----------------------------------------------------------------------------
// what Node has open
// -----------------------------------------------------------------------------

const sockets = () => process.getActiveResourcesInfo().filter((name) => /^(TCP|UDP)/.test(name)).length

/** Closes a UDP socket of this process underneath whoever holds it. */
const closeNatively = (port: number) => {
  // The one way to get hold of it: no interface hands it out.
  const handles = (process as unknown as { _getActiveHandles: () => ReadonlyArray<unknown> })._getActiveHandles()
  const socket = handles.find((handle): handle is Dgram.Socket => {
    try {
      return handle instanceof Dgram.Socket && handle.address().port === port
    } catch {
      // It is closed.
      return false
    }
  })
  assert.isDefined(socket)
  socket!.close()
}
