import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { workspaceOf } from './open-engine.ts';
import type { OptionReader } from './option-values.ts';
import type { VerbHost } from './verb.ts';

export interface NamedRun {
  readonly workspace: string;
  readonly run: string;
}

/** A RUN argument: a run's name in the workspace, or the path of its folder (which then says the workspace). */
export const findRun = (named: string, reader: OptionReader, host: VerbHost): NamedRun => {
  const folder = resolve(named);
  const isFolder = existsSync(resolve(folder, 'manifest.json')) && basename(dirname(folder)) === 'runs';
  if (isFolder && reader.text('workspace') === undefined)
    return { workspace: dirname(dirname(folder)), run: basename(folder) };
  return { workspace: workspaceOf(reader, host), run: basename(named) };
};
