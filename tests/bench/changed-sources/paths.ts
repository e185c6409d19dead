import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommandLine } from '../../../main/cli/run-command-line.ts';
import { WorkbenchError } from '../../../main/contract/errors.ts';
import type { sweepSettings } from '../../../main/contract/sweep.ts';
import { createEngine, type Engine } from '../../../main/engine/engine.ts';
import { z } from 'zod';
import { filesOf } from '../kills/sweeps.ts';
import type { ChangeName, Sources } from './changes.ts';

export const resources = fileURLToPath(new URL('../../../resources', import.meta.url));

/** Environment of a path: a workspace, and a folder for its files. */
export interface Bench {
  readonly workspace: string;
  readonly folder: string;
  readonly sources: Sources;
  /** An engine on the workspace. */
  readonly engine: Engine;
}

/** A way to compute numbers. */
export interface ComputingPath {
  readonly name: string;
  /** Sources that it reads, and that are changed. */
  readonly reads: readonly ChangeName[];
  /** Preparation, without changes. */
  readonly prepare?: (bench: Bench) => Promise<void>;
  /** Computes and returns the stored result; rejects if nothing is stored. */
  readonly run: (bench: Bench) => Promise<unknown>;
  /** Files that a refused run must not leave behind. */
  readonly out?: string;
  /** Starts a run, which may be interrupted and resumed, and reads its result once it is done. */
  readonly inParts?: {
    readonly start: (bench: Bench) => Promise<string>;
    readonly result: (bench: Bench, run: string) => Promise<unknown>;
  };
  /** The result says whether the files are as they were before, so those changed all the time give another one. */
  readonly compares?: true;
  /** Only in each `every`-th turn of all ways, since it takes many times longer than the others. */
  readonly every?: number;
}

const THREADS = 1;

export const openEngine = (workspace: string): Promise<Engine> =>
  createEngine({ workspace, resources, commandLine: 'bench', threads: THREADS });

const ended = async ({ engine }: Pick<Bench, 'engine'>, { run }: { readonly run: string }): Promise<string> => {
  await engine.finished(run);
  return run;
};

type Asked = Partial<z.input<typeof sweepSettings>>;

const startSweep = ({ engine, sources }: Bench, asked: Asked, task = sources.task, later = false) =>
  engine.call('sweep.start', {
    models: [engine.grantPath(sources.model)],
    tasks: [engine.grantPath(task)],
    settings: { methods: ['frequency'], factors: [1, 2], ...asked },
    later,
  });

const resultsOf = async ({ engine }: Pick<Bench, 'engine'>, run: string): Promise<unknown> =>
  (await engine.call('sweep.read', { run })).results;

const sweepPath = (name: string, asked: Asked, reads: readonly ChangeName[], isWritten = false): ComputingPath => {
  const start = async (bench: Bench): Promise<string> => {
    const task = isWritten ? bench.sources.written : bench.sources.task;
    return (await startSweep(bench, asked, task)).run;
  };
  return {
    name,
    reads,
    run: async (bench) => resultsOf(bench, await ended(bench, { run: await start(bench) })),
    inParts: { start, result: async (bench, run) => resultsOf(bench, await ended(bench, { run })) },
  };
};

/** Plans on the tasks that they were not made for. */
const elsewherePath: ComputingPath = {
  name: 'elsewhere',
  reads: ['weights', 'a byte of a router', 'test items', 'calibration items'],
  run: async (bench) => {
    const { engine, sources } = bench;
    const { run } = await engine.call('sweep.start', {
      models: [engine.grantPath(sources.model)],
      tasks: [sources.task, sources.other].map((folder) => engine.grantPath(folder)),
      settings: { methods: ['frequency'], factors: [1, 2], elsewhere: true },
    });
    await ended(bench, { run });
    const { results, elsewhere } = await engine.call('sweep.read', { run });
    return { results, elsewhere };
  },
};

/** A candidate folder, made of the model before the change: its numbers are those of its own files. */
const candidatePath: ComputingPath = {
  name: 'candidate folder',
  reads: ['weights', 'routers', 'a byte of an expert', 'larger weights'],
  run: async (bench) => {
    const { engine, sources } = bench;
    const model = sources.larger;
    const { run } = await engine.call('sweep.start', {
      models: [engine.grantPath(model)],
      tasks: [engine.grantPath(sources.task)],
      candidates: [{ name: 'tuned', folder: engine.grantPath(sources.model) }],
      settings: { methods: ['frequency'], factors: [1] },
    });
    return resultsOf(bench, await ended(bench, { run }));
  },
};

/** Two workers side by side, and the process that joins their results. */
const workers: ComputingPath = {
  name: 'work by two workers',
  reads: ['weights', 'tokenizer', 'calibration items'],
  run: async (bench) => {
    const { run } = await startSweep(bench, { methods: ['uncurl'], factors: [1, 2, 4] }, undefined, true);
    const other = await openEngine(bench.workspace);
    const order = {
      share: { kind: 'until-empty' },
      task: null,
      signal: new AbortController().signal,
      say: (): void => undefined,
    } as const;
    const filled = await Promise.allSettled([bench.engine, other].map((engine) => engine.fillSteps(run, order)));
    await other.dispose();
    for (const worker of filled) if (worker.status === 'rejected') throw worker.reason;
    await bench.engine.call('jobs.resume', { run });
    return resultsOf(bench, await ended(bench, { run }));
  },
};

/** Runs a command line in this process; rejects if it does not exit with 0. */
const uncurl = async (...args: readonly string[]): Promise<string> => {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await runCommandLine([...args, '--json'], {
    resources,
    rendererFolder: '/nowhere',
    environment: {
      UNCURL_SETTINGS: process.env['UNCURL_SETTINGS'] ?? path.join(tmpdir(), 'uncurl-bench', 'settings.json'),
    },
    signal: new AbortController().signal,
    now: Date.now,
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
  });
  if (code === 0) return out.join('');
  throw new WorkbenchError(`exit-${String(code)}`, 'failed', err.join(''), '');
};

const threads = ['--threads', String(THREADS)];
const halfPlan = JSON.stringify({ kept: Array.from({ length: 3 }, () => [0, 2, 4, 6]) });
const mergePlan = JSON.stringify({
  groups: Array.from({ length: 3 }, () =>
    [0, 1, 2, 3].map((first) => ({ members: [first, first + 4], reference: first, weights: [1, 1] })),
  ),
  router: 'mean-row',
  align: true,
});
const writePlans = async ({ folder }: Bench): Promise<void> => {
  await writeFile(path.join(folder, 'half.json'), halfPlan);
  await writeFile(path.join(folder, 'merge.json'), mergePlan);
  const texts = ['the capital of france is paris', '3 + 4 = 7', 'one two three four five'];
  const lines = (each: (text: string, id: string) => object): string =>
    texts.map((text, at) => JSON.stringify(each(text, String(at)))).join('\n');
  await writeFile(
    path.join(folder, 'pairs.jsonl'),
    lines((text, id) => ({ id, context: text.slice(0, 8), continuation: text.slice(8) })),
  );
  await writeFile(
    path.join(folder, 'prompts.jsonl'),
    lines((context, id) => ({ id, context, until: [], maxNewTokens: 24 })),
  );
  await writeFile(path.join(folder, 'tokens.json'), '[[1, 2, 3, 19, 20, 21], [30, 31, 32]]');
};

/** A verb that writes one file. */
const verbPath = (
  name: string,
  reads: readonly ChangeName[],
  args: (bench: Bench, out: string) => readonly string[],
  out = 'out',
): ComputingPath => ({
  name,
  reads,
  prepare: writePlans,
  out,
  run: async (bench) => {
    const file = path.join(bench.folder, out);
    await uncurl(...args(bench, file), ...threads);
    return (await readFile(file)).toString('base64');
  },
});

const inFolder = ({ folder }: Bench, name: string): string => path.join(folder, name);

const exportPath: ComputingPath = {
  name: 'export of merged experts',
  reads: ['weights', 'tokenizer'],
  prepare: writePlans,
  out: 'small',
  run: async (bench) => {
    const { sources } = bench;
    const out = inFolder(bench, 'small');
    await uncurl('export', sources.model, '--plan', inFolder(bench, 'merge.json'), '--out', out, ...threads);
    return [...(await filesOf(out))];
  },
};

/** A sweep that PyTorch computes, in which transformers reads the files. */
const torchPath = (python: string): ComputingPath => ({
  name: 'sweep in PyTorch',
  every: 4,
  reads: ['weights', 'an expert', 'a byte of attention', 'tokenizer', 'config'],
  run: async ({ workspace, sources }) => {
    const printed = await uncurl(
      ...['sweep', sources.model, '--task', sources.task, '--method', 'frequency', '--factors', '1,2'],
      ...['--engine', 'torch', '--python', python, '--precision', 'float32', '--workspace', workspace],
      ...threads,
    );
    const { run } = z.looseObject({ run: z.string() }).parse(JSON.parse(printed));
    const file = path.join(workspace, 'runs', run, 'results.json');
    return z.looseObject({ results: z.unknown() }).parse(JSON.parse(await readFile(file, 'utf8'))).results;
  },
});

/** Texts of the unpruned model and of a plan side by side. */
const besidePath: ComputingPath = {
  name: 'side by side',
  reads: ['weights', 'a byte of a router', 'tokenizer', 'ends'],
  run: async (bench) => {
    const { engine, sources } = bench;
    const started = await engine.call('beside.start', {
      model: engine.grantPath(sources.model),
      prompt: 'the capital of france is ',
      maxNewTokens: 16,
      plans: [{ name: 'half', plan: { kept: Array.from({ length: 3 }, () => [0, 2, 4, 6]) } }],
    });
    const run = await ended(bench, started);
    const { columns, differences } = await engine.call('beside.read', { run });
    return { columns, differences };
  },
};

const verifyPath: ComputingPath = {
  name: 'verify',
  compares: true,
  reads: ['weights'],
  prepare: async (bench) => {
    await writePlans(bench);
    const [plan, out] = [inFolder(bench, 'merge.json'), inFolder(bench, 'small')];
    await uncurl('export', bench.sources.model, '--plan', plan, '--out', out, ...threads);
  },
  run: async (bench) => {
    const { sources } = bench;
    const plan = inFolder(bench, 'merge.json');
    return uncurl('verify', inFolder(bench, 'small'), '--against', sources.model, '--plan', plan, ...threads);
  },
};

const profilePath: ComputingPath = {
  name: 'profile',
  reads: ['weights', 'tokenizer', 'template', 'calibration items'],
  run: async (bench) => {
    const { engine, sources } = bench;
    const [model, task] = [engine.grantPath(sources.model), engine.grantPath(sources.task)];
    const asked = { model, tasks: [task], methods: ['reap' as const], chat: true };
    await ended(bench, await engine.call('profile.start', asked));
    const profiles = await engine.call('profile.read', { model, tasks: [task], chat: true });
    // Files that changed between the end of the run and this call have no profile: none is returned.
    if (profiles.length === 0) throw new WorkbenchError('changed-since', 'failed', 'no profile of these files', '');
    return profiles;
  },
};

const damagePath: ComputingPath = {
  name: 'damage',
  reads: ['weights', 'tokenizer', 'test items'],
  run: async (bench) => {
    const { engine, sources } = bench;
    const [model, task] = [engine.grantPath(sources.model), engine.grantPath(sources.task)];
    const run = await ended(bench, await engine.call('damage.start', { model, task, layer: 1 }));
    return engine.call('damage.read', { run });
  },
};

const experimentPath = (python: string | null): ComputingPath => ({
  name: python === null ? 'experiment' : 'experiment with fine-tuned arms',
  reads: ['weights', 'larger weights', 'tokenizer', 'calibration items'],
  run: async (bench) => {
    const { engine, sources } = bench;
    const training = { stages: ['all' as const], epochs: 2, batch: 8, rate: 0.001 };
    const { run } = await engine.call('experiment.start', {
      models: [sources.model, sources.larger].map((folder) => engine.grantPath(folder)),
      tasks: [engine.grantPath(sources.task)],
      settings: {
        methods: ['uncurl'],
        treatments: python === null ? ['as-is', 'refit'] : ['tuned'],
        training,
      },
      python: python === null ? null : engine.grantPath(python),
    });
    await engine.finished(run);
    const file = path.join(bench.workspace, 'runs', run, 'experiment.json');
    const record = JSON.parse(await readFile(file, 'utf8')) as { readonly arms: unknown };
    return record.arms;
  },
});

const reproducePath: ComputingPath = {
  name: 'reproduce',
  compares: true,
  reads: ['weights', 'tokenizer'],
  prepare: async (bench) => {
    await ended(bench, await startSweep(bench, { methods: ['uncurl'] }));
  },
  run: async (bench) => {
    const { engine } = bench;
    const sweep = (await engine.call('runs.list', {})).find(({ kind }) => kind === 'sweep');
    const run = await ended(bench, await engine.call('run.reproduce', { run: sweep?.id ?? '' }));
    const { matches, points, items } = await engine.call('reproduction.read', { run });
    return { matches, points, items };
  },
};

const finetunePath = (python: string): ComputingPath => ({
  name: 'fine-tune',
  reads: ['weights', 'tokenizer', 'calibration items'],
  out: 'made/tuned',
  prepare: async ({ folder }) => {
    await mkdir(path.join(folder, 'made'));
  },
  run: async (bench) => {
    const { engine, sources, folder } = bench;
    await ended(
      bench,
      await engine.call('finetune.start', {
        model: engine.grantPath(sources.model),
        tasks: [engine.grantPath(sources.task)],
        settings: { stages: ['all'], epochs: 2, batch: 8, rate: 0.001, saveEvery: 2 },
        into: engine.grantPath(path.join(folder, 'made')),
        name: 'tuned',
        python: engine.grantPath(python),
      }),
    );
    const files = new Map(await filesOf(path.join(folder, 'made', 'tuned')));
    // Time and place of the training.
    files.delete('uncurl_finetune.json');
    return [...files];
  },
});

/**
 * All ways to compute numbers on this machine; the slow ones need a Python with PyTorch. Padded models are not trained:
 * transformers does not write the padding.
 */
export const computingPaths = (python: string | undefined, isPadded: boolean): readonly ComputingPath[] => [
  sweepPath('sweep that merges', { methods: ['uncurl'], factors: [1, 2, 4] }, [
    ...['weights', 'routers', 'an expert', 'a byte of a router', 'a byte of attention', 'a byte of an expert'],
    ...['config', 'tokenizer', 'test items'],
  ] as const),
  sweepPath('calibration draws', { calibrationDraws: 3, factors: [1, 2] }, ['weights', 'routers', 'calibration items']),
  sweepPath('fidelity', { fidelity: true }, ['weights', 'a byte of attention', 'a byte of an expert', 'tokenizer']),
  sweepPath('rounded weights', { weights: ['stored', 'q8_0'] }, ['weights', 'a byte of an expert']),
  elsewherePath,
  candidatePath,
  sweepPath('sweep through the chat template', { chat: true }, ['weights', 'template', 'test items']),
  sweepPath('sweep that refits', { recovery: 'both' }, [
    'weights',
    'routers',
    'an expert',
    'tokenizer',
    'calibration items',
  ]),
  sweepPath(
    'search for experts',
    { methods: ['eep'], factors: [1, 2], options: { eep: { evaluations: 12, initial: 4 } } },
    ['weights', 'routers', 'tokenizer', 'calibration items'],
  ),
  sweepPath('search for thresholds', { methods: ['frequency', 'reap'], factors: [1, 2, 4], stop: 'early' }, [
    'weights',
    'routers',
  ]),
  sweepPath(
    'written answers, calibrated on what is written',
    { methods: ['frequency'], factors: [1, 2], calibration: 'written', limit: 12 },
    ['weights', 'tokenizer', 'ends'],
    true,
  ),
  workers,
  profilePath,
  damagePath,
  besidePath,
  experimentPath(null),
  reproducePath,
  exportPath,
  verifyPath,
  verbPath('score', ['weights', 'tokenizer'], (bench, out) => [
    ...['score', bench.sources.model, '--requests', inFolder(bench, 'pairs.jsonl')],
    ...['--plan', inFolder(bench, 'merge.json'), '--out', out],
  ]),
  verbPath('forward', ['weights'], (bench, out) => [
    ...['forward', bench.sources.model, '--tokens', inFolder(bench, 'tokens.json')],
    ...['--mask', inFolder(bench, 'merge.json'), '--out', out],
  ]),
  verbPath('generate', ['weights', 'tokenizer', 'ends'], (bench, out) => [
    ...['generate', bench.sources.model, '--requests', inFolder(bench, 'prompts.jsonl')],
    ...['--plan', inFolder(bench, 'half.json'), '--out', out],
  ]),
  verbPath('profile verb', ['weights', 'tokenizer', 'calibration items'], (bench, out) => [
    ...['profile', bench.sources.model, '--task', bench.sources.task, '--method', 'all', '--out', out],
  ]),
  verbPath('recover', ['weights', 'tokenizer', 'calibration items'], (bench, out) => [
    ...['recover', bench.sources.model, '--plan', inFolder(bench, 'half.json')],
    ...['--task', bench.sources.task, '--out', out],
  ]),
  ...(python === undefined ? [] : [torchPath(python)]),
  ...(python === undefined || isPadded ? [] : [experimentPath(python), finetunePath(python)]),
];
