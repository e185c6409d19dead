import { COMMON_OPTIONS } from './parse-arguments.ts';
import { textList } from './text-table.ts';
import type { Verb } from './verb.ts';

const EXIT_CODES = 'Exit codes: 0 success, 1 failure, 2 bad usage or refused input, 130 cancelled.';

export const verbHelp = ({ name, usage, summary, options }: Verb): string => {
  const entries = Object.entries({ ...options, ...COMMON_OPTIONS }).map(
    ([option, { value, help }]): [string, string] => [`  --${option}${value === undefined ? '' : ` ${value}`}`, help],
  );
  return [`uncurl ${name} ${usage}`.trimEnd(), '', summary, '', textList(entries), '', EXIT_CODES].join('\n');
};

export const overview = (verbs: readonly Verb[]): string =>
  [
    'Uncurl Workbench: how far can the experts of a Mixture-of-Experts language model be pruned for a task?',
    '',
    'Usage: uncurl VERB ...   (uncurl VERB --help says more)',
    '',
    textList(verbs.map(({ name, summary }) => [`  ${name}`, summary])),
    '',
    'MODEL is a model folder or the name of a bundled model; T is a task folder, a task file (.jsonl, .parquet, .txt, .yaml) or the name of a bundled task.',
    EXIT_CODES,
  ].join('\n');
