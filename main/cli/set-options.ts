import type { UserSettings } from '../contract/settings.ts';
import { MACHINE_OPTIONS } from './open-runner.ts';
import type { Verb, VerbArguments } from './verb.ts';

const BYTES_PER_GIGABYTE = 1e9;

/** Whether a verb uses any user setting: other verbs run even if the settings file is damaged. */
export const usesSettings = ({ options }: Verb): boolean =>
  'workspace' in options || options['threads'] === MACHINE_OPTIONS.threads;

/**
 * Fills in user settings for options that were not given: threads and memory, and for `serve` the device. Other verbs
 * compute on the device of the command line: a click in the window must not change a script's numbers.
 */
export const withSetOptions = (verb: Verb, given: VerbArguments, settings: UserSettings): VerbArguments => {
  const { threads, memoryBudgetBytes, device } = settings;
  const options: Record<string, unknown> = { ...given.options };
  if (verb.options['threads'] === MACHINE_OPTIONS.threads) {
    if (threads !== null) options['threads'] ??= String(threads);
    if (memoryBudgetBytes !== null) options['memory'] ??= String(memoryBudgetBytes / BYTES_PER_GIGABYTE);
  }
  if (verb.name === 'serve' && device !== null) options['device'] ??= device;
  return { positionals: given.positionals, options };
};
