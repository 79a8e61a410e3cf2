/**
 * What happens in the demo: a cluster forms, loses a process, suspects one that only pauses, gets the first back, and
 * sees one leave.
 */
import { CliError } from "effect/cli"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as NodeOS from "node:os"
import { Cluster, failureOf, type Process, type Processes, running } from "./cluster.ts"
import { now, Progress, type Step } from "./progress.ts"
import * as Protocols from "./protocols.ts"
import type { Belief } from "./report.ts"
import { seconds, whatEachSees } from "./text.ts"

// -----------------------------------------------------------------------------
// result
// -----------------------------------------------------------------------------

const Millis = Schema.NullOr(Schema.Int)

/** What `--json` prints. A time is null, and `pauseRefuted` false, for what the demo did not get to. */
export const Result = Schema.Struct({
  nodes: Schema.Int,
  protocol: Schema.Literals(Protocols.names),
  /** From the start of the first process until each knew all others. */
  formedMs: Millis,
  /** From SIGKILL until the first other process suspected it, or had it dead where there is no suspicion. */
  crashSuspectedMs: Millis,
  /** From SIGKILL until all other processes had it dead. */
  crashKnownByAllMs: Millis,
  /**
   * Whether a process that was stopped, and suspected for it, was alive for all others again: in a higher incarnation,
   * unless nobody but who suspected it had to be told.
   */
  pauseRefuted: Schema.Boolean,
  /** From the second start of the killed process until all others had it alive, and it them. */
  rejoinedMs: Millis,
  /** From SIGTERM until all other processes knew that it had left. */
  leaveKnownByAllMs: Millis
})

export type Result = typeof Result.Type

export const nothing = (nodes: number, protocol: Protocols.Name): Result => ({
  nodes,
  protocol,
  formedMs: null,
  crashSuspectedMs: null,
  crashKnownByAllMs: null,
  pauseRefuted: false,
  rejoinedMs: null,
  leaveKnownByAllMs: null
})

// -----------------------------------------------------------------------------
// cast
// -----------------------------------------------------------------------------

/** Who does what. The first process, through which all others joined, is the one that leaves: no node is special. */
export const cast = (nodes: number) => {
  const names = Array.from({ length: nodes }, (_, index) => `n${index + 1}`)
  const [leaver, victim, sleeper] = names as [string, string, string]
  return { names, seed: leaver, leaver, victim, sleeper }
}

export const titles = ["form", "crash", "pause", "restart", "leave"]

// -----------------------------------------------------------------------------
// waiting
// -----------------------------------------------------------------------------

/** What processes are waited for to see. */
interface Expectation {
  /** What was done to bring it about. */
  readonly did: string
  /** What it is, to follow "until". */
  readonly until: string
  /** Who is to see it. */
  readonly observers: (processes: Processes) => ReadonlyArray<Process>
  readonly holds: (observer: Process) => boolean
  /** Whether one of them is enough. */
  readonly any?: boolean
}

const others = (name: string) => (processes: Processes) => running(processes).filter((process) => process.name !== name)

const sees = (id: string, holds: (belief: Belief) => boolean) => (observer: Process): boolean => {
  const belief = observer.view.get(id)
  return belief !== undefined && holds(belief)
}

const highestIncarnation = (processes: Processes, id: string): number =>
  Math.max(0, ...running(processes).map((process) => process.view.get(id)?.incarnation ?? 0))

/** Tells who watches how the step goes on. */
const report = Effect.fnUntraced(function*(change: (step: Step) => Partial<Step>) {
  const progress = yield* Progress
  yield* SubscriptionRef.update(progress, (snapshot) => {
    const step = snapshot.steps.at(-1)
    if (step === undefined) return snapshot
    return { ...snapshot, steps: [...snapshot.steps.slice(0, -1), { ...step, ...change(step) }] }
  })
})

/** Waits until what is expected is seen. */
const awaitSeen = Effect.fnUntraced(function*({ any, did, holds, observers, until }: Expectation) {
  const { processes } = yield* Cluster
  yield* SubscriptionRef.changes(processes).pipe(
    Stream.takeUntilEffect((all) =>
      Effect.gen(function*() {
        for (const process of all.values()) {
          if (process.condition === "failed") return yield* failureOf(process)
        }
        const asked = observers(all)
        const done = asked.filter(holds).length
        const of = any === true ? 1 : asked.length
        yield* report(() => ({ waiting: { did, until, done: Math.min(done, of), of } }))
        return done >= of && of > 0
      })
    ),
    Stream.runDrain
  )
})

// -----------------------------------------------------------------------------
// steps
// -----------------------------------------------------------------------------

/** The demo ends within a minute, whatever happens. */
const limit = 57_000

/** Runs a step: it is over when its body is, which says what it came to, or else fails at its deadline. */
const step = <A, E, R>(
  title: string,
  deadline: Duration.Input,
  body: (elapsed: Effect.Effect<number>) => Effect.Effect<readonly [outcome: string, value: A], E, R>
) =>
  Effect.gen(function*() {
    const progress = yield* Progress
    const { processes } = yield* Cluster
    const startedAt = yield* now
    const elapsed = Effect.map(now, (time) => Math.round(time - startedAt))
    yield* SubscriptionRef.update(progress, (snapshot) => ({
      ...snapshot,
      steps: [...snapshot.steps, { title, startedAt, waiting: { did: title, done: 0, of: 0 } }]
    }))
    const patience = Math.min(
      Duration.toMillis(deadline),
      limit - (startedAt - (yield* SubscriptionRef.get(progress)).startedAt)
    )
    const end = (text: string, failed: boolean) =>
      Effect.flatMap(now, (endedAt) => report(() => ({ outcome: { text, endedAt, failed } })))

    const [outcome, value] = yield* body(elapsed).pipe(
      Effect.timeoutOrElse({
        duration: patience,
        orElse: Effect.fnUntraced(function*() {
          const { waiting } = (yield* SubscriptionRef.get(progress)).steps.at(-1)!
          return yield* new StepFailed({
            title,
            problem: waiting.until === undefined
              ? `${waiting.did} took longer than ${seconds(patience)} s (${waiting.done} of ${waiting.of})`
              : `${waiting.did}; waited ${
                seconds(patience)
              } s in vain until ${waiting.until} (${waiting.done} of ${waiting.of})`,
            seen: whatEachSees(yield* SubscriptionRef.get(processes))
          })
        })
      }),
      Effect.tapError((error) => end(error instanceof StepFailed ? error.problem : "a process ended by itself", true))
    )
    yield* end(outcome, false)
    return value
  })

const form = (nodes: number) =>
  step("form", "40 seconds", (elapsed) =>
    Effect.gen(function*() {
      const cluster = yield* Cluster
      const { names, seed } = cast(nodes)
      yield* report(() => ({ waiting: { did: `starting ${nodes} processes`, done: 0, of: nodes } }))
      yield* cluster.start(seed, [])
      const address = Option.getOrThrow((yield* SubscriptionRef.get(cluster.processes)).get(seed)!.address)
      // more at once would only take the processor from each other, and from those that run
      yield* Effect.forEach(
        names.slice(1),
        (name) =>
          Effect.gen(function*() {
            yield* cluster.start(name, [address])
            const done = running(yield* SubscriptionRef.get(cluster.processes)).length
            yield* report(() => ({ waiting: { did: `starting ${nodes} processes`, done, of: nodes } }))
          }),
        { concurrency: Math.max(2, NodeOS.availableParallelism()), discard: true }
      )
      yield* awaitSeen({
        did: `all ${nodes} started`,
        until: "each knows all others",
        observers: running,
        holds: (observer) => names.every((name) => sees(name, ({ status }) => status === "Alive")(observer))
      })
      const formedMs = yield* elapsed
      return [`${nodes} processes, and each knows all others`, { formedMs }] as const
    }))

const crash = (victim: string, { doubts }: Protocols.Protocol) =>
  step("crash", "25 seconds", (elapsed) =>
    Effect.gen(function*() {
      const cluster = yield* Cluster
      yield* cluster.signal(victim, "SIGKILL")
      yield* awaitSeen({
        did: `${victim} got SIGKILL`,
        until: `the first other one ${doubts}`,
        observers: others(victim),
        holds: sees(victim, ({ status }) => status === "Suspect" || status === "Dead"),
        any: true
      })
      const crashSuspectedMs = yield* elapsed
      yield* awaitSeen({
        did: `${victim} got SIGKILL`,
        until: "all others have it dead",
        observers: others(victim),
        holds: sees(victim, ({ status }) => status === "Dead")
      })
      const crashKnownByAllMs = yield* elapsed
      const times = { crashSuspectedMs, crashKnownByAllMs }
      return [`the first ${doubts} after ${seconds(crashSuspectedMs)} s, and then it is dead for all`, times] as const
    }))

const pause = (
  sleeper: string,
  { doubts, patience, refutes, withheld }: Protocols.Protocol,
  nodes: number,
  rest: Duration.Input
) =>
  step("pause", "25 seconds", (elapsed) =>
    Effect.gen(function*() {
      const cluster = yield* Cluster
      const before = highestIncarnation(yield* SubscriptionRef.get(cluster.processes), sleeper)
      const suspected = (any: boolean) =>
        awaitSeen({
          did: `${sleeper} got SIGSTOP`,
          until: any ? `the first other one ${doubts}` : `each of the others ${doubts}`,
          observers: others(sleeper),
          holds: sees(sleeper, ({ status }) => status !== "Alive"),
          any
        })
      const pausedMs = yield* cluster.whilePaused(
        sleeper,
        Effect.gen(function*() {
          yield* suspected(true)
          yield* Effect.timeoutOption(Effect.andThen(suspected(false), Effect.sleep(rest)), patience)
          return yield* elapsed
        })
      )
      yield* awaitSeen({
        did: `${sleeper} got SIGCONT`,
        until: "all others have it alive again",
        observers: others(sleeper),
        holds: sees(sleeper, ({ incarnation, status }) => status === "Alive" && (incarnation > before || !refutes))
      })
      const refutedMs = (yield* elapsed) - pausedMs
      return [
        `${sleeper} stood still for ${seconds(pausedMs)} s, and was alive for all again in ${refutedMs} ms` +
        (withheld(nodes) === undefined ? "" : `; ${withheld(nodes)}`),
        { pauseRefuted: true }
      ] as const
    }))

const restart = (victim: string) =>
  step("restart", "20 seconds", (elapsed) =>
    Effect.gen(function*() {
      const cluster = yield* Cluster
      const processes = yield* SubscriptionRef.get(cluster.processes)
      const before = highestIncarnation(processes, victim)
      const peers = running(processes)
      yield* report(() => ({
        waiting: { did: `starting ${victim} again, under its old name and port`, done: 0, of: 1 }
      }))
      yield* cluster.start(victim, peers.slice(0, 3).flatMap(({ address }) => Option.toArray(address)))
      yield* awaitSeen({
        did: `${victim} is back`,
        until: "all see it, and it sees all",
        observers: running,
        holds: (observer) =>
          observer.name === victim
            ? peers.every(({ name }) => sees(name, ({ status }) => status === "Alive")(observer))
            : sees(victim, ({ incarnation, status }) => status === "Alive" && incarnation > before)(observer)
      })
      const rejoinedMs = yield* elapsed
      return [`${victim} is back, and alive for all`, { rejoinedMs }] as const
    }))

const leave = (leaver: string) =>
  step("leave", "15 seconds", (elapsed) =>
    Effect.gen(function*() {
      const cluster = yield* Cluster
      yield* cluster.signal(leaver, "SIGTERM")
      yield* awaitSeen({
        did: `${leaver} got SIGTERM`,
        until: "all others know that it has left",
        observers: others(leaver),
        holds: sees(leaver, ({ status }) => status === "Left")
      })
      const leaveKnownByAllMs = yield* elapsed
      yield* awaitSeen({
        did: `${leaver} got SIGTERM`,
        until: "its process has ended",
        observers: (processes) => [processes.get(leaver)!],
        holds: ({ condition }) => condition === "left"
      })
      return [`${leaver} has left, through which all had joined`, { leaveKnownByAllMs }] as const
    }))

/** How the steps are run. */
export interface Options {
  readonly nodes: number
  readonly protocol: Protocols.Name
  /** Time between steps, for the eye to follow. */
  readonly rest: Duration.Input
  /** Is handed what each step came to. */
  readonly learn: (result: Partial<Result>) => void
}

/** Runs all steps. */
export const run = Effect.fnUntraced(function*({ learn, nodes, protocol: name, rest }: Options) {
  const protocol = Protocols.get(name)
  const { leaver, sleeper, victim } = cast(nodes)
  const { startedAt } = yield* SubscriptionRef.get(yield* Progress)
  // not where many processes take much of the time there is
  const breathe = Effect.flatMap(now, (time) => time - startedAt < limit / 2 ? Effect.sleep(rest) : Effect.void)
  learn(yield* form(nodes))
  yield* breathe
  learn(yield* crash(victim, protocol))
  yield* breathe
  learn(yield* pause(sleeper, protocol, nodes, rest))
  yield* breathe
  learn(yield* restart(victim))
  yield* breathe
  learn(yield* leave(leaver))
})

// -----------------------------------------------------------------------------
// errors
// -----------------------------------------------------------------------------

/** Something did not happen in time. */
export class StepFailed extends Schema.TaggedError<StepFailed>()("StepFailed", {
  title: Schema.String,
  problem: Schema.String,
  /** What each process saw when time was up. */
  seen: Schema.String
}) {
  override get [CliError.userMessage]() {
    return this.message
  }
  override get message() {
    return `step "${this.title}" did not end in time: ${this.problem}\n\n${this.seen}`
  }
}
