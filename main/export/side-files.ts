import { copyFile, readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileErrorCode } from '../workspace/file-errors.ts';
import { CHECKSUM_FILE } from './file-checksums.ts';
import { PLAN_FILE } from './plan-file.ts';

/** What belongs to a model beside config and weights: tokenizer, generation settings, chat template, licence. */
const sideFile = /\.(?:json|model|txt|jinja|tiktoken)$|^(?:licen[cs]e|notice|copying)/i;
/** Made anew, or pointing to weights that are not copied. */
const made = new Set(['config.json', 'README.md', PLAN_FILE, CHECKSUM_FILE]);
const WEIGHT_INDEX = '.index.json';
const TOKENIZER_FILE = 'tokenizer.json';
/** A side file is small; what is larger (data, say) does not belong to the model. */
const MAX_SIDE_FILE_BYTES = 256 * 2 ** 20;

/** Copies a model's side files (links are followed, folders left out); gives their names. */
export const copySideFiles = async (source: string, destination: string): Promise<readonly string[]> => {
  const copied: string[] = [];
  for (const name of (await readdir(source)).sort()) {
    if (!sideFile.test(name) || name.endsWith(WEIGHT_INDEX) || made.has(name)) continue;
    const from = path.join(source, name);
    const stats = await stat(from);
    if (!stats.isFile() || stats.size > MAX_SIDE_FILE_BYTES) continue;
    await copyFile(from, path.join(destination, name));
    copied.push(name);
  }
  return copied;
};

/** Whether the export turns text into the same tokens: its tokenizer.json is the source's, byte for byte. */
export const tokenizerProblems = async (source: string, exported: string): Promise<readonly string[]> => {
  const [wanted, found] = await Promise.all([source, exported].map((folder) => readOptional(path.join(folder, TOKENIZER_FILE))));
  if (wanted === null || wanted === undefined) return [];
  if (found === null || found === undefined) return [`${TOKENIZER_FILE} is missing.`];
  return wanted.equals(found) ? [] : [`${TOKENIZER_FILE} is not the source's.`];
};

const readOptional = (file: string): Promise<Buffer | null> =>
  readFile(file).catch((error: unknown) => {
    if (fileErrorCode(error) === 'ENOENT') return null;
    throw error;
  });
