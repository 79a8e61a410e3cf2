/** Why a simulation failed; published by `Simulation`. */
import * as Schema from "effect/Schema"

/** No node of the simulation has this name. */
export class UnknownNode extends Schema.TaggedError<UnknownNode>()("UnknownNode", { name: Schema.String }) {
  override get message() {
    return `no node of the simulation is named ${this.name}`
  }
}

/** The node does not run: it was never started, has left or has crashed. */
export class NotRunning extends Schema.TaggedError<NotRunning>()("NotRunning", { name: Schema.String }) {
  override get message() {
    return `${this.name} does not run`
  }
}

/** The node runs already. */
export class AlreadyRunning extends Schema.TaggedError<AlreadyRunning>()("AlreadyRunning", { name: Schema.String }) {
  override get message() {
    return `${this.name} runs already`
  }
}

/** The node could not be made. */
export class NotStarted extends Schema.TaggedError<NotStarted>()("NotStarted", {
  name: Schema.String,
  cause: Schema.Defect()
}) {
  override get message() {
    return `${this.name} could not be started: ${String(this.cause)}`
  }
}

/** A condition did not come to hold in time. */
export class NotReached extends Schema.TaggedError<NotReached>()("NotReached", { atMost: Schema.String }) {
  override get message() {
    return `the condition did not hold within ${this.atMost}`
  }
}

/** An option makes no sense. */
export class InvalidOption extends Schema.TaggedError<InvalidOption>()("InvalidOption", {
  option: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `${this.option}: ${this.problem}`
  }
}

/** A fault, or a schedule of them, cannot be. */
export class InvalidFault extends Schema.TaggedError<InvalidFault>()("InvalidFault", { problem: Schema.String }) {
  override get message() {
    return `no such fault: ${this.problem}`
  }
}

/** What is to be replayed cannot be read. */
export class InvalidReplay extends Schema.TaggedError<InvalidReplay>()("InvalidReplay", { problem: Schema.String }) {
  override get message() {
    return `expected what a failed run says after "replay:", such as {"seed":1,"faults":[]}: ${this.problem}`
  }
}

/** An invariant does not hold: `at` milliseconds after the simulation began. */
export class Violated extends Schema.TaggedError<Violated>()("Violated", {
  invariant: Schema.String,
  problem: Schema.String,
  at: Schema.Finite
}) {
  override get message() {
    return `${this.invariant} does not hold after ${Number((this.at / 1000).toFixed(3))} s: ${this.problem}`
  }
}

/** Why a simulation could not do what it was told. */
export const SimulationErrorReason = Schema.Union([
  UnknownNode,
  NotRunning,
  AlreadyRunning,
  NotStarted,
  NotReached,
  InvalidOption,
  InvalidFault,
  InvalidReplay,
  Violated
])

/** @since 0.1.0 */
export type SimulationErrorReason = typeof SimulationErrorReason.Type

/** The failure of a simulation. Its message is that of its reason. */
export class SimulationError extends Schema.TaggedError<SimulationError>()("SimulationError", {
  reason: SimulationErrorReason
}) {
  override get message() {
    return this.reason.message
  }
}
