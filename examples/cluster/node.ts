/**
 * One process of the demo: a node on UDP that prints what it sees of the cluster.
 *
 *     node node.ts NAME PORT PROTOCOL [SEED...]
 *
 * It leaves the cluster and ends on SIGTERM, and also when its standard input ends: then the demo that started it is
 * gone, however that came about.
 */
import { Gossip } from "@effect-gossip/core"
import type { Member } from "@effect-gossip/core/membership/Member"
import { Membership } from "@effect-gossip/core/membership/Membership"
import { UdpTransport } from "@effect-gossip/transport-udp"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeStdio from "@effect/platform-node/NodeStdio"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Runtime from "effect/Runtime"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as NodeModule from "node:module"
import * as Protocols from "./protocols.ts"
import { type Belief, Report } from "./report.ts"

const Arguments = Schema.TupleWithRest(
  Schema.Tuple([Schema.String, Schema.FiniteFromString, Schema.Literals(Protocols.names)]),
  [Schema.String]
)

const print = Effect.fnUntraced(function*(report: Report) {
  const stdio = yield* Stdio.Stdio
  const line = yield* Schema.encodeEffect(Schema.fromJsonString(Report))(report)
  yield* Stream.run(Stream.succeed(`${line}\n`), stdio.stdout())
})

const beliefOf = ({ id, incarnation, status }: Member): Belief => ({ id, incarnation, status })

const same = (a: Belief | undefined, b: Belief) =>
  a !== undefined && a.status === b.status && a.incarnation === b.incarnation

/** Prints the view, and then what changes in it. */
const watch = Effect.gen(function*() {
  const membership = yield* Membership
  const { address } = yield* membership.self
  yield* print({ _tag: "Ready", address })
  // What this process has compiled serves those that start after it; one that is killed would not write it.
  yield* Effect.sync(NodeModule.flushCompileCache)

  const printed = new Map<string, Belief>()
  // A member whose incarnation rises while it is alive is no event, so the view is looked at now and then, too.
  yield* Stream.runForEach(Stream.merge(membership.changes, Stream.tick("250 millis")), () =>
    Effect.gen(function*() {
      const beliefs = (yield* membership.members).map(beliefOf).filter((belief) =>
        !same(printed.get(belief.id), belief)
      )
      if (beliefs.length === 0) return
      for (const belief of beliefs) printed.set(belief.id, belief)
      yield* print({ _tag: "Saw", beliefs })
    }))
})

const program = Effect.gen(function*() {
  const stdio = yield* Stdio.Stdio
  const [name, port, protocol, ...seeds] = yield* Schema.decodeUnknownEffect(Arguments)(yield* stdio.args)

  const Network = Layer.effectContext(
    Layer.build(UdpTransport.layer({ host: "127.0.0.1", port })).pipe(
      // A restarted node takes its former port, which the system may have lent to someone for a moment.
      Effect.retry({
        while: ({ reason }) => reason._tag === "AddressInUse",
        schedule: Schedule.spaced("200 millis"),
        times: 25
      })
    )
  )
  const Node = Gossip.layer({ name, ...(seeds.length > 0 && { seeds }) }).pipe(
    Layer.provide([Network, Protocols.get(protocol).layer])
  )

  const orphaned = Effect.ignore(Stream.runDrain(stdio.stdin))
  yield* watch.pipe(Effect.provide(Node), Effect.raceFirst(orphaned))
})

program.pipe(
  Effect.provide(Layer.mergeAll(NodeStdio.layer, Layer.succeed(Logger.LogToStderr, true))),
  NodeRuntime.runMain({
    // to be asked to end, and to leave, is no failure
    teardown: (exit, onExit) =>
      Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause) ? onExit(0) : Runtime.defaultTeardown(exit, onExit)
  })
)
