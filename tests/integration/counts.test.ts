import { join } from 'node:path';
import { expect, test } from 'vitest';
import { countedUncurl, type Counts } from './counts.ts';
import { temporaryFolder } from './run-uncurl.ts';

test('x', async () => {
  const folder = await temporaryFolder();
  const ws = join(folder, 'w');
  const show = (n: string, c: Counts & { stdout: string }) => console.log(n, JSON.stringify({ ...c, stdout: 0 }));
  show('help', await countedUncurl(['help']));
  show('methods', await countedUncurl(['methods']));
  show('info', await countedUncurl(['info', 'uncurl-8']));
  const sweep = ['sweep', 'uncurl-8', '--task', 'sort', '--limit', '40', '--threads', '1'];
  show('sweep', await countedUncurl([...sweep, '--method', 'frequency', '--factors', '1,2,4', '--workspace', ws]));
  show('again', await countedUncurl([...sweep, '--method', 'frequency', '--factors', '1,2,4', '--workspace', ws]));
  show(
    'adaptive',
    await countedUncurl([...sweep, '--method', 'frequency', '--adaptive', '--workspace', join(folder, 'v')]),
  );
  show(
    'search',
    await countedUncurl([...sweep, '--method', 'search', '--factors', '2', '--workspace', join(folder, 'u')]).catch(
      (e: unknown) => {
        console.log(e);
        throw e;
      },
    ),
  );
  show(
    'shots',
    await countedUncurl([
      ...sweep,
      '--method',
      'frequency',
      '--factors',
      '2',
      '--shots',
      '5',
      '--workspace',
      join(folder, 's'),
    ]),
  );
  show(
    'written',
    await countedUncurl([
      'sweep',
      'uncurl-8',
      '--task',
      'plural-written',
      '--limit',
      '20',
      '--threads',
      '1',
      '--method',
      'frequency',
      '--factors',
      '2',
      '--workspace',
      join(folder, 't'),
    ]),
  );
  const { stdout } = await countedUncurl(['runs', '--workspace', ws, '--json']);
  const run = /sweep-[\w-]+/.exec(stdout)?.[0] ?? '';
  show('report', await countedUncurl(['report', run, '--workspace', ws, '--out', join(folder, 'r.html')]));
  show(
    'plan',
    await countedUncurl([
      'plan',
      'uncurl-8',
      '--task',
      'sort',
      '--method',
      'frequency',
      '--factor',
      '2',
      '--out',
      join(folder, 'p.json'),
    ]),
  );
  show(
    'export',
    await countedUncurl(['export', 'uncurl-8', '--plan', join(folder, 'p.json'), '--out', join(folder, 'e')]),
  );
  expect(1).toBe(1);
});
