import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { boundedList, boundedText, sentence, shortName } from '../contract/bounds.ts';
import { CancelledError, fail, refuse } from '../contract/errors.ts';
import { type HarnessEntry, harnessEntry } from '../contract/harness.ts';
import { makeFolder } from '../files/file-errors.ts';
import { readJsonIfThere } from '../files/parse-json.ts';
import { readText } from '../files/regular-file.ts';
import { writeFileAtomically } from '../files/write-atomically.ts';
import { runProgram } from '../finetune/run-program.ts';
import { HARNESS_ENVIRONMENT, IMPORT_FOLDER, INSTALL_HARNESS, type ImportOrder } from './import-tasks.ts';

// The names of lm-evaluation-harness, listed once by the workspace's Python (resources/harness/list_tasks.py) and kept.

const FILE = 'harness-names.json';
/** The list of 0.4.13 has 14,683 names and 5 MB. */
const MAX_LIST_BYTES = 64 * 2 ** 20;

const taskList = z.object({ python: sentence, version: shortName, tasks: boundedList(harnessEntry) });
export type TaskList = z.infer<typeof taskList>;

const listFile = (workspace: string): string => join(workspace, IMPORT_FOLDER, FILE);

/** The list that this Python made for a workspace; null: none. @throws WorkbenchError `names-damaged`. */
export const readTaskList = async (workspace: string, python: string): Promise<TaskList | null> => {
  const file = listFile(workspace);
  const list = await readJsonIfThere(file, taskList, { mostBytes: MAX_LIST_BYTES }, (cause) =>
    refuse('names-damaged', `${file} does not list the tasks of lm-evaluation-harness.`, 'Remove it.', cause),
  );
  return list?.python === python ? list : null;
};

const listEvent = z.discriminatedUnion('event', [
  z.object({ event: z.literal('loading') }),
  z.object({ event: z.literal('listed'), version: shortName, names: z.number() }),
  z.object({ event: z.literal('lacks'), why: boundedText }),
]);

/**
 * Lets the harness list its names (up to a minute), and keeps the list.
 *
 * @throws WorkbenchError refused: `python-lacks`; failed: `harness-failed`; cancelled.
 */
export const makeTaskList = async ({
  python,
  resources,
  workspace,
  signal,
  say,
}: Omit<ImportOrder, 'isOffline'>): Promise<TaskList> => {
  await makeFolder(join(workspace, IMPORT_FOLDER));
  const folder = await mkdtemp(join(workspace, IMPORT_FOLDER, '.list-'));
  try {
    const file = join(folder, 'names.jsonl');
    const found: { version?: string } = {};
    const onLine = (line: string): void => {
      const event = listEvent.parse(JSON.parse(line));
      if (event.event === 'loading') say('lm-evaluation-harness lists its tasks, once: up to a minute');
      if (event.event === 'listed') found.version = event.version;
      if (event.event === 'lacks')
        throw refuse('python-lacks', `${python} cannot run lm-evaluation-harness: ${event.why}.`, INSTALL_HARNESS);
    };
    const script = join(resources, 'harness', 'list_tasks.py');
    const environment = HARNESS_ENVIRONMENT;
    const { code, stderr } = await runProgram(python, [script, file], { signal, environment, folder, onLine });
    if (signal.aborted) throw new CancelledError('Listing the tasks', 'Start it again.');
    const { version } = found;
    if (code !== 0 || version === undefined)
      throw fail(
        'harness-failed',
        `${python} did not list the tasks of lm-evaluation-harness: ${stderr.trim().split('\n').at(-1) ?? ''}`,
        'Check that this Python runs lm-evaluation-harness.',
      );
    const lines = (await readText(file, { mostBytes: MAX_LIST_BYTES })).trim().split('\n');
    const list = { python, version, tasks: lines.map((line) => harnessEntry.parse(JSON.parse(line))) };
    await writeFileAtomically(listFile(workspace), `${JSON.stringify(list)}\n`);
    return list;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

const letters = Array.from({ length: 26 }, (_, index) => String.fromCharCode(97 + index));
/** Codes of languages other than English: the harness has tasks in some thirty of them. */
const foreignCodes = (): ReadonlySet<string> => {
  const languages = new Intl.DisplayNames('en', { type: 'language', fallback: 'none' });
  const codes = letters.flatMap((first) => letters.map((second) => first + second));
  return new Set(codes.filter((code) => code !== 'en' && languages.of(code) !== undefined));
};

/** How well a name answers a search, by these in turn, smaller first; null: not at all. */
const rank = (name: string, words: readonly string[], foreign: ReadonlySet<string>): readonly number[] | null => {
  if (!words.every((word) => name.includes(word))) return null;
  const parts = name.split(/[^\p{L}\p{N}]+/u);
  return [
    name === words.join(' ') ? 0 : 1,
    words.filter((word) => !word.split(/[^\p{L}\p{N}]+/u).every((part) => parts.includes(part))).length,
    parts.some((part) => foreign.has(part) && !words.includes(part)) ? 1 : 0,
    name.startsWith(words[0] ?? '') ? 0 : 1,
    name.length,
  ];
};

/**
 * Names that contain every word of a search: the name itself first, then those that have them as whole words; of these,
 * names in English before those in other languages, then those that begin so, short ones before long.
 */
export const searchTasks = (
  tasks: readonly HarnessEntry[],
  query: string,
  most: number,
): { readonly entries: HarnessEntry[]; readonly total: number } => {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const foreign = foreignCodes();
  const found = tasks
    .flatMap((entry) => {
      const order = rank(entry.name.toLowerCase(), words, foreign);
      return order === null ? [] : [{ entry, order }];
    })
    .sort((left, right) => {
      const decides = left.order.findIndex((place, index) => place !== right.order[index]);
      return decides < 0
        ? left.entry.name.localeCompare(right.entry.name, 'en')
        : (left.order[decides] ?? 0) - (right.order[decides] ?? 0);
    });
  return { entries: found.slice(0, most).map(({ entry }) => entry), total: found.length };
};

/** The tasks below a name; null where the list does not name them all. */
export const tasksBelow = (tasks: readonly HarnessEntry[], name: string): readonly HarnessEntry[] | null => {
  const byName = new Map(tasks.map((entry) => [entry.name, entry]));
  const found = new Map<string, HarnessEntry>();
  const seen = new Set<string>();
  const visit = (at: string): void => {
    const entry = byName.get(at);
    if (entry === undefined || seen.has(at)) return;
    seen.add(at);
    if (entry.kind === 'task') found.set(at, entry);
    else for (const member of entry.members) visit(member);
  };
  visit(name);
  return found.size === byName.get(name)?.tasks ? [...found.values()] : null;
};
