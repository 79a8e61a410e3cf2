import * as ReplicaSuite from "@effect-gossip/testkit/ReplicaSuite"
import * as Layer from "effect/Layer"
import * as PeerSelection from "../../src/dissemination/PeerSelection.ts"
import * as AntiEntropy from "../../src/replication/AntiEntropy.ts"

ReplicaSuite.suite("push and pull, by coded symbols, with anyone", {})
ReplicaSuite.suite("push", { protocol: AntiEntropy.layerPush() })
ReplicaSuite.suite("pull", { protocol: AntiEntropy.layerPull() })
for (const strategy of ["digest", "checksum", "merkle"] as const) {
  ReplicaSuite.suite(strategy, { protocol: AntiEntropy.layer({ strategy }) })
}
ReplicaSuite.suite("with the successor on a ring", {
  protocol: Layer.merge(AntiEntropy.layer(), PeerSelection.layerRing)
})
