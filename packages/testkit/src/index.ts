export * as Latency from "./Latency.ts"
export * as SimulatedNetwork from "./SimulatedNetwork.ts"
export * as Simulation from "./Simulation.ts"
export * as VirtualTime from "./VirtualTime.ts"
