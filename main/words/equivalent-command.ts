import { z } from 'zod';
import type { RunManifest } from '../contract/run.ts';
import { isDefault, settingsOf } from '../contract/setting.ts';
import { describedSweepSettings, recordedSweepSettings } from '../contract/sweep.ts';

/** Quotes a word that a shell would split. */
export const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** A recorded path as the command line takes it: bundled models and tasks by their names. */
const subject = ({ path }: { readonly path: string }): string => path.replace(/^bundled:/, '');

/** Candidates beside the settings of a recorded sweep. */
const recordedCandidates = z.looseObject({
  candidates: z.array(z.looseObject({ name: z.string(), path: z.string() })).default([]),
});

const optionWords = (flag: string, values: readonly string[]): readonly string[] =>
  values.length === 0 ? [] : [`--${flag}`, ...values];

/**
 * The command line that makes the same run, whatever started it; null for kinds of runs other than sweeps, and for
 * settings that cannot be read. A method from a file is named by the file's name only, since a manifest holds its text.
 */
export const equivalentCommand = ({ kind, spec, models, tasks }: RunManifest): string | null => {
  const read = recordedSweepSettings.safeParse(spec);
  const beside = recordedCandidates.safeParse(spec);
  if (kind !== 'sweep' || !read.success || !beside.success) return null;
  const settings = read.data;
  const { methods, files = {}, factors, options, recovery, refits, chat, first } = settings;
  const described: Readonly<Record<string, unknown>> = settings;
  const words = [
    ...['uncurl', 'sweep', ...models.map(subject)],
    ...optionWords('task', tasks.map(subject)),
    ...optionWords(
      'method',
      methods.map((method) => (files[method] === undefined ? method : `file:${method}=${files[method].name}`)),
    ),
    ...optionWords('factors', [factors.join(',')]),
    ...optionWords(
      'option',
      Object.entries(options).flatMap(([method, own]) =>
        Object.entries(own).map(([key, value]) => `${method}.${key}=${String(value)}`),
      ),
    ),
    ...(recovery === 'none' ? [] : ['--recovery', [...(recovery === 'both' ? ['none'] : []), ...refits].join(',')]),
    ...settingsOf(describedSweepSettings).flatMap((setting) => {
      const value = described[setting.name];
      if (setting.flag === undefined || isDefault(setting, value)) return [];
      return setting.kind === 'switch' ? [`--${setting.flag}`] : [`--${setting.flag}`, String(value)];
    }),
    ...(chat === true ? ['--chat'] : []),
    ...(first?.task === undefined ? [] : ['--first', first.task]),
    ...optionWords(
      'candidate',
      beside.data.candidates.map((candidate) => `${candidate.name}=${subject(candidate)}`),
    ),
  ];
  return words.map(shellWord).join(' ');
};
