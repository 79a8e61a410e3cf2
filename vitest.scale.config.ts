import { defineConfig, mergeConfig } from "vitest/config"
import config from "./vitest.config.ts"

/** What takes too long for each run of CI: see docs/testing.md. */
export default mergeConfig(
  { ...config, test: { ...config.test, include: [] } },
  defineConfig({ test: { include: ["packages/*/test/**/*.scale.ts"], testTimeout: 600_000 } })
)
