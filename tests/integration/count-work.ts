/**
 * Loaded into a process of the command line before anything else (`--import`): counts what it does, and writes the
 * counts as a line of JSON to the file that UNCURL_COUNTS names when the process ends.
 */
import { subscribe } from 'node:diagnostics_channel';
import { appendFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createRequire, registerHooks } from 'node:module';
import { isMainThread } from 'node:worker_threads';
import type { InferenceSession as Session } from 'onnxruntime-node';
import type { Counts } from './counts.ts';

const counts: { -readonly [K in keyof Counts]: number } = {
  modules: 0,
  threads: 0,
  processes: 0,
  sessions: 0,
  runs: 0,
  tokens: 0,
  megabytesRead: 0,
};

process.on('worker', () => (counts.threads += 1));
subscribe('child_process', () => (counts.processes += 1));

const countReads = async (): Promise<void> => {
  const handle = await open(import.meta.filename);
  const prototype: object = Object.getPrototypeOf(handle);
  await handle.close();
  for (const name of ['read', 'readFile'] as const) {
    const read: unknown = Reflect.get(prototype, name);
    if (typeof read !== 'function') throw new Error(`a file handle without ${name}`);
    Reflect.set(prototype, name, async function (this: unknown, ...given: unknown[]) {
      const result: unknown = await Reflect.apply(read, this, given);
      const bytes: unknown =
        typeof result !== 'object' || result === null
          ? 0
          : Reflect.get(result, name === 'read' ? 'bytesRead' : 'length');
      counts.megabytesRead += Number(bytes) / 1e6;
      return result;
    });
  }
};

/** Token positions times layers: rows of the hidden states that a session computes on. */
const tokensOf = (feeds: Session.FeedsType): number => {
  const hidden = Object.entries(feeds).find(([name]) => name === 'hidden')?.[1];
  return hidden !== undefined && 'dims' in hidden
    ? hidden.dims.slice(0, -1).reduce((all, length) => all * length, 1)
    : 0;
};

const countSessions = ({ InferenceSession }: { readonly InferenceSession: typeof Session }): void => {
  const create: unknown = Reflect.get(InferenceSession, 'create');
  if (typeof create !== 'function') throw new Error('onnxruntime without InferenceSession.create');
  Reflect.set(InferenceSession, 'create', async (...given: unknown[]) => {
    counts.sessions += 1;
    const session: Session = await Reflect.apply(create, InferenceSession, given);
    const run = session.run.bind(session);
    Reflect.set(session, 'run', (feeds: Session.FeedsType, fetches: readonly string[]) => {
      counts.runs += 1;
      counts.tokens += tokensOf(feeds);
      return run(feeds, fetches);
    });
    return session;
  });
};

let isRuntimeCounted = false;
const require = createRequire(import.meta.url);
registerHooks({
  resolve: (specifier, context, next) => {
    if (specifier === 'onnxruntime-node' && !isRuntimeCounted) {
      isRuntimeCounted = true;
      countSessions(require('onnxruntime-node'));
    }
    return next(specifier, context);
  },
  load: (url, context, next) => {
    counts.modules += 1;
    return next(url, context);
  },
});

if (isMainThread) {
  await countReads();
  process.on('exit', () => {
    const file = process.env['UNCURL_COUNTS'];
    if (file !== undefined) appendFileSync(file, `${JSON.stringify(counts)}\n`);
  });
}
