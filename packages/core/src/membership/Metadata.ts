/**
 * Typed metadata of members: what a node says of itself, by a schema.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { toCodec } from "effect/encoding/SchemaBinary"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Member } from "./Member.ts"
import { Membership } from "./Membership.ts"
import { InvalidMetadata, MembershipError } from "./MembershipError.ts"

/** Metadata of a type, as a service. */
export interface Metadata<A> {
  /** What a member says of itself; none when it says nothing, or something that is not of the schema. */
  readonly of: (member: Member) => Option.Option<A>

  /** What this node says of itself. */
  readonly get: Effect.Effect<Option.Option<A>>

  /**
   * Changes what this node says of itself, and tells the cluster. Fails with `InvalidMetadata` for a value that is not
   * of the schema, and `MetadataTooLarge` for one that is encoded in more than `Membership.maxMetadataSize` bytes.
   */
  readonly set: (value: A) => Effect.Effect<void, MembershipError>
}

/** A definition of metadata: a service class with what it takes to use it. */
export interface Definition<Self, S extends Codec> extends Context.ServiceClass<Self, string, Metadata<S["Type"]>> {
  readonly schema: S

  /** The metadata in the form that `Gossip.layer` takes as its `metadata`. Throws for a value not of the schema. */
  readonly encode: (value: S["Type"]) => Uint8Array

  /** Reads and changes metadata that were given to `Gossip.layer`, or none yet. */
  readonly layer: Layer.Layer<Self, never, Membership>

  /** Sets the metadata when the layer is built. */
  readonly layerWith: (value: S["Type"]) => Layer.Layer<Self, MembershipError, Membership>
}

/** A schema that needs no service to encode and decode. */
// oxlint-disable-next-line typescript/no-explicit-any -- `unknown` would exclude schemas of narrower types
export type Codec = Schema.Codec<any, any, never, never>

/**
 * Defines the metadata of a cluster's members. It is encoded with `SchemaBinary` in its evolvable mode, so that
 * fields may be added while nodes of both versions run.
 *
 * **Example** (What a node is for)
 *
 * ```ts import.meta.vitest check
 * import { Metadata } from "@effect-gossip/core/membership"
 * import { Schema } from "effect"
 *
 * class Role extends Metadata.Service<Role>()("app/Role", {
 *   schema: Schema.Struct({ role: Schema.Literals(["web", "worker"]), zone: Schema.String })
 * }) {}
 *
 * const RoleLive = Role.layerWith({ role: "web", zone: "a" })
 * ```
 */
export const Service =
  <Self>() =>
  <const Id extends string, S extends Codec>(id: Id, options: { readonly schema: S }): Definition<Self, S> => {
    const Tag = Context.Service<Self, Metadata<S["Type"]>>()(id)
    const codec = toCodec(options.schema) as unknown as Schema.Codec<S["Type"], Uint8Array>
    const encode = Schema.encodeEffect(codec)
    const decode = Schema.decodeUnknownOption(codec)

    const of = (member: Member): Option.Option<S["Type"]> =>
      member.metadata.length === 0 ? Option.none() : decode(member.metadata)

    const make = Effect.gen(function*() {
      const membership = yield* Membership
      return Tag.of({
        of,
        get: Effect.map(membership.self, of),
        set: (value) =>
          Effect.flatMap(
            Effect.mapError(
              encode(value),
              (error) => new MembershipError({ reason: new InvalidMetadata({ problem: error.message }) })
            ),
            membership.setMetadata
          )
      })
    })

    return Object.assign(Tag, {
      schema: options.schema,
      encode: (value: S["Type"]) => Schema.encodeSync(codec)(value).slice(),
      layer: Layer.effect(Tag, make),
      layerWith: (value: S["Type"]) => Layer.effect(Tag, Effect.tap(make, (metadata) => metadata.set(value)))
    }) as unknown as Definition<Self, S>
  }
