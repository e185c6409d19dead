import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { bundledModel, oneGigabyteCheckpoint } from './shapes.ts';

/** The synthetic checkpoint of about 1 GB with the bundled tokenizer, so that it can read texts. */
export const readableOneGigabyteCheckpoint = async (): Promise<string> => {
  const folder = await oneGigabyteCheckpoint();
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    copyFileSync(path.join(bundledModel, file), path.join(folder, file));
  return folder;
};
