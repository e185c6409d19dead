/**
 * When a wait is given up as one that hangs. No measure of speed: whatever a test waits for (a job, a process, a page)
 * takes seconds on an idle machine, and may take many times that on a busy one.
 */
export const HANG_LIMIT_MS = 15 * 60_000;

/** When a whole test is given up: after any wait of it, which names its line and what it found instead. */
export const TEST_LIMIT_MS = 2 * HANG_LIMIT_MS;

/** For vitest's `vi.waitFor` and `expect.poll`, which give up after a second of their own accord. */
export const patiently = { timeout: HANG_LIMIT_MS };
