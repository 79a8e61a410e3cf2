import { describe, it } from "@effect/vitest"
import { loseATenth } from "./crashes.ts"

// of 1,000: see crashes.scale.ts
describe("300 nodes in one process", () => {
  it("form one cluster, and after 30 crash at once every survivor has exactly them dead", () => loseATenth(300))
})
