import { isLive, type Member, type Status } from "@effect-gossip/core/membership/Member"
import { Membership } from "@effect-gossip/core/membership/Membership"
import type { MembershipError } from "@effect-gossip/core/membership/MembershipError"
import type { MembershipEvent } from "@effect-gossip/core/membership/MembershipEvent"
import { assert } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type * as Simulation from "../../Simulation.ts"
import type { Fixture, SimulationError } from "./fixture.ts"

// -----------------------------------------------------------------------------
// waiting
// -----------------------------------------------------------------------------

/** What is not yet as it is to be, or undefined when all is. */
export type Check<E = never> = Effect.Effect<string | undefined, E>

/** Fails with what is wrong, if anything is. */
export const assertNone = (problem: string | undefined): void => {
  if (problem !== undefined) assert.fail(problem)
}

/** Moves time on until nothing is wrong any more, at most to a bound; the test then fails with what still is. */
export const eventually = <E>(
  { names, sim }: Fixture,
  expected: string,
  bound: Duration.Duration,
  check: Check<E>
): Effect.Effect<void, E | SimulationError> => {
  let problem: string | undefined
  // looking costs the square of the cluster's size
  const every = Math.max(10, 2 * names.length)
  return sim.until(Effect.map(check, (found) => (problem = found) === undefined), { atMost: bound, every }).pipe(
    Effect.catchIf(
      (error) => problem !== undefined && isNotReached(error),
      () => Effect.sync(() => assert.fail(`${expected} within ${Duration.format(bound)}, but ${problem}`))
    ),
    Effect.asVoid
  )
}

const isNotReached = (error: unknown): boolean =>
  (error as { readonly reason?: { readonly _tag?: string } }).reason?._tag === "NotReached"

/** Gives a node's membership a command and moves time on until it is done, at most a minute. */
export const command = Effect.fnUntraced(function*<A, E>(
  { sim }: Fixture,
  name: string,
  use: (membership: Membership["Service"]) => Effect.Effect<A, E>
) {
  const fiber = yield* Effect.forkScoped(sim.on(name, Membership.use(use)))
  yield* sim.until(Effect.sync(() => fiber.pollUnsafe() !== undefined), { atMost: "1 minute", every: "1 millis" })
  return yield* Fiber.join(fiber)
})

/** The reason for which a membership refuses a command. */
export const reasonOf = <A>(
  fixture: Fixture,
  name: string,
  use: (membership: Membership["Service"]) => Effect.Effect<A, MembershipError>
) =>
  Effect.matchEffect(command(fixture, name, use), {
    onFailure: (error) => error._tag === "MembershipError" ? Effect.succeed(error.reason) : Effect.fail(error),
    onSuccess: () => Effect.sync(() => assert.fail(`${name} was to fail, but succeeded`))
  })

// -----------------------------------------------------------------------------
// views
// -----------------------------------------------------------------------------

export const self = (sim: Simulation.Simulation, name: string) =>
  sim.on(name, Membership.use((membership) => membership.self))

/** A member as a node sees it. */
export const find = (sim: Simulation.Simulation, observer: string, id: string) =>
  Effect.map(sim.members(observer), (members) => members.find((member) => member.id === id))

const seenAs = (member: Member | undefined) =>
  member === undefined ? "nothing" : `${member.status} in incarnation ${member.incarnation}`

/** That something holds for a member in the view of every running node but its own. */
export const everyoneSees = (
  { sim }: Fixture,
  id: string,
  isRight: (member: Member | undefined) => boolean
): Check<SimulationError> =>
  Effect.gen(function*() {
    for (const observer of sim.running()) {
      if (observer === id) continue
      const member = yield* find(sim, observer, id)
      if (!isRight(member)) return `${observer} sees ${id} as ${seenAs(member)}`
    }
    return undefined
  })

/** That some members have a status to every running node but themselves, or to some of them. */
export const areAll = (
  { sim }: Fixture,
  status: Status,
  ids: ReadonlyArray<string>,
  observers: ReadonlyArray<string> = sim.running()
): Check<SimulationError> =>
  Effect.gen(function*() {
    for (const observer of observers) {
      const members = new Map((yield* sim.members(observer)).map((member) => [member.id, member]))
      for (const id of ids) {
        const member = members.get(id)
        if (observer !== id && member?.status !== status) return `${observer} sees ${id} as ${seenAs(member)}`
      }
    }
    return undefined
  })

/** That every running node sees the running ones alive, each once and in its present life, and nobody else as live. */
export const agreed = ({ sim }: Fixture): Check<SimulationError> =>
  Effect.gen(function*() {
    const running = sim.running()
    const selves = new Map<string, Member>()
    for (const name of running) selves.set(name, yield* self(sim, name))
    for (const observer of running) {
      const missing = new Set(running)
      for (const member of yield* sim.members(observer)) {
        const wanted = selves.get(member.id)
        if (wanted === undefined) {
          if (isLive(member)) return `${observer} sees ${member.id}, which is gone, as ${seenAs(member)}`
          continue
        }
        if (!missing.delete(member.id)) return `${observer} lists ${member.id} twice`
        if (member.status !== "Alive" || member.incarnation !== wanted.incarnation) {
          return `${observer} sees ${member.id}, which is in incarnation ${wanted.incarnation}, as ${seenAs(member)}`
        }
        if (member.address !== wanted.address) return `${observer} sees ${member.id} at ${member.address}`
      }
      for (const name of missing) return `${observer} does not know ${name}`
    }
    return undefined
  })

/** Moves time on until all agree who is there. */
export const agree = (fixture: Fixture, bound: Duration.Duration = fixture.bounds.joined) =>
  eventually(fixture, "all are to agree who is there", bound, agreed(fixture))

// -----------------------------------------------------------------------------
// changes
// -----------------------------------------------------------------------------

/** What a node's stream of changes has said since it was opened. */
export interface Watch {
  readonly observer: string
  readonly events: ReadonlyArray<MembershipEvent>
}

/** Opens the stream of changes of a node, in its present life. */
export const watch = Effect.fnUntraced(function*({ sim }: Fixture, observer: string) {
  const events: Array<MembershipEvent> = []
  const changes = yield* sim.on(observer, Membership.useSync((membership) => membership.changes))
  yield* Effect.forkScoped(
    Stream.runForEach(changes, (event) => Effect.sync(() => void events.push(event))),
    { startImmediately: true }
  )
  const watch: Watch = { observer, events }
  return watch
})

/** Opens the streams of changes of all running nodes. */
export const watchAll = (fixture: Fixture) => Effect.forEach(fixture.sim.running(), (name) => watch(fixture, name))

/** The members that a stream of changes told of; a conflict changes none. */
export const fold = (events: Iterable<MembershipEvent>): ReadonlyMap<string, Member> => {
  const members = new Map<string, Member>()
  for (const event of events) {
    if (event._tag === "Conflict") continue
    if (event._tag === "Reaped") members.delete(event.member.id)
    else members.set(event.member.id, event.member)
  }
  return members
}

/** The events of a member, a conflict over its name apart. */
export const eventsOf = ({ events }: Watch, id: string) =>
  events.filter((event) => event._tag !== "Conflict").filter((event) => event.member.id === id)

/** The first event that cannot follow those before it, if there is one. */
export const disorder = ({ events, observer }: Watch): string | undefined => {
  const known = new Map<string, Member>()
  for (const event of events) {
    if (event._tag === "Conflict") continue
    const { member } = event
    const before = known.get(member.id)
    if (!follows(event._tag, before, member)) {
      return `${observer} was told ${event._tag} of ${member.id} (${seenAs(member)}), which was ${seenAs(before)}`
    }
    if (event._tag === "Reaped") known.delete(member.id)
    else known.set(member.id, member)
  }
  return undefined
}

const follows = (
  tag: Exclude<MembershipEvent["_tag"], "Conflict">,
  before: Member | undefined,
  member: Member
): boolean => {
  const wasLive = before !== undefined && isLive(before)
  const sameAddress = before === undefined || before.address === member.address
  if (sameAddress && before !== undefined && member.incarnation < before.incarnation) return false
  switch (tag) {
    case "Joined":
      return isLive(member) && (!wasLive || !sameAddress)
    // a stream that is opened now starts with whatever is the case, also with the suspected, the dead and the left
    case "Suspected":
      return member.status === "Suspect" && (before === undefined || wasLive)
    case "Refuted":
      return member.status === "Alive" && before?.status === "Suspect"
    case "Updated":
      return isLive(member) && wasLive
    // a later life may have come and gone unheard of
    case "Died":
      return member.status === "Dead" && (before === undefined || wasLive || member.incarnation > before.incarnation)
    case "Left":
      return member.status === "Left" && before?.status !== "Left"
    case "Reaped":
      return before !== undefined && !wasLive
  }
}

/** Fails if anybody was ever told that one of these has died or left. */
export const assertNeverGone = (watches: ReadonlyArray<Watch>, ids: ReadonlyArray<string>): void => {
  for (const { events, observer } of watches) {
    for (const event of events) {
      if (event._tag !== "Died" && event._tag !== "Left") continue
      assert.notInclude(ids, event.member.id, `${observer} was told ${event._tag} of a node that was there`)
    }
  }
}

// -----------------------------------------------------------------------------
// bytes
// -----------------------------------------------------------------------------

export const areEqual = (self: Uint8Array, that: Uint8Array): boolean =>
  self.length === that.length && self.every((byte, index) => byte === that[index])
