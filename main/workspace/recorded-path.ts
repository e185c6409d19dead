import { refuse } from '../contract/errors.ts';

const MARK = 'bundled:';

/** The path of a model or task as a manifest records it: by name where it comes with the workbench, so that it is found on any machine. */
export const recordedPath = (path: string, bundled: ReadonlyMap<string, string>): string => {
  const name = [...bundled].find(([, folder]) => folder === path)?.[0];
  return name === undefined ? path : `${MARK}${name}`;
};

/** The path that a manifest means; refuses the name of something that this workbench does not bring. */
export const actualPath = (recorded: string, bundled: ReadonlyMap<string, string>): string => {
  if (!recorded.startsWith(MARK)) return recorded;
  const path = bundled.get(recorded.slice(MARK.length));
  if (path !== undefined) return path;
  throw refuse('not-bundled', `${recorded.slice(MARK.length)} does not come with this version of the workbench.`, 'Use the version that made the run, or start a new run.');
};
