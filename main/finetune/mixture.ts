import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { boundedText } from '../contract/bounds.ts';
import type { TextTokenizer } from '../checkpoint/load-tokenizer.ts';
import { refuse } from '../contract/errors.ts';
import type { FinetuneManifest } from '../contract/finetune.ts';
import { firstIssue } from '../files/parse-json.ts';
import { readJsonLines } from '../tasks/read-rows.ts';
import { profiledText, type Task } from '../tasks/task.ts';
import { pairSequence, type TrainingSequence } from './training-sequences.ts';

const mixtureItem = z.object({
  /**
   * Items of one group fill a sequence together; a group is drawn in proportion to the square root of its number of
   * items.
   */
  group: boundedText.default(''),
  context: boundedText,
  /** Learnt with full weight; the context with a tenth of it. */
  answer: boundedText.min(1),
});
type MixtureItem = z.infer<typeof mixtureItem>;

const EXPECTED = 'Each line is {"group":"...","context":"...","answer":"..."}; the group may be left out.';

/** Items of many tasks for the general stage of a training. */
export interface Mixture {
  /** Name of its file; "bundled" for the bundled mixture. */
  readonly name: string;
  readonly items: readonly MixtureItem[];
  /** SHA-256 over the items in order. */
  readonly hash: string;
  /** Items of the file that were left out because they are test items. */
  readonly leftOut: number;
}

/** Name of the mixture that the bundled models were pretrained on, without the test items of the bundled tasks. */
export const BUNDLED_MIXTURE = 'bundled';

export const bundledMixtureFile = (resources: string): string => join(resources, 'models', 'training', 'mixture.jsonl');

const hashOf = (items: readonly MixtureItem[]): string => {
  const hash = createHash('sha256');
  for (const { group, context, answer } of items) hash.update(`${JSON.stringify([group, context, answer])}\n`);
  return hash.digest('hex');
};

/**
 * Reads a mixture from a file with one item a line.
 *
 * @throws WorkbenchError refused: `bad-item`, `no-items`; and as `readJsonLines`.
 */
export const readMixture = async (file: string, name: string): Promise<Mixture> => {
  const items = (await readJsonLines(file, EXPECTED)).map(({ location, values }) => {
    const parsed = mixtureItem.safeParse(values);
    if (parsed.success) return parsed.data;
    throw refuse('bad-item', `${location}: ${firstIssue(parsed.error, 'item')}.`, EXPECTED);
  });
  if (items.length === 0) throw refuse('no-items', `${file} contains no items.`, EXPECTED);
  return { name, items, hash: hashOf(items), leftOut: 0 };
};

const textHash = (text: string): string => createHash('sha256').update(text).digest('hex');

/**
 * Removes the test items of the tasks, which are recognised by the SHA-256 of context and right answer.
 *
 * @throws WorkbenchError refused: `no-items` where nothing is left.
 */
export const withoutTestItems = (mixture: Mixture, tasks: readonly Task[]): Mixture => {
  const tested = new Set(tasks.flatMap(({ test }) => test.map((item) => textHash(profiledText(item)))));
  const items = mixture.items.filter(({ context, answer }) => !tested.has(textHash(context + answer)));
  if (items.length === mixture.items.length) return mixture;
  if (items.length === 0)
    throw refuse(
      'no-items',
      `Every item of the mixture ${mixture.name} is a test item of the tasks.`,
      'Choose another mixture (--mixture).',
    );
  return { ...mixture, items, hash: hashOf(items), leftOut: mixture.items.length - items.length };
};

/** The items' tokens by group, in the order in which the groups first appear. */
export const mixtureSequences = (
  { items }: Mixture,
  tokenizer: TextTokenizer,
  length: number,
): readonly (readonly TrainingSequence[])[] => {
  const grouped = items.map(({ group, context, answer }, index) => ({
    group,
    sequence: pairSequence(tokenizer, `${index + 1} of the mixture`, context, answer, length),
  }));
  return [...Map.groupBy(grouped, ({ group }) => group).values()].map((own) => own.map(({ sequence }) => sequence));
};

/** The mixture as recorded in the manifest of a training. */
export const mixtureRecord = (mixture: Mixture | null): FinetuneManifest['mixture'] =>
  mixture === null
    ? null
    : { name: mixture.name, hash: mixture.hash, items: mixture.items.length, leftOut: mixture.leftOut };

/** The mixture as recorded in a run: its file (null: the bundled one), and the hash of the items that were learnt. */
export const mixtureSpec = z.object({ file: boundedText.nullable(), hash: boundedText });
export type MixtureSpec = z.infer<typeof mixtureSpec>;

const readWithoutTestItems = async (
  file: string | null,
  tasks: readonly Task[],
  resources: string,
): Promise<Mixture> => {
  const mixture = await (file === null
    ? readMixture(bundledMixtureFile(resources), BUNDLED_MIXTURE)
    : readMixture(file, file));
  return withoutTestItems(mixture, tasks);
};

/** Opens a mixture without the test items of the tasks, with its record for a run. */
export const openMixture = async (
  file: string | null,
  tasks: readonly Task[],
  resources: string,
): Promise<{ readonly mixture: Mixture; readonly spec: MixtureSpec }> => {
  const mixture = await readWithoutTestItems(file, tasks, resources);
  return { mixture, spec: { file, hash: mixture.hash } };
};

/**
 * Opens the mixture of a recorded run; null where it has none.
 *
 * @throws WorkbenchError refused: `changed-since` where its file contains other items now.
 */
export const reopenMixture = async (
  spec: MixtureSpec | null,
  tasks: readonly Task[],
  resources: string,
): Promise<Mixture | null> => {
  if (spec === null) return null;
  const mixture = await readWithoutTestItems(spec.file, tasks, resources);
  if (mixture.hash === spec.hash) return mixture;
  throw refuse(
    'changed-since',
    `The mixture ${mixture.name} has changed since this run (${spec.hash.slice(0, 8)} then, ` +
      `${mixture.hash.slice(0, 8)} now).`,
    'Restore it, or start a new run.',
  );
};
