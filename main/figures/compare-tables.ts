import type { CompareDocument, CompareRow, CompareTask } from '../contract/compare.ts';
import type { RunManifest } from '../contract/run.ts';
import { csvFile, type Cell } from './csv.ts';

interface Line {
  readonly document: CompareDocument;
  readonly task: CompareTask;
  readonly row: CompareRow;
}

/** `factor_asked` is the factor that methods are compared at, `factor` the one that a method reached nearest to it. */
const columns: readonly (readonly [name: string, value: (line: Line) => Cell])[] = [
  ['model', ({ document }) => document.model],
  ['factor_asked', ({ document }) => document.factor],
  ['task', ({ task }) => task.task],
  ['metric', ({ task }) => task.metric],
  ['n', ({ task }) => task.n],
  ['rank', ({ row }) => row.place],
  ['shares_best', ({ row }) => String(row.sharesBest)],
  ['method', ({ row }) => row.method],
  ['draws', ({ row }) => Math.max(1, row.seeds.length)],
  ['factor', ({ row }) => row.factor],
  ['kept', ({ row }) => row.kept],
  ['value', ({ row }) => row.value],
  ['lowest', ({ row }) => row.lowest],
  ['highest', ({ row }) => row.highest],
  ['reference', ({ task }) => task.reference],
  ['difference', ({ row }) => row.paired?.difference ?? null],
  ['low', ({ row }) => row.paired?.low ?? null],
  ['high', ({ row }) => row.paired?.high ?? null],
  ['p', ({ row }) => row.paired?.p ?? null],
  ['p_holm', ({ row }) => row.pHolm],
  ['lost', ({ row }) => row.paired?.lost ?? null],
  ['gained', ({ row }) => row.paired?.gained ?? null],
  ['reading', ({ row }) => row.reading],
];

/** The methods of a sweep against each other: one method on one task per line, model after model. */
export const comparisonsCsv = (comparisons: readonly CompareDocument[], manifest: RunManifest): string =>
  csvFile(
    manifest,
    columns.map(([name]) => name),
    comparisons.flatMap((document) => document.tasks.flatMap((task) => task.rows.map((row) => columns.map(([, value]) => value({ document, task, row }))))),
  );
