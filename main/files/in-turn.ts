/** Runs a task once all earlier tasks have ended, successfully or not; returns its result. */
export type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

/** For functions that read, change and write the same file: run at once, each would lose the other's change. */
export const createTurns = (): InTurn => {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    // The caller gets the error; the next task runs all the same.
    last = result.catch(() => undefined);
    return result;
  };
};
