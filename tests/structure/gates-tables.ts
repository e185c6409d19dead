import path from 'node:path';
import { z } from 'zod';
import { groupBy } from '../../main/evaluation/threshold.ts';
import { methodTitle } from '../../main/words/methods.ts';
import { formatFactor } from '../../main/words/numbers.ts';
import { table } from './markdown.ts';
import { jsonLines, root } from './project-files.ts';

/** Tables of resources/docs/gates.md from the answers that the scripts of resources/gates wrote. */

const named = z.object({ model: z.string(), items: z.string(), method: z.string(), kept: z.number().int().positive() });

const bits = z
  .string()
  .regex(/^[01]+$/)
  .transform((digits) => Array.from(digits, Number));
const gatesRun = named.extend({ right: z.object({ deleted: bits, folded: bits, trained: bits }) });

/** Right answers of each form, a bit for each of `count` items, in hexadecimal digits. */
const ghostRun = named
  .extend({ count: z.number().int().positive(), right: z.record(z.string(), z.string().regex(/^[0-9a-f]+$/)) })
  .transform(({ count, right, ...run }) => ({
    ...run,
    right: new Map(
      Object.entries(right).map(([form, digits]) => {
        const all = Array.from(digits, (digit) => Number.parseInt(digit, 16).toString(2).padStart(4, '0')).join('');
        return [form, Array.from(all.slice(all.length - count), Number)];
      }),
    ),
  }));

const readLines = <T>(file: string, line: z.ZodType<T>): readonly T[] =>
  jsonLines(path.join(root, 'resources', 'gates', file), line);

const factorOf = ({ model, kept }: z.infer<typeof named>): number => Number(model.split('-').at(-1)) / kept;
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Mean accuracy over models and tasks, each with the same weight, in per cent. */
const accuracy = (rows: readonly (readonly number[])[]): string => (100 * mean(rows.map(mean))).toFixed(1);

/** The mean difference of two forms, each [model and task][item], in points, with its interval for paired items. */
const difference = (rows: readonly (readonly number[])[], from: readonly (readonly number[])[]): string => {
  const moved = rows.map((row, cell) => row.map((is, item) => is - (from[cell]?.[item] ?? Number.NaN)));
  const middle = mean(moved.map(mean));
  const variances = moved.map((own) => mean(own.map((value) => (value - mean(own)) ** 2)) / own.length);
  const half = (1.96 * Math.sqrt(variances.reduce((sum, value) => sum + value, 0))) / moved.length;
  const shown = (value: number): string => `${value < 0 ? '' : '+'}${(100 * value).toFixed(1)}`;
  return `${shown(middle)} [${shown(middle - half)}, ${shown(middle + half)}]`;
};

/** Accuracy by gates, and differences to a plain deletion. */
export const gatesIn = (file: string): readonly string[] => {
  const rows = groupBy(readLines(file, gatesRun), (run) => [run.method, factorOf(run)]).map((own) => {
    const [first] = own;
    const [deleted, folded, trained] = (['deleted', 'folded', 'trained'] as const).map((form) =>
      own.map(({ right }) => right[form]),
    );
    if (deleted === undefined || folded === undefined || trained === undefined) throw new Error('a form is missing');
    const title = `${methodTitle(first.method)} ${formatFactor(factorOf(first))}`;
    const ofFolded = [accuracy(folded), difference(folded, deleted)];
    return [title, accuracy(deleted), ...ofFolded, accuracy(trained), difference(trained, deleted)];
  });
  return table(['', 'as deleted', 'folded', 'difference', 'trained', 'difference'], rows);
};

/** Layouts of the models by what the router chooses. */
const layoutOf = (model: string): string => (model.startsWith('switch-') ? '`switch-*`' : 'top-4');

/** Numbers of added ghosts, or experts, in the table; the record also has 4. */
const SHOWN = [1, 8];

/** Folded gates, ghosts, and as many real experts more with folded gates. */
export const gatesGhosts = (): readonly string[] => {
  const runs = readLines('ghosts.jsonl', ghostRun);
  const groups = groupBy(runs, (run) => [layoutOf(run.model), run.method, factorOf(run)]);
  const rows = groups.flatMap((own) => {
    const [first] = own;
    const form = (name: string): number[][] =>
      own.map(({ right }) => {
        const found = right.get(name);
        if (found === undefined) throw new Error(`no answers of ${name}`);
        return found;
      });
    const title = `${layoutOf(first.model)}, ${methodTitle(first.method)} ${formatFactor(factorOf(first))}`;
    const folded = form('folded');
    return SHOWN.map((count) => {
      const [ghosts, experts] = [form(`ghosts-${count}`), form(`experts-${count}`)];
      const added = [accuracy(ghosts), difference(ghosts, folded), accuracy(experts), difference(experts, ghosts)];
      return [title, accuracy(folded), String(count), ...added];
    });
  });
  return table(['', 'folded', 'added', 'ghosts', 'minus folded', 'experts', 'minus ghosts'], rows);
};
