import { createContext, Script } from 'node:vm';

const context = createContext({ work: () => undefined });
const script = new Script('work()');

/** Whether an error says that the time was over. */
const isTimeout = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';

/**
 * What a synchronous function of a library gives, or what `late` throws once `mostMs` are over: V8 then ends it, also
 * in the middle of a regular expression. Costs the start of a thread that watches the time (0.1 ms), so it is not for
 * every short text.
 */
export const withinDeadline = <T>(mostMs: number, late: () => Error, work: () => T): T => {
  const results: T[] = [];
  context['work'] = () => void results.push(work());
  try {
    script.runInContext(context, { timeout: Math.ceil(mostMs) });
  } catch (error) {
    throw isTimeout(error) ? late() : error;
  } finally {
    context['work'] = () => undefined;
  }
  const [result] = results;
  if (results.length === 0) throw new Error('work without a result');
  return result as T;
};
