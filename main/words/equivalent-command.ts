import type { RunManifest } from '../contract/run.ts';
import { changedSettings } from '../contract/setting.ts';
import { describedSweepSettings, recordedCandidates, recordedSweepSettings } from '../contract/sweep.ts';

/** Quotes a word that a shell would split. */
export const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/**
 * A run may have been made by somebody else: a path that a command line would read as an option, or a character that a
 * terminal obeys when it is pasted.
 */
const isUnsafe = (word: string): boolean => word.startsWith('-') || /\p{Cc}/u.test(word);

/** A recorded path as the command line takes it: bundled models and tasks by their names. */
const subject = ({ path }: { readonly path: string }): string => path.replace(/^bundled:/, '');

const optionWords = (flag: string, values: readonly string[]): readonly string[] =>
  values.length === 0 ? [] : [`--${flag}`, ...values];

/**
 * The command line that makes the same run, whatever started it; null for kinds of runs other than sweeps, and for
 * settings that cannot be read or paths that cannot be pasted safely. A method from a file is named by the file's name
 * only, since a manifest holds its text.
 */
export const equivalentCommand = ({ kind, spec, models, tasks }: RunManifest): string | null => {
  const read = recordedSweepSettings.safeParse(spec);
  const beside = recordedCandidates.safeParse(spec);
  if (kind !== 'sweep' || !read.success || !beside.success) return null;
  const settings = read.data;
  const paths = [...models, ...tasks, ...beside.data.candidates].map(subject);
  const names = [...Object.values(read.data.files ?? {}), ...beside.data.candidates].map(({ name }) => name);
  if ([...paths, ...names, read.data.first?.task ?? ''].some(isUnsafe)) return null;
  const { methods, files = {}, factors, options, recovery, refits, chat, first } = settings;
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
    ...changedSettings(describedSweepSettings, settings).flatMap(({ setting: { flag, kind: control }, value }) => {
      if (flag === undefined) return [];
      return control === 'switch' ? [`--${flag}`] : [`--${flag}`, String(value)];
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
