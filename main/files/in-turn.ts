/** Does a work once those that were asked for before have ended, however they did; gives what it gives. */
export type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

/** For what reads, changes and writes the same file: two at once would each lose what the other wrote. */
export const createTurns = (): InTurn => {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    // Whoever asked is told what went wrong; the next one goes on.
    last = result.catch(() => undefined);
    return result;
  };
};
