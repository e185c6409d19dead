/** Work for the end of a block, however it ends: `await using closing = atEnd(() => pool.dispose())`. The last first. */
export const atEnd = (work: () => Promise<unknown>): AsyncDisposable => ({
  [Symbol.asyncDispose]: async () => void (await work()),
});
