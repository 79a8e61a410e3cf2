/** Replicas as a machine: hands each input to the part that owns it. */
import { fnv1a } from "../../../internal/hash.ts"
import type { Birth, Input, Protocol, RandomSource } from "../../../node/Protocol.ts"
import type { Message, Tag } from "../../../wire/Message.ts"
import type {
  Member,
  Options,
  ReplicaCommand,
  ReplicaEvent,
  ReplicaMachine,
  ReplicaResult
} from "../../ReplicaMachine.ts"
import { Answers } from "./answers.ts"
import { AntiEntropy } from "./antiEntropy.ts"
import { Core, type Out, type Timer } from "./core.ts"
import { entryOf } from "./entries.ts"
import { type OpenCommand, OpenSpace } from "./openSpace.ts"
import type { Space } from "./space.ts"
import { notHeld } from "./stability.ts"
import { later, type Time } from "./time.ts"

const none: ReadonlyArray<never> = []

export const handles: ReadonlyArray<Tag> = [
  "ReplicaSummary",
  "ReplicaOpen",
  "ReplicaOpened",
  "ReplicaAsk",
  "ReplicaTold",
  "ReplicaConfirm",
  "ReplicaConfirmed",
  "ReplicaClose",
  "ReplicaClosed",
  "ReplicaNotHeld",
  "ReplicaStale",
  "StabilityReport",
  "StabilityAnswer",
  "StabilityAsk"
]

/** What a machine leaves to the one that takes its place after a defect. */
export interface Legacy {
  readonly clock: Time
  readonly spaces: ReadonlyMap<string, Space>
  /** The lives of spaces that were closed. */
  readonly lives: ReadonlyMap<string, number>
}

class Replicas implements ReplicaMachine {
  readonly #core: Core
  readonly #open = new Map<string, OpenSpace>()
  /** Those whose entries are still being taken back, each with the completion of its command. */
  readonly #opening = new Map<string, { readonly opened: OpenSpace; readonly completion: number }>()
  readonly #spaces = new Map<string, Space>()
  readonly #lives: Map<string, number>
  readonly #antiEntropy: AntiEntropy
  readonly #answers: Answers
  /** What a predecessor held in memory, to be taken over when it is opened again. */
  #inherited: Map<string, Space>
  #stabilityTimer = 0
  #isWatching = false

  constructor(birth: Birth<ReplicaMachine>, options: Options) {
    this.#core = new Core(birth, options)
    const legacy = birth.previous?.legacy()
    // what broke a machine twice may be what it holds
    this.#inherited = new Map(birth.restarts <= 1 ? legacy?.spaces : [])
    this.#lives = new Map(legacy?.lives)
    for (const [name, { life }] of legacy?.spaces ?? []) this.#lives.set(name, life.incarnation)
    if (legacy !== undefined) this.#core.clock = later(this.#core.clock, legacy.clock)
    this.#antiEntropy = new AntiEntropy(this.#core, this.#spaces)
    this.#answers = new Answers(this.#core, (space, peer) => this.#antiEntropy.open(space, peer))
  }

  // ---------------------------------------------------------------------------
  // what it shows
  // ---------------------------------------------------------------------------

  readonly read: ReplicaMachine["read"] = (space, key) => this.#spaces.get(space)?.read(key)

  readonly entries: ReplicaMachine["entries"] = (space) => visible(this.#spaces.get(space))

  readonly size: ReplicaMachine["size"] = (space) => this.#spaces.get(space)?.entries.size

  readonly legacy = (): Legacy => ({
    clock: this.#core.clock,
    // what was not opened again yet is still to be taken over
    spaces: new Map([...this.#inherited, ...this.#spaces]),
    lives: this.#lives
  })

  readonly piggyback = () => none

  farewell(now: number, random: RandomSource): ReadonlyArray<Out> {
    this.#core.begin(now, random)
    for (const { space } of this.#open.values()) space.spread()
    return this.#core.takeOutputs()
  }

  // ---------------------------------------------------------------------------
  // inputs
  // ---------------------------------------------------------------------------

  step(input: Input<ReplicaCommand>, now: number, random: RandomSource): ReadonlyArray<Out> {
    this.#core.begin(now, random)
    switch (input._tag) {
      case "Started": {
        const { interval } = this.#core.config.antiEntropy
        this.#core.wake(now + interval * this.#core.random.nextDoubleUnsafe(), { _tag: "AntiEntropy" })
        break
      }
      case "Received": {
        this.#receive(input.message)
        break
      }
      case "Requested": {
        this.#core.out({ _tag: "Reply", reply: input.reply, message: this.#answer(input.message) })
        break
      }
      case "Answered": {
        this.#answered(input.exchange, input.answer)
        break
      }
      case "Due": {
        this.#due(input.timer as Timer)
        break
      }
      case "ClockSet": {
        this.#core.wallClockAt0 = input.wallClock - now
        break
      }
      case "Commanded": {
        this.#command(input.command, input.completion)
        break
      }
    }
    for (const open of this.#open.values()) open.flush()
    this.#watch()
    return this.#core.takeOutputs()
  }

  /**
   * Whom a message names as its sender: whom the membership does not know has no say, and answers go to the address that the
   * member advertises, wherever the message came from.
   */
  #sender({ sender }: { readonly sender: string }): Member | undefined {
    const member = this.#core.options.members.get(sender)
    if (member !== undefined && member.deadSince === undefined) return member
    this.#core.drop("Stranger")
    return undefined
  }

  #receive(message: Message): void {
    switch (message._tag) {
      case "ReplicaSummary": {
        const member = this.#sender(message)
        if (member !== undefined) this.#antiEntropy.heard(message.spaces, member)
        return
      }
      case "StabilityReport": {
        const member = this.#sender(message)
        const answer = member === undefined ? undefined : this.#reported(member, message)
        if (answer !== undefined) this.#core.send(member!.address, answer)
        return
      }
      case "StabilityAsk": {
        const member = this.#sender(message)
        const open = this.#open.get(message.space)
        if (member === undefined) return
        if (open === undefined) this.#core.send(member.address, notHeld(message.space, this.#core))
        else open.stability.ask(member)
        return
      }
      case "StabilityAnswer":
        return this.#stabilityAnswered(message)
      // these belong on a stream
      default:
        return this.#core.drop("Unexpected")
    }
  }

  #reported(member: Member, message: Extract<Message, { readonly _tag: "StabilityReport" }>): Message | undefined {
    const open = this.#open.get(message.space)
    if (open !== undefined) return open.stability.reported(member, message)
    return message.life === undefined ? undefined : notHeld(message.space, this.#core)
  }

  #stabilityAnswered(message: Extract<Message, { readonly _tag: "StabilityAnswer" }>): void {
    const member = this.#sender(message)
    if (member !== undefined) this.#open.get(message.space)?.stability.answered(member, message)
  }

  #answer(message: Message): Message | undefined {
    switch (message._tag) {
      case "ReplicaOpen":
      case "ReplicaAsk":
      case "ReplicaConfirm":
      case "ReplicaClose": {
        const member = this.#sender(message)
        return member && this.#answers.answer(this.#spaces.get(message.space), message, member)
      }
      case "StabilityReport": {
        const member = this.#sender(message)
        return member && this.#reported(member, message)
      }
      default:
        return undefined
    }
  }

  #answered(exchange: number, answer: Message | undefined): void {
    if (this.#antiEntropy.answered(exchange, answer)) return
    if (answer?._tag === "StabilityAnswer") this.#stabilityAnswered(answer)
    else if (answer?._tag === "StabilityReport") {
      const member = this.#sender(answer)
      if (member !== undefined) this.#reported(member, answer)
    }
  }

  #due(timer: Timer): void {
    switch (timer._tag) {
      case "Restore": {
        // unless it was closed meanwhile, and perhaps opened again
        if (this.#opening.get(timer.space)?.completion === timer.completion) this.#restore(timer.space)
        return
      }
      case "Spread":
        return this.#open.get(timer.space)?.spreadDue(timer.serial)
      case "AntiEntropy": {
        this.#core.wake(this.#core.now + this.#core.config.antiEntropy.interval, timer)
        for (const open of this.#open.values()) open.sweep()
        return this.#antiEntropy.due()
      }
      case "Stability": {
        if (timer.serial !== this.#stabilityTimer) return
        this.#isWatching = false
        for (const { stability } of this.#open.values()) stability.tick()
        return
      }
    }
  }

  /** As long as there is something to find out, an interval follows another. */
  #watch(): void {
    if (this.#isWatching) return
    for (const { stability } of this.#open.values()) {
      if (!stability.isInterested) continue
      this.#isWatching = true
      this.#stabilityTimer++
      const { now, config } = this.#core
      this.#core.wake(now + config.stabilityInterval, { _tag: "Stability", serial: this.#stabilityTimer })
      return
    }
  }

  // ---------------------------------------------------------------------------
  // commands
  // ---------------------------------------------------------------------------

  #command(command: ReplicaCommand, completion: number): void {
    if (command._tag === "Open") return this.#openSpace(command, completion)
    if (command._tag === "Reunite") {
      this.#antiEntropy.tell(command.address)
      return this.#core.completed(completion, { _tag: "Done" })
    }
    const opening = this.#opening.get(command.space)
    if (command._tag === "Close" && opening !== undefined) {
      this.#opening.delete(command.space)
      this.#inherited.delete(command.space)
      this.#lives.set(command.space, opening.opened.space.life.incarnation)
      this.#core.completed(opening.completion, { _tag: "NotOpen" })
      return this.#core.completed(completion, { _tag: "Done" })
    }
    const open = this.#open.get(command.space)
    if (open === undefined) return this.#core.completed(completion, { _tag: "NotOpen" })
    switch (command._tag) {
      case "Close": {
        open.close()
        this.#open.delete(command.space)
        this.#spaces.delete(command.space)
        this.#lives.set(command.space, open.space.life.incarnation)
        break
      }
      case "Write":
        return open.write(command.writes, completion)
      case "Update":
        return open.update(command.key, command.mutate, completion)
      case "Heard": {
        open.space.hear(command.batch, command.origin)
        break
      }
      case "Committed": {
        open.committed(command.sequence)
        break
      }
      case "CommitFailed": {
        open.commitFailed(command.sequence)
        break
      }
      case "Watch": {
        open.stability.watch(command.watch, command.version)
        open.stability.tick()
        break
      }
      case "Unwatch": {
        open.stability.unwatch(command.watch)
        break
      }
    }
    this.#core.completed(completion, { _tag: "Done" })
  }

  #openSpace(command: OpenCommand, completion: number): void {
    const { space: name } = command
    const problem = this.#clash(name)
    if (problem !== undefined) return this.#core.completed(completion, { _tag: "Refused", problem })
    const inherited = this.#inherited.get(name)
    const opened = OpenSpace.open(this.#core, command, (this.#lives.get(name) ?? -1) + 1, inherited)
    if (!(opened instanceof OpenSpace)) return this.#core.completed(completion, opened)
    this.#opening.set(name, { opened, completion })
    this.#restore(name)
  }

  #clash(name: string): string | undefined {
    if (this.#open.has(name) || this.#opening.has(name)) return `the space ${name} is open already`
    const nameHash = fnv1a(name)
    for (const { space } of [...this.#open.values(), ...[...this.#opening.values()].map(({ opened }) => opened)]) {
      if (space.nameHash !== nameHash) continue
      return `the names of ${name} and ${space.name} have the same hash: rename one`
    }
    return undefined
  }

  /** Takes back some of what a space held; the rest once the node has looked after what else there is. */
  #restore(name: string): void {
    const { completion, opened } = this.#opening.get(name)!
    if (!opened.restore()) return this.#core.wake(this.#core.now + 1, { _tag: "Restore", space: name, completion })
    const { damaged, recovered, space } = opened
    this.#opening.delete(name)
    this.#inherited.delete(name)
    this.#open.set(name, opened)
    this.#spaces.set(name, space)
    // others may hold it already
    const peer = this.#core.selector.next(1)[0]
    if (peer !== undefined) this.#antiEntropy.tell(peer.address)
    this.#core.completed(completion, { _tag: "Opened", incarnation: space.life.incarnation, recovered, damaged })
  }
}

function* visible(space: Space | undefined) {
  if (space === undefined) return
  const { isMap } = space.entries
  for (const held of space.entries.all()) if (!isMap || held.value !== undefined) yield entryOf(held)
}

/** Replicas, for a node to run. */
export const makeProtocol = (
  options: Options
): Protocol<ReplicaCommand, ReplicaEvent, ReplicaResult, ReplicaMachine> => ({
  name: "replication",
  handles,
  // each is answered for itself
  idempotent: none,
  make: (birth) => new Replicas(birth, options)
})
