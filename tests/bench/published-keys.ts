/**
 * Lists the keys of each family's config as its makers released it: whether the family reads a key or why it changes
 * nothing, and how the fixture exercises it (changed one by one, with a smaller size, or as released).
 * Usage: npx node tests/bench/published-keys.ts [fixture, default all]
 */
import { publishedKeys, publishedNames } from '../reference/published-keys.ts';
import { publishedFixture } from '../reference/published-fixture.ts';

const [, , chosen] = process.argv;
for (const name of chosen === undefined ? publishedNames() : [chosen]) {
  const { model, source } = publishedFixture(name);
  console.log(`${name}: ${model} (${source})`);
  for (const { key, use, why, exercised } of publishedKeys(name))
    console.log(`  ${key}: ${use}${why === null ? '' : ` (${why})`}, ${exercised}`);
}
