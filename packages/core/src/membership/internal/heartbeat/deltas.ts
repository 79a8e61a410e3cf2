/**
 * Which deltas a message carries when there are more than it has room for: those of nodes that the receiver does not know
 * first, as in chitchat; and of each node in turn one value more (ScuttleButt's breadth: van Renesse et al. 2008 §3.2), so
 * that none starves behind one that says much.
 */
import { type Delta, type KeyValue, utf8Size } from "../../../wire/HeartbeatMessage.ts"
import type { Peer } from "./state.ts"

/** Someone of whom the receiver knows less. */
export interface Wanted {
  readonly peer: Peer
  /** Whether it lacks the claim itself, and not values alone. */
  readonly claim: boolean
  /** The version up to which it has the values. */
  readonly since: number
}

/** Bytes of a delta besides its texts and bytes: tags, numbers and lengths, rounded up. */
const deltaOverhead = 64

/** The same of a key-value. */
const keyValueOverhead = 16

interface Draft {
  readonly delta: Delta
  readonly waiting: ReadonlyArray<KeyValue>
  taken: number
}

const headOf = ({ address, id, metadata }: Delta): number =>
  deltaOverhead + utf8Size(id) + address.length + (metadata?.length ?? 0)

const sizeOfValue = ({ key, value }: KeyValue): number => keyValueOverhead + utf8Size(key) + utf8Size(value)

/** Bytes that deltas take at most. */
export const sizeOf = (deltas: ReadonlyArray<Delta>): number =>
  deltas.reduce(
    (sum, delta) => (delta.keyValues ?? []).reduce((sum, each) => sum + sizeOfValue(each), sum + headOf(delta)),
    0
  )

/** Bytes of the first delta that {@link cut} would give, with this turn. */
export const firstSize = (wanted: ReadonlyArray<Wanted>, turn: number, now: number): number => {
  for (const each of ordered(wanted, turn)) {
    const draft = draftOf(each, now)
    if (draft !== undefined) return draft.size
  }
  return 0
}

/** The least that is of use of one: the claim, or without it a value. */
const draftOf = (each: Wanted, now: number): Draft & { readonly size: number } | undefined => {
  const delta = deltaOf(each, now)
  const waiting = delta.left === true ? [] : each.peer.keyValues.after(each.since)
  if (each.claim) return { delta, waiting, taken: 0, size: headOf(delta) }
  const first = waiting[0]
  return first === undefined ? undefined : { delta, waiting, taken: 1, size: headOf(delta) + sizeOfValue(first) }
}

/**
 * As many deltas as fit, and whether that is all.
 *
 * @param turn where to begin among those of equal standing: drawn anew each time, so that everyone comes first some time
 */
export const cut = (
  wanted: ReadonlyArray<Wanted>,
  room: number,
  turn: number,
  now: number
): { readonly deltas: ReadonlyArray<Delta>; readonly more: boolean } => {
  let left = room
  let more = false
  const drafts: Array<Draft> = []
  for (const each of ordered(wanted, turn)) {
    const draft = draftOf(each, now)
    if (draft === undefined) continue
    if (draft.size > left) {
      more = true
      continue
    }
    left -= draft.size
    drafts.push(draft)
  }
  for (let open = drafts; open.length > 0;) {
    open = open.filter((draft) => {
      const next = draft.waiting[draft.taken]
      if (next === undefined) return false
      const size = sizeOfValue(next)
      if (size > left) {
        more = true
        return false
      }
      left -= size
      draft.taken++
      return true
    })
  }
  return { deltas: drafts.map(finish), more }
}

const ordered = (wanted: ReadonlyArray<Wanted>, turn: number): Array<Wanted> => {
  const from = Math.floor(turn * wanted.length)
  const turned = [...wanted.slice(from), ...wanted.slice(0, from)]
  return [...turned.filter(({ claim }) => claim), ...turned.filter(({ claim }) => !claim)]
}

const deltaOf = ({ claim, peer, since }: Wanted, now: number): Delta => {
  const { entry, heardAt, heartbeat, keyValues } = peer
  const { address, id, incarnation, profile, status } = entry.state
  const isLeft = status === "Left"
  const age = Math.floor((now - (isLeft ? entry.changedAt : heardAt)) / 1000)
  return {
    id,
    address,
    incarnation,
    heartbeat,
    ...(keyValues.generation === incarnation ? undefined : { generation: keyValues.generation }),
    ...(claim && !isLeft && profile !== undefined
      ? {
        protocolVersion: profile.protocolVersion,
        ...(profile.metadata.length === 0 ? undefined : { metadata: profile.metadata })
      }
      : undefined),
    ...(isLeft ? { left: true } : undefined),
    ...(age > 0 ? { age } : undefined),
    ...(since > 0 ? { since } : undefined),
    ...(since > 0 ? { version: since } : undefined)
  }
}

const finish = ({ delta, taken, waiting }: Draft): Delta =>
  taken === 0 ? delta : { ...delta, keyValues: waiting.slice(0, taken), version: waiting[taken - 1]!.version }
