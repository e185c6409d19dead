import path from 'node:path';
import { z } from 'zod';
import { type TransformersCheck, transformersCheck } from '../contract/transformers-check.ts';
import { readKept, writeKept } from '../files/kept-file.ts';

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
    return (await readKept(this.#file(identity), MAX_BYTES, kept))?.check ?? null;
  }

  async keep(identity: string, check: TransformersCheck): Promise<void> {
    if (check.word !== 'equal') return;
    const content = { format: 'uncurl-transformers-check', version: VERSION, check };
    await writeKept(this.#file(identity), JSON.stringify(content));
  }

  #file(identity: string): string {
    return path.join(this.#folder, `${identity}.json`);
  }
}
