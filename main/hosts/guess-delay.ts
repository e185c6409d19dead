/** Number of wrong tokens answered at once: a user who pastes half an address, or pages of an earlier start. */
const FREE_GUESSES = 10;
const FIRST_DELAY_MS = 100;
const MOST_DELAY_MS = 10_000;
/** Maximum number of waiting guesses; further ones are cut off without an answer. */
const MOST_WAITING = 64;
/** A guess is forgotten after this long. */
const FORGOTTEN_AFTER_MS = 60_000;

/** Slows down guessing of the token; holders of the token never wait. */
export interface GuessDelay {
  /** Resolves when a wrong guess may be answered: true, or false if it gets no answer at all. */
  wait(): Promise<boolean>;
}

/** Each further wrong guess within a minute waits twice as long, up to ten seconds. */
export const createGuessDelay = (
  now: () => number = Date.now,
  sleep: (milliseconds: number) => Promise<void> = (milliseconds) =>
    new Promise((resolve) => {
      setTimeout(resolve, milliseconds).unref();
    }),
): GuessDelay => {
  let guesses: number[] = [];
  let waiting = 0;
  return {
    wait: async () => {
      const at = now();
      guesses = guesses.filter((earlier) => at - earlier < FORGOTTEN_AFTER_MS).slice(-1000);
      guesses.push(at);
      const beyond = guesses.length - FREE_GUESSES;
      if (beyond <= 0) return true;
      if (waiting >= MOST_WAITING) return false;
      waiting += 1;
      try {
        await sleep(Math.min(MOST_DELAY_MS, FIRST_DELAY_MS * 2 ** (beyond - 1)));
      } finally {
        waiting -= 1;
      }
      return true;
    },
  };
};
