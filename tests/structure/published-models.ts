import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { familyOfConfig } from '../../main/checkpoint/open-checkpoint.ts';
import { withAllocation } from '../../main/contract/allocation.ts';
import { outlineModel } from '../../main/checkpoint/outline-checkpoint.ts';
import type { ModelInfo } from '../../main/contract/model.ts';
import { root } from './project-files.ts';

const published = z.object({
  model: z.string(),
  /** Parameters that the publisher states, in 10^9. */
  publishedBillions: z.number(),
  /** Where the config's numbers are from. */
  source: z.string(),
  config: z.record(z.string(), z.unknown()),
});

export interface PublishedModel extends z.infer<typeof published> {
  readonly info: ModelInfo;
}

/** Models of tests/fixtures/published-models.jsonl, with what their configs alone say. */
export const readPublishedModels = async (): Promise<readonly PublishedModel[]> => {
  const text = await readFile(path.join(root, 'tests', 'fixtures', 'published-models.jsonl'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const model = published.parse(JSON.parse(line));
      return {
        ...model,
        info: outlineModel(
          familyOfConfig(model.config, model.model),
          model.config,
          model.model,
          null,
          withAllocation({}),
        ),
      };
    });
};
