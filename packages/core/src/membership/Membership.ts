/**
 * Who is in the cluster, as this node sees it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import { type Address, fromStringOption } from "../Address.ts"
import * as GossipMetrics from "../GossipMetrics.ts"
import { Node } from "../node/Node.ts"
import type { NodeError } from "../node/NodeError.ts"
import { encodeMessage, protocolVersion } from "../wire/Frame.ts"
import { maxMetadataSize } from "../wire/Message.ts"
import { compareBytes } from "./Claim.ts"
import { Changes } from "./internal/service/changes.ts"
import { setMachine } from "./internal/service/machines.ts"
import type { Member } from "./Member.ts"
import { InvalidSeed, MembershipError, MetadataTooLarge, NoSeedAnswered, NoSeeds } from "./MembershipError.ts"
import type { MembershipEvent } from "./MembershipEvent.ts"
import type { MembershipCommand } from "./MembershipMachine.ts"
import { MembershipProtocol } from "./MembershipProtocol.ts"

// -----------------------------------------------------------------------------
// service
// -----------------------------------------------------------------------------

/**
 * The members of the cluster.
 *
 * Every node has its own view; views agree once claims have spread. Reading costs no message. The service and its
 * streams live through restarts of the node.
 */
export class Membership extends Context.Service<Membership, {
  /** This node. */
  readonly self: Effect.Effect<Member>

  /** Every member known, this node included, and the dead and left until they are reaped. */
  readonly members: Effect.Effect<ReadonlyArray<Member>>

  /** The member of a name. */
  readonly get: (id: string) => Effect.Effect<Option.Option<Member>>

  /**
   * What happens to members: first one event for each member present, then each change. A consumer that keeps up
   * gets every one. One that falls behind by more than `changesCapacity` gets only the last event of each member, so
   * that what it holds is bounded and ends up right. The stream fails when the node gives up, and ends when it stops.
   */
  readonly changes: Stream.Stream<MembershipEvent, MembershipError>

  /**
   * Joins the cluster through one of these addresses (`host:port`), and waits until the first has answered. Fails
   * with `NoSeeds`, `InvalidSeed`, or `NoSeedAnswered` when each was tried once in vain. After a `leave` it brings
   * the node back, under a higher incarnation.
   */
  readonly join: (seeds: ReadonlyArray<string>) => Effect.Effect<void, MembershipError>

  /**
   * Says to the cluster that this node leaves, and waits until it has been said as often as any claim is. The node
   * then answers, but takes no part. Closing the layer leaves by itself.
   */
  readonly leave: Effect.Effect<void, MembershipError>

  /**
   * Changes what this node says of itself (after a `leave`: what it will say when it joins again), at most `maxMetadataSize` bytes; see `Metadata.Service` for typed ones.
   * Fails with `MetadataTooLarge`.
   */
  readonly setMetadata: (metadata: Uint8Array) => Effect.Effect<void, MembershipError>

  /** The largest metadata in bytes: 512, or less where the transport's datagrams are small. */
  readonly maxMetadataSize: number

  /** Waits for the node to end, and fails with why: `GaveUp`, or `Stopped` when it is closed. For the layer's owner. */
  readonly failure: Effect.Effect<never, MembershipError>
}>()("@effect-gossip/core/membership/Membership") {}

// -----------------------------------------------------------------------------
// make
// -----------------------------------------------------------------------------

/** How the membership of a node is run. */
export interface Options {
  /** Where to join; without any, the node waits to be joined. */
  readonly seeds: ReadonlyArray<Address>
  /** What the node says of itself at first. */
  readonly metadata: Uint8Array
  /** How long closing the layer may take to leave, in milliseconds. */
  readonly leaveTimeout: number
  /** Changes that a slow consumer may have waiting. */
  readonly changesCapacity: number
}

const eventOf = { Alive: "Joined", Suspect: "Suspected", Dead: "Died", Left: "Left" } as const

const present = (members: ReadonlyArray<Member>): Array<MembershipEvent> =>
  members.map((member) => ({ _tag: eventOf[member.status], member }))

const asMembershipError = (error: NodeError) => new MembershipError({ reason: error.reason })
const fail = (reason: MembershipError["reason"]) => Effect.fail(new MembershipError({ reason }))

/** Runs the protocol of `MembershipProtocol` in the node until the scope closes, which leaves. */
export const make = Effect.fnUntraced(function*(options: Options) {
  const node = yield* Node
  const protocol = yield* MembershipProtocol
  const changes = new Changes(options.changesCapacity)
  const limit = metadataLimit(node)
  if (options.metadata.length > limit) {
    return yield* new MetadataTooLarge({ size: options.metadata.length, limit })
  }

  const { command, machine } = yield* node.attach(protocol(options), {
    onEvent: (event) => changes.publish(event),
    onRestart: (before, now) => {
      for (const event of difference(before.members(), now.members())) changes.publish(event)
    }
  })
  for (const status of ["Alive", "Suspect", "Dead", "Left"] as const) {
    node.gauge(
      GossipMetrics.members,
      { status },
      () => machine().members().filter((member) => member.status === status).length
    )
  }

  if (machine().localHealth !== undefined) node.gauge(GossipMetrics.localHealth, {}, () => machine().localHealth ?? 0)

  const ask = (request: MembershipCommand) => Effect.mapError(command(request), asMembershipError)
  const failure = Effect.mapError(node.failure, asMembershipError)
  const leave = Effect.asVoid(ask({ _tag: "Leave" }))

  yield* Effect.forkScoped(Effect.catch(failure, (error) => Effect.sync(() => changes.end(error))))
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => changes.end()).pipe(
      Effect.andThen(Effect.timeoutOption(leave, options.leaveTimeout)),
      // a node that has given up has said its leave already
      Effect.ignore
    )
  )

  const membership = Membership.of({
    self: Effect.sync(() => machine().self),
    members: Effect.sync(() => machine().members()),
    get: (id) => Effect.sync(() => Option.fromUndefinedOr(machine().member(id))),
    changes: changes.stream(() => present(machine().members())),
    failure,
    leave: Effect.withSpan(leave, "Membership.leave"),
    join: Effect.fn("Membership.join")(function*(seeds) {
      if (seeds.length === 0) return yield* fail(new NoSeeds())
      const addresses: Array<Address> = []
      for (const seed of seeds) {
        const address = fromStringOption(seed)
        if (Option.isNone(address)) return yield* fail(new InvalidSeed({ seed }))
        addresses.push(address.value)
      }
      const result = yield* ask({ _tag: "Join", seeds: addresses })
      if (result._tag === "NoSeedAnswered") {
        return yield* fail(new NoSeedAnswered({ failures: result.failures }))
      }
    }),
    setMetadata: Effect.fn("Membership.setMetadata")(function*(metadata) {
      if (metadata.length > limit) return yield* fail(new MetadataTooLarge({ size: metadata.length, limit }))
      yield* ask({ _tag: "SetMetadata", metadata: metadata.slice() })
    }),
    maxMetadataSize: limit
  })
  setMachine(membership, machine)
  return membership
})

// A claim with its metadata must fit a datagram: by itself, and as what `ClusterBus` says with each ping and pong, which is
// the most that any protocol has around it.
const metadataLimit = (node: Node["Service"]): number => {
  const self = {
    _tag: "Alive",
    id: node.id,
    address: node.address,
    incarnation: 0xffff_ffff_ffff,
    protocolVersion,
    metadata: new Uint8Array(maxMetadataSize),
    votes: false
  } as const
  const largest = encodeMessage({ _tag: "BusPong", self, nonce: 0xffff_ffff, sections: [], beat: 0xffff_ffff })
  return Math.max(0, Math.min(maxMetadataSize, node.maxMessageSize - (largest.length - maxMetadataSize)))
}

const difference = (before: ReadonlyArray<Member>, now: ReadonlyArray<Member>): Array<MembershipEvent> => {
  const former = new Map(before.map((member) => [member.id, member]))
  const events: Array<MembershipEvent> = []
  for (const member of now) {
    const known = former.get(member.id)
    former.delete(member.id)
    if (known === undefined || known.status !== member.status || known.address !== member.address) {
      events.push({ _tag: eventOf[member.status], member })
    } else if (compareBytes(known.metadata, member.metadata) !== 0) {
      events.push({ _tag: "Updated", member })
    }
  }
  for (const member of former.values()) events.push({ _tag: "Reaped", member })
  return events
}

/** Runs the membership with the layer's scope. */
export const layer = (options: Options): Layer.Layer<Membership, MetadataTooLarge, Node> =>
  Layer.effect(Membership, make(options))
