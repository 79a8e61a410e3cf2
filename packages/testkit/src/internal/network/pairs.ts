/** Between whom something holds: a partition, the setting of a link. */
import type { Address } from "@effect-gossip/core/Address"

/** From each of the first to each of the second; `others` are all that are not among the first. */
export interface Pairs {
  readonly from: ReadonlySet<Address> | "all"
  readonly to: ReadonlySet<Address> | "all" | "others"
  readonly isTwoWay: boolean
}

const leads = (pairs: Pairs, from: Address, to: Address): boolean => {
  if (pairs.from !== "all" && !pairs.from.has(from)) return false
  if (pairs.to === "all") return true
  return pairs.to === "others" ? pairs.from !== "all" && !pairs.from.has(to) : pairs.to.has(to)
}

/** Whether it holds for what goes from one address to another. */
export const include = (pairs: Pairs, from: Address, to: Address): boolean =>
  leads(pairs, from, to) || (pairs.isTwoWay && leads(pairs, to, from))

/** Whether it holds for all there are. */
export const isUniversal = (pairs: Pairs): boolean => pairs.from === "all" && pairs.to === "all"

/** As it is written in the trace. */
export const format = ({ from, to }: Pairs): string => `${list(from)} | ${list(to)}`

const list = (group: Pairs["from"] | Pairs["to"]): string =>
  group === "others" ? "*" : group === "all" ? group : Array.from(group).join(" ")
