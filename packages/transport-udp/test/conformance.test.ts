import * as Address from "@effect-gossip/core/Address"
import * as TransportSuite from "@effect-gossip/testkit/TransportSuite"
import { UdpTransport } from "@effect-gossip/transport-udp"
import { describe, it } from "@effect/vitest"
import { hasLoopback6 } from "./utils.ts"

const suite = (name: string, host: string) =>
  TransportSuite.suite(name, {
    layer: ({ address, index: _, ...options }) => {
      const port = address === undefined ? 0 : Address.parts(address).port
      return UdpTransport.layer({ ...options, host, port })
    },
    // A reserved port that no service is known to use on loopback.
    unreachable: Address.make({ host, port: 1 }),
    time: "live"
  })

suite("UdpTransport on IPv4", "127.0.0.1")
if (hasLoopback6) suite("UdpTransport on IPv6", "::1")
else describe("UdpTransport on IPv6", () => it.skip("passes the suite (skipped: this machine has no ::1)"))
