import { existsSync } from 'node:fs';
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { refuse } from '../contract/errors.ts';

/**
 * The file of a program that the engine starts beside itself (`main/hosts/NAME.ts`): in a clone the source, where this
 * Node runs TypeScript; else the bundle, which lies in dist/ of clone and package.
 */
export const engineProgram = (name: string): string => {
  const [source, bundle] = [`../hosts/${name}.ts`, `../../dist/${name}.cjs`].map((relative) =>
    fileURLToPath(new URL(relative, import.meta.url)),
  );
  // A thread does not look into Electron's archive; what it runs lies unpacked beside it.
  const unpacked = bundle?.replace(`${sep}app.asar${sep}`, `${sep}app.asar.unpacked${sep}`);
  const program = [process.features.typescript !== false ? source : undefined, unpacked, bundle].find(
    (file) => file !== undefined && existsSync(file),
  );
  if (program !== undefined) return program;
  throw refuse(
    'not-built',
    `A program of the engine's is not built: ${bundle ?? `dist/${name}.cjs`} is missing.`,
    'Run "npm run build" once.',
  );
};
