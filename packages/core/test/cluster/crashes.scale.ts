/** `pnpm test:scale -t "1,000 nodes"`. */
import { describe, it } from "@effect/vitest"
import { loseATenth } from "./crashes.ts"

describe("1,000 nodes in one process", () => {
  it("form one cluster, and after 100 crash at once every survivor has exactly them dead", () => loseATenth(1000))
})
