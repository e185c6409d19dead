import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { WorkbenchError } from '../../../main/contract/errors.ts';
import { seededRandom } from '../../../main/statistics/random.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { MUTATIONS } from './fuzzed-parser.ts';
import { mutate } from './mutate.ts';
import { fuzzedParsers } from './parsers.ts';

/** Whether a reader ended as it may: with a typed refusal. Anything else is a defect of the reader. */
const isTyped = (error: unknown): boolean => error instanceof WorkbenchError;

// If the sound example were refused, its mutations would be refused for the wrong reason.
test('every reader reads its sound example', async () => {
  const unread: string[] = [];
  const parsers = await fuzzedParsers(await temporaryFolder());
  for (const { name, sound, read, close } of parsers) {
    await read(sound).catch((error: unknown) => unread.push(`${name}: ${String(error)}`));
    await close?.();
  }
  expect(unread).toEqual([]);
  const page = await readFile(new URL('../../../resources/docs/reliability.md', import.meta.url), 'utf8');
  expect(page).toContain(`${String(parsers.length)} readers with ${String(MUTATIONS)} mutations each`);
});

test('every reader of foreign data gives a value or a refusal, whatever is done to its bytes', async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', note);
  const untyped: string[] = [];
  try {
    for (const parser of await fuzzedParsers(await temporaryFolder())) {
      const random = seededRandom(20_261_126);
      for (let count = 0; count < parser.mutations; count += 1) {
        const bytes = mutate(parser.sound, random);
        try {
          await parser.read(bytes);
        } catch (error) {
          if (!isTyped(error))
            untyped.push(
              `${parser.name}, mutation ${String(count)}: ${String(error)}\n${bytes.toString('latin1').slice(0, 300)}`,
            );
        }
      }
      await parser.close?.();
    }
  } finally {
    process.off('unhandledRejection', note);
  }
  expect(untyped).toEqual([]);
  expect(unhandled).toEqual([]);
});
