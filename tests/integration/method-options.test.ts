import { copyFile, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { temporaryFolder, uncurl, uncurlHere } from './run-uncurl.ts';

const jsonOf = async (...args: readonly string[]): Promise<unknown> => {
  const { code, stdout, stderr } = await uncurlHere([...args, '--json']);
  expect(code, stderr).toBe(0);
  const json: unknown = JSON.parse(stdout);
  return json;
};

const refused = async (args: readonly string[], message: RegExp): Promise<void> => {
  const { code, stdout, stderr } = await uncurlHere(args);
  expect([code, stdout], stderr).toEqual([2, '']);
  expect(stderr).toMatch(message);
};

test('plans with options, counts, weights, protection and rankings; mismatches are refused by name', async () => {
  const folder = await temporaryFolder();
  const at = (name: string): string => join(folder, name);
  await jsonOf('profile', 'uncurl-8', '--task', 'capital', 'add', '--out', at('plain'));
  await jsonOf('profile', 'uncurl-8', '--task', 'capital', 'add', '--method', 'all', '--out', at('full'));
  const plan = (...args: readonly string[]): readonly string[] => [
    'plan',
    'uncurl-8',
    '--out',
    at('plan.json'),
    '--force',
    ...args,
  ];
  const full = ['--profile', at('full')];

  expect(
    await jsonOf(...plan(...full, '--method', 'hc-smoe', '--option', 'linkage=complete', '--factor', '2')),
  ).toMatchObject({ method: 'hc-smoe', options: { linkage: 'complete' } });
  expect(
    await jsonOf(...plan(...full, '--method', 'unified', '--option', 'b=1', 'beta=2', '--keep', '4')),
  ).toMatchObject({ options: { b: 1, beta: 2 } });
  expect(await jsonOf(...plan(...full, '--method', 'frequency', '--counts', '2,3,4'))).toMatchObject({
    budget: 'manual',
    cost: { keptPerLayer: [2, 3, 4] },
  });
  expect(
    await jsonOf(
      ...plan(...full, '--method', 'frequency', '--keep', '4', '--budget', 'inverse-importance', '--protect', 'all'),
    ),
  ).toMatchObject({ budget: 'inverse-importance', protect: 'all' });
  const byLosses = ['--method', 'frequency', '--keep', '4', '--budget', 'measured', '--task', 'capital'];
  const { kept } = z
    .object({ kept: z.array(z.array(z.number())) })
    .parse(await jsonOf(...plan(...full, ...byLosses, '--measure-on', 'capital')));
  expect(kept.reduce((sum, layer) => sum + layer.length, 0)).toBe(4 * kept.length);
  await refused(plan(...full, ...byLosses), /no task names them\.\n.*--measure-on/);
  const even = ['--method', 'frequency', '--keep', '4', '--measure-on', 'capital'];
  await refused(plan(...full, ...even), /--measure-on measures layers for --budget measured alone/);
  const [capital, weighted] = [
    await jsonOf(...plan(...full, '--method', 'frequency', '--keep', '4', '--task', 'capital')),
    await jsonOf(...plan(...full, '--method', 'frequency', '--keep', '4', '--weight', '1,0')),
  ].map((document) => z.object({ kept: z.array(z.array(z.number())) }).parse(document).kept);
  expect(weighted).toEqual(capital);
  const uneven = plan(...full, '--method', 'mone', '--counts', '2,3,5');
  expect(await jsonOf(...uneven)).toMatchObject({ method: 'mone', cost: { keptPerLayer: [2, 3, 5] } });
  const ofPlan = ['--plan', at('plan.json')];
  expect(await jsonOf('export', 'uncurl-8', ...ofPlan, '--out', at('constants'))).toMatchObject({
    verification: { ok: true, sameExperts: true },
  });
  const alone = join(await temporaryFolder(), 'alone.json');
  await copyFile(at('plan.json'), alone);
  await refused(
    ['export', 'uncurl-8', '--plan', alone, '--out', at('other')],
    /constants of the plan were not found: neither .*\n.*uncurl plan/,
  );
  await rm(at('constants'), { recursive: true });
  await writeFile(at('ranking.json'), '{"0":[7,1,2,0,3,4,5,6],\n"1":[5,0,1,2,3,4,6,7],\n"2":[4,3,0,1,2,5,6,7]}');
  expect(await jsonOf(...plan('--ranking', at('ranking.json'), '--keep', '2'))).toMatchObject({
    method: 'ranking',
    kept: [
      [1, 7],
      [0, 5],
      [3, 4],
    ],
  });

  const named = `file:mine=${at('ranking.json')}`;
  expect(await jsonOf(...plan('--method', named, '--factor', '4', '--format', 'mask'))).toMatchObject({
    method: 'mine',
    factor: 4,
  });
  expect(JSON.parse(await readFile(at('plan.json'), 'utf8'))).toEqual([
    [0, 1, 0, 0, 0, 0, 0, 1],
    [1, 0, 0, 0, 0, 1, 0, 0],
    [0, 0, 0, 1, 1, 0, 0, 0],
  ]);
  const mask = `file:mine=${at('mask.json')}`;
  await copyFile(at('plan.json'), at('mask.json'));
  expect(await jsonOf(...plan('--method', mask, '--format', 'expert-list'))).toMatchObject({ method: 'mine' });
  expect((await readFile(at('plan.json'), 'utf8')).split('\n')[1]).toBe('{"1":[0,5,1,2,3,4,6,7]}');
  await refused(plan('--method', mask, '--keep', '4'), /mask\.json names the experts that stay/);
  await refused(plan('--method', 'file:reap=x', '--keep', '4'), /does not have the form file:NAME=FILE/);
  await refused(plan('--method', named, '--keep', '4', '--protect', 'all'), /--protect has no effect/);
  const sweep = ['sweep', 'uncurl-8', '--task', 'add', '--factors', '2', '--workspace', at('w')];
  await refused([...sweep, '--method', 'file:mine=nowhere.json'], /nowhere\.json.*does not exist/);
  await writeFile(at('bad.json'), '{"0":[7,1,2,0,3,4,5,6],\n"1":[5,5,1,2,3,4,6,7]}');
  await refused([...sweep, '--method', `file:mine=${at('bad.json')}`], /bad\.json, line 2: there is no layer 2/);
  const measured = await jsonOf(...sweep, '--limit', '20', '--method', `reap,${named}`);
  expect(z.object({ results: z.array(z.object({ method: z.string() })) }).parse(measured).results).toEqual([
    { method: 'unpruned' },
    { method: 'reap' },
    { method: 'mine' },
  ]);
  await refused(plan('--method', 'eep', '--keep', '4'), /measures many candidates.*\n.*sweep/);
  await refused(
    plan('--profile', at('plain'), '--method', 'naee', '--keep', '4'),
    /profile of capital lacks the effect of leaving out experts.*\n.*--method naee/,
  );
  await refused(
    plan(...full, '--method', 'hc-smoe', '--option', 'linkage=avrage', '--keep', '4'),
    /"avrage" is not one of average/,
  );
  await refused(
    plan(...full, '--method', 'hc-smoe', '--option', 'linkag=average', '--keep', '4'),
    /no option "linkag".\nDid you mean "linkage"/,
  );
  await refused(plan(...full, '--method', 'frequency', '--counts', '2,3'), /names 2 layers/);
  await refused(plan(...full, '--method', 'frequency', '--counts', '2,3,4', '--keep', '4'), /not both/);
  await refused(plan('--ranking', at('ranking.json'), '--method', 'reap', '--keep', '2'), /--method has no effect/);
  await refused(
    [
      'sweep',
      'uncurl-8',
      '--task',
      'add',
      '--method',
      'reap',
      '--factors',
      '2',
      '--option',
      'ean.form=ca',
      '--workspace',
      at('w'),
    ],
    /"ean" is not among the methods/,
  );
  expect((await readdir(folder)).filter((name) => !/^[0-9a-f]{32}\.safetensors$/.test(name)).sort()).toEqual([
    'bad.json',
    'full',
    'mask.json',
    'plain',
    'plan.json',
    'ranking.json',
    'w',
  ]);
});

test('recover: a plan with a file of refitted weights, for run, export and verify; reported if missing', async () => {
  const folder = await temporaryFolder();
  const at = (name: string): string => join(folder, name);
  await writeFile(
    at('bare.json'),
    JSON.stringify({
      kept: [
        [0, 1, 2, 3],
        [0, 1, 2, 3],
        [4, 5, 6, 7],
      ],
    }),
  );
  const document = await jsonOf(
    'recover',
    'uncurl-8',
    '--plan',
    at('bare.json'),
    '--task',
    'add',
    '--out',
    at('plan.json'),
  );
  const { weights, recovery } = z
    .object({
      weights: z.string(),
      recovery: z.object({ weights: z.string(), layers: z.array(z.object({ left: z.number() })) }),
    })
    .parse(document);
  expect(weights).toBe(at(`${recovery.weights}.safetensors`));
  expect(recovery.layers).toHaveLength(3);
  for (const { left } of recovery.layers) expect(left).toBeLessThan(1);

  await writeFile(at('tokens.json'), '[[1,2,3,4,5]]');
  const forward = async (plan: string, out: string): Promise<Buffer> => {
    await jsonOf('forward', 'uncurl-8', '--tokens', at('tokens.json'), '--mask', at(plan), '--out', at(out));
    return readFile(at(out));
  };
  expect((await forward('plan.json', 'recovered')).equals(await forward('bare.json', 'bare'))).toBe(false);
  expect(await jsonOf('export', 'uncurl-8', '--plan', at('plan.json'), '--out', at('small'))).toMatchObject({
    verification: { ok: true },
  });
  expect(await jsonOf('verify', at('small'), '--against', 'uncurl-8', '--plan', at('plan.json'))).toMatchObject({
    ok: true,
  });
  const bare = await uncurlHere(['verify', at('small'), '--against', 'uncurl-8', '--plan', at('bare.json'), '--json']);
  expect(bare.code).toBe(1);
  await rm(weights);
  const elsewhere = await uncurl(['verify', at('small'), '--against', 'uncurl-8', '--plan', at('plan.json')], {
    UNCURL_WORKSPACE: at('none'),
  });
  expect(elsewhere.code).toBe(2);
  expect(elsewhere.stderr).toMatch(/refitted weights of the plan were not found: neither .*\n.*uncurl recover/);
});

test('a plan of a run finds its constants in the workspace that is named, and is not refitted', async () => {
  const folder = await temporaryFolder();
  const at = (name: string): string => join(folder, name);
  const sweep = ['sweep', 'uncurl-8', '--task', 'add', '--method', 'mone', '--factors', '2', '--limit', '4'];
  const { run: swept } = z.object({ run: z.string() }).parse(await jsonOf(...sweep, '--workspace', at('w')));
  const plans = z
    .record(z.string(), z.looseObject({ constants: z.unknown().optional() }).nullable())
    .parse(JSON.parse(await readFile(join(at('w'), 'runs', swept, 'plans.json'), 'utf8')));
  const plan = Object.values(plans).find((each) => each?.constants !== undefined);
  await writeFile(at('mone.json'), JSON.stringify(plan));
  const exported = ['export', 'uncurl-8', '--plan', at('mone.json'), '--out', at('small')];
  const elsewhere = await uncurl(exported, { UNCURL_WORKSPACE: at('none') });
  expect(elsewhere.code).toBe(2);
  expect(elsewhere.stderr).toContain('The constants of the plan were not found');
  expect(await jsonOf(...exported, '--workspace', at('w'))).toMatchObject({ verification: { ok: true } });

  await refused(
    ['recover', 'uncurl-8', '--plan', at('mone.json'), '--task', 'add', '--out', at('refit.json')],
    /^uncurl: The plans of mone replace experts by constants, which cannot be refitted\./,
  );
});
