/** A space that is open: takes its commands, spreads and stores what is written, and forgets what may be forgotten. */
import * as Schema from "effect/Schema"
import { SpaceName } from "../../../wire/ReplicationMessage.ts"
import { maxEntrySize } from "../../Reconciliation.ts"
import type { ReplicaCommand, ReplicaResult, Write } from "../../ReplicaMachine.ts"
import type { Core } from "./core.ts"
import { packMeta, unpackMeta } from "./encoding.ts"
import { idOf } from "./entries.ts"
import { envelopeSize } from "./session.ts"
import { Space } from "./space.ts"
import { Stability } from "./stability.ts"
import { isAfter, isZero, timeOf } from "./time.ts"
import type { VersionVector } from "./vector.ts"

export type OpenCommand = Extract<ReplicaCommand, { readonly _tag: "Open" }>
type Mutate = Extract<ReplicaCommand, { readonly _tag: "Update" }>["mutate"]

/** What a space held in another life, or in the machine before, and what was known then. */
interface Former {
  readonly records: Iterator<readonly [key: Uint8Array, record: Uint8Array | undefined], unknown>
  readonly versions: VersionVector | undefined
}

const nothing: Former = { records: [].values(), versions: undefined }

const isSpaceName = Schema.is(SpaceName)

/** Bytes of a packed entry besides its key and value, at most. */
const entryOverhead = 256

/** Entries that are taken back in one step: some milliseconds' worth. */
const restoredAtOnce = 1024

export class OpenSpace {
  readonly space: Space
  readonly stability: Stability
  recovered = 0
  damaged = 0
  readonly #core: Core
  /** What is still to be taken back. */
  #former: Former
  #serial = 0
  /** Writes wait for each other. */
  #isSpreading = false
  #storedHash = 0
  #certificates = 0
  #sweptAt = -Infinity

  private constructor(core: Core, space: Space, former: Former) {
    this.#core = core
    this.#former = former
    this.space = space
    this.stability = new Stability(core, space)
  }

  // ---------------------------------------------------------------------------
  // opening and closing
  // ---------------------------------------------------------------------------

  /**
   * Begins to open it: {@link OpenSpace.restore} is to be called until nothing is left.
   *
   * @param least the lowest incarnation under which it may write
   */
  static open(
    core: Core,
    command: OpenCommand,
    least: number,
    inherited: Space | undefined
  ): OpenSpace | ReplicaResult {
    const { isDurable, kind, limits, recovered, space: name } = command
    if (!isSpaceName(name)) return refused(`${JSON.stringify(name)} is not the name of a space`)
    const most = maxEntrySize(Math.min(core.config.maxChunk, core.birth.maxExchangeSize) - envelopeSize) - entryOverhead
    if (limits.maxKeySize + limits.maxValueSize > most) {
      return refused(`a key and a value of ${limits.maxKeySize} and ${limits.maxValueSize} bytes do not fit ${most}`)
    }
    const meta = recovered?.meta === undefined ? undefined : unpackMeta(recovered.meta)
    if (recovered?.meta !== undefined && meta === undefined) return refused(`the store's meta of ${name} is damaged`)
    if (meta !== undefined && meta.isMap !== (kind._tag === "lww")) return refused(`${name} is stored as another kind`)
    let incarnation = Math.max(least, Math.floor(core.birth.wallClock))
    if (meta?.life.node === core.birth.id) incarnation = Math.max(incarnation, meta.life.incarnation + 1)
    const space = new Space(core, name, kind, limits, isDurable, incarnation)
    if (recovered !== undefined) {
      if (meta !== undefined) {
        core.follow(meta.clock)
        space.purged = timeOf(meta.purged)
      }
      const versions = recovered.isWhole ? meta?.versions : undefined
      return new OpenSpace(core, space, { records: recovered.entries[Symbol.iterator](), versions })
    }
    if (inherited === undefined || inherited.kind._tag !== kind._tag || isDurable) {
      return new OpenSpace(core, space, nothing)
    }
    space.purged = timeOf(inherited.purged)
    return new OpenSpace(core, space, { records: recordsOf(inherited), versions: inherited.versions.told })
  }

  /** Takes some of the entries back that there were; says whether that was all. */
  restore(): boolean {
    const { records, versions } = this.#former
    for (let left = restoredAtOnce; left > 0; left--) {
      const { done, value } = records.next()
      if (done === true) {
        // what is not all there claims nothing
        if (versions !== undefined && this.damaged === 0) this.space.versions.restore(versions)
        this.space.takeChanges()
        this.#storedHash = this.space.versions.known.hash
        // which may hold all that there was
        this.#former = nothing
        return true
      }
      const [key, record] = value
      if (record !== undefined && this.space.restore(key, record)) this.recovered++
      else this.damaged++
    }
    return false
  }

  close(): void {
    this.space.spread()
    for (const { completion } of this.space.persistence?.takeWaiters() ?? []) {
      this.#core.completed(completion, { _tag: "NotOpen" })
    }
  }

  // ---------------------------------------------------------------------------
  // writing
  // ---------------------------------------------------------------------------

  write(writes: ReadonlyArray<Write>, completion: number): void {
    const { space } = this
    if (!space.entries.isMap) return this.#core.completed(completion, wrongKind)
    const problem = this.#check(writes)
    if (problem !== undefined) return this.#core.completed(completion, problem)
    let version
    for (const { key, value } of writes) {
      const time = space.write(key, value)
      space.announce({ time, key, value })
      version = space.versionOf(time)
    }
    this.#written(completion, { _tag: "Written", version })
  }

  #check(writes: ReadonlyArray<Write>): ReplicaResult | undefined {
    const { entries, limits } = this.space
    let keys = entries.count
    let { bytes } = entries
    let isGrown = false
    const seen = new Map<string, number>()
    for (const { key, value } of writes) {
      const size = value?.length ?? 0
      if (key.length > limits.maxKeySize) return tooLarge("key", key.length, limits.maxKeySize)
      if (size > limits.maxValueSize) return tooLarge("value", size, limits.maxValueSize)
      const id = idOf(key)
      const former = seen.get(id) ?? entries.get(id)?.size
      if (former === undefined) keys++
      const grown = key.length + size - (former ?? 0)
      bytes += grown
      isGrown ||= grown > 0
      seen.set(id, key.length + size)
    }
    if (keys > entries.count && keys > limits.maxKeys) return { _tag: "Full", what: "keys", limit: limits.maxKeys }
    return isGrown && bytes > limits.maxBytes ? { _tag: "Full", what: "bytes", limit: limits.maxBytes } : undefined
  }

  update(key: Uint8Array, mutate: Mutate, completion: number): void {
    const result = this.#update(key, mutate)
    if (result._tag === "Written") this.#written(completion, result)
    else this.#core.completed(completion, result)
  }

  #update(key: Uint8Array, mutate: Mutate): ReplicaResult {
    const { entries, kind, life, limits } = this.space
    if (kind._tag === "lww") return wrongKind
    if (key.length > limits.maxKeySize) return tooLarge("key", key.length, limits.maxKeySize)
    const id = idOf(key)
    const held = entries.get(id)
    let delta: unknown
    let encoded: Uint8Array | undefined
    try {
      delta = mutate(held?.state, { node: life.node, incarnation: life.incarnation })
      if (delta === undefined) return { _tag: "Written", version: undefined }
      encoded = kind.states.encode(delta)
    } catch (cause) {
      return { _tag: "Failed", cause }
    }
    const size = encoded?.length ?? Infinity
    if (encoded === undefined || size > limits.maxValueSize) return tooLarge("value", size, limits.maxValueSize)
    // it is about to be too large, as far as its size is known: a closer look
    if (held !== undefined && held.size + size > key.length + limits.maxValueSize) {
      const merged = kind.states.encode(kind.states.merge(held.state, delta))?.length ?? Infinity
      if (merged > limits.maxValueSize) return tooLarge("value", merged, limits.maxValueSize)
      entries.encoded(held)
    }
    const what = entries.overflow(held, key.length, (held === undefined ? 0 : held.size - key.length) + size)
    if (what !== undefined) return { _tag: "Full", what, limit: what === "keys" ? limits.maxKeys : limits.maxBytes }
    // also what is held already: it may not be stored, and nobody may have a version of it
    this.space.merge(id, key, delta, size, true)
    const time = this.#core.tick()
    this.space.wrote(time)
    this.space.announce({ time, key: key.slice(), value: encoded })
    return { _tag: "Written", version: this.space.versionOf(time) }
  }

  #written(completion: number, result: ReplicaResult): void {
    if (!this.#isSpreading) this.#spread()
    if (this.space.persistence === undefined) this.#core.completed(completion, result)
    else this.space.persistence.wait(completion, result)
  }

  /** Those that have waited for each other leave. */
  spreadDue(serial: number): void {
    if (serial !== this.#serial) return
    this.#isSpreading = false
    if (!this.space.rumors.isEmpty) this.#spread()
  }

  /** Spreads what there is; what is written from now on waits for each other. */
  #spread(): void {
    this.space.spread()
    this.#isSpreading = true
    this.#core.wake(this.#core.now + this.#core.config.batchInterval, {
      _tag: "Spread",
      space: this.space.name,
      serial: ++this.#serial
    })
  }

  // ---------------------------------------------------------------------------
  // storing
  // ---------------------------------------------------------------------------

  committed(sequence: number): void {
    const stored = this.space.persistence?.committed(sequence)
    if (stored === undefined) return
    this.space.versions.told = stored.versions
    for (const { completion, result } of stored.waiters) this.#core.completed(completion, result)
  }

  commitFailed(sequence: number): void {
    for (const { completion } of this.space.persistence?.failed(sequence) ?? []) {
      this.#core.completed(completion, { _tag: "NotStored" })
    }
  }

  /** At the end of a step: tells what has changed, and has it stored. */
  flush(): void {
    const { name, persistence } = this.space
    const changes = this.space.takeChanges()
    if (changes.length > 0) this.#core.happened({ _tag: "Changed", space: name, changes })
    const { size } = this.space.entries.certificates
    if (size > this.#certificates) this.stability.hasten()
    this.#certificates = size
    if (persistence === undefined) return
    const { entries, life, purged, versions } = this.space
    if (versions.known.hash !== this.#storedHash) persistence.noteMeta()
    if (!persistence.isDue) return
    this.#storedHash = versions.known.hash
    const meta = packMeta({ isMap: entries.isMap, purged, clock: this.#core.clock, life, versions: versions.known })
    this.#core.happened(persistence.next(name, entries, meta, versions.known.clone()))
  }

  // ---------------------------------------------------------------------------
  // forgetting
  // ---------------------------------------------------------------------------

  /** Forgets what is older than the retention: now and then, since it takes a look at all certificates. */
  sweep(): void {
    const { config, now } = this.#core
    if (now - this.#sweptAt < config.retention / 64) return
    this.#sweptAt = now
    const { oldest } = this.space
    if (isZero(oldest)) return
    this.space.versions.known.fold(oldest)
    this.space.purge((certificate) => isAfter(oldest, certificate))
  }
}

function* recordsOf({ entries }: Space): Generator<readonly [Uint8Array, Uint8Array | undefined]> {
  for (const held of entries.all()) yield [held.key, entries.record(held)]
}

const refused = (problem: string): ReplicaResult => ({ _tag: "Refused", problem })

const wrongKind: ReplicaResult = refused("the space is of another kind")

const tooLarge = (what: "key" | "value", size: number, limit: number): ReplicaResult => ({
  _tag: "TooLarge",
  what,
  size,
  limit
})
