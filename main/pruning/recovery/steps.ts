/** Long arithmetic that stops after each part of it, so that whoever runs it can see whether it is still wanted. */
export type Steps<T> = Generator<void, T, void>;

/** The result, without a stop. */
export const atOnce = <T>(steps: Steps<T>): T => {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
};

/** The result, with `pause` after each part; what it rejects with ends the work. */
export const withPauses = async <T>(steps: Steps<T>, pause: () => Promise<void>): Promise<T> => {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await pause();
  }
};
