import { existsSync } from 'node:fs';
import { chmod, cp, link, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { CallInput } from '../../../main/contract/calls.ts';
import { experimentSettings } from '../../../main/contract/experiment.ts';
import { finetuneSettings } from '../../../main/contract/finetune.ts';
import { type RunManifest, runManifest } from '../../../main/contract/run.ts';
import type { Engine } from '../../../main/engine/engine.ts';
import { provenanceHeading } from '../../../main/words/provenance.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { openEngine } from './open-engine.ts';

// A run folder may come from anybody. It is always shown, but nothing that it names is started, written or read.

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));
const model = join(resources, 'models', 'uncurl-8');
const task = join(resources, 'tasks', 'add');

/** A program that answers like a Python with the packages, trains nothing, and records that it ran. */
const program = async (folder: string, name: string): Promise<{ readonly file: string; readonly ran: string }> => {
  const [file, ran] = [join(folder, name), join(folder, `${name}-ran`)];
  const versions = {
    python: '3.12.1',
    torch: '2.7.0',
    transformers: '5.24.0',
    safetensors: '0.6.0',
    environment: 'e'.repeat(64),
  };
  await writeFile(file, `#!/bin/sh\necho started >> '${ran}'\necho '${JSON.stringify(versions)}'\n`);
  await chmod(file, 0o755);
  return { file, ran };
};

/** An engine of the user whose settings lie in `home`. */
const engineOf = async (workspace: string, home: string): Promise<Engine> => {
  const settingsFile = join(home, 'settings.json');
  const engine = await openEngine(workspace, { settingsFile });
  return engine;
};

interface Given {
  readonly home: string;
  readonly workspace: string;
  readonly outside: string;
  /** The fine-tuning, which failed because its Python trains nothing. */
  readonly run: string;
  readonly folder: string;
  readonly ran: string;
}

const manifestOf = async (folder: string): Promise<RunManifest> =>
  runManifest.parse(JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')));

const edit = async (folder: string, change: (manifest: RunManifest) => RunManifest): Promise<void> =>
  writeFile(join(folder, 'manifest.json'), JSON.stringify(change(await manifestOf(folder)), null, 2));

/** Starts a fine-tuning whose program ends without output. */
const tuned = async (engine: Engine, python: string, into: string, name: string): Promise<string> => {
  const { run } = await engine.call('finetune.start', {
    model: engine.grantPath(model),
    tasks: [engine.grantPath(task)],
    settings: finetuneSettings.parse({}),
    into: engine.grantPath(into),
    name,
    python: engine.grantPath(python),
  });
  await expect(engine.finished(run)).rejects.toThrow();
  return run;
};

const given = async (): Promise<Given> => {
  const [home, outside] = [await temporaryFolder(), await temporaryFolder()];
  const workspace = join(await temporaryFolder(), 'workspace');
  const { file, ran } = await program(outside, 'python');
  const engine = await engineOf(workspace, home);
  const run = await tuned(engine, file, outside, 'tuned');
  await engine.dispose();
  await rm(ran);
  return { home, workspace, outside, run, folder: join(workspace, 'runs', run), ran };
};

/** Resumes to the end; rejects with a refusal before the job, and reports whether the job began. */
const resumed = async (
  engine: Engine,
  run: string,
  more: Omit<CallInput<'jobs.resume'>, 'run'> = {},
): Promise<void> => {
  await engine.call('jobs.resume', { run, ...more });
  await expect(engine.finished(run)).rejects.toThrow();
};

const elsewhere = { code: 'made-elsewhere', kind: 'refused' };

const begunElsewhere = { state: 'elsewhere', reason: 'begun-elsewhere' };

const listedProvenance = async (engine: Engine, run: string) =>
  (await engine.call('runs.list', {})).find(({ id }) => id === run)?.provenance;

/** Makes every call that shows a run. */
const look = async (engine: Engine, run: string): Promise<void> => {
  const { commands, ...asked } = {
    commands: [
      'runs.list',
      'jobs.list',
      'cluster.list',
      'trash.list',
      'models.list',
      'tasks.list',
      'view.kept',
    ] as const,
    run,
  };
  for (const name of commands) await engine.call(name, {});
  await engine.call('runs.origin', asked);
  await engine.call('runs.log', asked);
};

describe.skipIf(process.platform === 'win32')('a fine-tuning is resumed unchanged', () => {
  test('an experiment with trained arms needs a program, whatever the arms, and shows its mixture', async () => {
    const { home, workspace, run, folder, outside } = await given();
    const mixture = join(outside, 'mixture.jsonl');
    const asExperiment = (treatments: readonly string[]) =>
      edit(folder, (manifest) => ({
        ...manifest,
        kind: 'experiment',
        spec: { ...manifest.spec, settings: { treatments }, mixture: { file: mixture, hash: 'h' } },
      }));
    await asExperiment(['as-is', 'refit']);
    const engine = await engineOf(workspace, home);
    expect(await engine.call('runs.origin', { run })).toMatchObject({ isMadeHere: false, asks: { program: false } });
    for (const treatment of ['tuned', 'two-stage', 'new-router', 'new-router-two-stage', 'of a later version']) {
      await asExperiment(['as-is', treatment]);
      const { asks, says } = await engine.call('runs.origin', { run });
      expect(asks, treatment).toEqual({ program: true, destination: false });
      expect(says.reads).toContain(mixture);
    }
  });

  test('an experiment is reproduced with its own mixture only after it is confirmed', async () => {
    const { home, workspace, run, folder, outside } = await given();
    const mixture = join(outside, 'mixture.jsonl');
    const settings = experimentSettings.parse({ treatments: ['two-stage'], training: finetuneSettings.parse({}) });
    await edit(folder, (manifest) => ({
      ...manifest,
      kind: 'experiment',
      state: 'done',
      spec: { settings, python: null, mixture: { file: mixture, hash: 'h' } },
    }));
    const engine = await engineOf(workspace, home);
    const { code } = await engine.call('runs.origin', { run });
    await expect(engine.call('experiment.reproduce', { run })).rejects.toMatchObject({
      code: 'not-opened',
      message: expect.stringContaining(mixture),
      remedy: expect.stringContaining(`--confirm ${code}`),
    });
    expect(await engine.call('runs.list', {})).toHaveLength(1);
  });

  test('if it was made here, also after restoring it from the trash; its program is started again', async () => {
    const { home, workspace, run, ran } = await given();
    const engine = await engineOf(workspace, home);
    expect(await engine.call('runs.origin', { run })).toMatchObject({ isMadeHere: true });
    await resumed(engine, run);
    expect((await readFile(ran, 'utf8')).trim().split('\n')).toHaveLength(2);
    const { entry } = await engine.call('runs.trash', { run });
    const events: unknown[] = [];
    engine.subscribe((event) => events.push(event));
    await engine.call('trash.restore', { entry });
    // By its name the window reads anew what could not be read while it was in the trash.
    expect(events).toContainEqual({ type: 'runs.relisted', restored: run });
    await rm(ran);
    await resumed(engine, run);
    expect(existsSync(ran)).toBe(true);
    const { code } = await engine.call('runs.origin', { run });
    const python = engine.grantPath('/bin/true');
    // The code stands for what the user confirmed; another program makes another run.
    await expect(engine.call('jobs.resume', { run, confirmed: { code, python } })).rejects.toMatchObject({
      code: 'made-here',
    });
    await resumed(engine, run, { confirmed: { code } });
  });

  /** Ways in which the run becomes foreign; each returns the workspace to open. */
  const strange: Readonly<Record<string, (made: Given) => Promise<string>>> = {
    'another user has its workspace': ({ workspace, home }) =>
      rm(join(home, 'uncurl-state'), { recursive: true }).then(() => workspace),
    'it was copied with its whole workspace': async ({ workspace }) => {
      const copy = join(await temporaryFolder(), 'copy');
      await cp(workspace, copy, { recursive: true, preserveTimestamps: true });
      return copy;
    },
    'its folder was sent away and came back': async ({ workspace, folder }) => {
      await cp(folder, `${folder}-back`, { recursive: true });
      await rm(folder, { recursive: true });
      await rename(`${folder}-back`, folder);
      return workspace;
    },
    'its workspace was restored from a backup': async ({ workspace }) => {
      const backup = join(await temporaryFolder(), 'backup');
      await cp(workspace, backup, { recursive: true });
      await rm(workspace, { recursive: true });
      await cp(backup, workspace, { recursive: true });
      return workspace;
    },
    'its program was edited': async ({ workspace, folder, outside }) => {
      await edit(folder, ({ spec, ...rest }) => ({ ...rest, spec: { ...spec, python: join(outside, 'evil') } }));
      return workspace;
    },
    'its destination was edited': async ({ workspace, folder, outside }) => {
      await edit(folder, ({ spec, ...rest }) => ({ ...rest, spec: { ...spec, destination: join(outside, 'evil') } }));
      return workspace;
    },
    'its model was edited': async ({ workspace, folder }) => {
      await edit(folder, (manifest) => ({
        ...manifest,
        models: manifest.models.map((one) => ({ ...one, path: '/nowhere' })),
      }));
      return workspace;
    },
    'its device was edited': async ({ workspace, folder }) => {
      await edit(folder, (manifest) => ({ ...manifest, device: { ...manifest.device, threads: 512 } }));
      return workspace;
    },
    'it has no mark, as runs of earlier versions': async ({ workspace, folder }) => {
      await rm(join(folder, 'binding.json'));
      return workspace;
    },
    'its mark is no mark': async ({ workspace, folder }) => {
      await writeFile(join(folder, 'binding.json'), '{"format":"uncurl-binding"');
      return workspace;
    },
    'its mark is a device': async ({ workspace, folder }) => {
      await rm(join(folder, 'binding.json'));
      await symlink('/dev/zero', join(folder, 'binding.json'));
      return workspace;
    },
    'its mark is that of another run of the same user': async ({ workspace, folder, home, outside }) => {
      const engine = await engineOf(workspace, home);
      const other = await tuned(engine, join(outside, 'python'), outside, 'other');
      await engine.dispose();
      await rm(join(outside, 'python-ran'));
      await cp(join(workspace, 'runs', other, 'binding.json'), join(folder, 'binding.json'));
      return workspace;
    },
    'its mark was made by another key': async ({ workspace, folder, home, outside }) => {
      const key = join(home, 'uncurl-state', 'key');
      const own = await readFile(key);
      await rm(key);
      const engine = await engineOf(workspace, home);
      await tuned(engine, join(outside, 'python'), outside, 'other');
      await engine.dispose();
      await rm(join(outside, 'python-ran'));
      // Under the name of the user's key, as a stranger could write it.
      const binding = z
        .object({ marks: z.record(z.string(), z.string()) })
        .parse(JSON.parse(await readFile(join(folder, 'binding.json'), 'utf8')));
      const [name] = Object.keys(binding.marks);
      await writeFile(key, own);
      const forged = { format: 'uncurl-binding', version: 1, marks: { [name ?? '']: '0'.repeat(64) } };
      await writeFile(join(folder, 'binding.json'), JSON.stringify(forged));
      return workspace;
    },
  };

  test.each(Object.keys(strange))('never if %s: it is shown, and nothing is started', async (how) => {
    const made = await given();
    const evil = await program(made.outside, 'evil');
    const workspace = await strange[how]?.(made);
    if (workspace === undefined) throw new Error('no such way');
    const before = (await readdir(made.outside)).sort();
    const engine = await engineOf(workspace, made.home);
    const { run } = made;
    await look(engine, run);
    expect(await engine.call('runs.origin', { run })).toMatchObject({
      isMadeHere: false,
      asks: { program: true, destination: true },
    });
    await expect(engine.call('jobs.resume', { run })).rejects.toMatchObject(elsewhere);
    await expect(engine.call('jobs.resume', { run, takeOver: true })).rejects.toMatchObject(elsewhere);
    await expect(engine.call('models.openMade', { run })).rejects.toMatchObject({ kind: 'refused' });
    expect((await engine.call('runs.list', {})).find(({ id }) => id === run)?.state).toBe('failed');
    expect((await readdir(made.outside)).sort()).toEqual(before);
    expect([existsSync(made.ran), existsSync(evil.ran)]).toEqual([false, false]);
  });

  test('elsewhere only with the program and folder that the user names, which it keeps', async () => {
    const { home, workspace, run, folder, outside, ran } = await given();
    const [evil, mine] = [await program(outside, 'evil'), await program(outside, 'mine')];
    await edit(folder, ({ spec, ...rest }) => ({
      ...rest,
      spec: { ...spec, python: evil.file, destination: join(outside, 'evil-folder') },
    }));
    await mkdir(join(folder, 'training', 'state'), { recursive: true });
    await writeFile(join(folder, 'training', 'state', 'state.pt'), 'of a stranger');
    const engine = await engineOf(workspace, home);
    const { code, says } = await engine.call('runs.origin', { run });
    expect(says).toEqual({
      program: evil.file,
      destination: join(outside, 'evil-folder'),
      reads: ['bundled:uncurl-8', 'bundled:add'],
    });
    const destination = { into: engine.grantPath(outside), name: 'mine-folder' };
    const python = engine.grantPath(mine.file);
    await expect(engine.call('jobs.resume', { run })).rejects.toMatchObject({
      remedy: expect.stringContaining(`--confirm ${code} --python FILE --out DIR`),
    });
    const refusals = [
      [{ code: '0'.repeat(32), python, destination }, 'another-code'],
      [{ code, destination }, 'program-not-named'],
      [{ code, python }, 'destination-not-named'],
      [{ code, python, destination: { ...destination, name: basename(mine.file) } }, 'destination-exists'],
    ] as const;
    for (const [confirmed, refused] of refusals)
      await expect(engine.call('jobs.resume', { run, confirmed })).rejects.toMatchObject({ code: refused });
    expect((await engine.call('runs.origin', { run })).isMadeHere).toBe(false);
    await resumed(engine, run, { confirmed: { code, python, destination } });
    expect([existsSync(evil.ran), existsSync(ran), existsSync(mine.ran)]).toEqual([false, false, true]);
    expect((await manifestOf(folder)).spec).toMatchObject({
      python: mine.file,
      destination: join(outside, 'mine-folder'),
    });
    // Foreign training states are moved aside: neither continued from nor deleted.
    const aside = (await readdir(folder)).filter((name) => name.startsWith('training-made-elsewhere-'));
    expect(aside).toHaveLength(1);
    expect(await readFile(join(folder, aside[0] ?? '', 'state', 'state.pt'), 'utf8')).toBe('of a stranger');
    expect(existsSync(join(folder, 'training', 'state', 'state.pt'))).toBe(false);
    await rm(mine.ran);
    await resumed(engine, run);
    expect([existsSync(mine.ran), existsSync(evil.ran)]).toEqual([true, false]);
    expect(await listedProvenance(engine, run)).toMatchObject(begunElsewhere);
  });

  test('a sweep of PyTorch is worked on only after the user has named a Python', async () => {
    const { home, workspace, run, folder, outside } = await given();
    const evil = await program(outside, 'evil');
    await edit(folder, ({ device, ...rest }) => ({
      ...rest,
      kind: 'sweep',
      device: { ...device, engine: { name: 'torch', python: evil.file } },
      spec: { methods: ['random'], factors: [2] },
    }));
    const engine = await engineOf(workspace, home);
    const { code } = await engine.call('runs.origin', { run });
    const refused = { code: 'program-not-named', kind: 'refused' };
    await expect(engine.listSteps(run, code)).rejects.toMatchObject(refused);
    expect(existsSync(evil.ran)).toBe(false);
  });

  test('never in PyTorch, which no fine-tuning computes in, whatever is confirmed', async () => {
    const { home, workspace, run, folder, outside, ran } = await given();
    const [evil, other, mine] = await Promise.all(['evil', 'other', 'mine'].map((name) => program(outside, name)));
    if (evil === undefined || other === undefined || mine === undefined) throw new Error('a program is missing');
    await edit(folder, ({ spec, device, ...rest }) => ({
      ...rest,
      device: { ...device, engine: { name: 'torch', python: other.file } },
      spec: { ...spec, python: evil.file, destination: join(outside, 'evil-folder') },
    }));
    const engine = await engineOf(workspace, home);
    const { code, says, asks } = await engine.call('runs.origin', { run });
    expect(asks).toEqual({ program: true, destination: true });
    expect(says).toMatchObject({ program: `${other.file}, ${evil.file}`, destination: join(outside, 'evil-folder') });
    const python = engine.grantPath(mine.file);
    const destination = { into: engine.grantPath(outside), name: 'mine-folder' };
    const refusals = [
      [{ code, destination }, 'program-not-named'],
      [{ code, python }, 'destination-not-named'],
      [{ code, python, destination }, 'not-with-torch'],
    ] as const;
    for (const [confirmed, refused] of refusals)
      await expect(engine.call('jobs.resume', { run, confirmed })).rejects.toMatchObject({ code: refused });
    for (const one of [evil.ran, other.ran, mine.ran, ran]) expect(existsSync(one)).toBe(false);
    expect(existsSync(join(outside, 'evil-folder'))).toBe(false);
  });

  test.each([
    [
      'a link in the place of its training',
      (folder: string, target: string) => symlink(target, join(folder, 'training')),
    ],
    [
      'a link deep in it',
      async (folder: string, target: string) => {
        await mkdir(join(folder, 'training'));
        await symlink(target, join(folder, 'training', 'state'));
      },
    ],
    [
      'a link in the place of its log',
      (folder: string, target: string) =>
        rm(join(folder, 'log.jsonl')).then(() => symlink(join(target, 'mine'), join(folder, 'log.jsonl'))),
    ],
    [
      'its log under a second name',
      (folder: string, target: string) =>
        rm(join(folder, 'log.jsonl')).then(() => link(join(target, 'mine'), join(folder, 'log.jsonl'))),
    ],
  ])('never with %s: what it writes stays in its folder', async (_, put) => {
    const { home, workspace, run, folder, ran } = await given();
    const target = await temporaryFolder();
    await mkdir(join(target, 'out'));
    await writeFile(join(target, 'mine'), 'mine');
    await rm(join(folder, 'training'), { recursive: true, force: true });
    await put(folder, target);
    const engine = await engineOf(workspace, home);
    await look(engine, run);
    const { code } = await engine.call('runs.origin', { run });
    for (const confirmed of [undefined, { code }])
      await expect(engine.call('jobs.resume', { run, confirmed })).rejects.toMatchObject({ code: 'leads-out' });
    expect((await readdir(target)).sort()).toEqual(['mine', 'out']);
    expect(await readFile(join(target, 'mine'), 'utf8')).toBe('mine');
    expect(existsSync(ran)).toBe(false);
  });

  test('never if its folder is a link: it is listed as such, and not written to', async () => {
    const { home, workspace, run, folder } = await given();
    const target = join(await temporaryFolder(), run);
    await rename(folder, target);
    await symlink(target, folder);
    const before = (await readdir(target)).sort();
    const engine = await engineOf(workspace, home);
    expect(await engine.call('runs.list', {})).toMatchObject([
      { id: run, damaged: expect.stringContaining('not a folder') },
    ]);
    const refused = { code: 'no-run-folder', kind: 'refused' };
    await expect(engine.call('jobs.resume', { run })).rejects.toMatchObject(refused);
    await expect(engine.call('runs.label', { run, change: { name: 'mine' } })).rejects.toMatchObject(refused);
    await expect(engine.call('runs.remove', { run })).rejects.toMatchObject(refused);
    const { entry } = await engine.call('runs.trash', { run });
    await engine.call('trash.empty', { entry });
    expect((await readdir(target)).sort()).toEqual(before);
  });

  test('by the compute process only as the engine approved it', async () => {
    const { home, workspace, run, ran } = await given();
    const engine = await engineOf(workspace, home);
    const nowhere = { progress: () => undefined, emit: () => undefined };
    const order = { lock: null, code: '0'.repeat(32), signal: new AbortController().signal, ...nowhere };
    await expect(engine.carryOut(run, order)).rejects.toMatchObject({ code: 'another-code' });
    expect(existsSync(ran)).toBe(false);
  });
});

/** A finished sweep of an outside model and task, made by another user. */
const strangersSweep = async (): Promise<{
  readonly workspace: string;
  readonly home: string;
  readonly run: string;
  readonly subjects: string;
}> => {
  const [home, subjects] = [await temporaryFolder(), await temporaryFolder()];
  const workspace = join(await temporaryFolder(), 'workspace');
  await cp(model, join(subjects, 'model'), { recursive: true });
  await cp(task, join(subjects, 'task'), { recursive: true });
  const engine = await engineOf(workspace, home);
  const { run } = await engine.call('sweep.start', {
    models: [engine.grantPath(join(subjects, 'model'))],
    tasks: [engine.grantPath(join(subjects, 'task'))],
    settings: { methods: ['random'], factors: [2], seeds: [0], limit: 4 },
  });
  await engine.finished(run);
  await engine.dispose();
  return { workspace, home: await temporaryFolder(), run, subjects };
};

describe('a foreign sweep', () => {
  test('is not worked on by any verb before the user has confirmed what it reads', async () => {
    const { workspace, home, run, subjects } = await strangersSweep();
    const engine = await engineOf(workspace, home);
    const { code, says, asks } = await engine.call('runs.origin', { run });
    expect(asks).toEqual({ program: false, destination: false });
    expect(says).toEqual({
      program: null,
      destination: null,
      reads: [join(subjects, 'model'), join(subjects, 'task')],
    });
    const order = {
      share: { kind: 'until-empty' } as const,
      task: null,
      signal: new AbortController().signal,
      say: () => undefined,
    };
    const request = { host: 'evil.example', command: 'true' };
    await expect(engine.call('jobs.resume', { run })).rejects.toMatchObject(elsewhere);
    await expect(engine.fillSteps(run, order)).rejects.toMatchObject(elsewhere);
    await expect(engine.listSteps(run)).rejects.toMatchObject(elsewhere);
    await expect(engine.call('cluster.submit', { run, request })).rejects.toMatchObject(elsewhere);
    await expect(engine.fillSteps(run, { ...order, confirmed: '0'.repeat(32) })).rejects.toMatchObject({
      code: 'another-code',
    });
    // The other user's steps are there, and are computed anew.
    expect((await engine.listSteps(run, code)).map(({ state }) => state)).toEqual(['to do', 'to do']);
    expect(await engine.fillSteps(run, { ...order, confirmed: code })).toMatchObject({ computed: 2, reused: 1 });
    expect((await engine.listSteps(run, code)).map(({ state }) => state)).toEqual(['on disk', 'on disk']);
    // Working beside a run is not resuming it: the run still belongs to somebody else.
    expect((await engine.call('runs.origin', { run })).isMadeHere).toBe(false);
    await expect(
      engine.call('jobs.resume', { run, confirmed: { code, python: engine.grantPath('/bin/sh') } }),
    ).rejects.toMatchObject({ code: 'bad-usage' });
    await engine.call('jobs.resume', { run, confirmed: { code } });
    expect((await engine.finished(run)).state).toBe('done');
    expect((await engine.call('runs.origin', { run })).isMadeHere).toBe(true);
  });

  test('that was continued here is never shown as measured here, also after another resumption', async () => {
    const { workspace, home, run } = await strangersSweep();
    const folder = join(workspace, 'runs', run);
    const title = 'Measured by nobody';
    await edit(folder, (manifest) => ({ ...manifest, title, createdAt: '2020-01-01T00:00:00.000Z', state: 'failed' }));
    const engine = await engineOf(workspace, home);
    const { code } = await engine.call('runs.origin', { run });
    const headed = async () => {
      const { provenance } = await engine.call('sweep.read', { run });
      expect(provenance).toEqual({ ...begunElsewhere, files: [] });
      expect(await listedProvenance(engine, run)).toEqual(provenance);
      expect(provenanceHeading(provenance)).toMatch(
        /^Not measured here: the run was begun elsewhere .* continued here\.$/,
      );
    };
    await engine.call('jobs.resume', { run, confirmed: { code } });
    expect(await engine.finished(run)).toMatchObject({ state: 'done', title });
    await headed();
    await engine.call('jobs.resume', { run });
    await engine.finished(run);
    await headed();
    // Without the record of its adoption it is a stranger's again, under the code that a cluster's script may hold.
    await edit(folder, ({ adoptedAt: _, ...manifest }) => manifest);
    expect((await engine.call('sweep.read', { run })).provenance).toMatchObject({ reason: 'changed-files' });
    await expect(engine.call('jobs.resume', { run })).rejects.toMatchObject(elsewhere);
    expect((await engine.call('runs.origin', { run })).code).toBe(code);
    await engine.call('jobs.resume', { run, confirmed: { code } });
    await engine.finished(run);
    await headed();
  });

  test('is shown without reading the paths that it names, until the user opens them', async () => {
    const { workspace, home, run, subjects } = await strangersSweep();
    const engine = await engineOf(workspace, home);
    const [point] = (await engine.call('sweep.read', { run })).results.filter(({ method }) => method === 'random');
    if (point === undefined) throw new Error('no point');
    const { model: name, task: named, method, seed, factor } = point;
    const asked = { run, model: name, task: named, method, seed, factor };
    const outcomes = { ...asked, show: 'all', from: 0, count: 1 } as const;
    expect((await engine.call('outcomes.read', outcomes)).note).toContain('so it is not read');
    const notOpened = { code: 'not-opened', kind: 'refused', message: expect.stringContaining(subjects) };
    await expect(engine.call('sweep.plan', asked)).rejects.toMatchObject(notOpened);
    await expect(engine.call('run.reproduce', { run })).rejects.toMatchObject(notOpened);
    await engine.call('models.open', { handle: engine.grantPath(join(subjects, 'model')) });
    await engine.call('tasks.open', { handle: engine.grantPath(join(subjects, 'task')) });
    expect((await engine.call('outcomes.read', outcomes)).note).toBeNull();
    expect((await engine.call('sweep.plan', asked)).plan.method).toBe('random');
    const { run: second } = await engine.call('run.reproduce', { run });
    expect((await engine.finished(second)).state).toBe('done');
    expect((await engine.call('reproduction.read', { run: second })).matches).toBe(true);
  });
});

test('without a key runs are still made, their log says so, and resuming them needs confirmation', async () => {
  const [home, workspace] = [await temporaryFolder(), join(await temporaryFolder(), 'workspace')];
  // A file in place of the folder for the key.
  await writeFile(join(home, 'uncurl-state'), '');
  const engine = await engineOf(workspace, home);
  const { run } = await engine.call('profile.start', {
    model: engine.grantPath(model),
    tasks: [engine.grantPath(task)],
  });
  expect((await engine.finished(run)).state).toBe('done');
  const { lines } = await engine.call('runs.log', { run });
  expect(lines.filter(({ kind }) => kind === 'problem').map(({ text }) => text)).toEqual([
    expect.stringMatching(/^Resuming it will need confirmation: /),
  ]);
});
