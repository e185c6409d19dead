import { existsSync } from 'node:fs';
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { refuse } from '../contract/errors.ts';

/**
 * Path of a program that the engine starts beside itself (`main/hosts/NAME.ts`): in a clone the source if this Node
 * runs TypeScript, else the bundle in dist/.
 */
export const engineProgram = (name: string): string => {
  const [source, bundle] = [`../hosts/${name}.ts`, `../../dist/${name}.cjs`].map((relative) =>
    fileURLToPath(new URL(relative, import.meta.url)),
  );
  // A thread cannot read Electron's archive; its programs lie unpacked beside it.
  const unpacked = bundle?.replace(`${sep}app.asar${sep}`, `${sep}app.asar.unpacked${sep}`);
  const program = [process.features.typescript !== false ? source : undefined, unpacked, bundle].find(
    (file) => file !== undefined && existsSync(file),
  );
  if (program !== undefined) return program;
  throw refuse(
    'not-built',
    `A program of the engine is not built: ${bundle ?? `dist/${name}.cjs`} is missing.`,
    'Run "npm run build" once.',
  );
};
