import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { plan as planSchema } from '../../main/contract/plan.ts';
import { sweepDocument } from '../../main/contract/sweep.ts';
import { type Counts, countedUncurl } from './counts.ts';
import { temporaryFolder } from './run-uncurl.ts';

/**
 * What common works cost in things that do not depend on the machine; `npm run bench` compares times. Fewer is better:
 * lower a number here that a change has lowered, and raise one only for a reason. Sources and bytes may grow by a tenth
 * unnoticed, and so may the tokens that a model writes, which may differ between processors.
 */
const GROWTH = 1.1;
const about = (most: number): unknown => expect.toSatisfy((count: number) => count <= GROWTH * most);

const expectCounts = (
  { modules, megabytesRead, threads, processes, sessions, tokens }: Counts,
  most: Pick<Counts, 'modules' | 'megabytesRead'>,
  exactly: Partial<Record<'threads' | 'sessions' | 'tokens', unknown>> = {},
): void =>
  expect({ modules, megabytesRead, threads, processes, sessions, tokens }).toEqual({
    modules: about(most.modules),
    megabytesRead: about(most.megabytesRead),
    threads: 0,
    processes: 0,
    sessions: 0,
    tokens: 0,
    ...exactly,
  });

const sweepOf = (task: string, method: string, workspace: string): string[] => [
  ...['sweep', 'uncurl-8', '--task', task, '--limit', '40', '--method', method, '--factors', '1,2,4'],
  ...['--threads', '1', '--workspace', workspace, '--json'],
];

test('a start and a look at a model load no runtime, and start nothing', async () => {
  expectCounts(await countedUncurl(['methods']), { modules: 235, megabytesRead: 0 });
  expectCounts(await countedUncurl(['info', 'uncurl-8']), { modules: 360, megabytesRead: 1.62 });
});

test('a sweep, its continuation, its report and an export start nothing that they can do themselves', async () => {
  const folder = await temporaryFolder();
  const workspace = join(folder, 'workspace');
  const swept = await countedUncurl(sweepOf('sort', 'frequency', workspace));
  expectCounts(swept, { modules: 854, megabytesRead: 5.03 }, { sessions: 5, tokens: 30_405 });
  const again = await countedUncurl(sweepOf('sort', 'frequency', workspace));
  expectCounts(again, { modules: 854, megabytesRead: 1.99 });

  const { run } = z.looseObject({ run: sweepDocument.shape.run }).parse(JSON.parse(swept.stdout));
  const report = await countedUncurl(['report', run, '--workspace', workspace, '--out', join(folder, 'report.html')]);
  // A run may come from a stranger: the thread that reads it can be ended.
  expectCounts(report, { modules: 312, megabytesRead: 0.01 }, { threads: 1 });

  const plan = join(folder, 'plan.json');
  const plans = z
    .record(z.string(), planSchema.nullable())
    .parse(JSON.parse(await readFile(join(workspace, 'runs', run, 'plans.json'), 'utf8')));
  await writeFile(plan, JSON.stringify(Object.values(plans).find((made) => made?.factor === 2)));
  const out = join(folder, 'exported');
  const exported = await countedUncurl([
    ...['export', 'uncurl-8', '--plan', plan, '--threads', '1', '--out', out, '--workspace', workspace],
  ]);
  // Its card quotes the sweep, read like every run.
  expectCounts(exported, { modules: 755, megabytesRead: 7.83 }, { threads: 1, sessions: 10, tokens: 1_880 });
  expect(await readFile(join(out, 'README.md'), 'utf8')).toMatch(/## What pruning costs\n\nMeasured: sort /);
});

test('a search, items with common examples, and written answers compute what they share once', async () => {
  const folder = await temporaryFolder();
  const searched = await countedUncurl(sweepOf('sort', 'naee', join(folder, 'searched')));
  expectCounts(searched, { modules: 854, megabytesRead: 5.03 }, { sessions: 11, tokens: 30_405 });
  const written = await countedUncurl(sweepOf('plural-written', 'frequency', join(folder, 'written')));
  expectCounts(written, { modules: 854, megabytesRead: 5.03 }, { sessions: 8, tokens: about(31_488) });

  const examples = 'cat cats, dog dogs, tree trees, ';
  const items = Array.from({ length: 12 }, (_, index) => ({
    id: String(index),
    context: `${examples}${'abcdefghijkl'.charAt(index)}o `,
    choices: ['os', 'es'],
    answer: index % 2,
  }));
  const task = join(folder, 'examples.jsonl');
  await writeFile(task, items.map((item) => JSON.stringify(item)).join('\n'));
  const shared = await countedUncurl(sweepOf(task, 'random', join(folder, 'shared')));
  // A method of chance is drawn several times, which is said before anything starts: the model is opened for that.
  expectCounts(shared, { modules: 854, megabytesRead: 6.51 }, { sessions: 5, tokens: 2_268 });
});
