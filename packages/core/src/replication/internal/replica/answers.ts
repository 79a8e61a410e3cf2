/**
 * How a node answers in the sessions of its peers. Nothing is kept between two questions, so that no peer can have it hold
 * memory: what a session rests on is named in each, and what has changed since is found out.
 */
import type { Message } from "../../../wire/Message.ts"
import { forEachEntry, packEntries } from "../../../wire/ReconciliationMessage.ts"
import type { Member } from "../../ReplicaMachine.ts"
import { answer } from "../reconciliation/answering.ts"
import { isEqual, unpackSummary } from "../reconciliation/comparison.ts"
import type { Core } from "./core.ts"
import { idOf } from "./entries.ts"
import { maxBytesOf, purgedField, timeOfField } from "./session.ts"
import type { Space } from "./space.ts"
import { VersionVector } from "./vector.ts"

type Of<Tag extends Message["_tag"]> = Extract<Message, { readonly _tag: Tag }>

export type SessionQuestion = Of<"ReplicaOpen" | "ReplicaAsk" | "ReplicaConfirm" | "ReplicaClose">

export class Answers {
  readonly #core: Core
  /** This node has to be reset by the peer: it opens a session of its own. */
  readonly #onReset: (space: Space, peer: Member) => void

  constructor(core: Core, onReset: (space: Space, peer: Member) => void) {
    this.#core = core
    this.#onReset = onReset
  }

  /** Undefined for what makes no sense. */
  answer(space: Space | undefined, question: SessionQuestion, from: Member): Message | undefined {
    if (space === undefined) return { _tag: "ReplicaNotHeld" }
    space.entries.refresh()
    switch (question._tag) {
      case "ReplicaOpen":
        return this.#open(space, question, from)
      case "ReplicaAsk":
        return this.#ask(space, question, from)
      case "ReplicaConfirm":
        return this.#confirm(space, question)
      case "ReplicaClose":
        return this.#close(space, question, from)
    }
  }

  #open(space: Space, question: Of<"ReplicaOpen">, from: Member): Message | undefined {
    const theirs = this.#versions(space, question.versions, from)
    if (theirs === undefined) return undefined
    const purged = timeOfField(question.purged)
    if (space.refusesPurged(purged, from.id)) return undefined
    const { entries, purged: own, purges, refusals, versions } = space
    const equal = isEqual(entries.index.summary, unpackSummary(question))
    const opened: Message = {
      _tag: "ReplicaOpened",
      versions: versions.told.pack(),
      instance: entries.index.instance,
      purges,
      refusals,
      misses: entries.index.misses,
      company: space.company(from.id),
      ...purgedField(own),
      ...(equal ? { equal } : undefined)
    }
    if (equal) {
      space.adopt(theirs, purged)
      space.agreed(from.id)
    } else if (!versions.known.holds(theirs, purged)) this.#onReset(space, from)
    return opened
  }

  #ask(space: Space, { instance, purges, question }: Of<"ReplicaAsk">, from: Member): Message | undefined {
    const { entries } = space
    // what the peer sends it has chosen by what was forgotten here until then
    const isPush = question._tag === "TransferEntries" && question.entries !== undefined
    if (isPush && (instance !== entries.index.instance || purges !== space.purges)) return { _tag: "ReplicaStale" }
    const peer = from.id
    let isMalformed = false
    const answered = answer(
      {
        index: entries.index,
        read: (held) => entries.packed(held),
        write: (entry) => {
          isMalformed = space.takeEntry(entry, peer) === "Malformed"
          return !isMalformed
        }
      },
      question,
      maxBytesOf(this.#core)
    )
    if (answered === undefined) {
      if (!isMalformed) space.refuseMalformed(peer)
      return undefined
    }
    entries.index.page(peer, question, answered)
    return { _tag: "ReplicaTold", answer: answered }
  }

  #confirm(space: Space, { keys }: Of<"ReplicaConfirm">): Message | undefined {
    const held: Array<Uint8Array> = []
    const isWhole = forEachEntry(keys, (key) => {
      if (space.entries.get(idOf(key)) !== undefined) held.push(key)
    })
    return isWhole ? { _tag: "ReplicaConfirmed", held: packEntries(held) } : undefined
  }

  #close(space: Space, question: Of<"ReplicaClose">, from: Member): Message | undefined {
    const { instance, misses } = space.entries.index
    if (question.versions !== undefined) {
      const theirs = this.#versions(space, question.versions, from)
      if (theirs === undefined) return undefined
      const purged = timeOfField(question.purged)
      if (space.refusesPurged(purged, from.id)) return undefined
      if (!space.versions.known.holds(theirs, purged)) this.#onReset(space, from)
      else if (question.instance === instance && question.refusals === space.refusals) {
        space.adopt(theirs, purged)
        space.agreed(from.id)
      }
    }
    return { _tag: "ReplicaClosed", instance, purges: space.purges, misses, refusals: space.refusals }
  }

  #versions(space: Space, bytes: Uint8Array, from: Member): VersionVector | undefined {
    const versions = VersionVector.unpack(bytes, space.versions.known)
    if (versions === undefined) space.refuseMalformed(from.id)
    return versions
  }
}
