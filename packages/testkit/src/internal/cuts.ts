/** The partitions and crashes in force on a simulated network. */
import type { Address } from "@effect-gossip/core/Address"

export interface Cut {
  readonly from: ReadonlySet<Address>
  /** Everyone who is not in `from`, when undefined. */
  readonly to: ReadonlySet<Address> | undefined
  readonly isTwoWay: boolean
}

const severs = (cut: Cut, from: Address, to: Address): boolean =>
  cut.from.has(from) && (cut.to === undefined ? !cut.from.has(to) : cut.to.has(to))

export class Cuts {
  private readonly partitions = new Set<Cut>()
  private readonly crashed = new Set<Address>()

  /** Why nothing gets from one address to another now. */
  between(from: Address, to: Address): "Partition" | "Crash" | undefined {
    if (this.crashed.size > 0 && (this.crashed.has(from) || this.crashed.has(to))) return "Crash"
    if (this.partitions.size === 0) return undefined
    for (const cut of this.partitions) {
      if (severs(cut, from, to) || (cut.isTwoWay && severs(cut, to, from))) return "Partition"
    }
    return undefined
  }

  add(cut: Cut): void {
    this.partitions.add(cut)
  }

  remove(cut: Cut): void {
    this.partitions.delete(cut)
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
