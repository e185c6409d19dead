import { readFileSync, writeFileSync } from 'node:fs';
import { access, cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { readDevice } from '../../../main/cli/machine-options.ts';
import { withRunner } from '../../../main/cli/open-runner.ts';
import { optionReader } from '../../../main/cli/verb.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { commandLineHere } from './command-line-here.ts';

const model = fileURLToPath(new URL('../../../resources/models/uncurl-8', import.meta.url));
const host = {
  say: (): void => undefined,
  progress: (): void => undefined,
  signal: new AbortController().signal,
  environment: {},
};
const reader = optionReader({ positionals: [], options: { threads: '1' } });

test('a device is named by execution provider and precision; what onnxruntime lacks is refused with the reason', () => {
  const device = (options: Record<string, string>): string => readDevice(optionReader({ positionals: [], options }));
  expect(device({})).toBe('cpu');
  expect(device({ device: 'webgpu' })).toBe('webgpu');
  expect(device({ device: 'webgpu', precision: 'float32' })).toBe('webgpu');
  expect(device({ device: 'webgpu', precision: 'float16' })).toBe('webgpu-float16');
  for (const [options, reason] of [
    [{ precision: 'float16' }, '--device cpu does not compute in float16. On the processor onnxruntime turns float16'],
    [{ device: 'cuda', precision: 'float16' }, 'it was not tried on cuda'],
    [{ device: 'webgpu', precision: 'bfloat16' }, 'onnxruntime has no products in bfloat16'],
    [{ device: 'webgpu-float16' }, 'webgpu-float16'],
  ] as const)
    expect(() => device(options)).toThrow(reason);
});

test('a verb keeps no result of a model that was replaced for a moment', async () => {
  const folder = join(await temporaryFolder(), 'mine');
  await cp(model, folder, { recursive: true });
  const weights = join(folder, 'model.safetensors');
  const kept: unknown[] = [];
  const score = (disturb: () => void): Promise<unknown> =>
    openCheckpoint(folder).then((checkpoint) =>
      withRunner(checkpoint, reader, host, {
        compute: async (runner) => {
          disturb();
          return runner.forward([[1, 2, 3]], null, { signal: new AbortController().signal });
        },
        keep: (made) => Promise.resolve(void kept.push(made)),
      }),
    );
  await score(() => undefined);
  expect(kept).toHaveLength(1);
  const right = readFileSync(weights);
  const disturb = (): void => {
    writeFileSync(weights, Buffer.alloc(right.length));
    writeFileSync(weights, right);
  };
  await expect(score(disturb)).rejects.toMatchObject({ code: 'model-changed' });
  expect(kept).toHaveLength(1);
});

test('a referee of an export is transformers, or onnxruntime beside PyTorch, of folders that these run', async () => {
  const folder = await temporaryFolder();
  const [plan, out] = [join(folder, 'plan.json'), join(folder, 'out')];
  await writeFile(plan, JSON.stringify({ kept: Array.from({ length: 3 }, () => [0, 2, 4, 6]) }));
  const exported = ['export', model, '--plan', plan, '--out', out];
  const torch = ['--engine', 'torch', '--python', '/nowhere/python'];
  for (const [args, said] of [
    [['--referee', '3', '--task', 'add'], 'onnxruntime is the referee of PyTorch, and nothing is computed by PyTorch'],
    [['--task', 'add'], '--task is for --referee N alone.'],
    [['--chat'], '--chat is for --referee N alone.'],
    [['--referee', '--task', 'add'], '--task is for --referee N alone.'],
    [['--referee', '--python', '/nowhere/python'], '/nowhere/python does not exist.'],
    [['--referee', '--workspace', folder], 'No Python is named, and'],
    [[...torch, '--referee'], 'transformers is the referee of onnxruntime, and PyTorch computes with transformers.'],
    [['--precision', 'bfloat16'], 'onnxruntime proves exports on the processor, in float32.'],
    [torch, 'Exports are proven by onnxruntime; PyTorch answers items of tasks with them.'],
    [
      [...torch, '--referee', '3', '--format', 'onnx'],
      'The engine torch does not do this yet: running an export as onnx.',
    ],
    [
      [...torch, '--referee', '3', '--hf-type', 'fp8'],
      'The engine torch does not do this yet: running quantised weights.',
    ],
    [[...torch, '--referee', '3', '--task', 'add'], '/nowhere/python does not exist.'],
  ] as const)
    expect([args, await commandLineHere(...exported, ...args)]).toEqual([
      args,
      expect.objectContaining({ code: 2, stderr: expect.stringContaining(said) }),
    ]);
  await expect(access(out)).rejects.toThrow('ENOENT');
});

test('refitted weights beside a plan are checked: damaged ones are refused, earlier versions taken', async () => {
  const folder = await temporaryFolder();
  const [plan, recovered, tokens] = ['plan.json', 'recovered.json', 'tokens.json'].map((name) => join(folder, name));
  if (plan === undefined || recovered === undefined || tokens === undefined) throw new Error('three names');
  await writeFile(plan, JSON.stringify({ kept: Array.from({ length: 3 }, () => [0, 2, 4, 6]) }));
  await writeFile(tokens, '[[1, 2, 3, 4]]');
  const recover = ['recover', model, '--plan', plan, '--task', 'capital', '--out', recovered, '--threads', '1'];
  expect(await commandLineHere(...recover)).toMatchObject({ code: 0 });
  const { recovery } = JSON.parse(await readFile(recovered, 'utf8')) as { recovery: { weights: string } };
  const weights = join(folder, `${recovery.weights}.safetensors`);
  const forward = async (out: string) => {
    const file = join(folder, out);
    const options = ['--tokens', tokens, '--mask', recovered, '--out', file, '--threads', '1'];
    const { code, stderr } = await commandLineHere('forward', model, ...options);
    return { code, stderr, bytes: code === 0 ? await readFile(file) : null };
  };
  const right = await forward('right');
  const sound = await readFile(weights);
  const damaged = Buffer.from(sound);
  damaged[damaged.length - 1]! ^= 1;
  await writeFile(weights, damaged);
  expect(await forward('damaged')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(`${weights} holds the refitted weights of the plan, and was changed or damaged`),
  });
  // Without the hash of its content, as early versions wrote it.
  const header = JSON.parse(sound.toString('utf8', 8, 8 + Number(sound.readBigUInt64LE()))) as object;
  const bare = Buffer.from(JSON.stringify({ ...header, __metadata__: { format: 'pt' } }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bare.length));
  await writeFile(weights, Buffer.concat([length, bare, sound.subarray(8 + Number(sound.readBigUInt64LE()))]));
  expect((await forward('bare')).bytes).toEqual(right.bytes);
});
