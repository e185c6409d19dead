import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import {
  type ExperimentDocument,
  experimentDocument,
  experimentRecord,
  experimentReproduction,
} from '../../main/contract/experiment.ts';
import { sweepDocument } from '../../main/contract/sweep.ts';
import { experimentRecordText } from '../../main/runs/experiment-record.ts';
import { resources, startUncurl, temporaryFolder, uncurlHere } from './run-uncurl.ts';

const ITEMS = 40;
const MEMBERS = ['switch-8', 'switch-32'];

/** A folder with a workspace and the task "few": the first items of the bundled additions. */
const prepare = async (): Promise<{ readonly task: string; readonly workspace: string }> => {
  const folder = await temporaryFolder();
  const task = join(folder, 'few');
  await mkdir(task);
  await writeFile(join(task, 'task.json'), JSON.stringify({ name: 'few' }));
  for (const split of ['calibration', 'test']) {
    const lines = (await readFile(join(resources, 'tasks', 'add', `${split}.jsonl`), 'utf8')).split('\n');
    await writeFile(join(task, `${split}.jsonl`), `${lines.slice(0, ITEMS).join('\n')}\n`);
  }
  return { task, workspace: join(folder, 'workspace') };
};

const run = async (args: readonly string[]): Promise<ExperimentDocument> => {
  const { code, stdout, stderr } = await uncurlHere([...args, '--threads', '1', '--json']);
  expect(code, stderr).toBe(0);
  return experimentDocument.parse(JSON.parse(stdout));
};

test("every draw of as-is and refit arms equals a sweep's measurement, compared with both references", async () => {
  const { task, workspace } = await prepare();
  const shared = ['--task', task, '--workspace', workspace, '--seeds', '0,1'];
  const both = ['--gates', 'folded,renormalised'];
  const document = await run(['experiment', ...MEMBERS, '--arms', 'as-is,refit', ...both, ...shared]);
  const names = document.arms.map(({ model, kept, method, treatment, gates, seed }) => [
    ...[model, kept, method, treatment, gates, seed],
  ]);
  expect(names).toEqual([
    ['switch-8', 8, null, 'as-is', null, null],
    ['switch-32', 32, null, 'as-is', null, null],
    ...(['as-is', 'refit'] as const).flatMap((treatment) =>
      (['folded', null] as const).flatMap((gates) =>
        [0, 1].map((seed) => ['switch-32', 8, 'uncurl', treatment, gates, seed]),
      ),
    ),
  ]);
  const sweep = async (gates: string) => {
    const swept = await uncurlHere([
      ...['sweep', 'switch-32', '--method', 'uncurl', '--factors', '4', '--recovery', 'none,router+experts'],
      ...['--gates', gates, '--threads', '1', '--json', ...shared],
    ]);
    expect(swept.code, swept.stderr).toBe(0);
    return z.looseObject(sweepDocument.shape).parse(JSON.parse(swept.stdout)).results;
  };
  const results = { folded: await sweep('folded'), renormalised: await sweep('renormalised') };
  const [scratch, unpruned] = document.answers;
  expect(
    unpruned?.pairs.map(({ treatment, gates, seed, pruned, difference, low, high, p, lost, gained }) => ({
      treatment,
      gates,
      seed,
      value: pruned,
      difference,
      low,
      high,
      p,
      lost,
      gained,
    })),
  ).toEqual(
    (['as-is', 'refit'] as const).flatMap((treatment) =>
      (['folded', null] as const).flatMap((gates) =>
        [0, 1].map((seed) => {
          const method = treatment === 'as-is' ? 'uncurl' : 'uncurl+router+experts';
          const found =
            results[gates ?? 'renormalised'].find((result) => result.method === method && result.seed === seed) ??
            expect.fail(`no ${method}`);
          const { value, difference, low, high, p, lost, gained } = found;
          return { treatment, gates, seed, value, difference, low, high, p, lost, gained };
        }),
      ),
    ),
  );
  expect(unpruned?.cells.map(({ treatment, gates, draws }) => [treatment, gates, draws])).toEqual([
    ['as-is', 'folded', 2],
    ['as-is', null, 2],
    ['refit', 'folded', 2],
    ['refit', null, 2],
  ]);
  const right = (model: string, kept: number): string =>
    document.arms.find((arm) => arm.model === model && arm.kept === kept)?.right ?? '';
  const lost = Array.from(right('switch-8', 8)).filter(
    (bit, item) => bit === '1' && right('switch-32', 8)[item] === '0',
  );
  expect(scratch?.pairs[0]).toMatchObject({ reference: 'switch-8', n: ITEMS, lost: lost.length });
  // Forty items are too few to call anything safe.
  expect(scratch?.thresholds.map(({ verdict }) => verdict)).toEqual(Array(4).fill('cannot-tell'));
  expect(document.published?.rows).toHaveLength(13);
});

test('an interrupted experiment continues from its last arm to the same document', async () => {
  const { task, workspace } = await prepare();
  const whole = await run([
    'experiment',
    ...MEMBERS,
    '--task',
    task,
    '--arms',
    'as-is',
    '--workspace',
    `${workspace}-2`,
  ]);
  const { child, says, ended } = startUncurl([
    ...['experiment', ...MEMBERS, '--task', task, '--arms', 'as-is', '--threads', '1', '--workspace', workspace],
  ]);
  await says(/few {2}switch-8, as it is/);
  child.kill('SIGINT');
  const { code, stderr } = await ended;
  // A machine that is faster than the signal has finished it.
  expect([0, 130]).toContain(code);
  const id = /Run (experiment-\S+)/.exec(stderr)?.[1] ?? expect.fail(stderr);
  const resumed = await run(['resume', id, '--workspace', workspace]);
  expect({ ...resumed, run: '' }).toEqual({ ...whole, run: '' });
});

test('a reproduction matches, lists every item that differs, and says what it could not measure', async () => {
  const { task, workspace } = await prepare();
  const { run: id } = await run([
    ...['experiment', ...MEMBERS, '--task', task, '--arms', 'as-is', '--seeds', '0', '--workspace', workspace],
  ]);
  const again = ['reproduce', id, '--threads', '1', '--workspace', workspace];
  const same = await uncurlHere(again);
  expect(same.code, same.stderr).toBe(0);
  expect(same.stdout).toContain(
    `Every number that was made again and compared matches: 3 arms over ${String(3 * ITEMS)} item outcomes.`,
  );

  // A changed recorded answer, and a fine-tuned arm for which there is no Python here.
  const folder = join(workspace, 'runs', id);
  const recorded = experimentRecord.parse(JSON.parse(await readFile(join(folder, 'experiment.json'), 'utf8')));
  const [first, ...others] = recorded.arms;
  if (first === undefined) throw new Error('no arms');
  const changed = { ...first, right: `${first.right.startsWith('1') ? '0' : '1'}${first.right.slice(1)}` };
  const tuned = { ...first, treatment: 'tuned' as const, training: { steps: 1, firstLoss: 1, lastLoss: 1 } };
  await writeFile(
    join(folder, 'experiment.json'),
    experimentRecordText({ ...recorded, arms: [changed, ...others, tuned] }),
  );
  const manifest = z.looseObject({ spec: z.looseObject({ settings: z.looseObject({}) }) });
  const spec = manifest.parse(JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')));
  spec.spec.settings['treatments'] = ['as-is', 'tuned'];
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(spec));
  // Edited, it is no longer a run that was made here: its task is read only after its user has confirmed it.
  const edited = await uncurlHere(again);
  expect(edited.code, edited.stderr).toBe(2);
  const code = /--confirm (\w+)/.exec(edited.stderr)?.[1] ?? expect.fail(edited.stderr);
  const other = await uncurlHere([...again, '--json', '--confirm', code]);
  expect(other.code, other.stderr).toBe(1);
  const found = experimentReproduction.parse(JSON.parse(other.stdout));
  expect(found).toMatchObject({
    matches: false,
    arms: 3,
    changed: [{ model: 'switch-8', treatment: 'as-is', flipped: [0] }],
    missing: [{ model: 'switch-8', treatment: 'tuned' }],
  });
  expect(found.reason).toContain('doctor --python');
});

test('invalid experiments are refused before anything runs', async () => {
  const { task, workspace } = await prepare();
  const refused = async (args: readonly string[]): Promise<string> => {
    const { code, stderr } = await uncurlHere(['experiment', ...args, '--workspace', workspace]);
    expect(code, stderr).toBe(2);
    return stderr;
  };
  expect(await refused([...MEMBERS, '--task', task])).toMatch(/No Python is named.*\n.*--arms as-is,refit/);
  expect(await refused(['switch-8', 'uncurl-8', '--task', task, '--arms', 'as-is'])).toContain('both have 8 experts');
  expect(await refused(['switch-8', '--task', task, '--arms', 'as-is'])).toContain('two members');
  expect(await refused([...MEMBERS, '--task', task, '--arms', 'as-is', '--method', 'eep'])).toContain('searches');
  expect(await refused([...MEMBERS, '--task', task, '--seeds', '-1'])).toContain('--seeds "-1"');
  expect(await refused([...MEMBERS, '--task', task, '--training-seeds', 'some'])).toContain('--training-seeds "some"');
  expect(await refused([...MEMBERS, '--task', task, '--general-rate', '2'])).toContain(
    '--general-rate "2" is not a number above 0 and at most 1.',
  );
  expect(await refused([...MEMBERS, '--task', task, '--stage', 'router,router'])).toContain('each once');
  expect(await refused([...MEMBERS, '--task', task, '--arms', 'pruned'])).toContain('--arms "pruned"');
});
