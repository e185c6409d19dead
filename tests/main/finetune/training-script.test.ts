import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { finetuneSettings } from '../../../main/contract/finetune.ts';
import { runTrainingScript, scriptJobText } from '../../../main/finetune/training-script.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

/** A fake Python that prints these lines, then ends as given. */
const saying = async (lines: readonly string[], end = 'exit 0', first = ''): Promise<string> => {
  const file = join(await temporaryFolder(), 'python');
  await writeFile(file, `#!/bin/sh\n${first}\n${lines.map((line) => `echo '${line}'`).join('\n')}\n${end}\n`);
  await chmod(file, 0o755);
  return file;
};

const start = '{"event":"start","steps":2,"device":"cpu","versions":{"torch":"2.7.0","environment":"e1"}}';
const HASH = 'a'.repeat(64);
const step = (done: number): string =>
  `{"event":"step","done":${String(done)},"steps":2,"stage":"all","loss":0.5,"total":0.6,"rate":0.1}`;

const run = async (path: string, controller = new AbortController(), isCancelled = false) => {
  const heard: string[] = [];
  const result = await runTrainingScript(
    { path, versions: { environment: 'e1' } },
    'finetune.py',
    'job.json',
    controller.signal,
    {
      onStart: (steps) => {
        heard.push(`start ${String(steps)}`);
        if (isCancelled) controller.abort();
      },
      onResumed: (done) => heard.push(`resumed ${String(done)}`),
      onStep: ({ done, loss }) => heard.push(`step ${String(done)}: ${String(loss)}`),
      onSaved: ({ done, file, sha256 }) => heard.push(`saved ${String(done)}: ${file} ${sha256}`),
    },
  );
  return { heard, result };
};

describe.skipIf(process.platform === 'win32')('the training script', () => {
  test('reports its steps and the number of changed tensors', async () => {
    const path = await saying([
      start,
      step(1),
      `{"event":"saved","done":1,"file":"state-1.pt","sha256":"${HASH}"}`,
      step(2),
      '{"event":"writing"}',
      '{"event":"done","changed":7,"environment":"e1"}',
    ]);
    expect(await run(path)).toEqual({
      heard: ['start 2', 'step 1: 0.5', `saved 1: state-1.pt ${HASH}`, 'step 2: 0.5'],
      result: { versions: { torch: '2.7.0', environment: 'e1' }, device: 'cpu', changed: 7 },
    });
  });

  test.each([
    [
      'its own refusals',
      [start, '{"event":"refused","code":"no-cuda","message":"No device."}'],
      'exit 2',
      { code: 'no-cuda', kind: 'refused', remedy: expect.stringContaining('--train-on cpu') },
    ],
    [
      'a full disk',
      [start],
      'echo "OSError: [Errno 28] No space left on device" >&2; exit 1',
      { code: 'disk-full', kind: 'refused' },
    ],
    [
      'an exception',
      [start],
      'echo "Traceback" >&2; echo "KeyError: 7" >&2; exit 1',
      { code: 'training-failed', kind: 'failed', message: expect.stringContaining('KeyError: 7') },
    ],
    ['an end without a result', [start, step(1)], 'exit 0', { code: 'training-failed', kind: 'failed' }],
    [
      'other packages than asked for, at its start',
      [start.replace('e1', 'e2')],
      'exit 0',
      { code: 'other-packages', kind: 'failed' },
    ],
    [
      'packages that were exchanged while it ran',
      [start, step(1), '{"event":"done","changed":7,"environment":"e2"}'],
      'exit 0',
      { code: 'other-packages', kind: 'failed' },
    ],
    [
      'a state outside of its folder',
      [start, `{"event":"saved","done":1,"file":"../state-1.pt","sha256":"${HASH}"}`],
      'exit 0',
      { code: 'script-unclear', kind: 'failed' },
    ],
    [
      'foreign lines',
      ['hello'],
      'exit 0',
      { code: 'script-unclear', kind: 'failed', message: expect.stringContaining('hello') },
    ],
  ])('reports %s as an error', async (_, lines, end, error) => {
    await expect(run(await saying(lines, end))).rejects.toMatchObject(error);
  });

  test('is ended by a cancel, also where it does not listen', async () => {
    const path = await saying([start], 'exec sleep 100', "trap '' TERM");
    await expect(run(path, new AbortController(), true)).rejects.toMatchObject({
      code: 'cancelled',
      kind: 'cancelled',
    });
  });

  test("is given every setting under the script's own names", async () => {
    const settings = finetuneSettings.parse({});
    const data = { teacher: null, sequences: [[[1, 2], 1]], mixture: [], length: 64, end: 0 } as const;
    const job: unknown = JSON.parse(
      scriptJobText({ model: 'm', out: 'o', state: 's', resume: null, ...data, settings, threads: 1 }),
    );
    const script = await readFile('resources/finetune/finetune.py', 'utf8');
    const fields = /class Job:\n[^]*?\n\n\n/.exec(script)?.[0].matchAll(/^ {4}(\w+): /gm) ?? [];
    expect(Object.keys(job ?? {}).sort()).toEqual([...fields].map(([, name]) => name).sort());
    expect(job).toMatchObject({
      rate: 1e-6,
      general_rate: 1e-6,
      weight_decay: 0.001,
      clip: 1,
      balance: 0.01,
      batch: 64,
      epochs: 50,
      stages: ['router', 'all'],
      distil_steps: 100,
      temperature: 1,
    });
  });
});
