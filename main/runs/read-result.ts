import { basename, dirname } from 'node:path';
import type { z } from 'zod';
import { fail } from '../contract/errors.ts';
import { readJsonIfThere } from '../files/parse-json.ts';
import { requireAsWritten } from '../workspace/sealed-files.ts';

/** Most bytes of a finished run's result in one file: lists of differences or problems, a few kB. */
const MAX_RESULT_BYTES = 64 * 2 ** 20;

/**
 * The result of a run in `file`; null where there is none yet.
 *
 * @throws WorkbenchError `results-damaged`, `results-edited`.
 */
export const readResult = async <T extends z.ZodType>(file: string, schema: T): Promise<z.output<T> | null> => {
  await requireAsWritten(dirname(file), basename(file));
  return readJsonIfThere(file, schema, { mostBytes: MAX_RESULT_BYTES }, (cause) =>
    fail('results-damaged', `${file} is damaged.`, 'Delete the file and resume the run.', cause),
  );
};
