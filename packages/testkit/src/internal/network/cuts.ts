/** The partitions and crashes in force on a simulated network. */
import type { Address } from "@effect-gossip/core/Address"
import * as Pairs from "./pairs.ts"

export class Cuts {
  private readonly partitions = new Set<Pairs.Pairs>()
  private readonly crashed = new Set<Address>()

  /** Why nothing gets from one address to another now. */
  between(from: Address, to: Address): "Partition" | "Crash" | undefined {
    if (this.crashed.size > 0 && (this.crashed.has(from) || this.crashed.has(to))) return "Crash"
    if (this.partitions.size === 0) return undefined
    for (const partition of this.partitions) {
      if (Pairs.include(partition, from, to)) return "Partition"
    }
    return undefined
  }

  add(partition: Pairs.Pairs): void {
    this.partitions.add(partition)
  }

  remove(partition: Pairs.Pairs): void {
    this.partitions.delete(partition)
  }

  crash(address: Address): void {
    this.crashed.add(address)
  }

  restore(address: Address): void {
    this.crashed.delete(address)
  }

  clear(): void {
    this.partitions.clear()
    this.crashed.clear()
  }
}
