/** The kinds of this library's strategies, as messages carry them: a number is never used for another. */
export const directMail = 1
export const rumorMongering = 2
export const pushThenPull = 3
export const piggyback = 4
export const medianCounter = 5
