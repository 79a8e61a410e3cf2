/**
 * A leader among a few nodes: at most one at a time, which may do what only one of them may do at a time.
 *
 * Both versions favour the lowest name that is live, and want a majority of all nodes, so that no small group goes on by
 * itself. The first looks for the majority in its own view of the members. The second asks it.
 */
import { isLive, type Member } from "@effect-gossip/core/membership/Member"
import { Membership } from "@effect-gossip/core/membership/Membership"
import * as Metadata from "@effect-gossip/core/membership/Metadata"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"

// -----------------------------------------------------------------------------
// service
// -----------------------------------------------------------------------------

/** Who leads. */
export class Leader extends Context.Service<Leader, {
  /** Whether this node leads now. */
  readonly leads: Effect.Effect<boolean>
}>()("examples/testing/Leader") {}

/** What both versions have to know. */
export interface Options {
  /** How many nodes there are, running or not, each of its own name. */
  readonly nodes: number
}

const isMajority = (count: number, { nodes }: Options): boolean => count > nodes / 2

/** Whom a node favours: the lowest name of those that it sees live, if these are a majority. */
const favourite = (members: ReadonlyArray<Member>, options: Options): Member | undefined => {
  const live = members.filter(isLive)
  return isMajority(live.length, options) ? live.toSorted((a, b) => a.id < b.id ? -1 : 1)[0] : undefined
}

// -----------------------------------------------------------------------------
// the first version
// -----------------------------------------------------------------------------

/** A node leads when it favours itself. */
export const layerByView = (options: Options): Layer.Layer<Leader, never, Membership> =>
  Layer.effect(
    Leader,
    Effect.gen(function*() {
      const membership = yield* Membership
      return {
        leads: Effect.gen(function*() {
          const { id } = yield* membership.self
          return favourite(yield* membership.members, options)?.id === id
        })
      }
    })
  )

// -----------------------------------------------------------------------------
// the second version
// -----------------------------------------------------------------------------

/** How long a bid lets its bidder lead, once a majority has voted for it: counted from the bid, by the bidder's clock. */
const lease = Duration.toMillis("3 seconds")

/**
 * How long a vote keeps its voter from voting for another: counted from the vote, by the voter's clock. If all clocks
 * ran alike, as long as a lease would do. Five times as long allows for a bidder's that runs at half the rate of others,
 * and for a voter's that runs at twice their rate.
 */
const promise = 5 * lease

/** A bid for the lead: which process makes it, and what its clock shows. */
const Bid = Schema.Struct({ by: Schema.Int, at: Schema.Finite })

/** What each node tells all others, as its metadata: its own bid if it favours itself, and the bid that it votes for. */
class Ballot extends Metadata.Service<Ballot>()("examples/testing/Ballot", {
  schema: Schema.Struct({ bid: Schema.optionalKey(Bid), vote: Schema.optionalKey(Bid) })
}) {}

/** A clock that nobody sets, in milliseconds. */
const now = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1_000_000)

/**
 * A node leads while a majority keeps its promise to vote for nobody else.
 *
 * It bids again and again, and each node votes for the latest bid of its favourite as soon as its promise allows. A bid is
 * older than the votes for it, so that its lease ends before the promises do, however long any of them was under way.
 *
 * This is as much as nodes can tell each other: whoever asks whether it leads may stall between the answer and what it
 * then does. What is changed outside has to notice that a later leader was there, or bear to be done twice.
 */
export const layerByLease = (options: Options): Layer.Layer<Leader, never, Membership> =>
  Layer.effect(
    Leader,
    Effect.gen(function*() {
      const membership = yield* Membership
      const ballot = yield* Ballot
      const ballotOf = (member: Member | undefined) =>
        member === undefined ? undefined : Option.getOrUndefined(ballot.of(member))

      // A process that was restarted is another. What the former has promised it does not know, and so waits for the end.
      const process = yield* Random.nextInt
      let vote: typeof Bid.Type | undefined
      let promisedUntil = (yield* now) + promise

      const voteAndBid = Effect.gen(function*() {
        const { id } = yield* membership.self
        const wanted = favourite(yield* membership.members, options)
        // after it has looked: a promise may begin too late, but never before the bid
        const at = yield* now
        const bid = wanted?.id === id ? { by: process, at } : undefined
        const latest = bid ?? ballotOf(wanted)?.bid
        const isNew = latest?.by !== vote?.by || latest?.at !== vote?.at
        if (latest !== undefined && isNew && (latest.by === vote?.by || at >= promisedUntil)) {
          vote = latest
          promisedUntil = at + promise
        }
        yield* ballot.set({ ...(bid !== undefined && { bid }), ...(vote !== undefined && { vote }) })
      })
      // a ballot that could not be set is set the next time
      yield* Effect.forkScoped(Effect.repeat(Effect.ignore(voteAndBid), Schedule.spaced("800 millis")))

      return {
        leads: Effect.gen(function*() {
          const members = yield* membership.members
          const bids = members.flatMap((member) => ballotOf(member)?.vote ?? [])
            .filter(({ by }) => by === process)
            .map(({ at }) => at)
            .toSorted((a, b) => b - a)
          // the latest bid such that a majority has voted for it or for a later one
          const granted = bids.find((_, index) => isMajority(index + 1, options))
          return granted !== undefined && (yield* now) < granted + lease
        })
      }
    })
  ).pipe(Layer.provide(Ballot.layer))
