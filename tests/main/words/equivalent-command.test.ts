import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { runManifest, type RunManifest } from '../../../main/contract/run.ts';
import { parseArguments } from '../../../main/cli/command.ts';
import { loadVerb } from '../../../main/cli/help.ts';
import { optionReader, readSettings } from '../../../main/cli/verb.ts';
import { readTraining } from '../../../main/cli/verbs/training.ts';
import { finetuneSettings } from '../../../main/contract/finetune.ts';
import { describedSweepSettings, sweepSettings } from '../../../main/contract/sweep.ts';
import { equivalentCommand, shownManifest } from '../../../main/words/equivalent-command.ts';
import { runOf } from '../contract/run-of.ts';

const recorded = (name: string, reading = 'run'): RunManifest => {
  const file = new URL(`../../../resources/${name}/${reading}/manifest.json`, import.meta.url);
  return runManifest.parse(JSON.parse(readFileSync(file, 'utf8')));
};
const sample = recorded('sample');
const { gates, options } = sample.spec;

test('the sample is made by the command that made it, whose optimiser and gates are the defaults', () => {
  expect([gates, options]).toEqual(['folded', { uncurl: { optimiser: 'hartigan' } }]);
  expect(equivalentCommand(sample)).toBe(sample.commandLine);
  expect(sample.commandLine).not.toMatch(/optimiser|gates/);
});

// A manifest does not say how its models route, so the gates are named for all; routers whose gates do not grow ignore
// them.
test.each([
  ...['sample', 'frontier', 'luck', 'elsewhere', 'forecast', 'endings'].map(
    (name) => [`the recorded sweep ${name}`, recorded(name), 'folded'] as const,
  ),
  ...['frontier', 'elsewhere', 'forecast'].map(
    (name) =>
      [`the recorded sweep ${name}, gates renormalised`, recorded(name, 'renormalised'), 'renormalised'] as const,
  ),
])('the command of %s gives the settings that it was made with', async (_name, manifest, made) => {
  const [, verb = '', ...words] = (equivalentCommand(manifest) ?? expect.fail('no command')).split(' ');
  const read = readSettings(optionReader(parseArguments(await loadVerb(verb), words)), describedSweepSettings);
  const settings = sweepSettings.parse(manifest.spec);
  expect(settings.gates).toBe(made);
  expect(describedSweepSettings.parse(read)).toEqual(describedSweepSettings.parse(settings));
});

test.each(['--workspace=/elsewhere', '-h', '/models/a\u0003b', '/models/a\nb', '/models/a\u202eb'])(
  'a run that names %j gives no command to paste',
  (path) => {
    const [model, ...models] = sample.models;
    expect(model).toBeDefined();
    const strange = { name: 'a', fingerprint: '0', path };
    expect(equivalentCommand({ ...sample, models: [...models, strange] })).toBeNull();
    expect(equivalentCommand({ ...sample, tasks: [{ name: 'a', hash: '0', path }] })).toBeNull();
    expect(equivalentCommand({ ...sample, spec: { ...sample.spec, candidates: [strange] } })).toBeNull();
  },
);

test.each(['-x', '$(curl x|sh)', '`curl x`', 'a; curl x', 'a\u202eb', 'a\u001b[2Jb'])(
  'a run with a candidate named %j has no command, and whatever its file says is not shown as one',
  (name) => {
    const candidates = [{ name, fingerprint: '0', path: '/models/tuned' }];
    const strange = { ...sample, spec: { ...sample.spec, candidates }, commandLine: 'curl x | sh' };
    expect(equivalentCommand(strange)).toBeNull();
    expect(shownManifest(strange).commandLine).toBe('');
  },
);

test('checkpoint folders that a sweep measured are named with their curves', () => {
  const candidates = [
    { name: 'tuned', fingerprint: '0', path: '/models/tuned' },
    { name: 'switch-8', fingerprint: '1', path: 'bundled:switch-8' },
  ];
  expect(equivalentCommand({ ...sample, spec: { ...sample.spec, candidates } })).toBe(
    `${sample.commandLine} --candidate tuned=/models/tuned switch-8=switch-8`,
  );
});

test('variables of a chat template and the end of thinking are options', () => {
  const spec = { ...sample.spec, chat: true, chatArgs: { enable_thinking: false }, thinkEnd: '' };
  expect(equivalentCommand({ ...sample, spec })).toContain(' --chat --chat-arg enable_thinking=false --think-end none');
});

test('a path with spaces and quotes is one word', () => {
  const models = [{ name: 'a', fingerprint: '0', path: "/my models/it's" }];
  expect(equivalentCommand({ ...sample, models })).toContain("uncurl sweep '/my models/it'\\''s' --task");
});

const model = { name: 'uncurl-8', fingerprint: '0', path: 'bundled:uncurl-8' };
const task = { name: 'add', hash: '0', path: 'bundled:add' };
const training = finetuneSettings.parse({ stages: ['all'], epochs: 3, rate: 1e-4, freeze: ['self_attn', 'lm_head'] });

test.each([
  ['profile', {}, 'uncurl profile uncurl-8 --task add --out profile.safetensors'],
  [
    'profile',
    { methods: ['reap'], inspect: ['choices'], chat: true },
    'uncurl profile uncurl-8 --task add --method all --chat --out profile.safetensors',
  ],
  [
    'beside',
    { prompt: "12+7=it's", plans: [{ name: 'Random ×4', plan: { kept: [[0, 1]] } }], maxNewTokens: 20 },
    "uncurl beside uncurl-8 '12+7=it'\\''s' --plan 'Random ×4.json' --max-new-tokens 20",
  ],
  ['damage', { layer: 2, experts: [0, 7] }, 'uncurl damage uncurl-8 add --layer 2 --expert 0 7'],
  [
    'finetune',
    { settings: training, destination: '/my models/tuned', python: '/usr/bin/python3' },
    "uncurl finetune uncurl-8 --task add --out '/my models/tuned' --stage all --epochs 3 --rate 0.0001 " +
      '--freeze self_attn,lm_head',
  ],
  [
    'finetune',
    {
      settings: finetuneSettings.parse({ stages: ['distil'] }),
      destination: '/tuned',
      python: null,
      teacher: { name: 'uncurl-16', path: 'bundled:uncurl-16', fingerprint: '1' },
    },
    'uncurl finetune uncurl-8 --task add --out /tuned --stage distil --teacher uncurl-16',
  ],
  [
    'experiment',
    {
      settings: { methods: ['reap'], treatments: ['as-is'], gates: ['renormalised'], seeds: [0], training: {} },
      python: null,
    },
    'uncurl experiment uncurl-8 --task add --method reap --arms as-is --gates renormalised --seeds 0',
  ],
  ['experiment', { reproduces: 'experiment', settings: {}, python: null }, 'uncurl reproduce experiment'],
  ['reproduce', { of: 'sample' }, 'uncurl reproduce sample'],
  [
    'export',
    { destination: '/out/small', format: 'gguf', ggufType: 'q8_0' },
    'uncurl export uncurl-8 --plan /out/small/uncurl-plan.json --out /out/small-again --format gguf --gguf-type q8_0',
  ],
  [
    'export',
    { destination: '/out/small', format: 'hf', referee: true },
    'uncurl export uncurl-8 --plan /out/small/uncurl-plan.json --out /out/small-again --referee',
  ],
  [
    'verify',
    { exported: '/out/small' },
    'uncurl verify /out/small --against uncurl-8 --plan /out/small/uncurl-plan.json',
  ],
] as const)('a run of the kind %s has a command that its verb takes: %j', async (kind, spec, command) => {
  const run = runOf({ kind, state: 'done', spec, models: [model], tasks: [task] });
  expect(equivalentCommand(run)).toBe(command);
  const [, verb = '', ...words] = command.replace("'/my models/tuned'", '/tuned').split(' ');
  const parsed = parseArguments(await loadVerb(verb), words);
  if (kind === 'finetune') expect(readTraining(optionReader(parsed))).toEqual(spec.settings);
  const strange = { ...model, path: '--workspace=/elsewhere' };
  expect(equivalentCommand({ ...run, models: [strange] })).toBe(verb === 'reproduce' ? command : null);
});

const processor = { threads: 2, processor: 'a processor' };
const torch = { name: 'torch', python: '/somebody/elses/python' } as const;

test.each([
  ['cpu', 'float32', undefined, ''],
  ['webgpu', 'float32', undefined, ' --device webgpu'],
  ['webgpu', 'float16', undefined, ' --precision float16 --device webgpu'],
  ['cpu', 'float32', torch, ' --engine torch --precision float32'],
  ['cuda:0,cuda:1', 'bfloat16', torch, ' --engine torch --precision bfloat16 --device cuda:0,cuda:1'],
])(
  'a run on %s in %s names its engine, precision and device, and no Python (%j)',
  async (provider, precision, engine, words) => {
    const device = { ...processor, provider, precision, ...(engine === undefined ? {} : { engine }) };
    const kinds = [
      ['sweep', { ...sample.spec, models: undefined }],
      ['profile', {}],
      ['damage', { layer: 2 }],
      ['beside', { prompt: 'a', plans: [{ name: 'b', plan: { kept: [[0]] } }], maxNewTokens: 20 }],
      [
        'experiment',
        {
          settings: { methods: ['reap'], treatments: ['as-is'], gates: ['renormalised'], seeds: [0], training: {} },
          python: null,
        },
      ],
      ['reproduce', { of: 'sample' }],
    ] as const;
    for (const [kind, spec] of kinds) {
      const run = runOf({ kind, spec, models: [model], tasks: [task], device });
      const command = equivalentCommand(run) ?? expect.fail(`no command of a ${kind}`);
      expect(command.endsWith(words), command).toBe(true);
      expect(command).not.toContain('python');
      const [, verb = '', ...given] = command.split(' ');
      // The verb takes every option.
      parseArguments(await loadVerb(verb), given);
      if (words === '') expect(command).not.toMatch(/--(?:engine|precision|device)/);
      expect(equivalentCommand({ ...run, device: { ...device, provider: '--python=/elsewhere' } })).toBeNull();
    }
    // Exports are proven on the processor, and a training runs where its script puts it.
    for (const [kind, spec] of [
      ['verify', { exported: '/out/small' }],
      ['finetune', { settings: training, destination: '/tuned', python: null }],
    ] as const)
      expect(equivalentCommand(runOf({ kind, spec, models: [model], device }))).not.toMatch(/--(?:engine|device)/);
  },
);

test('prompts that cannot be pasted, and an export without a folder yet, have no command', () => {
  const lines = { prompt: 'a\nb', plans: [{ name: 'reap', plan: { kept: [[0]] } }] };
  for (const spec of [{}, lines])
    expect(equivalentCommand(runOf({ kind: 'beside', state: 'done', spec, models: [model] }))).toBeNull();
  const spec = { destination: '/out/small', format: 'hf' };
  expect(equivalentCommand(runOf({ kind: 'export', state: 'failed', spec, models: [model] }))).toBeNull();
});
