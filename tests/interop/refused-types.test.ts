import { expect, it } from 'vitest';
import { z } from 'zod';
import { families, refusedFamilies } from '../../main/checkpoint/families/families.ts';
import { runPython } from './run-python.ts';

/** `model_type` of every text model with experts in transformers is opened, or refused with a reason of its own. */
it('every type of transformers with experts is a family or has a reason', async () => {
  const [types = []] = await runPython('expert_types.py', [], z.array(z.string()));
  expect(types.length).toBeGreaterThan(90);
  expect(types).toContain('mixtral');
  const opened = families.flatMap(({ modelType, wrapper }) => [modelType, ...(wrapper?.modelTypes ?? [])]);
  const known = new Set([...opened, ...refusedFamilies.keys()]);
  expect(types.filter((type) => !known.has(type))).toEqual([]);
  expect(opened.filter((type) => refusedFamilies.has(type))).toEqual([]);
});
