/**
 * How what is known is said in words.
 */
import type { Status } from "@effect-gossip/core/membership/Member"
import type { Process, Processes } from "./cluster.ts"

/** Seconds with one digit after the point. */
export const seconds = (millis: number): string => (millis / 1000).toFixed(1)

/** What a process can believe of a member; it may not have heard of it at all. */
export type Seen = Status | "Unknown"

export const statuses: ReadonlyArray<Seen> = ["Alive", "Suspect", "Dead", "Left", "Unknown"]

/** One letter a status, so that it can be told without its colour. */
export const letters: Record<Seen, string> = { Alive: "A", Suspect: "S", Dead: "D", Left: "L", Unknown: "·" }

export const seenBy = (process: Process, name: string): Seen => process.view.get(name)?.status ?? "Unknown"

/** Names of members, by what a process believes of them. */
export const groupBySeen = (process: Process, names: Iterable<string>): Map<Seen, Array<string>> => {
  const groups = new Map<Seen, Array<string>>(statuses.map((status) => [status, []]))
  for (const name of names) groups.get(seenBy(process, name))!.push(name)
  return groups
}

/** Whether a process can be asked what it sees. */
export const isWatching = ({ condition }: Process): boolean => condition === "running" || condition === "leaving"

/** What each process sees, a line each: in full, for when something went wrong. */
export const whatEachSees = (processes: Processes): string =>
  [...processes.values()].map((process) => {
    const groups = [...groupBySeen(process, processes.keys())].filter(([, names]) => names.length > 0).map((
      [status, names]
    ) => `${status.toLowerCase()} ${status === "Alive" ? names.length : `${names.length} (${names.join(" ")})`}`)
    const sees = process.view.size === 0 ? "has seen nobody" : `sees ${groups.join(", ")}`
    return `${process.name} (pid ${process.pid}, ${process.condition}) ${sees}`
  }).join("\n")
