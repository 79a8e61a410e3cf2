/**
 * What a node knows of one other node, or of itself, besides what the member table holds.
 */
import { fnv1a, mix } from "../../../internal/hash.ts"
import { type Delta, type KeyValue, maxKeyValues } from "../../../wire/HeartbeatMessage.ts"
import type { MemberState } from "../../Claim.ts"
import type { Entry } from "../table.ts"
import type { ArrivalWindow } from "./phi.ts"

/** A value under a key of some node. */
export interface Change {
  readonly id: string
  readonly key: string
  /** Undefined when the node says nothing under the key any more. */
  readonly value: string | undefined
}

/** What is held under a key. */
export interface Held {
  readonly value: string
  readonly version: number
  readonly removed?: true
}

/** Versioned key-values of one node, as far as they are known: all up to `version`, of one generation of the node. */
export class KeyValueState {
  /** The incarnation since which versions count. */
  generation = 0
  version = 0
  /** A key that was removed stays, without a value: whoever has missed it shall not go on saying what it was. */
  readonly values = new Map<string, Held>()

  /** What is said at present. */
  get said(): Map<string, string> {
    const said = new Map<string, string>()
    for (const [key, { removed, value }] of this.values) if (removed !== true) said.set(key, value)
    return said
  }

  /** Those above a version, the oldest first: what ScuttleButt sends, so that a part of them can be taken in by itself. */
  after(version: number): Array<KeyValue> {
    const values: Array<KeyValue> = []
    for (const [key, held] of this.values) if (held.version > version) values.push({ key, ...held })
    return values.sort((a, b) => a.version - b.version)
  }

  /**
   * Takes in what a delta tells; returns what it changed, or undefined for what cannot be so. Older, repeated and partial
   * deltas change nothing that is known better.
   */
  merge(
    { generation: given, incarnation, keyValues = [], since = 0, version = 0 }: Delta
  ): Array<KeyValue> | undefined {
    const generation = given ?? incarnation
    let last = since
    for (const each of keyValues) {
      if (each.version <= last) return undefined
      last = each.version
    }
    if (last > version || generation > incarnation) return undefined
    if (generation < this.generation) return []
    const isNew = generation > this.generation
    // what lies between is not known
    if (since > (isNew ? 0 : this.version)) return []
    const before = isNew ? this.said : undefined
    if (isNew) {
      this.values.clear()
      this.generation = generation
      this.version = 0
    }
    const changed = keyValues.filter((each) => each.version > this.version)
    for (const { key, removed, value, version } of changed) {
      this.values.set(key, removed === true ? { value: "", version, removed } : { value, version })
    }
    this.version = Math.max(this.version, version)
    this.#bound()
    if (before === undefined) return changed
    // what was said before and is no more is told of as well; what is still the same is no change
    const { said } = this
    const gone = [...before.keys()].filter((key) => !said.has(key) && !changed.some((each) => each.key === key))
    return [
      ...gone.map((key): KeyValue => ({ key, value: "", version: 0, removed: true })),
      ...changed.filter(({ key, removed, value }) => removed === true || before.get(key) !== value)
    ]
  }

  // a node has no more than so many: whoever says more forgets the oldest
  #bound(): void {
    if (this.values.size <= maxKeyValues) return
    const oldest = this.after(0).slice(0, this.values.size - maxKeyValues)
    for (const { key } of oldest) this.values.delete(key)
  }
}

/**
 * What services hold of a node's protocol. It outlives the machine: what the application has set is still said after a
 * defect.
 */
export class Handle {
  /** What this node says. */
  readonly own = new KeyValueState()
  readonly listeners = new Set<(change: Change) => void>()
  #needsGeneration = false

  /** Whether a generation is to be begun, since another key took the place of one whose removal not all may have heard of. */
  get needsGeneration(): boolean {
    return this.#needsGeneration
  }

  /** Begins a generation: all is said anew, and what was removed is no longer spoken of. */
  begin(generation: number): void {
    const { own } = this
    this.#needsGeneration = false
    own.generation = generation
    own.version = 0
    for (const [key, { removed, value }] of [...own.values]) {
      if (removed === true) own.values.delete(key)
      else own.values.set(key, { value, version: ++own.version })
    }
  }

  /** Sets a value of this node, to be told in its next digest. Returns false when it has no room for another key. */
  set(id: string, key: string, value: string): boolean {
    const { own } = this
    const held = own.values.get(key)
    if (held?.value === value && held.removed !== true) return true
    if (held === undefined && own.values.size >= maxKeyValues && !this.#makeRoom()) return false
    own.values.set(key, { value, version: ++own.version })
    this.tell({ id, key, value })
    return true
  }

  /** Says nothing under a key any more. */
  remove(id: string, key: string): void {
    const { own } = this
    const held = own.values.get(key)
    if (held === undefined || held.removed === true) return
    own.values.set(key, { value: "", version: ++own.version, removed: true })
    this.tell({ id, key, value: undefined })
  }

  #makeRoom(): boolean {
    for (const [key, { removed }] of this.own.values) {
      if (removed !== true) continue
      this.own.values.delete(key)
      return this.#needsGeneration = true
    }
    return false
  }

  tell(change: Change): void {
    for (const listener of this.listeners) listener(change)
  }
}

/** Another node, or this one. */
export class Peer {
  readonly entry: Entry
  readonly fingerprint: number
  readonly keyValues: KeyValueState
  readonly window: ArrivalWindow
  #heartbeat = 0
  /** The incarnation that the heartbeat counts in. */
  #of = 0
  /** When its heartbeat was last heard to go on, on the step clock. */
  heardAt: number
  /** When it was last told that it is dead to this node. */
  contactedAt = -Infinity

  constructor(entry: Entry, keyValues: KeyValueState, window: ArrivalWindow, now: number) {
    this.entry = entry
    this.fingerprint = fingerprintOf(entry)
    this.keyValues = keyValues
    this.window = window
    this.heardAt = now
  }

  get heartbeat(): number {
    return this.#of === this.entry.state.incarnation ? this.#heartbeat : 0
  }

  set heartbeat(heartbeat: number) {
    this.#heartbeat = heartbeat
    this.#of = this.entry.state.incarnation
  }
}

/** The name of an identity in digests: 48 bits of two hashes. */
export const fingerprintOf = (
  { state: { address, id } }: { readonly state: Pick<MemberState, "address" | "id"> }
): number => fnv1a(`${id} ${address}`) * 0x1_0000 + (mix(fnv1a(`${address} ${id}`), 0) & 0xffff)
