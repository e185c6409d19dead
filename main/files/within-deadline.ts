import { createContext, Script } from 'node:vm';

const context = createContext({ work: () => undefined });
const script = new Script('work()');

const isTimeout = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';

/**
 * Runs a synchronous library function; throws `late()` after `mostMs`, when V8 ends it, even in the middle of a regular
 * expression. Starting the watchdog thread costs 0.1 ms, so do not use it for every short text.
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
