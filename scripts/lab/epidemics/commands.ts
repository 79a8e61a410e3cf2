/** The lab's experiments on how news spreads. */
import { command as antiEntropy } from "./antiEntropy.ts"
import { command as compare } from "./compare.ts"
import { command as directMail } from "./directMail.ts"
import { command as pushThenPull } from "./pushThenPull.ts"
import { command as ring } from "./ring.ts"
import { command as rumor } from "./rumor.ts"

/** The commands. */
export const commands = [rumor, antiEntropy, directMail, pushThenPull, ring, compare] as const
