/**
 * Anti-entropy (Demers et al. 1987, §1.3): every so often a node tells a peer in a datagram what it holds, in short. Who
 * holds something else opens a session; equal replicas say nothing more.
 *
 * A node that holds nothing opens the session itself, since it knows without comparing that it lacks everything.
 */
import type { Address } from "../../../Address.ts"
import type { Message } from "../../../wire/Message.ts"
import { summarySize } from "../../../wire/ReplicationMessage.ts"
import { toText } from "../crdt/bytes.ts"
import { Reader, Writer } from "./bytes.ts"
import type { Core } from "./core.ts"
import { type Outcome, Session } from "./session.ts"
import type { Space } from "./space.ts"

/** Most sessions that a node has open at a time; one for each space. */
const maxSessions = 8

/** Pairs of replicas that are not compared again for a while. */
const maxFutile = 256

interface Running {
  readonly session: Session
  /** What the peer held, when it is known. */
  readonly summary: string | undefined
}

export class AntiEntropy {
  readonly #core: Core
  readonly #spaces: ReadonlyMap<string, Space>
  readonly #running = new Map<number, Running>()
  readonly #futile = new Map<string, number>()
  #rotation = 0

  constructor(core: Core, spaces: ReadonlyMap<string, Space>) {
    this.#core = core
    this.#spaces = spaces
  }

  get sessions(): number {
    return this.#running.size
  }

  // ---------------------------------------------------------------------------
  // summaries
  // ---------------------------------------------------------------------------

  /** It is time to compare with a peer. */
  due(): void {
    const peer = this.#spaces.size === 0 ? undefined : this.#core.selector.next(1)[0]
    if (peer !== undefined) this.tell(peer.address)
  }

  /** Tells a peer what is held here; the next time the others, where they do not fit a datagram. */
  tell(to: Address): void {
    if (this.#spaces.size === 0) return
    const most = Math.max(1, Math.floor((this.#core.birth.maxDatagramSize - 32) / summarySize))
    const all = [...this.#spaces.values()]
    const told: Array<Uint8Array> = []
    for (let i = 0; i < Math.min(most, all.length); i++) {
      told.push(summaryOf(all[(this.#rotation + i) % all.length]!))
    }
    this.#rotation = (this.#rotation + told.length) % all.length
    this.#send(to, told)
  }

  #send(to: Address, summaries: ReadonlyArray<Uint8Array>): void {
    const writer = new Writer(summaries.length * summarySize)
    for (const summary of summaries) writer.raw(summary)
    this.#core.send(to, { _tag: "ReplicaSummary", spaces: writer.done() })
  }

  /** A peer tells what it holds. */
  heard(packed: Uint8Array, from: Address): void {
    // strangers are not talked to
    const peer = this.#core.options.members.at(from)
    if (peer === undefined) return
    const byHash = new Map([...this.#spaces.values()].map((space) => [space.nameHash, space]))
    const empty: Array<Uint8Array> = []
    for (let at = 0; at + summarySize <= packed.length; at += summarySize) {
      const theirs = packed.subarray(at, at + summarySize)
      const space = byHash.get(new Reader(theirs).uint32())
      if (space === undefined) continue
      const own = summaryOf(space)
      if (own.every((byte, index) => byte === theirs[index])) {
        space.agreed(peer.id)
        continue
      }
      const isTheirsEmpty = theirs.subarray(4, 8).every((byte) => byte === 0)
      if (isTheirsEmpty && space.entries.index.size > 0) empty.push(own)
      else this.open(space, from, toText(theirs))
      // each once, however often it is named
      byHash.delete(space.nameHash)
    }
    if (empty.length > 0) this.#send(from, empty)
  }

  // ---------------------------------------------------------------------------
  // sessions
  // ---------------------------------------------------------------------------

  /** Opens a session, unless there is one about the space, or too many. */
  open(space: Space, address: Address, summary?: string): void {
    if (this.#running.size >= maxSessions) return
    for (const { session } of this.#running.values()) if (session.space === space) return
    if (summary !== undefined && this.#isFutile(space, summary)) return
    const session = new Session(this.#core, space, address)
    this.#exchange({ session, summary }, session.open())
  }

  #exchange(running: Running, message: Message): void {
    const exchange = this.#core.nextExchange()
    this.#running.set(exchange, running)
    this.#core.out({ _tag: "Exchange", exchange, to: running.session.address, message })
  }

  /** An answer has come, or none. False when it is of nothing asked here. */
  answered(exchange: number, answer: Message | undefined): boolean {
    const running = this.#running.get(exchange)
    if (running === undefined) return false
    this.#running.delete(exchange)
    if (this.#spaces.get(running.session.space.name) !== running.session.space) return true
    const next = running.session.receive(answer)
    if (next._tag === "Ended") this.#ended(running, next)
    else if (next._tag !== "Broken") this.#exchange(running, next)
    return true
  }

  #ended({ session: { space }, summary }: Running, { refusedFor }: Extract<Outcome, { readonly _tag: "Ended" }>): void {
    if (refusedFor === 0 || summary === undefined) return
    if (this.#futile.size >= maxFutile) this.#futile.delete(this.#futile.keys().next().value!)
    this.#futile.set(this.#pair(space, summary), this.#core.now + refusedFor)
  }

  /** Whether something was refused the last time that both held this. */
  #isFutile(space: Space, summary: string): boolean {
    if (this.#futile.size === 0) return false
    const pair = this.#pair(space, summary)
    const until = this.#futile.get(pair)
    if (until === undefined) return false
    if (this.#core.now < until) return true
    this.#futile.delete(pair)
    return false
  }

  #pair(space: Space, summary: string): string {
    return toText(summaryOf(space)) + summary
  }
}

const summaryOf = (space: Space): Uint8Array => {
  space.entries.refresh()
  const { checked, count, high, low } = space.entries.index.summary
  return new Writer(summarySize)
    .uint32(space.nameHash)
    .uint32(count)
    .uint32(high)
    .uint32(low)
    .uint32(checked)
    .uint32(space.stamp)
    .done()
}
