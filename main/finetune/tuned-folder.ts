import { access, constants, copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Checkpoint, openCheckpoint, requireSameSources } from '../checkpoint/open-checkpoint.ts';
import { fail } from '../contract/errors.ts';
import type { FinetuneManifest } from '../contract/finetune.ts';
import {
  copySideFiles,
  FINETUNE_FILE,
  publishFolder,
  removeAbandonedExports,
  removeUnfinished,
  requireAbsent,
  requireParent,
  unfinishedName,
} from '../export/export-folder.ts';
import { explainFileError } from '../files/file-errors.ts';

/** File in a tuned model's folder with the loss of every step. */
export const LOSSES_FILE = 'losses.jsonl';

/**
 * Refuses a destination that cannot become a folder: it exists, its parent is not a folder, or is not writable.
 *
 * @throws WorkbenchError refused: `destination-exists`, `no-folder`, `not-writable`.
 */
export const requireFreeDestination = async (destination: string): Promise<void> => {
  await requireParent(destination);
  await requireAbsent(destination);
  await access(path.dirname(destination), constants.W_OK).catch((error: unknown) => {
    throw explainFileError(error, destination);
  });
};

/** Differences between two checkpoints that must have tensors of the same names, shapes and types. */
const differences = (source: Checkpoint, tuned: Checkpoint): readonly string[] => {
  const missing = [...source.tensors].flatMap(([name, view]) => {
    const other = tuned.tensors.get(name);
    if (other === undefined) return [`${name} is missing`];
    return other.dtype === view.dtype && other.shape.join() === view.shape.join()
      ? []
      : [`${name} is ${other.dtype} [${other.shape.join()}]`];
  });
  const surplus = [...tuned.tensors.keys()].filter((name) => !source.tensors.has(name)).map((name) => `${name} is new`);
  return [...missing, ...surplus];
};

/**
 * Makes the folder of a tuned model from the source's files and the weights in `weights`: copies everything but the
 * weights, and adds a manifest. The result is opened and compared with the source before it gets its final name; on
 * failure nothing is left there.
 *
 * @throws WorkbenchError refused: `destination-exists`, `disk-full`, `not-writable`; failed: `tuned-otherwise`,
 * `model-changed`.
 */
export const publishTunedFolder = async (
  source: Checkpoint,
  weights: string,
  destination: string,
  manifest: FinetuneManifest,
): Promise<void> => {
  await removeAbandonedExports(destination);
  const unfinished = unfinishedName(destination);
  try {
    await mkdir(unfinished);
    await copySideFiles(source.folder, unfinished);
    await copyFile(path.join(source.folder, 'config.json'), path.join(unfinished, 'config.json'));
    for (const name of await readdir(weights)) await copyFile(path.join(weights, name), path.join(unfinished, name));
    await writeFile(path.join(unfinished, FINETUNE_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
    const tuned = await openCheckpoint(unfinished);
    const [problem] = differences(source, tuned);
    if (problem !== undefined) {
      throw fail(
        'tuned-otherwise',
        `The tuned folder does not have the layout of ${source.name}: ${problem}.`,
        'This is a defect: please report it with this message.',
      );
    }
    await requireSameSources(source, {
      made: 'fine-tuned',
      left: 'Nothing is left of the tuned model.',
      remedy: 'Restore the files and resume.',
    });
    await publishFolder(unfinished, destination);
  } catch (error) {
    await removeUnfinished(unfinished);
    throw explainFileError(error, destination);
  }
};
