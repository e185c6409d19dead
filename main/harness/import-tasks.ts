import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { boundedText } from '../contract/bounds.ts';
import { CancelledError, fail, jsonIn, refuse, WorkbenchError } from '../contract/errors.ts';
import { explainFileError, fileErrorCode, makeFolder } from '../files/file-errors.ts';
import { readJsonIfThere } from '../files/parse-json.ts';
import { createTurns, writeFileAtomically } from '../files/write-atomically.ts';
import { runProgram } from '../finetune/run-program.ts';
import { loadTask } from '../tasks/load-task.ts';

// Tasks of lm-evaluation-harness by name. The harness itself, in the user's Python, writes them once as task folders of
// the workspace (resources/harness/import_tasks.py); from then on they open like any other task.

/** Most calibration items of a task. */
const CALIBRATION_ITEMS = 300;
/** Characters of a task's hash in the name of its folder. */
const HASH_CHARACTERS = 12;
/** Characters of an answer of the program; an error's text is the longest. */
const MAX_EVENT_CHARACTERS = 100_000;
/** Folder of imported tasks in a workspace, and the record of what was asked for. */
export const IMPORT_FOLDER = 'tasks';
const RECORD = 'imported.json';
const MAX_RECORD_BYTES = 16 * 2 ** 20;

export const INSTALL_HARNESS =
  'Let "uncurl doctor --python" complete its environment, or name a Python that has lm-eval 0.4.13: ' +
  'uncurl import NAME --python FILE.';

/** A task that was imported: the name that was asked for, and the folder (two names may give one task). */
const importedTask = z.object({
  asked: z.string().max(300),
  /** Null: as many examples as the task says. */
  fewshot: z.number().int().nonnegative().nullable(),
  limit: z.number().int().positive().nullable(),
  name: z.string().max(300),
  /** Name of its folder. */
  folder: z.string().regex(/^[\w.-]{1,400}$/),
  version: z.string().max(100),
  /**
   * The user's YAML file, where it stood in place of a task of the harness of the same name: that name alone means the
   * harness's own.
   */
  inPlaceOf: z.string().max(4_096).optional(),
});
export type ImportedTask = z.infer<typeof importedTask>;
const importRecord = z.object({ imported: z.array(importedTask).max(20_000) });

/** How the harness builds its tasks; the defaults are the tasks' own. */
export interface ImportSettings {
  /** Number of examples; null: as the task says. */
  readonly fewshot: number | null;
  /** Most test items of each task, the first ones; null: all. */
  readonly limit: number | null;
  /** Import tasks too whose judging runs programs that a model wrote. */
  readonly generatedCode?: boolean;
  /** Folders of further YAML files, as the harness's own --include_path takes them; absolute. */
  readonly include?: readonly string[];
  /** Run Python files that the user's own YAML files name. */
  readonly ownPython?: boolean;
}

/** Whether a name is the path of a YAML file rather than one of the harness's tasks. */
export const isYamlTask = (name: string): boolean => isAbsolute(name) && /\.ya?ml$/i.test(name);
export const AS_PUBLISHED: ImportSettings = { fewshot: null, limit: null };

/** Folders of the tasks of each name. */
export type TaskFolders = ReadonlyMap<string, readonly string[]>;

const recordFile = (workspace: string): string => join(workspace, IMPORT_FOLDER, RECORD);

/** The tasks that a workspace has imported. @throws WorkbenchError `imports-damaged`. */
export const importedTasks = async (workspace: string): Promise<readonly ImportedTask[]> => {
  const file = recordFile(workspace);
  const record = await readJsonIfThere(file, importRecord, { mostBytes: MAX_RECORD_BYTES }, (cause) =>
    refuse('imports-damaged', `${file} does not list imported tasks.`, 'Remove it, and import the tasks again.', cause),
  );
  return record?.imported ?? [];
};

/**
 * What earlier imports wrote for these names. Absent are names that were not imported so, those of which a folder is
 * gone, paths of YAML files, which may have changed, and files that stood in place of the harness's task of the name.
 */
export const foundImports = async (
  workspace: string,
  names: readonly string[],
  { fewshot, limit }: ImportSettings,
): Promise<TaskFolders> => {
  const imported = (await importedTasks(workspace)).filter((task) => task.fewshot === fewshot && task.limit === limit);
  return new Map(
    names.flatMap((name): [string, readonly string[]][] => {
      if (isYamlTask(name)) return [];
      const folders = imported
        .filter(({ asked, inPlaceOf }) => asked === name && inPlaceOf === undefined)
        .map(({ folder }) => join(workspace, IMPORT_FOLDER, folder));
      const isThere = folders.length > 0 && folders.every((folder) => existsSync(join(folder, 'task.json')));
      return isThere ? [[name, folders]] : [];
    }),
  );
};

const programEvent = z.discriminatedUnion('event', [
  z.object({ event: z.literal('loading') }),
  z.object({ event: z.literal('building'), task: boundedText, index: z.number(), of: z.number() }),
  z.object({
    event: z.literal('written'),
    asked: boundedText,
    name: boundedText,
    folder: z.string().regex(/^[\w.-]{1,300}$/),
    version: boundedText,
    inPlaceOf: z.string().max(4_096).nullable(),
  }),
  z.object({ event: z.literal('refused'), asked: boundedText, why: boundedText, remedy: boundedText }),
  z.object({ event: z.literal('failed'), asked: boundedText, why: boundedText }),
  z.object({ event: z.literal('lacks'), why: boundedText }),
]);
type ProgramEvent = z.infer<typeof programEvent>;

/** @throws WorkbenchError `harness-failed` for a line that is none: a package of the user's Python may print anything. */
const eventOf = (line: string): ProgramEvent => {
  const parsed = programEvent.safeParse(line.length > MAX_EVENT_CHARACTERS ? null : jsonIn(line));
  if (parsed.success) return parsed.data;
  throw fail(
    'harness-failed',
    `The import printed ${JSON.stringify(line.slice(0, 200))}.`,
    'Something in this Python prints by itself: try the environment of "uncurl doctor --python".',
  );
};

export interface ImportOrder {
  /** The Python that runs the harness: the user's own, or that of the workspace's environment. */
  readonly python: string;
  /** Folder of resources/. */
  readonly resources: string;
  readonly workspace: string;
  /** Whether something forbids asking the Hub: data sets then come from its cache alone. */
  readonly isOffline: boolean;
  readonly signal: AbortSignal;
  /** Called with one line for each stage. */
  readonly say: (line: string) => void;
}

const OFFLINE = { HF_HUB_OFFLINE: '1', HF_DATASETS_OFFLINE: '1', HF_EVALUATE_OFFLINE: '1' };
/** Without telemetry and Xet, whose requests go to other hosts than the one that the user named. */
export const HARNESS_ENVIRONMENT = {
  HF_HUB_DISABLE_TELEMETRY: '1',
  HF_HUB_DISABLE_XET: '1',
  TOKENIZERS_PARALLELISM: 'false',
};

const inTurn = createTurns();

/** Several problems as one, of the first one's kind. */
const joined = (problems: readonly WorkbenchError[]): WorkbenchError | null => {
  const [first, ...others] = problems;
  if (first === undefined || others.length === 0) return first ?? null;
  const message = problems.map((problem) => `${problem.message} ${problem.remedy}`).join('\n');
  return new WorkbenchError(first.code, first.kind, message, 'The other tasks are imported.');
};

type WrittenTask = Extract<ProgramEvent, { event: 'written' }>;

/** Runs the harness; returns what it wrote below `folder`, and the problems with the rest. */
const runHarness = async (
  names: readonly string[],
  settings: ImportSettings,
  folder: string,
  { python, resources, isOffline, signal, say }: ImportOrder,
): Promise<{ readonly written: readonly WrittenTask[]; readonly problem: WorkbenchError | null }> => {
  const job = join(folder, 'job.json');
  const out = join(folder, 'out');
  await mkdir(out);
  await writeFile(
    job,
    JSON.stringify({
      names,
      out,
      generatedCode: false,
      ownPython: false,
      include: [],
      ...settings,
      calibration: CALIBRATION_ITEMS,
    }),
  );
  const written: WrittenTask[] = [];
  const problems: WorkbenchError[] = [];
  const onLine = (line: string): void => {
    const event = eventOf(line);
    switch (event.event) {
      case 'loading':
        return say('Starting lm-evaluation-harness, which reads its 14,000 tasks: up to a minute');
      case 'building':
        return say(`${event.task}: building prompts (${event.index + 1} of ${event.of})`);
      case 'written':
        written.push(event);
        return undefined;
      case 'refused':
        problems.push(refuse('harness-refused', `${event.asked}: ${event.why}.`, event.remedy || 'Check the name.'));
        return undefined;
      case 'lacks':
        problems.push(
          refuse('python-lacks', `${python} cannot run lm-evaluation-harness: ${event.why}.`, INSTALL_HARNESS),
        );
        return undefined;
      case 'failed':
        problems.push(
          fail(
            'harness-failed',
            `${event.asked} could not be built: ${event.why}`,
            'lm-evaluation-harness said this; data sets come from the Hub (HF_ENDPOINT, HF_HUB_OFFLINE, UNCURL_HUB), ' +
              'or its cache.',
          ),
        );
        return undefined;
    }
  };
  const script = join(resources, 'harness', 'import_tasks.py');
  const environment = { ...HARNESS_ENVIRONMENT, ...(isOffline ? OFFLINE : {}) };
  const { code, stderr } = await runProgram(python, [script, job], { signal, environment, onLine });
  if (signal.aborted) throw new CancelledError('The import of tasks', 'Start it again.');
  if (code !== 0)
    throw fail(
      'harness-failed',
      `${python} ended with ${code === null ? 'a signal' : String(code)} before all tasks were written: ` +
        (stderr.trim().split('\n').at(-1) ?? ''),
      'Check that this Python runs lm-evaluation-harness.',
    );
  return { written, problem: joined(problems) };
};

/**
 * Imports tasks and groups of lm-evaluation-harness by name, but for those that the workspace has already, and the
 * user's own YAML files; with folders to include, everything is imported again. A group
 * whose members are judged alike and weighed by their size is one task, of all their items. What was written before a
 * problem stays imported.
 *
 * @throws WorkbenchError refused: `harness-refused` (unknown, or judged in a way that is not measured here),
 * `python-lacks`; failed: `harness-failed`; cancelled.
 */
export const importTasks = async (
  names: readonly string[],
  settings: ImportSettings,
  order: ImportOrder,
): Promise<TaskFolders> => {
  const { workspace } = order;
  const isAnew = (settings.include ?? []).length > 0;
  const known: TaskFolders = isAnew ? new Map() : await foundImports(workspace, names, settings);
  const missing = [...new Set(names)].filter((name) => !known.has(name));
  if (missing.length === 0) return known;
  const tasks = join(workspace, IMPORT_FOLDER);
  await makeFolder(tasks);
  const folder = await mkdtemp(join(tasks, '.import-'));
  try {
    const { written, problem } = await runHarness(missing, settings, folder, order);
    const made: ImportedTask[] = [];
    // Two names may give one task, and two files tasks of one name.
    const keptOf = new Map<string, string>();
    for (const { asked, name, folder: from, version, inPlaceOf } of written) {
      const kept = keptOf.get(from) ?? (await keep(join(folder, 'out', from), tasks, from));
      keptOf.set(from, kept);
      const { fewshot, limit } = settings;
      const imported = { asked, fewshot, limit, name, folder: kept, version };
      made.push(inPlaceOf === null ? imported : { ...imported, inPlaceOf });
    }
    await inTurn(async () => {
      const isOld = ({ asked, fewshot, limit, inPlaceOf }: ImportedTask): boolean =>
        made.some(
          (entry) =>
            entry.asked === asked &&
            entry.fewshot === fewshot &&
            entry.limit === limit &&
            entry.inPlaceOf === inPlaceOf,
        );
      const imported = [...(await importedTasks(workspace)).filter((task) => !isOld(task)), ...made];
      await writeFileAtomically(recordFile(workspace), `${JSON.stringify({ imported }, null, 1)}\n`);
    });
    if (problem !== null) throw problem;
    const folders = Map.groupBy(made, ({ asked }) => asked);
    const anew = [...folders].map(
      ([asked, members]) => [asked, members.map(({ folder: at }) => join(tasks, at))] as const,
    );
    return new Map([...known, ...anew]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** Moves a written task among those of the workspace, under its name and hash. */
const keep = async (source: string, tasks: string, name: string): Promise<string> => {
  const { hash } = await loadTask(source);
  const kept = `${name}-${hash.slice(0, HASH_CHARACTERS)}`;
  await publishFolder(source, join(tasks, kept));
  return kept;
};

/** Gives a folder its final name; one of this name, which has the same content, is kept. */
const publishFolder = async (from: string, to: string): Promise<void> => {
  try {
    await rename(from, to);
  } catch (error) {
    const isTaken = ['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(fileErrorCode(error) ?? '');
    if (isTaken && existsSync(join(to, 'task.json'))) return;
    throw explainFileError(error, to);
  }
};
