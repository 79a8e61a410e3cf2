/**
 * ScuttleButt's reconciliation in Cassandra's three messages: a digest (SYN), what is known better and worse than it says
 * (ACK), and what was known worse (ACK2).
 *
 * Heartbeats travel in the digests themselves, as chitchat has it: a cluster at rest sends no deltas.
 */
import type { Address } from "../../../Address.ts"
import {
  type Delta,
  type Digest,
  type DigestAck,
  type DigestAck2,
  digestSize,
  type DigestSyn,
  maxDigests,
  maxDigestSize,
  packDigests,
  unpackDigests
} from "../../../wire/HeartbeatMessage.ts"
import { synOverhead } from "./config.ts"
import type { Core } from "./core.ts"
import * as Deltas from "./deltas.ts"
import { isIn } from "./digests.ts"
import type { Peer } from "./state.ts"

/** Bytes of an ack besides its digests and deltas, and its sender's name and address where it has them. */
const ackOverhead = 40
const senderOverhead = 128 + 259 + 8

/** What a digest of another node shows. */
interface Comparison {
  /** Of those of whom it knows more. */
  readonly asked: Array<Digest>
  /** Of those whose heartbeat alone this node has heard of later. */
  readonly heartbeats: Array<Digest>
  /** Those of whom it knows less. */
  readonly wanted: Array<Deltas.Wanted>
}

export class Reconciliation {
  readonly #core: Core

  constructor(core: Core) {
    this.#core = core
  }

  // ---------------------------------------------------------------------------
  // SYN
  // ---------------------------------------------------------------------------

  /** A digest of this node, of the one it is for where that is dead, and of as many others as fit. */
  syn(room: number, to: Peer | undefined): typeof DigestSyn.Type {
    const core = this.#core
    const { expected } = core
    const first = [core.digestOf(core.selfPeer)]
    if (to?.entry.state.status === "Dead") first.push(core.accusation(to))
    const { digests, part } = core.ring.cut(
      Math.min(room, maxDigests * 14) - synOverhead - 2 * maxDigestSize,
      (peer) => peer !== core.selfPeer && core.isShared(peer, expected) ? core.digestOf(peer) : undefined
    )
    return { _tag: "DigestSyn", digests: packDigests([...first, ...digests]), ...part }
  }

  /** Sends a digest in a datagram. */
  sendSyn(to: Address, peer: Peer | undefined): void {
    this.#core.send(to, this.syn(this.#core.birth.maxDatagramSize, peer))
  }

  // ---------------------------------------------------------------------------
  // ACK
  // ---------------------------------------------------------------------------

  /**
   * Answers a digest.
   *
   * @param viaStream strangers are told more only over a stream, which shows that they are where they say
   */
  onSyn(
    from: Address,
    { digests, from: start, to: end }: typeof DigestSyn.Type,
    viaStream: boolean
  ): typeof DigestAck.Type {
    const core = this.#core
    const part = start === undefined || end === undefined ? undefined : { from: start, to: end }
    const named = unpackDigests(digests)!
    const comparison = this.#compare(named, from)
    if (!viaStream && core.peerAt(from) === undefined) return ack({ digests: packDigests(comparison.asked) })
    const { expected } = core
    const fingerprints = new Set(named.map((digest) => digest.fingerprint))
    for (const peer of core.ring) {
      if (fingerprints.has(peer.fingerprint) || !isIn(peer.fingerprint, part)) continue
      if (core.isShared(peer, expected)) comparison.wanted.push({ peer, claim: true, since: 0 })
    }
    const { birth } = core
    if (!viaStream) return this.#ack(comparison, birth.maxDatagramSize)
    return {
      ...this.#ack(comparison, birth.maxExchangeSize - senderOverhead),
      id: birth.id,
      address: birth.address,
      // the first digest is of who asks
      ...core.refusalOf(named[0]?.incarnation)
    }
  }

  #ack({ asked, heartbeats, wanted }: Comparison, room: number): typeof DigestAck.Type {
    const core = this.#core
    const turn = core.random.nextDoubleUnsafe()
    // half for what is asked for; of the rest a half for deltas, more where heartbeats need less, and always one
    const [questions, afterQuestions] = fit(turned(asked, turn), room - ackOverhead, (room - ackOverhead) / 2)
    const needed = heartbeats.reduce((sum, digest) => sum + digestSize(digest), 0)
    const first = Deltas.firstSize(wanted, turn, core.now)
    const share = Math.max(afterQuestions / 2, afterQuestions - needed, Math.min(first, afterQuestions))
    const { deltas, more } = Deltas.cut(wanted, share, turn, core.now)
    const left = afterQuestions - Deltas.sizeOf(deltas)
    const [beats] = fit(turned(heartbeats, turn), left, left)
    return ack({
      digests: packDigests([...questions, ...beats]),
      ...(deltas.length === 0 ? undefined : { deltas }),
      ...(more ? { more } : undefined)
    })
  }

  // ---------------------------------------------------------------------------
  // ACK2
  // ---------------------------------------------------------------------------

  /** Takes in the answer to a digest; what the other lacks is sent to it in a datagram. */
  onAck(to: Address, { deltas = [], digests }: typeof DigestAck.Type): void {
    const core = this.#core
    for (const delta of deltas) core.learn(delta)
    const { wanted } = this.#compare(unpackDigests(digests)!, to)
    if (wanted.length === 0) return
    const told = Deltas.cut(wanted, core.birth.maxDatagramSize - synOverhead, core.random.nextDoubleUnsafe(), core.now)
    if (told.deltas.length > 0) this.tell(to, told.deltas)
  }

  tell(to: Address, deltas: ReadonlyArray<Delta>): void {
    this.#core.send(to, { _tag: "DigestAck2", deltas })
  }

  /**
   * Takes in what this node lacked. From strangers as well: it is how one who joins says who it is, and whoever may say that
   * may say the rest after it.
   */
  onAck2({ deltas }: typeof DigestAck2.Type): void {
    for (const delta of deltas) this.#core.learn(delta)
  }

  // ---------------------------------------------------------------------------
  // the comparison
  // ---------------------------------------------------------------------------

  #compare(named: ReadonlyArray<Digest>, from: Address): Comparison {
    const comparison: Comparison = { asked: [], heartbeats: [], wanted: [] }
    for (const theirs of named) {
      const peer = this.#core.ring.get(theirs.fingerprint)
      if (peer === undefined) this.#compareUnknown(theirs, comparison)
      else if (peer === this.#core.selfPeer) this.#compareSelf(theirs, comparison)
      else if (theirs.status !== "Dead") this.#comparePeer(peer, theirs, from, comparison)
    }
    return comparison
  }

  // Of one who is gone nothing need be known. Who was forgotten is told so: should it be the one who speaks, it has slept,
  // and comes back by refuting it.
  #compareUnknown({ fingerprint, incarnation, status }: Digest, { asked }: Comparison): void {
    if (status !== "Alive") return
    const nothing = { fingerprint, incarnation: 0, heartbeat: 0, version: 0 }
    const forgotten = this.#core.forgottenIn(fingerprint)
    if (incarnation > forgotten) asked.push({ ...nothing, status: "Alive" })
    else asked.push({ ...nothing, incarnation: forgotten, status: "Dead" })
  }

  #compareSelf(theirs: Digest, comparison: Comparison): void {
    const core = this.#core
    core.outdo(theirs)
    const { selfPeer } = core
    const { incarnation, status } = core.self.state
    if (incarnation > theirs.incarnation || incarnation === theirs.incarnation && status !== theirs.status) {
      comparison.wanted.push({ peer: selfPeer, claim: true, since: sinceOf(selfPeer, theirs) })
    } else this.#compareProgress(selfPeer, theirs, comparison)
  }

  #comparePeer(peer: Peer, theirs: Digest, from: Address, comparison: Comparison): void {
    const core = this.#core
    const { address, incarnation, status } = peer.entry.state
    const [mine, their] = [status === "Left" ? 1 : 0, theirs.status === "Left" ? 1 : 0]
    if (theirs.incarnation > incarnation || theirs.incarnation === incarnation && their > mine) {
      comparison.asked.push(core.digestOf(peer))
    } else if (theirs.incarnation < incarnation || their < mine) {
      const isKnown = status === "Left" || core.isShared(peer)
      if (isKnown) comparison.wanted.push({ peer, claim: true, since: sinceOf(peer, theirs) })
    } else if (status === "Dead") {
      // somebody has heard of it since: it must hear that it is dead to this node, to refute it
      if (theirs.heartbeat <= peer.heartbeat) return
      if (address === from) comparison.asked.push(core.accusation(peer))
      else core.contact(peer)
    } else if (status !== "Left") {
      if (theirs.heartbeat > peer.heartbeat) core.arrived(peer, theirs.heartbeat)
      this.#compareProgress(peer, theirs, comparison)
    }
  }

  #compareProgress(peer: Peer, theirs: Digest, { asked, heartbeats, wanted }: Comparison): void {
    const core = this.#core
    const { version } = peer.keyValues
    if (theirs.version > version) {
      asked.push(core.digestOf(peer))
      return
    }
    const isBehind = theirs.heartbeat < peer.heartbeat
    if (!isBehind && theirs.version === version || !core.isShared(peer)) return
    if (isBehind) heartbeats.push(core.digestOf(peer))
    if (theirs.version < version) wanted.push({ peer, claim: false, since: theirs.version })
  }
}

// versions of another generation are nothing to go on from
const sinceOf = ({ keyValues }: Peer, { incarnation, version }: Digest): number =>
  keyValues.generation <= incarnation && version <= keyValues.version ? version : 0

const ack = (fields: Omit<typeof DigestAck.Type, "_tag">): typeof DigestAck.Type => ({ _tag: "DigestAck", ...fields })

const turned = <A>(all: ReadonlyArray<A>, turn: number): ReadonlyArray<A> => {
  const from = Math.floor(turn * all.length)
  return [...all.slice(from), ...all.slice(0, from)]
}

/** Those that fit `share`, and what is left of `room`. */
const fit = (digests: ReadonlyArray<Digest>, room: number, share: number): readonly [ReadonlyArray<Digest>, number] => {
  const fitting: Array<Digest> = []
  let left = room
  for (const digest of digests) {
    const size = digestSize(digest)
    if (room - left + size > share || fitting.length === maxDigests) break
    left -= size
    fitting.push(digest)
  }
  return [fitting, left]
}
