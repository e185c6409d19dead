import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * node every-schema.mjs FILE...: imports sources, and prints as JSON the parts of all their schemas, exported or not,
 * that can have any size: `{"parts": number, "unbounded": ["FILE NAME.PATH"]}`. Every constant at the top of a source is
 * exported for this process by a hook on loading.
 */
const files = process.argv.slice(2).map((file) => path.resolve(file));
const urls = new Set(files.map((file) => pathToFileURL(file).href));
const PREFIX = 'schemaHere_';

registerHooks({
  load: (url, context, nextLoad) => {
    const loaded = nextLoad(url, context);
    if (!urls.has(url)) return loaded;
    const source = readFileSync(fileURLToPath(url), 'utf8');
    const names = [...source.matchAll(/^(?:export )?const (\w+)\b/gm)].map(([, name]) => name);
    const exported = names.map((name) => `${name} as ${PREFIX}${name}`).join(', ');
    return { ...loaded, source: `${source}\nexport { ${exported} };\n` };
  },
});

const { isUnbounded, schemaParts, schemasIn } = await import('./schema-walk.ts');
let parts = 0;
const unbounded = [];
for (const file of files)
  for (const [name, value] of Object.entries(await import(pathToFileURL(file).href))) {
    if (!name.startsWith(PREFIX)) continue;
    for (const [own, schema] of schemasIn(value, name.slice(PREFIX.length)))
      for (const part of schemaParts(schema)) {
        parts += 1;
        if (isUnbounded(part.schema)) unbounded.push(`${path.relative('.', file)} ${own}${part.path}`);
      }
  }
console.log(JSON.stringify({ parts, unbounded }));
process.exit(0);
