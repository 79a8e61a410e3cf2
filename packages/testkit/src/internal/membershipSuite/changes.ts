import { isLive, type Member } from "@effect-gossip/core/membership/Member"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { churn } from "./churn.ts"
import type { Register } from "./fixture.ts"
import { agree, areAll, assertNone, command, disorder, eventually, fold, type Watch, watch } from "./helpers.ts"

export const changes = (test: Register): void => {
  test("changes start with the members present, the dead and the left among them", (fixture) =>
    Effect.gen(function*() {
      const { bounds, names, sim } = fixture
      yield* agree(fixture)
      const [dead, left] = [names.at(-1)!, names.at(-2)!]
      yield* sim.crash(dead)
      yield* eventually(fixture, `${dead} is to be dead`, bounds.crashed, areAll(fixture, "Dead", [dead]))
      yield* command(fixture, left, (membership) => membership.leave)
      yield* eventually(fixture, `${left} is to have left`, bounds.left, areAll(fixture, "Left", [left]))
      for (const name of names.slice(0, -2)) {
        const { events } = yield* watch(fixture, name)
        assert.sameMembers(
          events.map((event) => `${event._tag} ${event._tag === "Conflict" ? event.id : event.member.id}`),
          names.map((id) => `${id === dead ? "Died" : id === left ? "Left" : "Joined"} ${id}`)
        )
      }
    }))

  test("under churn, changes tell at every node what its members are", (fixture) =>
    Effect.gen(function*() {
      const { watches } = yield* churn(fixture)
      for (const watch of watches) {
        assertNone(difference(watch, yield* fixture.sim.members(watch.observer)))
      }
    }))

  test("under churn, each event can follow those before it", (fixture) =>
    Effect.gen(function*() {
      const { watches } = yield* churn(fixture)
      for (const watch of watches) assertNone(disorder(watch))
    }))

  test("under churn, no member's incarnation goes back in any view", (fixture) =>
    Effect.gen(function*() {
      const { setBack } = yield* churn(fixture)
      assertNone(setBack)
    }))
}

// The first member that is not as the changes told, if there is one.
const difference = ({ events, observer }: Watch, members: ReadonlyArray<Member>): string | undefined => {
  const told = new Map(fold(events))
  for (const member of members) {
    const before = told.get(member.id)
    told.delete(member.id)
    const [expected, found] = [describe(member), before === undefined ? "nothing" : describe(before)]
    if (expected !== found) return `${observer} sees ${member.id} as ${expected}, but was told ${found}`
  }
  for (const id of told.keys()) return `${observer} was told of ${id}, but does not see it`
  return undefined
}

// A life that was over before this node heard of it need not have been told: of one who is gone the last number may
// differ, but not how it went.
const describe = (member: Member): string => {
  const { address, incarnation, metadata, status } = member
  const life = isLive(member) ? ` in incarnation ${incarnation}` : ""
  return `${status}${life} at ${address}, saying [${Array.from(metadata).join(" ")}]`
}
