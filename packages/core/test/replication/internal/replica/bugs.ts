/** Mistakes that the search for faults has to find. */
import { Collector } from "../../../../src/replication/internal/replica/collector.ts"
import { Session } from "../../../../src/replication/internal/replica/session.ts"
import { Space } from "../../../../src/replication/internal/replica/space.ts"
import { never } from "../../../../src/replication/internal/replica/time.ts"
import { Versions } from "../../../../src/replication/internal/replica/versions.ts"
import { all, method, type Plant } from "../../../planted/plant.ts"

export interface Bug {
  readonly name: string
  readonly plant: Plant
  readonly finds: RegExp
  /** The first seed by which it is found is this, or a little later: not to search for long. */
  readonly from?: number
}

const comesBack = /again|is back|no agreement|shows/

export const bugs: ReadonlyArray<Bug> = [
  {
    name: "a certificate is forgotten once its writer has it, whoever else lacks it",
    plant: all(
      method(Collector.prototype, "stableTime", () => () => never),
      method(Space.prototype, "isForgotten", () => () => false)
    ),
    finds: comesBack
  },
  {
    name: "what was deleted while a node was away is neither refused nor dropped",
    plant: all(
      method(Session.prototype, "isGone", () => () => false),
      method(Space.prototype, "isForgotten", () => () => false),
      method(Space.prototype, "isOutdated", () => () => false)
    ),
    finds: comesBack,
    from: 210
  },
  {
    name: "a node that has been away is not reset",
    plant: method(Session.prototype, "isGone", () => () => false),
    finds: /again|is back|no agreement|shows|for stable/,
    from: 405
  },
  {
    name: "what comes is taken though its delete was forgotten",
    plant: method(Space.prototype, "isForgotten", () => () => false),
    finds: comesBack,
    from: 95
  },
  {
    name: "who has not answered does not count for stability",
    plant: method(Collector.prototype, "unheard", () => () => never),
    finds: /for stable/
  },
  {
    name: "a restarted node counts as if it had what its former life had",
    plant: method(Collector.prototype, "isCurrent", () => () => true),
    finds: /for stable/,
    from: 278
  },
  {
    name: "a rumor counts for all that its life wrote before",
    plant: method(Versions.prototype, "note", () =>
      function(this: Versions, life, _, to) {
        this.known.raise(life, to)
      }),
    finds: /for stable|lost|again|no agreement/
  },
  {
    name: "versions are taken over from a peer though something of it was refused",
    plant: method(Space.prototype, "takeEntry", (sound) =>
      function(this: Space, bytes, from) {
        const taken = sound.call(this, bytes, from)
        return taken === "Refused" ? "Known" : taken
      }),
    finds: /for stable|lost/
  },
  {
    name: "versions are taken over from a peer before its entries",
    plant: method(Session.prototype, "compare", (sound) =>
      function(this: Session, theirs) {
        this.space.adopt(theirs.versions, theirs.purged)
        return sound.call(this, theirs)
      }),
    finds: /for stable|lost|again|no agreement|shows/
  }
]
