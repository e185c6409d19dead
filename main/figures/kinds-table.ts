import type { RunManifest } from '../contract/run.ts';
import type { SweepDocument } from '../contract/sweep.ts';
import { choiceAndWriting } from '../evaluation/choice-and-writing.ts';
import { csvFile } from './csv.ts';

const COLUMNS = [
  ...['model', 'task', 'method', 'n', 'choice_verdict', 'choice_last_safe', 'choice_first_unsafe'],
  ...['written_task', 'written_verdict', 'written_last_safe', 'written_first_unsafe'],
];

/** Thresholds of tasks measured with both kinds of answers, one line each; null if there are none. */
export const choiceAndWritingCsv = (document: SweepDocument, manifest: RunManifest): string | null => {
  const pairs = choiceAndWriting(document);
  if (pairs.length === 0) return null;
  const rows = pairs.map(({ model, task, writtenTask, method, choice, writing }) => [
    ...[model, task, method, choice.n, choice.verdict, choice.lastSafe, choice.firstUnsafe],
    ...[writtenTask, writing.verdict, writing.lastSafe, writing.firstUnsafe],
  ]);
  return csvFile(manifest, COLUMNS, rows);
};
