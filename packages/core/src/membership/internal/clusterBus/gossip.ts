/**
 * What pings and pongs say of other members: Redis's gossip sections.
 */
import type { Address } from "../../../Address.ts"
import { maxSections, type Section } from "../../../wire/ClusterBusMessage.ts"
import { type Entry, keyOf } from "../table.ts"
import type { Core } from "./core.ts"
import type { Failure } from "./failure.ts"
import type { Pinging } from "./pinging.ts"
import type { Strangers } from "./strangers.ts"

/** Redis tells of a tenth of the known nodes, and of 3 at least. */
const share = 10
const minSections = 3

/** Bytes of a section, and of a ping or pong without any, besides names, addresses and metadata: rounded up. */
export const sectionOverhead = 32
export const headerOverhead = 72

/** The largest number that a section can hold. */
const maxUint32 = 0xffff_ffff

/** Bytes of UTF-8, or a little more. */
const sizeOfText = (text: string): number => {
  let size = text.length
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) size += 2
  return size
}

const sizeOf = ({ address, id }: { readonly id: string; readonly address: string }): number =>
  sectionOverhead + sizeOfText(id) + address.length

/** Sorts by key, and begins with those after it: their turn comes whoever else is added or removed meanwhile. */
const fromTurn = (sections: Array<Section>, turn: string): void => {
  const rank = new Map(sections.map((section) => {
    const key = keyOf(section)
    return [section, key > turn ? `0${key}` : `1${key}`] as const
  }))
  sections.sort((a, b) => rank.get(a)! < rank.get(b)! ? -1 : 1)
}

export class Gossip {
  readonly #core: Core
  readonly #pinging: Pinging
  readonly #failure: Failure
  readonly #strangers: Strangers
  constructor(core: Core, pinging: Pinging, failure: Failure, strangers: Strangers) {
    this.#core = core
    this.#pinging = pinging
    this.#failure = failure
    this.#strangers = strangers
  }

  // ---------------------------------------------------------------------------
  // telling
  // ---------------------------------------------------------------------------

  /**
   * What to tell a peer: of all that are PFAIL, and of some others by chance, three of whom have room in any case. Of those
   * that are PFAIL and do not fit the peer is told by and by: a majority may need this very node's report. A stranger is
   * told nothing: it would not listen, and may not be there.
   */
  sections(to: Entry | undefined): Array<Section> {
    if (to === undefined) return []
    const { birth, clusterSize, metadata } = this.#core
    const sections: Array<Section> = []
    let room = birth.maxDatagramSize - headerOverhead - sizeOfText(birth.id) - birth.address.length - metadata.length
    const add = (section: Section, least: number): boolean => {
      const size = sizeOf(section)
      if (room - size < least || sections.length >= maxSections) return false
      room -= size
      sections.push(section)
      return true
    }
    // neither itself nor whom it talks to
    const wanted = Math.min(Math.max(minSections, Math.floor(clusterSize / share)), clusterSize - 2)
    const others = this.#core.choosePeers(wanted, (entry) => entry !== to && this.#isKnownToAnswer(entry))
    const least = others.slice(0, minSections).reduce((sum, { state }) => sum + sizeOf(state), 0)
    const kept = Math.min(least, Math.floor(room / 2))
    const failing = [...this.#failing(to)]
    const peer = this.#pinging.peer(to)
    if (peer !== undefined && failing.length > 1) fromTurn(failing, peer.turn)
    for (const section of failing) {
      if (!add(section, kept)) break
      if (peer !== undefined) peer.turn = keyOf(section)
    }
    for (const entry of others) if (!add(this.#sectionOf(entry), 0)) break
    return sections
  }

  *#failing(to: Entry): Iterable<Section> {
    for (const { state } of this.#pinging.pfails) {
      if (state !== to.state) yield { id: state.id, address: state.address, incarnation: state.incarnation }
    }
    yield* this.#strangers.silent(to)
  }

  // who has never answered, Redis has in handshake, and tells of neither
  #isKnownToAnswer(entry: Entry): boolean {
    const peer = this.#pinging.peer(entry)
    return peer !== undefined && !peer.pfail && peer.pongAt !== -Infinity
  }

  #sectionOf(entry: Entry): Section {
    const { address, id, incarnation } = entry.state
    const { beat, pongAt } = this.#pinging.peer(entry)!
    const pong = Math.min(maxUint32, Math.max(0, Math.ceil(this.#core.now - pongAt)))
    return { id, address, incarnation, pong, beat }
  }

  // ---------------------------------------------------------------------------
  // hearing
  // ---------------------------------------------------------------------------

  /** Takes in what a live member says of others. */
  hear(sections: ReadonlyArray<Section>, by: Entry): void {
    for (const section of sections) this.#hearOf(section, by, by.state.address)
  }

  #hearOf(section: Section, by: Entry, from: Address): void {
    const core = this.#core
    // one who makes up an incarnation that no claim may have would prevent that it is ever FAIL
    if (core.refuses(section)) return
    const entry = core.table.get(keyOf(section))
    // what others think of this node shows when they ask it
    if (entry === core.self || entry === by) return
    // nobody is a member but by its own word, or by that of whom it joined through
    if (entry === undefined) return this.#strangers.meet(section, by)
    const isPfail = section.pong === undefined
    if (entry.isGone) {
      const isNewer = section.incarnation > entry.state.incarnation
      if (!isNewer && (isPfail || entry.state.status === "Left")) return core.tellGone(entry, from)
      // it is FAIL on this side of what was a partition, perhaps: it shall know
      return isPfail ? undefined : this.#strangers.meet(section, by)
    }
    if (isPfail) this.#failure.report(entry, by, section.incarnation)
    else this.#failure.withdraw(entry, by)
    const peer = this.#pinging.peer(entry)
    if (peer === undefined || entry.isGone) return
    if (section.incarnation > entry.state.incarnation) {
      // it will say itself what is new
      if (peer.ping === undefined) this.#pinging.ping(peer)
    } else if (!isPfail && section.incarnation === entry.state.incarnation && !this.#failure.isReported(entry)) {
      this.#pinging.learn(entry, section.pong, section.beat ?? 0)
    }
  }
}
