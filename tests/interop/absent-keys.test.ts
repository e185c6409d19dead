import { expect, it } from 'vitest';
import { publishedFixture } from '../reference/published-fixture.ts';
import { isAbsentAndDecides, publishedNames, wrongVariants } from '../reference/published-variants.ts';

/** The rest of the released configs is read in tests/reference/published.test.ts. */
const names = publishedNames.filter((name) => publishedFixture(name).variants.some(isAbsentAndDecides));

it.each(names)('the released config of %s computes the logits of its referee with each key left out', async (name) => {
  expect(await wrongVariants(name, isAbsentAndDecides)).toEqual([]);
});
