import * as Address from "@effect-gossip/core/Address"
import * as MemoryTransport from "@effect-gossip/core/MemoryTransport"
import * as Layer from "effect/Layer"
import * as SimulatedNetwork from "../src/SimulatedNetwork.ts"
import * as TransportSuite from "../src/TransportSuite.ts"

const unreachable = Address.fromStringUnsafe("10.0.0.255:7946")

const withAddress = (options: TransportSuite.OpenOptions): MemoryTransport.Options => ({
  ...options,
  address: options.address ?? Address.make({ host: `10.0.0.${options.index + 1}`, port: 7946 })
})

for (const time of ["TestClock", "VirtualTime"] as const) {
  TransportSuite.suite(`MemoryTransport under ${time}`, {
    layer: (options) => MemoryTransport.layer(withAddress(options)),
    shared: MemoryTransport.layerNetwork,
    unreachable,
    time
  })

  TransportSuite.suite(`SimulatedNetwork under ${time}`, {
    layer: (options) => SimulatedNetwork.layerTransport(withAddress(options)),
    shared: Layer.orDie(SimulatedNetwork.layer()),
    unreachable,
    time
  })
}
