/**
 * Anti-entropy (Demers et al. 1987, §1.3): every so often a node tells a peer in a datagram what it holds, in short. Who
 * holds something else opens a session; equal replicas say nothing more.
 *
 * A node that holds nothing opens the session itself, since it knows without comparing that it lacks everything.
 */
import type { Address } from "../../../Address.ts"
import { maxNodeIdSize } from "../../../wire/internal/fields.ts"
import type { Message } from "../../../wire/Message.ts"
import { summarySize } from "../../../wire/ReplicationMessage.ts"
import type { Member } from "../../ReplicaMachine.ts"
import { Reader, Writer } from "./bytes.ts"
import type { Core } from "./core.ts"
import { type Outcome, Session } from "./session.ts"
import type { Space } from "./space.ts"

/** Most sessions that a node has open at a time; one for each space. */
const maxSessions = 8

/** Peers that are not compared with for a while, of all spaces. */
const maxResting = 1024

/**
 * For how long, in intervals, a peer is not compared with after one of both has refused what the other holds: twice as long
 * each time, until nothing is refused any more.
 */
const leastRest = 10
const mostRest = 60

/** Milliseconds for each entry that travelled in such a session, in which nobody is compared with: about a tenth of the time. */
const restOfEntry = 0.1

interface Rest {
  readonly until: number
  readonly length: number
}

export class AntiEntropy {
  readonly #core: Core
  readonly #spaces: ReadonlyMap<string, Space>
  readonly #running = new Map<number, Session>()
  /** By space and peer. */
  readonly #resting = new Map<string, Rest>()
  /** By space. */
  readonly #tired = new Map<string, number>()
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
    const most = Math.max(1, Math.floor((this.#core.birth.maxDatagramSize - 32 - maxNodeIdSize) / summarySize))
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
    this.#core.send(to, { _tag: "ReplicaSummary", sender: this.#core.birth.id, spaces: writer.done() })
  }

  /** A peer tells what it holds. */
  heard(packed: Uint8Array, peer: Member): void {
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
      else this.open(space, peer)
      // each once, however often it is named
      byHash.delete(space.nameHash)
    }
    if (empty.length > 0) this.#send(peer.address, empty)
  }

  // ---------------------------------------------------------------------------
  // sessions
  // ---------------------------------------------------------------------------

  /** Opens a session, unless there is one about the space, or too many. */
  open(space: Space, peer: Member): void {
    if (this.#running.size >= maxSessions || this.#isResting(space, peer.id)) return
    for (const session of this.#running.values()) if (session.space === space) return
    const session = new Session(this.#core, space, peer)
    this.#exchange(session, session.open())
  }

  #exchange(session: Session, message: Message): void {
    const exchange = this.#core.nextExchange()
    this.#running.set(exchange, session)
    this.#core.out({ _tag: "Exchange", exchange, to: session.member.address, message })
  }

  /** An answer has come, or none. False when it is of nothing asked here. */
  answered(exchange: number, answer: Message | undefined): boolean {
    const session = this.#running.get(exchange)
    if (session === undefined) return false
    this.#running.delete(exchange)
    if (this.#spaces.get(session.space.name) !== session.space) return true
    const next = session.receive(answer)
    if (next._tag === "Ended") this.#ended(session, next)
    else if (next._tag !== "Broken") this.#exchange(session, next)
    return true
  }

  #ended({ peer, space }: Session, { hasRefused, received, sent }: Extract<Outcome, { readonly _tag: "Ended" }>): void {
    const pair = pairOf(space, peer)
    const former = this.#resting.get(pair)
    this.#resting.delete(pair)
    if (!hasRefused) return
    const { config: { antiEntropy: { interval } }, now } = this.#core
    const length = former === undefined ? leastRest : Math.min(mostRest, 2 * former.length)
    if (this.#resting.size >= maxResting) this.#resting.delete(this.#resting.keys().next().value!)
    this.#resting.set(pair, { until: now + length * interval, length })
    this.#tired.set(space.name, now + Math.min(mostRest * interval, (received + sent) * restOfEntry))
  }

  /** Whether something was refused of late: it would be again. */
  #isResting(space: Space, peer: string): boolean {
    const { now } = this.#core
    return now < (this.#tired.get(space.name) ?? 0) || now < (this.#resting.get(pairOf(space, peer))?.until ?? 0)
  }
}

const pairOf = (space: Space, peer: string): string => `${space.name} ${peer}`

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
