/** A topic by which a test breaks a node. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Strategy } from "../../src/dissemination/Strategy.ts"
import * as Topic from "../../src/Topic.ts"

export class Break extends Topic.Service<Break>()("test/Break", { payload: Schema.Int }) {}

const breaking = Layer.succeed(Strategy, {
  kind: 200,
  name: "breaking",
  roundInterval: 1000,
  make: () => ({
    heard: ({ topic }, from) => {
      if (topic === "test/Break" && from === undefined) throw new Error("planted")
    },
    heardAgain: () => {},
    received: () => {},
    round: () => false,
    forget: () => {}
  })
})

export const layer = Layer.provide(Break.layer, breaking)

/** Breaks the node that it runs in, once. */
export const breakNode = Effect.exit(Break.use((topic) => topic.publish(1)))
