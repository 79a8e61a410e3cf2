/**
 * A node's life among the others, whichever protocol it speaks: it is born, perhaps after a former machine, takes the
 * commands of the application, leaves, joins again, and may have to end at once.
 */
import type { RandomSource } from "../../node/Protocol.ts"
import type { Claim } from "../../wire/Message.ts"
import type { MembershipCommand } from "../MembershipMachine.ts"
import type { Joining } from "./joining.ts"
import type { Out, View } from "./view.ts"

/** What a protocol does at the turns of a node's life. */
export interface Turns {
  /** Sets the protocol's timers and joins through the seeds: at birth, and again when a node that has left joins. */
  readonly start: (again: boolean) => void
  /** Tells some peers at once that this node leaves. */
  readonly tellLeave: () => void
  /** Whether the leave has been told as often as it is going to be. */
  readonly isLeaveTold: () => boolean
}

export class Lifecycle {
  readonly #view: View<never>
  readonly #joining: Joining
  readonly #turns: Turns
  /** The commands to leave that wait for it. */
  #leaving: Array<number> = []
  /** What the machine before this one knew; not taken over when that has not helped before. */
  readonly #inherited: ReadonlyArray<Claim>

  constructor(view: View<never>, joining: Joining, turns: Turns) {
    this.#view = view
    this.#joining = joining
    this.#turns = turns
    const { previous, restarts } = view.birth
    this.#inherited = restarts === 1 ? previous?.claims() ?? [] : []
  }

  start(): void {
    const view = this.#view
    // of whom the machine before this one knew it has told, and what is different now shows when the two are compared
    view.isQuiet = view.birth.previous !== undefined
    for (const claim of this.#inherited) view.hear(claim, "sync")
    view.startReaping()
    const { incarnation } = view.self.state
    // whoever has left stays away until it is asked to join
    if (view.phase === "left") view.sayLeft(incarnation)
    else view.sayAlive(incarnation, view.metadata)
    view.isQuiet = false
    if (view.phase !== "left") this.#turns.start(false)
  }

  command(command: MembershipCommand, completion: number): void {
    const view = this.#view
    switch (command._tag) {
      case "Join": {
        if (view.phase !== "running") this.#rejoin()
        return this.#joining.join(command.seeds, completion)
      }
      case "Leave":
        return this.#leave(completion)
      case "SetMetadata": {
        view.metadata = command.metadata
        if (view.phase === "running") view.sayAlive(view.self.state.incarnation + 1, command.metadata)
        return view.complete(completion)
      }
    }
  }

  #leave(completion: number): void {
    const view = this.#view
    if (view.phase === "left") return view.complete(completion)
    this.#leaving.push(completion)
    if (view.phase === "leaving") return
    view.phase = "leaving"
    view.sayLeft(view.self.state.incarnation)
    this.#turns.tellLeave()
    this.leaveOnceTold()
  }

  /**
   * Ends a leave that has been told as often as it is going to be, or that there is nobody to tell of: others may be
   * leaving as well. To be called whenever it was told.
   */
  leaveOnceTold(): void {
    const view = this.#view
    if (view.phase !== "leaving" || view.clusterSize > 0 && !this.#turns.isLeaveTold()) return
    view.phase = "left"
    this.#completeLeave()
  }

  #completeLeave(): void {
    for (const completion of this.#leaving.splice(0)) this.#view.complete(completion)
  }

  #rejoin(): void {
    const view = this.#view
    this.#completeLeave()
    view.phase = "running"
    view.epoch++
    view.sayAlive(view.self.state.incarnation + 1, view.metadata)
    this.#turns.start(true)
  }

  /** Last words of a node that ends at once: its leave, to as many as are told at once. */
  farewell(now: number, random: RandomSource): ReadonlyArray<Out> {
    const view = this.#view
    view.begin(now, random)
    if (view.phase === "running") view.sayLeft(view.self.state.incarnation)
    view.phase = "left"
    this.#turns.tellLeave()
    return view.takeOutputs()
  }
}
