import { cp, mkdir, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { modelInfo } from '../../main/contract/model.ts';
import { readSafetensorsHeader } from '../../main/checkpoint/safetensors-header.ts';
import { readTensor } from '../../main/checkpoint/read-tensor.ts';
import { resources, startUncurl, temporaryFolder, uncurl, uncurlHere } from './run-uncurl.ts';

const bundledModel = join(resources, 'models', 'uncurl-16');

const jsonOf = (answer: {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}): unknown => {
  expect(answer.code, answer.stderr).toBe(0);
  const json: unknown = JSON.parse(answer.stdout);
  return json;
};

test("info prints the contract's document, for a bundled name and for a folder", async () => {
  const byName = jsonOf(await uncurl(['info', 'uncurl-16', '--json']));
  expect(modelInfo.parse(byName)).toMatchObject({
    family: 'mixtral',
    layers: 3,
    experts: 16,
    topK: 2,
    supported: true,
  });
  expect(jsonOf(await uncurlHere(['info', bundledModel, '--json']))).toEqual(byName);
  const { stdout } = await uncurl(['info', 'uncurl-16']);
  expect(stdout).toMatch(/experts +16 per layer, top-2 per token/);
});

test('profile, plan, forward, score, export, verify write their files; a tampered export is detected', async () => {
  const folder = await temporaryFolder();
  const at = (name: string): string => join(folder, name);
  jsonOf(
    await uncurlHere([
      'profile',
      'uncurl-16',
      '--task',
      'sort',
      'capital',
      '--out',
      at('profile.safetensors'),
      '--json',
    ]),
  );
  const header = await readSafetensorsHeader(at('profile.safetensors'));
  for (const name of ['sort.counts', 'sort.gate_mass', 'capital.reap_sum', 'capital.ean_sum']) {
    expect(header.tensors.get(name)).toMatchObject({ dtype: 'F64', shape: [3, 16] });
  }
  const planned = jsonOf(
    await uncurlHere([
      'plan',
      'uncurl-16',
      '--profile',
      at('profile.safetensors'),
      '--task',
      'sort',
      '--method',
      'reap',
      '--factor',
      '4',
      '--pin',
      '0:15',
      '--out',
      at('plan.json'),
      '--json',
    ]),
  );
  expect(planned).toMatchObject({
    method: 'reap',
    experts: 16,
    factor: 4,
    tasks: ['sort'],
    cost: { keptPerLayer: [4, 4, 4] },
  });
  const plan = z
    .object({ kept: z.array(z.array(z.number())) })
    .parse(JSON.parse(await readFile(at('plan.json'), 'utf8')));
  expect(plan.kept[0]).toContain(15);

  await writeFile(at('tokens.json'), '[[1,2,3,4,5],[6,7]]');
  await writeFile(at('kept.json'), JSON.stringify({ kept: plan.kept }));
  jsonOf(
    await uncurlHere([
      'forward',
      'uncurl-16',
      '--tokens',
      at('tokens.json'),
      '--out',
      at('masked.safetensors'),
      '--mask',
      at('kept.json'),
      '--json',
    ]),
  );
  jsonOf(await uncurlHere(['export', 'uncurl-16', '--plan', at('plan.json'), '--out', at('small'), '--json']));
  jsonOf(
    await uncurlHere([
      'forward',
      at('small'),
      '--tokens',
      at('tokens.json'),
      '--out',
      at('exported.safetensors'),
      '--json',
    ]),
  );
  const [masked, exported] = [
    await readSafetensorsHeader(at('masked.safetensors')),
    await readSafetensorsHeader(at('exported.safetensors')),
  ];
  expect(masked.tensors.get('router_logits.0')?.shape).toEqual([3, 5, 16]);
  expect(exported.tensors.get('router_logits.1')?.shape).toEqual([3, 2, 4]);
  for (const name of ['logits.0', 'logits.1']) {
    const [a, b] = [masked.tensors.get(name), exported.tensors.get(name)];
    if (a === undefined || b === undefined) throw new Error(`no ${name}`);
    const [before, after] = [await readTensor(a), await readTensor(b)];
    expect(Math.max(...before.map((value, index) => Math.abs(value - (after[index] ?? Number.NaN))))).toBeLessThan(
      1e-5,
    );
  }

  await writeFile(
    at('requests.jsonl'),
    '{"id":"b","context":"\\nsort dbca>","continuation":"abcd\\n"}\n{"id":"a","text":"\\nsort ' +
      'ba>ab\\n"}\n{"id":"c","contextTokens":[1,2],"continuationTokens":[3]}\n',
  );
  for (const [model, given, out] of [
    ['uncurl-16', ['--plan', at('plan.json')], 'one'],
    [at('small'), [], 'two'],
  ] as const) {
    jsonOf(
      await uncurlHere([
        'score',
        model,
        '--requests',
        at('requests.jsonl'),
        '--out',
        at(`${out}.jsonl`),
        ...given,
        '--json',
      ]),
    );
  }
  const scores = (await readFile(at('one.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
  expect(scores).toEqual(
    ['b', 'a', 'c'].map((id) => ({
      id,
      logprob: expect.any(Number),
      greedy: expect.any(Boolean),
      tokens: expect.any(Number),
    })),
  );
  expect(await readFile(at('two.jsonl'), 'utf8')).toBe(await readFile(at('one.jsonl'), 'utf8'));

  expect(
    jsonOf(await uncurlHere(['verify', at('small'), '--against', 'uncurl-16', '--plan', at('kept.json'), '--json'])),
  ).toMatchObject({ ok: true });
  const weights = await readFile(at('small/model.safetensors'));
  weights[weights.length - 100] = (weights[weights.length - 100] ?? 0) ^ 0x10;
  await writeFile(at('small/model.safetensors'), weights);
  const tampered = await uncurl(['verify', at('small'), '--against', 'uncurl-16', '--plan', at('kept.json'), '--json']);
  expect(tampered.code).toBe(1);
  expect(JSON.parse(tampered.stdout)).toMatchObject({ ok: false, sameTensors: false });
});

// Most commands run in this process: that its end, code and streams are those of a process, some of each kind show.
describe('is refused with exit code 2 and a reason, and nothing is written:', () => {
  const refused = async (args: readonly string[], message: RegExp): Promise<void> => {
    const { code, stdout, stderr } = await uncurlHere(args);
    expect([code, stdout], stderr).toEqual([2, '']);
    expect(stderr).toMatch(message);
  };

  test('usage', async () => {
    await refused(['swep'], /no verb "swep".\nDid you mean "sweep"/);
    await refused(['sweep', 'uncurl-16', '--tsak', 'french'], /no option "--tsak".\nDid you mean "--task"/);
    await refused(['info'], /needs an argument/);
    await refused(['info', 'uncurl-17'], /neither a path nor the name of a bundled model.\nDid you mean "uncurl-16"/);
    await refused(
      ['sweep', 'uncurl-16', '--task', 'frensh', '--method', 'reap', '--factors', '2'],
      /Did you mean "french"/,
    );
    await refused(['sweep', 'uncurl-16', '--task', 'french', '--method', 'reap'], /No factor is given/);
    await refused(['methods', 'raep'], /Did you mean "reap"/);
    const { code, stdout } = await uncurl(['info', './nowhere', '--json']);
    expect([code, JSON.parse(stdout)]).toEqual([
      2,
      { error: expect.objectContaining({ code: 'no-such-model', kind: 'refused' }) },
    ]);
  });

  test('folders that contain no model, or a damaged one', async () => {
    const folder = await temporaryFolder();
    await refused(['info', folder], /contains no config\.json/);
    const model = join(folder, 'model');
    await cp(bundledModel, model, { recursive: true });
    await truncate(join(model, 'model.safetensors'), 1_000_000);
    await refused(['info', model], /truncated/);
    await writeFile(join(model, 'config.json'), '{"model_type":"llama"}');
    await refused(['info', model], /model_type "llama" is not supported/);
  });

  test('a model without a tokenizer', async () => {
    const folder = await temporaryFolder();
    const model = join(folder, 'model');
    await cp(bundledModel, model, { recursive: true });
    await rm(join(model, 'tokenizer.json'));
    await refused(['profile', model, '--task', 'french', '--out', join(folder, 'p')], /no tokenizer\.json/);
    await refused(
      ['sweep', model, '--task', 'french', '--method', 'random', '--factors', '2', '--workspace', join(folder, 'w')],
      /no tokenizer\.json/,
    );
    expect(await readdir(join(folder, 'w', 'runs'))).toEqual([]);
  });

  test('tasks, factors, plans, profiles', async () => {
    const folder = await temporaryFolder();
    const at = (name: string): string => join(folder, name);
    await writeFile(at('bad.jsonl'), '{"id":"q1","context":"c","choices":["a","b"],"answer":2}');
    await refused(
      ['sweep', 'uncurl-16', '--task', at('bad.jsonl'), '--method', 'random', '--factors', '2', '--workspace', at('w')],
      /bad\.jsonl, line 1 \(id "q1"\): answer 2 is outside its 2 choices/,
    );
    await refused(
      ['sweep', 'uncurl-16', '--task', 'french', '--method', 'reap', '--factors', '2,9', '--workspace', at('w')],
      /factor 9 leaves fewer.*\n.*at most 8/,
    );
    await refused(['profile', 'uncurl-16', '--task', at('bad.jsonl'), '--out', at('p')], /answer 2 is outside/);
    await writeFile(at('plan.json'), '{"kept":[[0],[0,1],[0,1]]}');
    await refused(
      ['export', 'uncurl-16', '--plan', at('plan.json'), '--out', at('small')],
      /leaves 1 expert in layer 0/,
    );
    await writeFile(at('plan.json'), '{"kept":[[0,1],[0,99],[0,1]]}');
    await refused(
      ['forward', 'uncurl-16', '--tokens', at('plan.json'), '--mask', at('plan.json'), '--out', at('o')],
      /plan\.json: value: /,
    );
    await refused(
      [
        'plan',
        'uncurl-16',
        '--profile',
        join(bundledModel, 'model.safetensors'),
        '--method',
        'reap',
        '--factor',
        '2',
        '--out',
        at('o'),
      ],
      /is not a profile/,
    );
    await refused(
      ['plan', 'uncurl-16', '--method', 'random', '--factor', '2', '--keep', '8', '--out', at('o')],
      /not both/,
    );
    expect((await readdir(folder)).sort()).toEqual(['bad.jsonl', 'plan.json', 'w']);
  });

  test('existing outputs', async () => {
    const folder = await temporaryFolder();
    const at = (name: string): string => join(folder, name);
    await writeFile(at('plan.json'), 'mine');
    await refused(
      ['plan', 'uncurl-16', '--method', 'random', '--factor', '2', '--out', at('plan.json')],
      /plan\.json exists/,
    );
    expect(await readFile(at('plan.json'), 'utf8')).toBe('mine');
    jsonOf(
      await uncurlHere([
        'plan',
        'uncurl-16',
        '--method',
        'random',
        '--factor',
        '2',
        '--out',
        at('plan.json'),
        '--force',
        '--json',
      ]),
    );
    await mkdir(at('small'));
    await refused(['export', 'uncurl-16', '--plan', at('plan.json'), '--out', at('small')], /small exists/);
    expect(await readdir(at('small'))).toEqual([]);
  });

  test('requests whose continuation has no token, each by its id', async () => {
    const folder = await temporaryFolder();
    const scoring = fileURLToPath(new URL('../fixtures/reference/scoring/', import.meta.url));
    const [name = ''] = (await readdir(scoring)).filter((each) => each.startsWith('mixtral'));
    const requests = join(folder, 'requests.jsonl');
    await writeFile(
      requests,
      '{"id":"fine","context":"a","continuation":"b"}\n' +
        '{"id":"lost-1","context":"expert","continuation":"s"}\n' +
        '{"id":"lost-2","context":"expert","continuation":"s"}',
    );
    await refused(
      ['score', join(scoring, name), '--requests', requests, '--out', join(folder, 'out.jsonl')],
      /2 of 3 requests cannot be scored.*item "lost-1".*item "lost-2"/s,
    );
    expect(await readdir(folder)).toEqual(['requests.jsonl']);
  });

  test('missing runs and workspaces', async () => {
    const folder = await temporaryFolder();
    await refused(['runs', '--workspace', join(folder, 'typo')], /is not a workspace/);
    await refused(['resume', 'sweep-1', '--workspace', join(folder, 'typo')], /is not a workspace/);
    expect(await readdir(folder)).toEqual([]);
    await refused(['runs', '--workspace', bundledModel], /is not a workspace/);
  });
});

test('generate: texts and tokens, equal under a plan and as its export; cut prompts and bad requests', async () => {
  const folder = await temporaryFolder();
  const at = (name: string): string => join(folder, name);
  await writeFile(
    at('kept.json'),
    JSON.stringify({ kept: Array.from({ length: 3 }, () => [0, 2, 3, 5, 6, 8, 9, 11, 12, 14]) }),
  );
  jsonOf(await uncurlHere(['export', 'uncurl-16', '--plan', at('kept.json'), '--out', at('small'), '--json']));
  await writeFile(
    at('requests.jsonl'),
    `{"id":"b","context":"\\nsort ` +
      `dbca>","until":["c"],"maxNewTokens":8}\n{"id":"a","context":"${'\\nsort ba>ab'.repeat(6)}\\nsort ` +
      `ba>","maxNewTokens":20}\n`,
  );
  await writeFile(at('tokens.json'), '[[1,2,3,4,5],[6,7]]');
  for (const [model, given, out] of [
    ['uncurl-16', ['--plan', at('kept.json')], 'one'],
    [at('small'), [], 'two'],
  ] as const) {
    const answer = jsonOf(
      await uncurlHere([
        'generate',
        model,
        '--requests',
        at('requests.jsonl'),
        '--out',
        at(`${out}.jsonl`),
        ...given,
        '--json',
      ]),
    );
    expect(answer).toMatchObject({ requests: 2, truncated: 1 });
    jsonOf(
      await uncurlHere([
        'generate',
        model,
        '--tokens',
        at('tokens.json'),
        '--max-new-tokens',
        '6',
        '--ignore-end',
        '--out',
        at(`${out}.json`),
        ...given,
        '--json',
      ]),
    );
  }
  const texts = (await readFile(at('one.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
  expect(texts).toEqual(
    ['b', 'a'].map((id) => ({
      id,
      text: expect.any(String),
      tokens: expect.any(Array),
      stopped: expect.stringMatching(/^(until|end|length)$/),
    })),
  );
  expect(await readFile(at('two.jsonl'), 'utf8')).toBe(await readFile(at('one.jsonl'), 'utf8'));
  expect(JSON.parse(await readFile(at('one.json'), 'utf8'))).toEqual({
    tokens: [expect.any(Array), expect.any(Array)],
  });
  expect(await readFile(at('two.json'), 'utf8')).toBe(await readFile(at('one.json'), 'utf8'));

  const info = jsonOf(await uncurlHere(['info', 'uncurl-16', '--json']));
  const { memory } = z.object({ memory: z.object({ streaming: z.number() }) }).parse(info);
  const streamed = await uncurlHere([
    'generate',
    'uncurl-16',
    '--plan',
    at('kept.json'),
    '--tokens',
    at('tokens.json'),
    '--max-new-tokens',
    '6',
    '--ignore-end',
    '--out',
    at('three.json'),
    '--memory',
    String((memory.streaming + 100_000) / 1e9),
  ]);
  expect(streamed.stderr).toMatch(
    /larger than the memory budget: each step reads .* for one token of all prompts, in 6 steps at most/,
  );
  expect(await readFile(at('three.json'), 'utf8')).toBe(await readFile(at('one.json'), 'utf8'));

  await writeFile(
    at('bad.jsonl'),
    '{"id":"a","context":"x","until":[""]}\n{"id":"b","context":"x","maxNewTokens":64}\n',
  );
  const refused = await uncurlHere(['generate', 'uncurl-16', '--requests', at('bad.jsonl'), '--out', at('none.jsonl')]);
  expect([refused.code, refused.stderr]).toEqual([
    2,
    expect.stringMatching(/Line 1: until\.0: a stop string is empty.*Line 2: "b": 64 new tokens leave no room/s),
  ]);
  const both = await uncurlHere([
    'generate',
    'uncurl-16',
    '--requests',
    at('bad.jsonl'),
    '--tokens',
    at('tokens.json'),
    '--out',
    at('none.jsonl'),
  ]);
  expect([both.code, both.stderr]).toEqual([2, expect.stringContaining('either --requests or --tokens')]);
  expect(await readdir(folder)).not.toContain('none.jsonl');
}, 120_000);

test('help, version, doctor and methods print text and documents', async () => {
  expect((await uncurl([])).code).toBe(2);
  expect((await uncurl(['--help'])).stdout).toContain('Further verbs (uncurl help all):');
  const help = await uncurlHere(['help', 'all']);
  expect([help.code, help.stderr]).toEqual([0, '']);
  for (const verb of [
    'info',
    'forward',
    'score',
    'generate',
    'profile',
    'plan',
    'sweep',
    'export',
    'verify',
    'figures',
    'serve',
    'doctor',
    'runs',
    'resume',
    'methods',
  ]) {
    expect(help.stdout).toContain(`  ${verb} `);
  }
  expect((await uncurlHere(['sweep', '--help'])).stdout).toMatch(/--adaptive/);
  expect((await uncurl(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  const workspace = join(await temporaryFolder(), 'workspace');
  const doctor = jsonOf(await uncurl(['doctor', '--json'], { UNCURL_WORKSPACE: workspace }));
  expect(doctor).toMatchObject({
    providers: { used: 'cpu', present: expect.arrayContaining(['cpu']) },
    workspace: expect.stringContaining(workspace),
  });
  await expect(readdir(workspace)).rejects.toMatchObject({ code: 'ENOENT' });
  expect((await uncurlHere(['methods', 'uncurl'])).stdout).toMatch(/2409\.01483/);
});

test('serve prints an address with a token, answers there, and ends on an interrupt', async () => {
  const folder = await temporaryFolder();
  const server = startUncurl(['serve', '--json', '--workspace', join(folder, 'workspace')]);
  const built = await Promise.race([
    server.prints(/token=.*\n/).then(
      () => true,
      () => false,
    ),
    server.ended.then(() => false),
  ]);
  if (!built) {
    // The page is not built on this machine, and the server must say so.
    expect(await server.ended).toMatchObject({ code: 2, stderr: expect.stringContaining('npm run build') });
    return;
  }
  const { url } = z.object({ url: z.url() }).parse(JSON.parse(server.printed.stdout));
  expect((await fetch(url)).status).toBeLessThan(400);
  server.child.kill('SIGINT');
  expect((await server.ended).code).toBe(0);
});
