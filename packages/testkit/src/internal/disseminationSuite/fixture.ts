import type { Dissemination } from "@effect-gossip/core/dissemination/Dissemination"
import * as Topic from "@effect-gossip/core/Topic"
import type { InvalidOption } from "@effect-gossip/core/Transport"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { SimulatedNetworkError } from "../../SimulatedNetwork.ts"
import type * as Simulation from "../../Simulation.ts"
import type { VirtualTime } from "../../VirtualTime.ts"
import type { Bounds } from "./options.ts"

/** What the verbs of a simulation fail with. */
export type SimulationError = Effect.Error<ReturnType<Simulation.Simulation["start"]>>

const topic = "testkit/News"

/** What nodes tell each other: each message has a number of its own. */
export class News extends Topic.Service<News>()(topic, {
  payload: Schema.Struct({ n: Schema.Int, body: Schema.optionalKey(Schema.Uint8Array) })
}) {}

/** The same topic, for who takes it for another. */
export class OtherNews extends Topic.Service<OtherNews>()(topic, {
  payload: Schema.Struct({ n: Schema.String })
}) {}

/** What a node was told. */
export interface Told extends Topic.Message<typeof News.schema.Type> {
  /** When, in milliseconds of the simulation. */
  readonly at: number
}

/** What one process of a node was told. */
export interface Life {
  readonly name: string
  /** When it began, in milliseconds of the simulation. */
  readonly since: number
  readonly told: ReadonlyArray<Told>
}

/** What all processes were told. */
export class Journal {
  readonly lives: Array<Life> = []
  now: () => number = () => 0

  /** Writes down what a process is told, as long as it lives. */
  collect(name: string): Layer.Layer<never, never, News> {
    return Layer.effectDiscard(Effect.gen({ self: this }, function*() {
      const news = yield* News
      const told: Array<Told> = []
      this.lives.push({ name, since: this.now(), told })
      yield* Effect.forkScoped(
        Stream.runForEach(
          news.messages,
          (message) => Effect.sync(() => void told.push({ ...message, at: this.now() }))
        ),
        { startImmediately: true }
      )
    }))
  }

  /** What the present, or the last, process of a node was told. */
  of(name: string): Life {
    return this.lives.findLast((life) => life.name === name)!
  }
}

/** What the tests of the suite work with. */
export interface Fixture {
  readonly sim: Simulation.Simulation<News | OtherNews>
  /** The names of all nodes of the simulation. The first is the seed of all. */
  readonly names: ReadonlyArray<string>
  readonly bounds: { readonly [K in keyof Bounds]: Duration.Duration }
  readonly journal: Journal
}

/** What runs in a node: one of these topics, or none. Tests ask no node for what it has not. */
export type Application = Layer.Layer<News | OtherNews, Topic.TopicError | InvalidOption, Dissemination>

/** What a test has of its simulation besides the defaults. */
export interface Setup {
  /** Whether all nodes start at once. */
  readonly start?: boolean
  /** Which nodes take part in the topic, the others only relaying; all by default. */
  readonly knows?: (index: number, nodes: number) => boolean
  /** Which nodes take the topic for another. */
  readonly mistakes?: (index: number, nodes: number) => boolean
  /** Whether the strategy is the topic's own, while the nodes use the default. */
  readonly ofTopic?: boolean
}

/** Registers a test. */
export type Register = (
  name: string,
  test: (
    fixture: Fixture
  ) => Effect.Effect<
    void,
    SimulationError | SimulatedNetworkError | Topic.TopicError,
    VirtualTime | Scope.Scope
  >,
  setup?: Setup
) => void
