/**
 * What is said about rumors, in as few datagrams as it fits: payloads, and announcements of those that do not fit one or
 * need not be sent yet.
 */
import type { Address } from "../../Address.ts"
import { packIds } from "../../wire/DisseminationMessage.ts"
import type { Message } from "../../wire/Message.ts"
import type { Rumor } from "../Strategy.ts"
import type { Core, Counts, Manner } from "./core.ts"
import { idsThatFit, newsSizeAtMost } from "./sizes.ts"

/**
 * Bytes of payloads that one peer is sent in datagrams in so many milliseconds because it asks, or says what it knows: what
 * is more it is to fetch over a stream. Who asks may not be who it seems, and a stream goes to nobody who did not ask.
 */
const maxBurst = 64 * 1024
const burstInterval = 100

export class Speaking {
  readonly #core: Core
  /** What each peer was sent so since then. */
  #bursts = new Map<Address, number>()
  #since = -Infinity

  constructor(core: Core) {
    this.#core = core
  }

  /** Sends a rumor; announces it where it does not fit a datagram. */
  push(to: Address, rumor: Rumor, counts: Counts, manner?: Manner): void {
    if (rumor.large) this.#say(to, announcements(this.#core, [], [rumor.id]), counts)
    else this.#core.sendNews(to, rumor, counts, manner)
  }

  /** Says to each of these peers that this node has some rumors. */
  announce(peers: ReadonlyArray<Address>, rumors: ReadonlyArray<Rumor>, counts: Counts): void {
    const ids: Array<number> = []
    const large: Array<number> = []
    for (const rumor of rumors) (rumor.large ? large : ids).push(rumor.id)
    const messages = announcements(this.#core, ids, large)
    for (const to of peers) this.#say(to, messages, counts)
  }

  /** Sends rumors to who lacks them: as many as a burst may hold, and has it fetch what is more, and a stranger all. */
  supply(
    to: Address,
    rumors: Iterable<{ readonly rumor: Rumor; readonly counts: Counts }>,
    counts: Counts,
    manner: Manner
  ): void {
    const large: Array<number> = []
    const room = this.#roomFor(to)
    let used = 0
    for (const { counts, rumor } of rumors) {
      const size = newsSizeAtMost(rumor)
      if (rumor.large || used + size > room) large.push(rumor.id)
      else {
        used += size
        this.#core.sendNews(to, rumor, counts, manner)
      }
    }
    if (used > 0) this.#bursts.set(to, maxBurst - room + used)
    if (large.length > 0) this.#say(to, announcements(this.#core, [], large, manner.repair), counts)
  }

  #roomFor(to: Address): number {
    if (!this.#core.isPeer(to)) return 0
    if (this.#core.now - this.#since >= burstInterval) {
      this.#since = this.#core.now
      this.#bursts = new Map()
    }
    return maxBurst - (this.#bursts.get(to) ?? 0)
  }

  #say(to: Address, messages: ReadonlyArray<Message>, counts: Counts): void {
    for (const message of messages) this.#core.send(to, message, counts)
  }
}

/** In as many messages as they need, each of which fits a datagram. */
const announcements = (
  { birth }: Core,
  ids: ReadonlyArray<number>,
  large: ReadonlyArray<number>,
  repair: boolean | undefined = undefined
): Array<Message> => {
  const most = idsThatFit(birth.maxDatagramSize)
  const messages: Array<Message> = []
  let small = 0
  let big = 0
  while (small < ids.length || big < large.length) {
    const someIds = ids.slice(small, small + most)
    const someLarge = large.slice(big, big + most - someIds.length)
    small += someIds.length
    big += someLarge.length
    messages.push({
      _tag: "Announce",
      ...(someIds.length === 0 ? undefined : { ids: packIds(someIds) }),
      ...(someLarge.length === 0 ? undefined : { large: packIds(someLarge) }),
      ...(repair === true ? { repair: true } : undefined)
    })
  }
  return messages
}
