/** The index of the harness's tasks that an import keeps in its environment: the same as the harness makes each time. */
import { expect, it } from 'vitest';
import { z } from 'zod';
import { runPython } from './run-python.ts';

const report = z.object({
  names: z.number(),
  readsInstalled: z.array(z.number()),
  same: z.boolean(),
  managed: z.boolean(),
  readsManaged: z.array(z.string()),
  own: z.string(),
  reads: z.record(z.string(), z.number()),
  saw: z.record(z.string(), z.boolean()),
});

it('an index is kept as the harness makes it, and made anew where anything differs', async () => {
  const [found] = await runPython('kept_index.py', [], report);
  const { names, readsInstalled, same, managed, readsManaged, own, reads, saw } = found ?? expect.fail('no report');
  expect(names).toBeGreaterThan(14_000);
  expect(readsInstalled).toEqual([1, 0]);
  expect(same).toBe(true);
  // A folder of one's own is read beside it, and its documents replace those of the same name.
  expect(managed).toBe(true);
  expect(readsManaged).toEqual(['tasks']);
  expect(own).toBe('tasks/arc_easy.yaml');
  expect(reads).toEqual({
    'nothing kept': 1,
    'no change': 0,
    'a new document': 1,
    'an included file': 1,
    'a time': 1,
    'a removed document': 1,
    'an index that is cut off': 1,
    'an index of another form': 1,
    'a setting that is no JSON': 1,
    'the same again': 1,
  });
  expect(Object.entries(saw).filter(([, isTheirs]) => !isTheirs)).toEqual([]);
});
