import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { WorkbenchError } from '../contract/errors.ts';
import { type TransformersCheck, transformersCheck } from '../contract/transformers-check.ts';
import { isSystemError } from '../files/file-errors.ts';
import { parseForeignJson } from '../files/parse-json.ts';
import { readTextIfThere } from '../files/regular-file.ts';
import { writeFileAtomically } from '../files/write-atomically.ts';

const FOLDER = 'equal-to-transformers';
/** Raise it when our graphs or the comparison (ask-transformers.ts) change. */
const VERSION = 1;
const MAX_BYTES = 10_000;
const kept = z.object({
  format: z.literal('uncurl-transformers-check'),
  version: z.literal(VERSION),
  check: transformersCheck,
});

/** Verdicts by the content of a model, in the folder of the user's state. Only "equal" is kept. */
export class KeptChecks {
  readonly #folder: string;

  constructor(state: string) {
    this.#folder = path.join(state, FOLDER);
  }

  /** The verdict on a model of this content; null: none is known. A file that is damaged or cannot be read is none. */
  async find(identity: string): Promise<TransformersCheck | null> {
    try {
      const text = await readTextIfThere(this.#file(identity), { mostBytes: MAX_BYTES });
      if (text === null) return null;
      const parsed = kept.safeParse(parseForeignJson(text));
      return parsed.success ? parsed.data.check : null;
    } catch (error) {
      // The model is asked about again.
      if (error instanceof SyntaxError || error instanceof WorkbenchError) return null;
      throw error;
    }
  }

  async keep(identity: string, check: TransformersCheck): Promise<void> {
    if (check.word !== 'equal') return;
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      const content = { format: 'uncurl-transformers-check', version: VERSION, check };
      await writeFileAtomically(this.#file(identity), JSON.stringify(content));
    } catch (error) {
      // Without it the model is only asked about again.
      if (!isSystemError(error) && !(error instanceof WorkbenchError)) throw error;
    }
  }

  #file(identity: string): string {
    return path.join(this.#folder, `${identity}.json`);
  }
}
