/** A split without what is also in the test split. */
export interface Disjoint<T> {
  readonly kept: readonly T[];
  readonly leftOut: number;
}

/**
 * Test items must never enter a profile. Published data repeats some texts across splits: those leave the calibration
 * split. `textOf` is what a profile would read.
 */
export const leaveOutTestTexts = <T>(items: readonly T[], test: readonly T[], textOf: (item: T) => string): Disjoint<T> => {
  const texts = new Set(test.map(textOf));
  const kept = items.filter((item) => !texts.has(textOf(item)));
  return { kept, leftOut: items.length - kept.length };
};

/** What a task's description says of it. */
export const describeLeftOut = (leftOut: number): string =>
  leftOut === 0 ? '' : `${String(leftOut)} calibration ${leftOut === 1 ? 'item was' : 'items were'} left out: ${leftOut === 1 ? 'its text is' : 'their texts are'} among the test items.`;
