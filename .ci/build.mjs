// npm run build: builds dist/ from the sources. Parts whose content is up to date are skipped.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureInstalled, fail, nodeBinary, nodeEnvironment, nodeOptions, root, runToEnd, say } from './setup.mjs';

const shared = ['package.json', 'package-lock.json', 'tsconfig.json', '.ci/build.mjs', '.ci/bundle.mjs'];

/** Parts of the engine's side that the window imports. */
const ring = ['contract', 'words', 'statistics', 'evaluation', 'figures'].map((folder) => `main/${folder}`);

/** The parts of dist/, with their sources and outputs. */
const parts = {
  shell: {
    sources: [...shared, 'main', 'electron'],
    outputs: [
      'dist/main.cjs',
      'dist/preload.cjs',
      'dist/utility-process.cjs',
      'dist/provider-probe.cjs',
      'dist/compute-process.cjs',
      'dist/line-process.cjs',
      'dist/parquet-worker.cjs',
      'dist/chat-worker.cjs',
      'dist/run-reader.cjs',
      'dist/uncurl.cjs',
      'dist/shell.packages.json',
    ],
  },
  renderer: {
    sources: [...shared, 'vite.config.ts', ...ring, 'renderer', 'resources/docs'],
    outputs: ['dist/renderer/index.html', 'dist/renderer.packages.json'],
  },
};

const stampFile = (part) => path.join(root, 'dist', `.${part}.stamp`);

const filesOf = (name) => {
  const full = path.join(root, name);
  if (!existsSync(full)) return [];
  if (!statSync(full).isDirectory()) return [name];
  return readdirSync(full)
    .sort()
    .flatMap((entry) => filesOf(`${name}/${entry}`));
};

const contentStamp = (sources) => {
  const hash = createHash('sha256');
  for (const file of sources.flatMap(filesOf)) {
    const bytes = readFileSync(path.join(root, file));
    hash.update(`${file}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest('hex');
};

const isFresh = (part, stamp) =>
  parts[part].outputs.every((output) => existsSync(path.join(root, output))) &&
  existsSync(stampFile(part)) &&
  readFileSync(stampFile(part), 'utf8') === stamp;

/** Builds the stale parts of dist/; returns whether there were any. */
export const ensureBuilt = (onFailure = fail) => {
  const stamps = Object.fromEntries(Object.keys(parts).map((part) => [part, contentStamp(parts[part].sources)]));
  const stale = Object.keys(parts).filter((part) => !isFresh(part, stamps[part]));
  if (stale.length === 0) return false;
  say(`Building ${stale.join(' and ')}.`);
  const node = nodeBinary();
  const bundle = path.join(root, '.ci', 'bundle.mjs');
  if (
    runToEnd(node, [...nodeOptions, bundle, ...stale], { env: nodeEnvironment(node), stdio: ['ignore', 2, 2] }) !== 0
  ) {
    return onFailure('The build failed: its message is above.');
  }
  mkdirSync(path.join(root, 'dist'), { recursive: true });
  for (const part of stale) writeFileSync(stampFile(part), stamps[part]);
  return true;
};

/** For vitest, before the tests that start built programs. */
export const setup = () => {
  ensureBuilt((message) => {
    throw new Error(message);
  });
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  ensureInstalled();
  say(ensureBuilt() ? 'dist/ is built.' : 'dist/ is up to date.');
}
